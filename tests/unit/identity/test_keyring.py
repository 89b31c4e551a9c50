"""The keyring: Keystone's layout, rotation, and one text for each token."""

from __future__ import annotations

import base64

import pytest
from cryptography.fernet import Fernet

from pumice.errors import Unauthenticated, UsageError
from pumice.identity.keyring import Keyring, make_key
from pumice.seams import SystemIds

IDS = SystemIds()


def only(keyring: Keyring, number: int) -> Fernet:
    """One of the keys, as the library takes it."""
    return Fernet(keyring.to_files()[number])


def test_new_keyring_has_a_staged_and_a_primary_key() -> None:
    files = Keyring.new(IDS).to_files()
    assert sorted(files) == [0, 1]
    assert files[0] != files[1]
    assert all(len(base64.urlsafe_b64decode(key)) == 32 for key in files.values())


def test_files_make_the_same_keyring_again() -> None:
    keyring = Keyring.new(IDS).rotate(make_key(IDS))
    assert Keyring.from_files(keyring.to_files()) == keyring
    assert Keyring.new(IDS) != keyring


def test_what_to_files_gives_is_a_copy() -> None:
    keyring = Keyring.new(IDS)
    keyring.to_files().clear()
    assert sorted(keyring.to_files()) == [0, 1]


def test_the_highest_number_encrypts_whatever_the_order_of_the_files() -> None:
    files = {2: make_key(IDS), 10: make_key(IDS), 0: make_key(IDS), 9: make_key(IDS)}
    keyring = Keyring.from_files(files)
    text = keyring.encrypt(b"payload", 1_700_000_000)
    assert only(keyring, 10).decrypt(text + "==") == b"payload"


@pytest.mark.parametrize("number", [0, 1, 2])
def test_each_key_decrypts_and_tells_the_time(number: int) -> None:
    keyring = Keyring.new(IDS).rotate(make_key(IDS))
    keyring = Keyring.from_files(keyring.to_files() | {1: make_key(IDS)})
    text = only(keyring, number).encrypt_at_time(b"payload", 1_700_000_000).rstrip(b"=").decode()
    assert keyring.decrypt(text) == (b"payload", 1_700_000_000)


@pytest.mark.parametrize("size", range(49))
def test_round_trip_of_each_length_of_padding(size: int) -> None:
    keyring = Keyring.new(IDS)
    text = keyring.encrypt(b"x" * size, 7)
    assert "=" not in text
    assert keyring.decrypt(text) == (b"x" * size, 7)


def test_rotation_moves_numbers_as_keystone_does() -> None:
    before = {0: make_key(IDS), 1: make_key(IDS)}
    staged, later, last = make_key(IDS), make_key(IDS), make_key(IDS)
    once = Keyring.from_files(before).rotate(staged)
    assert once.to_files() == {0: staged, 1: before[1], 2: before[0]}
    twice = once.rotate(later)
    assert twice.to_files() == {0: later, 2: before[0], 3: staged}
    assert twice.rotate(last).to_files() == {0: last, 3: staged, 4: later}


@pytest.mark.parametrize(("max_active", "safe_rotations"), [(2, 0), (3, 1), (5, 3)])
def test_a_token_lives_until_its_key_is_dropped(max_active: int, safe_rotations: int) -> None:
    keyring = Keyring.new(IDS)
    text = keyring.encrypt(b"payload", 7)
    for _ in range(safe_rotations):
        keyring = keyring.rotate(make_key(IDS), max_active)
        assert keyring.decrypt(text) == (b"payload", 7)
    keyring = keyring.rotate(make_key(IDS), max_active)
    assert len(keyring.to_files()) <= max_active
    with pytest.raises(Unauthenticated, match="no active key made it"):
        keyring.decrypt(text)


def test_a_host_that_has_not_rotated_reads_tokens_of_one_that_has() -> None:
    behind = Keyring.new(IDS)
    ahead = behind.rotate(make_key(IDS))
    assert behind.decrypt(ahead.encrypt(b"payload", 7)) == (b"payload", 7)


def test_a_rotation_that_a_crash_broke_off_is_not_done_twice() -> None:
    """The new primary key was written, the new staged one was not: they are one key."""
    before = Keyring.new(IDS).to_files()
    text = Keyring.from_files(before).encrypt(b"payload", 7)
    half = Keyring.from_files({**before, 2: before[0]})
    later = make_key(IDS)
    repeated = half.rotate(later)
    assert repeated.to_files() == {0: later, 1: before[1], 2: before[0]}
    assert repeated.decrypt(text) == (b"payload", 7)


def test_fewer_than_two_keys_are_refused() -> None:
    with pytest.raises(ValueError, match="needs 2 keys, not 1"):
        Keyring.new(IDS).rotate(make_key(IDS), max_active=1)


@pytest.mark.parametrize("files", [{}, {1: make_key(IDS)}])
def test_a_keyring_needs_a_staged_key(files: dict[int, bytes]) -> None:
    with pytest.raises(UsageError, match="lack key 0"):
        Keyring.from_files(files)


@pytest.mark.parametrize("key", [b"", b"short", b"\xff" * 44, base64.b64encode(b"x" * 33)])
def test_a_file_without_a_key_is_named(key: bytes) -> None:
    with pytest.raises(UsageError, match="token key 3 is not 32 bytes"):
        Keyring.from_files({0: make_key(IDS), 3: key})
    with pytest.raises(UsageError, match="token key 0 is not 32 bytes"):
        Keyring.new(IDS).rotate(key)


def test_no_key_shows_in_a_log() -> None:
    keyring = Keyring.new(IDS)
    for key in keyring.to_files().values():
        assert key.decode() not in f"{keyring} {keyring!r}"


@pytest.mark.parametrize("size", [0, 16, 32])
def test_a_second_spelling_of_a_token_is_refused(size: int) -> None:
    """Three sizes: a text without padding, with one and with two characters of it."""
    keyring = Keyring.new(IDS)
    text = keyring.encrypt(b"x" * size, 7)
    padded = text + "=" * (-len(text) % 4)
    spellings = {padded, text + "=", text + "\n", " " + text, text[:9] + "!" + text[9:]}
    spellings |= {text.replace("-", "+").replace("_", "/"), text[:-1] + chr(ord(text[-1]) + 1)}
    for spelling in spellings - {text}:
        with pytest.raises(Unauthenticated):
            keyring.decrypt(spelling)
