"""``db check``: each kind of damage is planted once and found exactly; a healthy database has none."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final, get_args

import pytest

from pumice.drivers.contract import Listed
from pumice.services.check import Contents, Finding, Kind, check
from pumice.store import check as store_check
from pumice.store import operations, pools, quotas
from pumice.store.sqlite import connect, snapshot
from pumice.store.txn import Txn
from tests.store.samples import (
    BACKEND,
    NOW_US,
    POOL,
    add_counted_volume,
    add_operation,
    add_type,
    entry,
)

Plant = Callable[[Txn], object]

LISTED_AT_US: Final = NOW_US + 1_000_000
HELD: Final = (Listed("v1", 1), Listed("v2", 2), Listed("v4", 1), Listed("v5", 3))
CONTENTS: Final[Contents] = {BACKEND: HELD, "node1@idle": ()}


def fill(txn: Txn) -> Txn:
    """Two projects with volumes at rest, two that an operation works on, one that found no backend."""
    add_type(txn)
    add_type(txn, id="type-2", name="silver")
    volumes: dict[str, dict[str, Any]] = {
        "v1": {"metadata": '{"k":"v","quote":"\\""}'},
        "v2": {"project_id": "p2", "size_gib": 2, "volume_type_id": "type-2"},
        "v3": {"status": "error", "host": None},
        "v4": {"status": "creating"},
        "v5": {"status": "deleting", "size_gib": 3},
        "v6": {"status": "creating"},  # Not on its backend yet.
    }
    for id_, changes in volumes.items():
        add_counted_volume(txn, id=id_, **changes)
    made = (entry(1, "place", "done", host=POOL), entry(2, "provision", "started"))
    add_operation(txn, *made, id="o1", resource_id="v1", status="done", ended_at=NOW_US)
    add_operation(txn, *made, id="o4", resource_id="v4")
    add_operation(txn, id="o5", resource_id="v5", name="volume.delete", status="stuck")
    add_operation(txn, *made, id="o6", resource_id="v6")
    quotas.add(txn, "p9", "volumes", 0, quotas.UNLIMITED)  # Its last volume is gone.
    return txn


@pytest.fixture
def txn(txn: Txn) -> Txn:
    """A healthy database, in a transaction that is not committed."""
    return fill(txn)


@pytest.fixture
def filled(path: Path) -> Path:
    """A healthy database on SQLite, in its file."""
    with closing(connect(path)) as connection:
        fill(Txn(connection))
    return path


def sql(statement: str) -> Plant:
    """Damage by a statement that no code of Pumice's would run."""
    return lambda txn: txn.change(statement, {})


def given_up(txn: Txn) -> None:
    """An operation made v7 here in its first attempt and gave it up."""
    add_operation(
        txn,
        entry(1, "place", "done", host=POOL),
        entry(2, "provision", "started"),
        entry(3, "provision", "failed"),
        id="o7",
        resource_id="v7",
        status="undone",
        ended_at=NOW_US,
    )


def never_started(txn: Txn) -> None:
    """An operation placed v7 here, and began to make it on another backend only."""
    add_operation(
        txn,
        entry(1, "place", "done", host=POOL),
        entry(2, "place", "undone"),
        entry(3, "place", "done", attempt=2, host="node1@idle#pool"),
        entry(4, "provision", "started", attempt=2),
        id="o7",
        resource_id="v7",
        status="undone",
        ended_at=NOW_US,
    )


def nothing(_: Txn) -> None:
    """No damage to the rows."""


def holding(*changed: Listed, without: str = "") -> Contents:
    """The backend's content with some volumes changed, added or left out."""
    held = {one.id: one for one in (*HELD, *changed) if one.id != without}
    return {**CONTENTS, BACKEND: tuple(held.values())}


DAMAGES: Final[dict[str, tuple[Plant, Contents, Kind, str, dict[str, int]]]] = {
    "a counter is too high": (
        sql("UPDATE quota_usages SET in_use = 9 WHERE project_id = 'p1' AND resource = 'volumes'"),
        CONTENTS,
        "quota_differs",
        "p1",
        {"recorded": 9, "counted": 5},
    ),
    "a counter of a type is too low": (
        sql("UPDATE quota_usages SET in_use = 1 WHERE resource = 'gigabytes:type-2'"),
        CONTENTS,
        "quota_differs",
        "p2",
        {"recorded": 1, "counted": 2},
    ),
    "a counter is missing": (
        sql("DELETE FROM quota_usages WHERE resource = 'volumes:type-2'"),
        CONTENTS,
        "quota_differs",
        "p2",
        {"recorded": 0, "counted": 1},
    ),
    "a project without volumes is charged": (
        sql("UPDATE quota_usages SET in_use = 3 WHERE project_id = 'p9'"),
        CONTENTS,
        "quota_differs",
        "p9",
        {"recorded": 3, "counted": 0},
    ),
    "a pool gave away too much": (
        lambda txn: pools.claim(txn, POOL, 4, None),
        CONTENTS,
        "pool_differs",
        POOL,
        {"recorded_gib": 12, "counted_gib": 8, "recorded_volumes": 6, "counted_volumes": 5},
    ),
    "a pool is unknown": (
        sql("DELETE FROM pools"),
        CONTENTS,
        "pool_differs",
        POOL,
        {"recorded_gib": 0, "counted_gib": 8, "recorded_volumes": 0, "counted_volumes": 5},
    ),
    "an item of metadata is kept nowhere": (
        sql("DELETE FROM volume_metadata WHERE key = 'k'"),
        CONTENTS,
        "metadata_differs",
        "v1",
        {"shown": 1, "kept": 0},
    ),
    "items of metadata are another project's": (
        sql("UPDATE volume_metadata SET project_id = 'p2' WHERE volume_id = 'v1'"),
        CONTENTS,
        "metadata_differs",
        "v1",
        {"shown": 2, "kept": 2},
    ),
    "metadata that is no JSON": (
        sql("UPDATE volumes SET metadata = '{' WHERE id = 'v1'"),
        CONTENTS,
        "metadata_differs",
        "v1",
        {"shown": 0, "kept": 2},
    ),
    "a create that nobody does": (
        sql("DELETE FROM operations WHERE id = 'o4'"),
        CONTENTS,
        "no_operation",
        "v4",
        {},
    ),
    "a delete whose operation has ended": (
        sql("UPDATE operations SET status = 'done', ended_at = 1 WHERE id = 'o5'"),
        CONTENTS,
        "no_operation",
        "v5",
        {},
    ),
    "an operation on nothing": (
        lambda txn: add_operation(txn, id="o7", resource_id="v7"),
        CONTENTS,
        "no_volume",
        "o7",
        {},
    ),
    "an operation that ended without an end": (
        sql("UPDATE operations SET status = 'running' WHERE id = 'o1'"),
        CONTENTS,
        "undecided_operation",
        "o1",
        {},
    ),
    "an operation that is done and goes on": (
        sql("UPDATE operations SET status = 'done' WHERE id = 'o4'"),
        CONTENTS,
        "undecided_operation",
        "o4",
        {},
    ),
    "a line is missing in a log": (
        lambda txn: operations.append(txn, "o4", [entry(4, "provision", "done")]),
        CONTENTS,
        "log_gap",
        "o4",
        {"lines": 3, "last": 4},
    ),
    "the first line is missing": (
        sql("DELETE FROM operation_log WHERE operation_id = 'o4' AND seq = 1"),
        CONTENTS,
        "log_gap",
        "o4",
        {"lines": 1, "last": 2},
    ),
    "a volume is gone from its backend": (
        nothing,
        holding(without="v1"),
        "bytes_missing",
        "v1",
        {"size_gib": 1},
    ),
    "a volume has another size": (
        nothing,
        holding(Listed("v2", 5)),
        "size_differs",
        "v2",
        {"recorded_gib": 2, "held_gib": 5},
    ),
    "an operation left something": (
        given_up,
        holding(Listed("v7", 4)),
        "leftover",
        "v7",
        {"held_gib": 4},
    ),
    "a volume lies where it was never made": (
        never_started,
        holding(Listed("v7", 4)),
        "stranger",
        "v7",
        {"held_gib": 4},
    ),
    "somebody else's volume": (
        nothing,
        holding(Listed("v8", 4)),
        "stranger",
        "v8",
        {"held_gib": 4},
    ),
    "a backend that cannot be asked": (
        nothing,
        {**CONTENTS, BACKEND: "It keeps its volumes in memory."},
        "not_compared",
        BACKEND,
        {"volumes": 5},
    ),
    "a backend that is not enabled any more": (
        nothing,
        {},
        "not_compared",
        BACKEND,
        {"volumes": 5},
    ),
}


def found(txn: Txn, contents: Contents = CONTENTS) -> list[Finding]:
    return check(txn, contents, LISTED_AT_US)


def test_a_healthy_database_has_no_findings(txn: Txn) -> None:
    assert found(txn) == []


@pytest.mark.parametrize("name", DAMAGES)
def test_each_damage_is_found_exactly(txn: Txn, name: str) -> None:
    plant, contents, kind, subject, numbers = DAMAGES[name]
    plant(txn)
    (finding,) = found(txn, contents)
    assert (finding.kind, finding.subject, finding.numbers) == (kind, subject, numbers)
    assert subject in finding.sentence
    assert finding.sentence.endswith(".")
    assert all(str(number) in finding.sentence for number in numbers.values() if number)


@pytest.mark.parametrize("at_once", [1, 2, 3, 6, 7])
def test_metadata_is_compared_some_volumes_at_a_time(
    txn: Txn, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_check, "VOLUMES_AT_ONCE", at_once)
    assert store_check.metadata_differences(txn) == []
    txn.change("UPDATE volumes SET metadata = :text", {"text": '{"a":"b"}'})
    every = [(f"v{number}", 1, 2 if number == 1 else 0) for number in range(1, 7)]
    assert store_check.metadata_differences(txn) == every


def test_every_kind_of_finding_has_a_damage() -> None:
    of_files = {"damaged_file", "broken_reference"}
    assert {kind for _, _, kind, _, _ in DAMAGES.values()} | of_files == set(get_args(Kind))


def test_rows_that_refer_to_nothing_are_found(filled: Path) -> None:
    """Damage that a connection without checks can do; on PostgreSQL there is none."""
    with closing(connect(filled)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("INSERT INTO flavor_access VALUES ('f1', 'p1'), ('f2', 'p1')")
    with snapshot(filled) as txn:
        (finding,) = found(txn)
    assert finding.kind == "broken_reference"
    assert (finding.subject, finding.numbers) == ("flavor_access", {"rows": 2})
    assert "2" in finding.sentence


def test_a_damaged_file_is_told_alone(filled: Path) -> None:
    with closing(connect(filled)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'operations'"
        ).fetchone()
    with filled.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    with snapshot(filled) as txn:
        findings = found(txn)
    assert findings
    assert {finding.kind for finding in findings} == {"damaged_file"}


def test_a_backend_without_volumes_need_not_be_asked(txn: Txn) -> None:
    assert found(txn, {**CONTENTS, "node1@idle": "It does not answer."}) == []


@pytest.mark.parametrize("status", ["running", "stuck"])
@pytest.mark.parametrize(
    "contents", [holding(Listed("v4", 9)), holding(without="v4"), holding(without="v5")]
)
def test_what_an_operation_may_be_changing_is_not_compared(
    txn: Txn, contents: Contents, status: str
) -> None:
    txn.change("UPDATE operations SET status = :status WHERE ended_at IS NULL", {"status": status})
    assert found(txn, contents) == []


@pytest.mark.parametrize(
    "contents", [holding(without="v1"), holding(Listed("v1", 9)), holding(Listed("v7", 1))]
)
def test_what_changed_since_the_listing_began_is_not_compared(txn: Txn, contents: Contents) -> None:
    """The rows are looked at after the backends, and a server may have worked in between."""
    ended = {"status": "done", "ended_at": LISTED_AT_US}
    add_operation(txn, id="o7", resource_id="v7", name="volume.delete", **ended)
    add_operation(txn, id="o8", resource_id="v1", **ended)
    assert found(txn, contents) == []


def test_a_delete_that_failed_may_have_removed_the_bytes(txn: Txn) -> None:
    sql("UPDATE volumes SET status = 'error_deleting' WHERE id = 'v1'")(txn)
    assert found(txn, holding(without="v1")) == []
    assert [one.kind for one in found(txn, holding(Listed("v1", 9)))] == ["size_differs"]


def test_bytes_on_a_second_backend_are_told_apart_from_the_volume(txn: Txn) -> None:
    contents = {**CONTENTS, "node1@idle": (Listed("v1", 1),)}
    assert [(one.kind, one.subject) for one in found(txn, contents)] == [("stranger", "v1")]


def test_it_looks_at_one_state_beside_a_writer(filled: Path) -> None:
    with snapshot(filled) as txn, closing(connect(filled)) as writer:
        assert found(txn) == []
        writer.execute("DELETE FROM pools")
        assert found(txn) == []
    with snapshot(filled) as txn:
        assert [one.kind for one in found(txn)] == ["pool_differs"]


def changes_of(connection: sqlite3.Connection) -> Any:
    return connection.execute("PRAGMA data_version").fetchone(), connection.total_changes


def test_it_writes_nothing(filled: Path, connection: sqlite3.Connection) -> None:
    before = changes_of(connection)
    with snapshot(filled) as txn:  # Read only: a write would fail.
        assert found(txn, {}) != []
    assert changes_of(connection) == before
