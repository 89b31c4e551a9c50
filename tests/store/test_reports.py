"""What processes report, and what users are told: processes, backends, messages and events."""

from __future__ import annotations

from typing import Any

import pytest

from pumice.errors import NotFound
from pumice.model.message import MessageQuery
from pumice.store import backends, events, messages
from pumice.store.backends import ProcessRecord, ServerRecord
from pumice.store.txn import Txn
from tests.store.samples import NOW_US, add_event, add_message, message_ids


def process(id_: str, heartbeat_at: int) -> ProcessRecord:
    return ProcessRecord(id_, "node1", 1, 1, heartbeat_at, "api,volume")


def test_a_heartbeat_moves_nothing_but_the_heartbeat(txn: Txn) -> None:
    backends.beat(txn, process("a", 10))
    backends.beat(txn, ProcessRecord("a", "elsewhere", 2, 2, 20, "api"))
    assert backends.processes(txn) == [process("a", 20)]


def test_silent_processes_are_forgotten_but_never_oneself(txn: Txn) -> None:
    for id_, at in (("a", 1), ("b", 1), ("c", 5)):
        backends.beat(txn, process(id_, at))
    backends.forget_processes(txn, "a", 5)
    assert {one.id for one in backends.processes(txn)} == {"a", "c"}


def report(txn: Txn, *, zone: str = "nova") -> None:
    backends.report(txn, host="node1@fast", name="fast", availability_zone=zone, updated_at=NOW_US)


def test_a_report_keeps_what_an_administrator_set(txn: Txn) -> None:
    report(txn)
    txn.change(
        "UPDATE backends SET enabled = :no, frozen = :yes, disabled_reason = 'r'",
        {"no": False, "yes": True},
    )
    report(txn, zone="elsewhere")
    (found,) = backends.select_all(txn)
    assert found.availability_zone == "elsewhere"
    assert (found.enabled, found.frozen, found.disabled_reason) == (False, True, "r")


def serve(txn: Txn, process_id: str, *, up: bool = True, reason: str = "") -> None:
    backends.serve(txn, "node1@fast", process_id, up=up, reason=reason, updated_at=NOW_US)


def test_who_serves_a_backend_and_how_it_finds_it(txn: Txn) -> None:
    for id_, heartbeat_at in (("a", 7), ("b", 5)):
        backends.beat(txn, process(id_, heartbeat_at))
        serve(txn, id_)
    serve(txn, "a", up=False, reason="It hangs.")
    assert backends.servers(txn) == [
        ServerRecord("node1@fast", "b", up=True, reason="", heartbeat_at=5),
        ServerRecord("node1@fast", "a", up=False, reason="It hangs.", heartbeat_at=7),
    ]
    assert backends.count_served(txn, "a") == 1


def test_who_is_forgotten_serves_no_more(txn: Txn) -> None:
    for id_, heartbeat_at in (("b", 5), ("c", 7)):
        backends.beat(txn, process(id_, heartbeat_at))
        serve(txn, id_)
    backends.forget_processes(txn, "c", 6)
    assert [one.process_id for one in backends.servers(txn)] == ["c"]
    assert backends.count_served(txn, "b") == 0


def test_a_message_is_told_once(txn: Txn) -> None:
    add_message(txn, "m1", text="first")
    add_message(txn, "m1", text="second")
    assert messages.get(txn, "m1").user_message == "first"


def listed(txn: Txn, **changes: Any) -> list[str]:
    """The ids of the messages that a query finds, newest first unless it says otherwise."""
    asked: dict[str, Any] = {
        "project_id": "p1",
        "filters": {},
        "sort": (("created_at", "desc"), ("id", "desc")),
        "limit": 10,
        "offset": 0,
        "marker": None,
    }
    return [one.id for one in messages.select(txn, MessageQuery(**asked | changes))]


def test_messages_are_listed_newest_first(txn: Txn) -> None:
    for id_, at in (("m1", 2), ("m2", 1), ("m3", 2)):
        add_message(txn, id_, created_at=at)
    assert listed(txn) == ["m3", "m1", "m2"]
    assert listed(txn, limit=1) == ["m3"]
    assert listed(txn, project_id="p2") == []


@pytest.mark.parametrize("first", ["asc", "desc"])
@pytest.mark.parametrize("second", ["asc", "desc"])
def test_messages_page_in_any_order(txn: Txn, first: str, second: str) -> None:
    for number in range(8):
        add_message(txn, f"m{number}", created_at=NOW_US + number % 3)
    sort = (("created_at", first), ("id", second))
    whole = listed(txn, sort=sort)
    assert len(whole) == 8
    for number, marker in enumerate(whole):
        after = whole[number + 1 :]
        assert listed(txn, sort=sort, marker=marker) == after
        assert listed(txn, sort=sort, marker=marker, limit=2, offset=1) == after[1:3]


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("key", messages.SORT_COLUMNS)
def test_messages_page_by_any_key(txn: Txn, key: str, direction: str) -> None:
    for number in range(4):
        add_message(txn, f"m{number}", created_at=NOW_US + number % 3)
    sort = ((key, direction), ("id", "asc")) if key != "id" else ((key, direction),)
    whole = listed(txn, sort=sort)
    assert sorted(whole) == ["m0", "m1", "m2", "m3"]
    for number, marker in enumerate(whole):
        assert listed(txn, sort=sort, marker=marker) == whole[number + 1 :]


def test_a_marker_of_another_project_is_none(txn: Txn) -> None:
    add_message(txn, "m1")
    for project_id, marker in (("p1", "m2"), ("p2", "m1")):
        with pytest.raises(NotFound, match=marker):
            listed(txn, project_id=project_id, marker=marker)


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"resource_uuid": "v1"}, True),
        ({"resource_uuid": "v"}, False),
        ({"resource_uuid~": "V"}, True),
        ({"event_id": "VOLUME_VOLUME_001_002"}, True),
        ({"event_id~": "_001"}, True),
        ({"event_id~": "%001"}, False),
        ({"event_id~": "volume_volume!"}, False),
        ({"message_level": "ERROR", "resource_type": "VOLUME"}, True),
        ({"message_level": "INFO"}, False),
        ({"request_id~": "req"}, True),
    ],
)
def test_filters_of_messages(txn: Txn, filters: dict[str, str], found: bool) -> None:
    add_message(txn, "m1")
    assert listed(txn, filters=filters) == ["m1"] * found


def test_messages_go_when_their_time_is_over(txn: Txn) -> None:
    for id_, at in (("m1", 1), ("m2", 2), ("m3", NOW_US)):
        add_message(txn, id_, created_at=at)
    assert [messages.prune(txn, NOW_US, 1) for _ in range(3)] == [1, 1, 0]
    messages.delete(txn, "m3")
    assert message_ids(txn) == []
    with pytest.raises(NotFound, match="m3"):
        messages.get(txn, "m3")


def test_events_are_listed_oldest_first_after_a_marker(txn: Txn) -> None:
    for id_, project_id, at in (("e1", "p1", 2), ("e2", "p2", 1), ("e3", "p1", 2), ("e4", "p1", 3)):
        add_event(txn, id_, project_id=project_id, created_at=at)

    def listed(project_id: str | None, marker: str | None, limit: int = 10) -> list[str]:
        return [one.id for one in events.select(txn, project_id, marker, limit)]

    assert listed(None, None) == ["e2", "e1", "e3", "e4"]
    assert listed(None, "e1") == ["e3", "e4"]
    assert listed("p1", None, 2) == ["e1", "e3"]
    assert listed("p1", "e4") == []
    with pytest.raises(NotFound, match="e9"):
        listed(None, "e9")


def test_an_operation_has_one_event(txn: Txn) -> None:
    add_event(txn, "e1", created_at=1)
    add_event(txn, "e1", created_at=2)
    assert [one.created_at for one in events.select(txn, None, None, 10)] == [1]


def test_old_events_are_forgotten_a_few_at_a_time(txn: Txn) -> None:
    for number in range(3):
        add_event(txn, f"e{number}", created_at=number)
    assert [events.prune(txn, 2, 1) for _ in range(3)] == [1, 1, 0]
    assert [one.id for one in events.select(txn, None, None, 10)] == ["e2"]
