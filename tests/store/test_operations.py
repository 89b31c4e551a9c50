"""Rows of ``operations``: who may write, what is runnable, and what the lists hold."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from pumice.errors import Fenced, OperationNotFound
from pumice.store import backends, operations
from pumice.store.backends import ProcessRecord
from pumice.store.operations import Claimant
from pumice.store.txn import Txn
from tests.store.samples import NOW_US, OPERATION, add_operation, entry

LEASE_US = NOW_US + 60_000_000
ALIVE_SINCE_US = NOW_US - 60_000_000


def test_an_operation_comes_back_as_it_was_put_in(txn: Txn) -> None:
    whole = add_operation(txn, backend_host="h", claimed_by="a", error="e", ended_at=NOW_US)
    assert operations.get(txn, "o1") == whole
    with pytest.raises(OperationNotFound, match="o9"):
        operations.get(txn, "o9")


def test_the_log_comes_back_in_order_and_a_line_cannot_come_twice(txn: Txn) -> None:
    lines = [entry(1, "place", "done", host="h"), entry(2, "provision", "started")]
    add_operation(txn)
    operations.append(txn, "o1", lines[1:])
    operations.append(txn, "o1", lines[:1])
    assert operations.log(txn, "o1") == lines
    with pytest.raises(Fenced):
        operations.append(txn, "o1", lines[:1])


def claimant(process_id: str, *, schedules: bool = True) -> Claimant:
    return Claimant(process_id, schedules, ALIVE_SINCE_US, NOW_US)


@pytest.mark.parametrize(
    ("changes", "claimed"),
    [
        ({}, True),
        ({"claimed_by": "a", "lease_until": LEASE_US}, True),  # Our own, lost in memory.
        ({"claimed_by": "b", "lease_until": LEASE_US}, False),
        ({"claimed_by": "b", "lease_until": NOW_US}, False),  # Until then, included.
        ({"claimed_by": "b", "lease_until": NOW_US - 1}, True),
        ({"ended_at": NOW_US}, False),
        ({"claimed_by": "a", "ended_at": NOW_US}, False),
    ],
)
def test_a_claim_is_taken_when_nobody_else_holds_it(
    txn: Txn, changes: dict[str, Any], claimed: bool
) -> None:
    before = add_operation(txn, fence=4, **changes)
    found = operations.claim(txn, "o1", claimant("a"), LEASE_US)
    after = replace(before, claimed_by="a", lease_until=LEASE_US, fence=5, updated_at=NOW_US)
    assert found == (after if claimed else None)
    assert operations.get(txn, "o1") == (after if claimed else before)


def test_a_person_takes_it_from_whoever_holds_it(txn: Txn) -> None:
    add_operation(txn, claimed_by="b", lease_until=LEASE_US, fence=4)
    assert operations.take(txn, "o1", "a", NOW_US, LEASE_US).fence == 5
    add_operation(txn, id="o2", ended_at=NOW_US)
    for id_ in ("o2", "o9"):
        with pytest.raises(OperationNotFound):
            operations.take(txn, id_, "a", NOW_US, LEASE_US)


@pytest.mark.parametrize(
    "held", [{"fence": 6}, {"claimed_by": "b"}, {"claimed_by": None}, {"ended_at": NOW_US}]
)
def test_who_lost_the_claim_writes_nothing(txn: Txn, held: dict[str, Any]) -> None:
    ours = replace(OPERATION, claimed_by="a", fence=5, step="finish")
    before = add_operation(txn, **{"claimed_by": "a", "fence": 5, **held})
    with pytest.raises(Fenced):
        operations.update(txn, ours, "a", None)
    assert operations.get(txn, "o1") == before


def test_who_holds_the_claim_writes_and_an_earlier_trace_stays(txn: Txn) -> None:
    ours = add_operation(txn, claimed_by="a", fence=5)
    operations.update(txn, replace(ours, step="finish"), "a", "the way")
    done = replace(ours, status="done", ended_at=NOW_US + 1)
    operations.update(txn, done, "a", None)
    assert operations.get(txn, "o1") == done
    assert operations.trace(txn, "o1") == "the way"


def test_who_holds_the_claim_may_give_it_back(txn: Txn) -> None:
    ours = add_operation(txn, claimed_by="a", fence=5, lease_until=LEASE_US)
    free = replace(ours, claimed_by=None, lease_until=0)
    operations.update(txn, free, "a", None)
    assert operations.get(txn, "o1") == free


def test_leases_are_renewed_for_what_is_held_and_unfinished(txn: Txn) -> None:
    for id_, holder, ended in (("o1", "a", None), ("o2", "b", None), ("o3", "a", NOW_US)):
        add_operation(txn, id=id_, claimed_by=holder, ended_at=ended)
    operations.renew_leases(txn, "a", LEASE_US)
    leases = [operations.get(txn, id_).lease_until for id_ in ("o1", "o2", "o3")]
    assert leases == [LEASE_US, 0, 0]


def test_claims_of_dead_processes_are_released(txn: Txn) -> None:
    for id_, holder, ended in (("o1", "a", None), ("o2", "b", None), ("o3", "b", NOW_US)):
        add_operation(txn, id=id_, claimed_by=holder, lease_until=LEASE_US, ended_at=ended)
    assert sorted(operations.claimants(txn)) == ["a", "b"]
    assert operations.release_claims(txn, "b") == 1
    holders = [operations.get(txn, id_).claimed_by for id_ in ("o1", "o2", "o3")]
    assert holders == ["a", None, "b"]


def test_runnable_is_what_is_due_and_free_the_longest_waiting_first(txn: Txn) -> None:
    found: dict[str, dict[str, Any]] = {
        "free": {"run_after": 5},
        "first": {"run_after": 1},
        "ours": {"run_after": 7, "claimed_by": "a", "lease_until": LEASE_US},
        "expired": {"run_after": 6, "claimed_by": "b", "lease_until": NOW_US - 1},
        "held": {"claimed_by": "b", "lease_until": LEASE_US},
        "later": {"run_after": NOW_US + 1},
        "ended": {"ended_at": NOW_US},
    }
    for id_, changes in found.items():
        add_operation(txn, id=id_, **changes)
    everything = ["first", "free", "expired", "ours"]
    assert operations.runnable(txn, claimant("a"), 10) == everything
    assert operations.runnable(txn, claimant("a"), 2) == ["first", "free"]


@pytest.mark.parametrize(
    ("backend_host", "schedules", "mine"),
    [
        (None, True, True),
        (None, False, False),  # It waits for a scheduler.
        ("node1@ours", True, True),
        ("node1@ours", False, True),
        ("node1@theirs", True, False),
        ("node1@theirs", False, False),
        ("node1@shared", False, True),
        ("node1@silent", True, True),  # Who served it was not heard of for too long.
        ("node1@silent", False, False),
        ("node1@nobodys", True, True),
        ("node1@nobodys", False, False),
    ],
)
def test_an_operation_is_for_those_who_do_what_it_waits_for(
    txn: Txn, backend_host: str | None, schedules: bool, mine: bool
) -> None:
    for process_id, heard_us in (("a", NOW_US), ("b", NOW_US), ("c", ALIVE_SINCE_US - 1)):
        backends.beat(txn, ProcessRecord(process_id, "node1", 1, 1, heard_us, "volume"))
    for host, process_id in (
        ("node1@ours", "a"),
        ("node1@theirs", "b"),
        ("node1@shared", "a"),
        ("node1@shared", "b"),
        ("node1@silent", "c"),
    ):
        backends.serve(txn, host, process_id, up=True, reason="", updated_at=NOW_US)
    add_operation(txn, backend_host=backend_host)
    asking = claimant("a", schedules=schedules)
    assert operations.runnable(txn, asking, 10) == (["o1"] if mine else [])
    claimed = operations.claim(txn, "o1", asking, LEASE_US)
    assert (claimed is not None) == mine


def test_a_resting_operation_is_woken_unless_it_has_ended(txn: Txn) -> None:
    add_operation(txn, run_after=LEASE_US)
    add_operation(txn, id="o2", run_after=LEASE_US, ended_at=NOW_US)
    assert operations.wake(txn, "o1", NOW_US)
    assert not operations.wake(txn, "o2", NOW_US)
    assert operations.get(txn, "o1").run_after == 0


def test_the_operation_under_way_on_a_resource(txn: Txn) -> None:
    add_operation(txn, id="o1", ended_at=NOW_US)
    assert not operations.is_unfinished(txn, "o1")
    assert operations.unfinished_of(txn, "v1") is None
    add_operation(txn, id="o2")
    assert operations.unfinished_of(txn, "v1") == "o2"
    assert operations.is_unfinished(txn, "o2")
    assert not operations.is_unfinished(txn, "o9")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["o4", "o3", "o2", "o1"]),
        ({"limit": 2}, ["o4", "o3"]),
        ({"marker": "o3"}, ["o2", "o1"]),
        ({"project_id": "p2"}, ["o3"]),
        ({"status": "stuck"}, ["o4"]),
        ({"status": "running"}, ["o3", "o1"]),
        ({"status": "done"}, ["o2"]),
        ({"resource_id": "v2"}, ["o4"]),
        ({"project_id": "p1", "status": "running", "marker": "o2"}, ["o1"]),
        ({"project_id": ""}, []),
    ],
)
def test_operations_are_listed_newest_first(
    txn: Txn, wanted: dict[str, Any], found: list[str]
) -> None:
    add_operation(txn, id="o1")
    add_operation(txn, id="o2", status="done", ended_at=NOW_US)
    add_operation(txn, id="o3", project_id="p2")
    add_operation(txn, id="o4", status="stuck", resource_id="v2")
    assert [one.id for one in operations.select(txn, **wanted)] == found


def test_operations_of_a_request(txn: Txn) -> None:
    add_operation(txn, id="o2", request_id="req-1")
    add_operation(txn, id="o1", request_id="req-1")
    add_operation(txn, id="o3", request_id="req-2")
    assert [one.id for one in operations.of_request(txn, "req-1")] == ["o1", "o2"]


def test_old_operations_are_forgotten_with_their_logs_a_few_at_a_time(txn: Txn) -> None:
    for id_, ended in (("o1", 1), ("o2", 2), ("o3", NOW_US), ("o4", None)):
        add_operation(txn, entry(1, "place", "done"), id=id_, ended_at=ended)
    assert [operations.prune(txn, NOW_US, 1) for _ in range(3)] == [1, 1, 0]
    assert [one.id for one in operations.select(txn)] == ["o4", "o3"]
    assert [bool(operations.log(txn, f"o{number}")) for number in range(1, 5)] == [
        False,
        False,
        True,
        True,
    ]
