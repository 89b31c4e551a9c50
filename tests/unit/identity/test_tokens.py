"""Tokens: what Keystone wrote is read, what it would write is written, and all else is refused."""

from __future__ import annotations

import json
import string
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import msgpack
from msgspec.structs import replace

from pumice.errors import Unauthenticated
from pumice.identity.keyring import Keyring
from pumice.identity.tokens import MAX_CHARS, Token, audit_id, decode, encode
from pumice.seams import SystemIds

# Keystone's own tokens; "made_with" says by which of its functions. "refused" are other kinds.
RECORDED = json.loads(Path(__file__).with_name("recorded_by_keystone.json").read_text("utf-8"))
KEYRING = Keyring.from_files({int(n): key.encode() for n, key in RECORDED["keys"].items()})

USER = "ee11cbb19052e40b07aac0ca060c23ee"
PROJECT = "46f86faa6bbf9ac94a7e459509a20ed0"
AUDIT = audit_id(b"0123456789abcdef")
TOKEN = Token(
    user_id=USER,
    methods=("password",),
    scope="project",
    project_id=PROJECT,
    domain_id=None,
    expires_at_us=1_900_000_000_000_000,
    issued_at_us=1_800_000_000_000_000,
    audit_ids=(AUDIT,),
)
METHODS = [
    "ec2credential",
    "application_credential",
    "mapped",
    "oauth1",
    "token",
    "password",
    "external",
]
URL_SAFE = string.ascii_letters + string.digits + "-_"

hex_ids = st.binary(min_size=16, max_size=16).map(bytes.hex)
ids = st.one_of(
    hex_ids,
    hex_ids.map(str.upper),
    st.binary(max_size=32).map(bytes.hex),
    st.text(max_size=64),
    st.just("00 " * 16),
)
scopes = st.one_of(
    st.just(("unscoped", None, None)),
    st.tuples(st.just("project"), ids, st.none()),
    st.tuples(st.just("domain"), st.none(), hex_ids | st.just("default")),
    st.just(("system", None, None)),
)


def recorded(row: dict[str, Any]) -> Token:
    """A recorded token, as Keystone's own reader told its content."""
    return Token(
        user_id=row["user_id"],
        methods=tuple(row["methods"]),
        scope=row["scope"],
        project_id=row["project_id"],
        domain_id=row["domain_id"],
        expires_at_us=round(datetime.fromisoformat(row["expires_at"]).timestamp() * 1_000_000),
        issued_at_us=round(datetime.fromisoformat(row["issued_at"]).timestamp() * 1_000_000),
        audit_ids=tuple(row["audit_ids"]),
    )


def named(rows: list[dict[str, Any]]) -> list[Any]:
    return [pytest.param(row, id=row["name"]) for row in rows]


def sealed(*payload: Any) -> str:
    """A token with a true signature around any content."""
    return KEYRING.encrypt(msgpack.encode(payload), 1_800_000_000)


# --- Keystone's tokens -------------------------------------------------------------------------


@pytest.mark.parametrize("row", named(RECORDED["tokens"]))
def test_keystones_token_is_read(row: dict[str, Any]) -> None:
    assert decode(row["text"], KEYRING) == recorded(row)


@pytest.mark.parametrize("row", named(RECORDED["tokens"]))
def test_payload_is_keystones_byte_for_byte(row: dict[str, Any]) -> None:
    text = encode(recorded(row), KEYRING)
    assert KEYRING.decrypt(text) == KEYRING.decrypt(row["text"])
    assert len(text) == len(row["text"])


@pytest.mark.parametrize("row", named(RECORDED["refused"]))
def test_keystones_other_kinds_are_refused_by_name(row: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated, match=f"{row['name']} tokens are not supported") as caught:
        decode(row["text"], KEYRING)
    assert caught.value.public == "The request you have made requires authentication."


# --- Our own -----------------------------------------------------------------------------------


@given(
    user_id=ids,
    methods=st.sets(st.sampled_from(METHODS)),
    scope=scopes,
    expires_at_us=st.integers(0, 4_200_000_000_000_000),  # Up to the year 2103.
    issued_at=st.integers(0, 4_200_000_000),
    audits=st.lists(st.binary(min_size=16, max_size=16), min_size=1, max_size=2),
)
def test_round_trip(
    user_id: str,
    methods: set[str],
    scope: Any,
    expires_at_us: int,
    issued_at: int,
    audits: list[bytes],
) -> None:
    token = Token(
        user_id=user_id,
        methods=tuple(sorted(methods, key=METHODS.index)),
        scope=scope[0],
        project_id=scope[1],
        domain_id=scope[2],
        expires_at_us=expires_at_us,
        issued_at_us=issued_at * 1_000_000,
        audit_ids=tuple(map(audit_id, audits)),
    )
    assert decode(encode(token, KEYRING), KEYRING) == token


def test_methods_come_in_keystones_order_and_once() -> None:
    token = replace(TOKEN, methods=("password", "token", "password"))
    assert decode(encode(token, KEYRING), KEYRING).methods == ("token", "password")


def test_the_issue_is_cut_to_the_second() -> None:
    token = replace(TOKEN, issued_at_us=TOKEN.issued_at_us + 999_999)
    assert decode(encode(token, KEYRING), KEYRING) == TOKEN


def test_a_token_is_as_short_as_keystones() -> None:
    assert len(encode(TOKEN, KEYRING)) == 183


def test_an_expired_token_is_still_read() -> None:
    expired = replace(TOKEN, expires_at_us=1_000_000, issued_at_us=0)
    assert decode(encode(expired, KEYRING), KEYRING) == expired


def test_rotation_keeps_tokens_until_their_key_is_dropped() -> None:
    keyring = Keyring.new(SystemIds())
    text = encode(TOKEN, keyring)
    keyring = keyring.rotate(Keyring.new(SystemIds()).to_files()[0])
    assert decode(text, keyring) == TOKEN
    with pytest.raises(Unauthenticated):
        decode(text, keyring.rotate(Keyring.new(SystemIds()).to_files()[0]))


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"methods": ("magic",)}, "no authentication method"),
        ({"scope": "project", "project_id": None}, "needs the id"),
        ({"scope": "domain"}, "needs the id"),
        ({"scope": "domain", "domain_id": "other"}, "neither 32 hex digits nor 'default'"),
        ({"audit_ids": ("short",)}, "base64"),
        ({"audit_ids": (AUDIT[:-1] + "!",)}, "base64"),
        ({"audit_ids": (AUDIT[:-1] + "x",)}, "audit id"),
    ],
)
def test_what_the_format_cannot_hold_is_not_written(wrong: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        encode(replace(TOKEN, **wrong), KEYRING)


# --- Refused -----------------------------------------------------------------------------------


def test_each_changed_character_is_noticed() -> None:
    text = encode(TOKEN, KEYRING)
    for index, character in enumerate(text):
        for other in (URL_SAFE[(URL_SAFE.index(character) + 1) % 64], "=", "\0", "é"):
            with pytest.raises(Unauthenticated):
                decode(text[:index] + other + text[index + 1 :], KEYRING)


def test_the_last_character_has_one_spelling() -> None:
    text = encode(TOKEN, KEYRING)
    assert len(text) % 4, "Some bits of the last character are unused."
    for other in set(URL_SAFE) - {text[-1]}:
        with pytest.raises(Unauthenticated):
            decode(text[:-1] + other, KEYRING)


def test_each_missing_or_added_character_is_noticed() -> None:
    text = encode(TOKEN, KEYRING)
    for index in range(len(text)):
        for changed in (text[:index], text[index + 1 :], text[:index] + "A" + text[index:]):
            with pytest.raises(Unauthenticated):
                decode(changed, KEYRING)


def test_a_token_of_a_stranger_is_refused() -> None:
    with pytest.raises(Unauthenticated):
        decode(encode(TOKEN, Keyring.new(SystemIds())), KEYRING)


def test_a_long_text_is_refused_unread() -> None:
    text = encode(replace(TOKEN, user_id="u" * 2000), KEYRING)
    with pytest.raises(Unauthenticated, match="more than 1024"):
        decode(text, KEYRING)
    with pytest.raises(Unauthenticated, match="10000000 characters"):
        decode("A" * 10_000_000, KEYRING)


@given(st.text() | st.text(URL_SAFE + "=", max_size=MAX_CHARS))
@example("")
@example("\ud800")
@example("gAAAAA")
@example("\uff47AAAAABrAvoY")
def test_any_text_is_refused_and_nothing_else_happens(text: str) -> None:
    with pytest.raises(Unauthenticated):
        decode(text, KEYRING)


GOOD = (2, (True, bytes(16)), 2, (True, bytes(16)), 1.9e9, (bytes(16),))


def test_the_payload_that_the_next_cases_spoil_is_good() -> None:
    assert decode(sealed(*GOOD), KEYRING).scope == "project"


@pytest.mark.parametrize(
    ("index", "value"),
    [
        (0, 11),
        (0, 200),
        (0, -1),
        (0, "2"),
        (0, None),
        (1, bytes(16)),
        (1, (True, bytes(15))),
        (1, (True, "text")),
        (1, (False, bytes(16))),
        (1, (1, bytes(16))),
        (2, -1),
        (2, 128),
        (2, True),
        (3, (False, None)),
        (4, float("nan")),
        (4, float("inf")),
        (4, -1.0),
        (4, 1e300),
        (4, "soon"),
        (5, ()),
        (5, (bytes(16),) * 3),
        (5, (bytes(15),)),
        (5, ("0123456789abcdef",)),
    ],
)
def test_a_signed_payload_of_another_shape_is_refused(index: int, value: Any) -> None:
    with pytest.raises(Unauthenticated):
        decode(sealed(*GOOD[:index], value, *GOOD[index + 1 :]), KEYRING)


@pytest.mark.parametrize(
    "payload",
    [
        GOOD[:-1],
        (*GOOD, None),
        (1, (True, bytes(16)), 2, "other", 1.9e9, (bytes(16),)),
        (1, (True, bytes(16)), 2, None, 1.9e9, (bytes(16),)),
        (8, (True, bytes(16)), 2, "some", 1.9e9, (bytes(16),)),
    ],
)
def test_another_signed_payload_is_refused(payload: tuple[Any, ...]) -> None:
    with pytest.raises(Unauthenticated):
        decode(sealed(*payload), KEYRING)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.binary()
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.binary() | values.map(msgpack.encode))
@example(b"")
@example(b"\xc1")
@example(b"\x91" * 500)
@example(b"\x92\x00\xa1\xff")
def test_any_signed_bytes_are_refused_and_nothing_else_happens(payload: bytes) -> None:
    with pytest.raises(Unauthenticated):
        decode(KEYRING.encrypt(payload, 1_800_000_000), KEYRING)
