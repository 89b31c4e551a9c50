"""Rows of ``volumes``: each transition from each status, and what is not there."""

from __future__ import annotations

from typing import Final

import pytest
from msgspec.structs import replace

from pumice.errors import InvalidState, VolumeNotFound
from pumice.model.states import VOLUME
from pumice.store import volumes
from pumice.store.txn import Txn
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
    )
    volumes.insert(txn, whole)
    found = volumes.get(txn, "v1")
    assert found == whole
    assert found.bootable is True
    assert volumes.get(txn, add_volume(txn, id="v2").id).bootable is False


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
