"""Passwords: the hashes that Keystone and passlib wrote, and logins that need none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pumice.errors import InvalidInput
from pumice.identity.passwords import VerifiedLogins, dummy_hash, hash_password, verify_password

# Made by Keystone and passlib; "made_with" says by which of their functions.
RECORDED = json.loads(Path(__file__).with_name("recorded_by_keystone.json").read_text("utf-8"))
SECOND_NS = 1_000_000_000
HASH = "$2b$04$xUofEyAVmDaxwA5z3ViIUucJc35xV8jstsckYl3QDnXb4cxalxguW"

# From the tests of crypt_blowfish, where bcrypt in C was published first.
OPENWALL = [
    ("", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"),
    ("U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
    ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ("U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
]


# --- Hashes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("password", "stored_hash"), OPENWALL)
def test_published_vectors(password: str, stored_hash: str) -> None:
    assert verify_password(password, stored_hash)
    assert not verify_password(password + "x", stored_hash)


@pytest.mark.parametrize(
    "row", [pytest.param(row, id=row["name"]) for row in RECORDED["passwords"]]
)
def test_recorded_hashes(row: dict[str, Any]) -> None:
    password = row["password"] * row["times"]
    assert verify_password(password, row["hash"])
    assert not verify_password("z" + password[:-1], row["hash"])


@settings(max_examples=20)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=100))
@example("")
@example("é" * 36)
@example("é" * 37)
@example("x" + "é" * 36)  # The cut goes through a character.
@example("\ud800 no character")
def test_round_trip(password: str) -> None:
    assert verify_password(password, hash_password(password, rounds=4))


def test_each_hash_has_its_own_salt_and_the_cost_that_was_asked_for() -> None:
    first, second = hash_password("secret", rounds=4), hash_password("secret", rounds=4)
    assert first != second
    assert first.startswith("$2b$04$")
    assert len(first) == 60


def test_bcrypt_counts_72_bytes_not_characters() -> None:
    stored_hash = hash_password("é" * 100, rounds=4)
    assert verify_password("é" * 36 + "anything", stored_hash)
    assert not verify_password("é" * 35 + "x" + "é" * 64, stored_hash)


def test_other_forms_count_4096_bytes() -> None:
    name = "keystone pbkdf2_sha512, very long"
    (row,) = [row for row in RECORDED["passwords"] if row["name"] == name]
    assert verify_password("y" * 4096, row["hash"])
    assert not verify_password("y" * 4095, row["hash"])
    assert not verify_password("y" * 72, row["hash"])


def test_nul_is_refused_because_bcrypt_repeats_the_password() -> None:
    twice = bcrypt.hashpw(b"a\0a", bcrypt.gensalt(4)).decode()
    assert bcrypt.checkpw(b"a", twice.encode()), "The reason for the rule is gone."
    with pytest.raises(InvalidInput, match="NUL"):
        hash_password("a\0a", rounds=4)
    assert not verify_password("a\0a", hash_password("a", rounds=4))
    assert not verify_password("a\0a", twice)


@pytest.mark.parametrize("rounds", [3, 32])
def test_a_cost_that_bcrypt_does_not_have(rounds: int) -> None:
    with pytest.raises(ValueError, match="rounds"):
        hash_password("secret", rounds)


@pytest.mark.parametrize(
    "stored_hash",
    [
        "",
        "secret",
        "$",
        "$1$salt$x",
        "$6$salt$x",
        "$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA",
        HASH[:-1],
        HASH + "x",
        HASH + "\n",
        HASH.replace("$2b", "$2x"),
        HASH.replace("$04", "$03"),
        HASH.replace("$04", "$99"),
        HASH.replace("$04", "$٠٤"),
        HASH[:28] + "/" + HASH[29:],  # Unused bits of the salt.
        "$bcrypt-sha256$2b,12$" + "." * 22 + "$" + "." * 31,
        "$bcrypt-sha256$v=2,t=2b,r=99$" + "." * 22 + "$" + "." * 31,
        "$scrypt$ln=16,r=8,p=1$c2FsdA$",
        "$scrypt$ln=4,r=8,p=1$c2FsdA$x",
        "$scrypt$ln=0,r=8,p=1$c2FsdA$aGFzaA",
        "$scrypt$ln=4,r=0,p=1$c2FsdA$aGFzaA",
        "$scrypt$ln=99,r=999,p=999$c2FsdA$aGFzaA",
        "$pbkdf2-sha512$0$c2FsdA$aGFzaA",
        "$pbkdf2-sha512$1$x$aGFzaA",
        "$pbkdf2-sha512$99999999999$c2FsdA$aGFzaA",
    ],
)
def test_what_is_no_hash_matches_nothing(stored_hash: str) -> None:
    assert not verify_password("secret", stored_hash)


@given(st.text(), st.text())
def test_no_text_makes_verification_fail(password: str, stored_hash: str) -> None:
    assert not verify_password(password, stored_hash)


@pytest.mark.parametrize("rounds", [4, 12])
def test_the_dummy_costs_what_a_real_hash_costs_and_matches_nothing(rounds: int) -> None:
    real, dummy = hash_password("secret", 4), dummy_hash(rounds)
    assert dummy.startswith(f"$2b${rounds:02d}$")
    assert len(dummy) == len(real)
    assert not bcrypt.checkpw(b"secret", dummy.encode()), "bcrypt ran; it raises for no hash."
    assert not verify_password("secret", dummy)


# --- Verified logins ---------------------------------------------------------------------------


@pytest.fixture
def logins() -> VerifiedLogins:
    return VerifiedLogins(b"k" * 32, capacity=3, lifetime_ns=10 * SECOND_NS)


def test_only_what_was_verified_is_known(logins: VerifiedLogins) -> None:
    assert not logins.is_known("ann", HASH, "secret", 0)
    logins.remember("ann", HASH, "secret", 0)
    assert logins.is_known("ann", HASH, "secret", 1)
    assert not logins.is_known("ann", HASH, "Secret", 1)
    assert not logins.is_known("bob", HASH, "secret", 1)
    assert logins.is_known("ann", HASH, "secret", 1), "A wrong password forgets nothing."


def test_a_changed_hash_is_not_known(logins: VerifiedLogins) -> None:
    logins.remember("ann", HASH, "secret", 0)
    assert not logins.is_known("ann", hash_password("secret", 4), "secret", 1)


def test_a_user_is_kept_once(logins: VerifiedLogins) -> None:
    """Else whoever has a password of 73 bytes fills it: any end of it verifies."""
    logins.remember("bob", HASH, "secret", 0)
    for number in range(10):
        logins.remember("ann", HASH, f"secret {number}", 0)
    assert logins.is_known("ann", HASH, "secret 9", 1)
    assert not logins.is_known("ann", HASH, "secret 8", 1)
    assert logins.is_known("bob", HASH, "secret", 1)


def test_boundaries_between_the_parts_count(logins: VerifiedLogins) -> None:
    logins.remember("ann", HASH, "secret", 0)
    assert not logins.is_known("ann", HASH + "s", "ecret", 1)
    assert not logins.is_known("ann", HASH[:-1], HASH[-1] + "secret", 1)


def test_it_ends_after_its_time_however_often_it_is_used(logins: VerifiedLogins) -> None:
    logins.remember("ann", HASH, "secret", 5 * SECOND_NS)
    for second in range(5, 15):
        assert logins.is_known("ann", HASH, "secret", second * SECOND_NS)
    assert not logins.is_known("ann", HASH, "secret", 15 * SECOND_NS)
    logins.remember("ann", HASH, "secret", 15 * SECOND_NS)
    assert logins.is_known("ann", HASH, "secret", 16 * SECOND_NS)


def test_the_least_recently_seen_leaves(logins: VerifiedLogins) -> None:
    for user in ("ann", "bob", "cat"):
        logins.remember(user, HASH, "secret", 0)
    assert logins.is_known("ann", HASH, "secret", 1)
    logins.remember("bob", HASH, "secret", 1)
    logins.remember("dan", HASH, "secret", 1)
    known = [
        user for user in ("ann", "bob", "cat", "dan") if logins.is_known(user, HASH, "secret", 1)
    ]
    assert known == ["ann", "bob", "dan"]


def test_another_process_has_other_hashes() -> None:
    first, second = VerifiedLogins(b"a" * 32), VerifiedLogins(b"b" * 32)
    for logins in (first, second):
        logins.remember("ann", HASH, "secret", 0)
    assert first._known != second._known
    assert b"secret" not in first._known["ann"][0]


def test_any_text_may_be_a_password(logins: VerifiedLogins) -> None:
    for password in ("", "\0", "\ud800", "密码" * 5000):
        logins.remember("ann", HASH, password, 0)
        assert logins.is_known("ann", HASH, password, 1)
