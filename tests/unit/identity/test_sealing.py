"""Keys as they are kept in a database: only who has the sealing key gets them back."""

from __future__ import annotations

import base64

import pytest

from pumice.errors import UsageError
from pumice.identity.keyring import make_key
from pumice.identity.sealing import seal, unseal
from pumice.seams import SystemIds

IDS = SystemIds()
KEY = make_key(IDS)
KEYS = {0: make_key(IDS), 7: make_key(IDS)}


def test_what_is_sealed_comes_back() -> None:
    assert unseal(seal(KEYS, KEY), KEY) == KEYS
    assert unseal({}, KEY) == {}


def test_no_key_and_no_time_can_be_read_from_it() -> None:
    for text in seal(KEYS, KEY).values():
        raw = base64.urlsafe_b64decode(text)
        assert not any(key in raw or base64.urlsafe_b64decode(key) in raw for key in KEYS.values())
        assert raw[1:9] == bytes(8)


def test_it_is_another_text_each_time() -> None:
    assert seal(KEYS, KEY)[0] != seal(KEYS, KEY)[0]


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(UsageError, match="sealed with another key; give this host the key_file"):
        unseal(seal(KEYS, KEY), make_key(IDS))


@pytest.mark.parametrize("text", ["", "nonsense", "ä", "gAAAAAB="])
def test_what_was_never_sealed_is_not_opened(text: str) -> None:
    with pytest.raises(UsageError, match="sealed with another key"):
        unseal({0: text}, KEY)


@pytest.mark.parametrize("key", [b"", b"short", b"x" * 44, b"A" * 42])
def test_what_is_no_key_seals_nothing(key: bytes) -> None:
    with pytest.raises(UsageError, match="32 bytes"):
        seal(KEYS, key)
    with pytest.raises(UsageError, match="32 bytes"):
        unseal({}, key)
