"""Rows of ``volumes``: each transition from each status, and what is not there."""

from __future__ import annotations

import json
from typing import Final

import pytest
from msgspec.structs import replace

from pumice.errors import InvalidState, VolumeNotFound
from pumice.model.states import VOLUME
from pumice.store import volumes
from pumice.store.txn import Row, Txn
from tests.store.samples import NOW_US, add_type, add_volume
from tests.store.samples import VOLUME as SAMPLE

LATER_US: Final = NOW_US + 5
STATUSES: Final = sorted(
    {status for rule in VOLUME.values() for status in (*rule.leaves, rule.enters) if status}
)


@pytest.fixture(autouse=True)
def _type(txn: Txn) -> None:
    add_type(txn)


def test_a_volume_comes_back_as_it_was_put_in(txn: Txn) -> None:
    whole = replace(
        SAMPLE,
        description="words",
        bootable=True,
        multiattach=True,
        metadata='{"k":"v"}',
        provider_location="volume-v1.raw",
        updated_at=LATER_US,
        image_metadata='{"disk_format":"raw"}',
        migration_status="success",
        is_readonly=False,
    )
    volumes.insert(txn, whole)
    found = volumes.get(txn, "v1")
    assert found == whole
    assert (found.bootable, found.is_readonly) == (True, False)
    plain = volumes.get(txn, add_volume(txn, id="v2").id)
    assert (plain.bootable, plain.is_readonly) == (False, None)


def test_a_volume_that_is_not_there(txn: Txn) -> None:
    with pytest.raises(VolumeNotFound, match="v9"):
        volumes.get(txn, "v9")


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("event", VOLUME)
def test_every_transition_from_every_status(txn: Txn, event: str, status: str) -> None:
    rule = VOLUME[event]
    before = add_volume(txn, status=status)
    other = add_volume(txn, id="v2", status=status)
    if status not in rule.leaves:
        with pytest.raises(InvalidState, match=f"v1 status must be .*but it is {status}"):
            volumes.transition(txn, "v1", event, LATER_US)
        assert volumes.get(txn, "v1") == before
    elif rule.enters is None:
        volumes.transition(txn, "v1", event, LATER_US)
        with pytest.raises(VolumeNotFound):
            volumes.get(txn, "v1")
    else:
        volumes.transition(txn, "v1", event, LATER_US)
        assert volumes.get(txn, "v1") == replace(before, status=rule.enters, updated_at=LATER_US)
    assert volumes.get(txn, "v2") == other


@pytest.mark.parametrize("event", VOLUME)
def test_no_transition_makes_a_volume(txn: Txn, event: str) -> None:
    with pytest.raises(VolumeNotFound):
        volumes.transition(txn, "v9", event, LATER_US)


@pytest.mark.parametrize("status", STATUSES)
def test_a_create_is_finished_in_one_statement(txn: Txn, status: str) -> None:
    before = add_volume(txn, status=status)
    if status == "creating":
        volumes.finish_create(txn, "v1", "there", LATER_US)
        assert volumes.get(txn, "v1") == replace(
            before, status="available", provider_location="there", updated_at=LATER_US
        )
    else:
        with pytest.raises(InvalidState):
            volumes.finish_create(txn, "v1", "there", LATER_US)
        assert volumes.get(txn, "v1") == before


def test_the_place_of_a_volume(txn: Txn) -> None:
    before = add_volume(txn, host=None)
    volumes.set_host(txn, "v1", "a@b#c", LATER_US)
    assert volumes.get(txn, "v1") == replace(before, host="a@b#c", updated_at=LATER_US)
    volumes.set_host(txn, "v1", None, LATER_US)
    assert volumes.get(txn, "v1").host is None


def test_the_volumes_of_a_backend_are_those_on_its_pools_only(txn: Txn) -> None:
    hosts = [
        "n@fast#a",
        "n@fast#b",
        "n@fast",
        "n@faster#a",
        "n@fas#a",
        "n@fast$",
        "n@fast\x22#",
        None,
    ]
    for number, host in enumerate(hosts):
        add_volume(txn, id=f"v{number}", host=host)
    assert sorted(volumes.ids_on(txn, "n@fast")) == ["v0", "v1"]


def test_a_change_of_some_columns(txn: Txn) -> None:
    before, other = add_volume(txn), add_volume(txn, id="v2")
    volumes.update(txn, "v1", LATER_US, name=None, bootable=True, is_readonly=True)
    wanted = replace(before, name=None, bootable=True, is_readonly=True, updated_at=LATER_US)
    assert volumes.get(txn, "v1") == wanted
    assert volumes.get(txn, "v2") == other
    with pytest.raises(VolumeNotFound):
        volumes.update(txn, "v9", LATER_US, name="x")


def test_an_administrators_word_counts_for_the_status_it_was_given_for(txn: Txn) -> None:
    before = add_volume(txn, status="error")
    words = {"status": "available", "attach_status": "attached", "migration_status": "success"}
    volumes.reset(txn, before, LATER_US, **words)
    after = volumes.get(txn, "v1")
    assert after == replace(before, **words, updated_at=LATER_US)
    with pytest.raises(InvalidState, match="v1 is not error any more"):
        volumes.reset(txn, before, LATER_US, **words)
    assert volumes.get(txn, "v1") == after


METADATA: Final[tuple[dict[str, str], ...]] = (
    {},
    {"a": "1"},
    {"a": "1", "b": "2"},
    {"a": "3", "c": '"'},
    {"c": "\u00fc", "a b": ""},
)


@pytest.mark.parametrize("first", METADATA)
@pytest.mark.parametrize("second", METADATA)
def test_metadata_stands_twice(txn: Txn, first: dict[str, str], second: dict[str, str]) -> None:
    volume = add_volume(txn, metadata=json.dumps(first))
    add_volume(txn, id="v2", project_id="p2", metadata='{"a":"1"}')
    assert kept(txn, "v1") == {(key, value, "p1", NOW_US) for key, value in first.items()}
    text = volumes.set_metadata(txn, volume, second, LATER_US)
    assert volumes.get(txn, "v1") == replace(volume, metadata=text, updated_at=LATER_US)
    assert json.loads(text) == second
    assert kept(txn, "v1") == {(key, value, "p1", NOW_US) for key, value in second.items()}
    assert kept(txn, "v2") == {("a", "1", "p2", NOW_US)}


def test_metadata_goes_with_its_volume(txn: Txn) -> None:
    volume = add_volume(txn, status="deleting", metadata='{"a":"1"}')
    volumes.transition(txn, "v1", "delete_done", LATER_US)
    assert kept(txn, "v1") == set()
    with pytest.raises(VolumeNotFound):
        volumes.set_metadata(txn, volume, {"b": "2"}, LATER_US)
    assert kept(txn, "v1") == set()


def kept(txn: Txn, volume_id: str) -> set[Row]:
    """The items by key: key, value, project and time."""
    columns = "key, value, project_id, created_at"
    query = f"SELECT {columns} FROM volume_metadata WHERE volume_id = :id"  # noqa: S608 - literals
    return set(txn.all(query, {"id": volume_id}))
