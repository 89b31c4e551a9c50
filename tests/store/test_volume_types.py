"""Rows of types, of who may use them, and of whose default they are."""

from __future__ import annotations

import sqlite3

import pytest
from msgspec.structs import replace

from pumice.errors import Conflict, NotFound, VolumeTypeNotFound
from pumice.model.volume import DefaultType
from pumice.store import default_types, type_access, volume_types
from pumice.store.txn import Txn
from tests.store.samples import add_type, add_volume


def test_update_writes_what_may_change(txn: Txn) -> None:
    made = add_type(txn, extra_specs={"a": "b"})
    changed = replace(made, name="silver", description="", is_public=False, updated_at=7)
    volume_types.update(txn, changed)
    assert volume_types.find(txn, made.id) == changed


def test_a_name_is_one_types(txn: Txn) -> None:
    made = add_type(txn)
    other = add_type(txn, id="type-2", name="silver")
    with pytest.raises(Conflict, match="Volume Type gold already exists"):
        volume_types.update(txn, replace(other, name=made.name))
    volume_types.update(txn, other)
    assert volume_types.select_all(txn)[0] == other


def test_a_volume_shows_its_types_new_name(txn: Txn) -> None:
    made = add_type(txn)
    add_volume(txn)
    volume_types.update(txn, replace(made, name="silver"))
    row = txn.one("SELECT t.name FROM volumes v JOIN volume_types t ON t.id = v.volume_type_id")
    assert row == ("silver",)


def test_the_default_is_the_projects_own_else_the_named_one(txn: Txn) -> None:
    gold, silver = add_type(txn), add_type(txn, id="type-2", name="silver")
    default_types.put(txn, DefaultType("p1", silver.id))
    assert volume_types.find_default(txn, "p1", "gold") == silver
    assert volume_types.find_default(txn, "p2", "gold") == gold
    assert volume_types.find_default(txn, None, "gold") == gold
    # The name alone does: an id is none.
    for name in ("copper", gold.id):
        with pytest.raises(VolumeTypeNotFound, match=name):
            volume_types.find_default(txn, "p2", name)


def test_the_default_is_found_in_one_statement(connection: sqlite3.Connection) -> None:
    made = add_type(Txn(connection))
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    assert volume_types.find_default(Txn(connection), "p1", made.name) == made
    connection.set_trace_callback(None)
    (statement,) = statements
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
    assert not any(line.startswith("SCAN volume_types") for line in plan), plan


def test_defaults_are_replaced_and_removed(txn: Txn) -> None:
    gold, silver = add_type(txn), add_type(txn, id="type-2", name="silver")
    for project, type_id in (("p2", gold.id), ("p1", gold.id), ("p1", silver.id)):
        default_types.put(txn, DefaultType(project, type_id))
    assert default_types.select_all(txn) == [
        DefaultType("p1", silver.id),
        DefaultType("p2", gold.id),
    ]
    assert default_types.is_default(txn, silver.id)
    default_types.delete(txn, "p1")
    default_types.delete(txn, "p1")
    assert default_types.find(txn, "p1") is None
    assert not default_types.is_default(txn, silver.id)
    assert default_types.is_default(txn, gold.id)


def test_access_is_a_projects_to_a_type(txn: Txn) -> None:
    gold, silver = add_type(txn), add_type(txn, id="type-2", name="silver")
    for type_id, project in ((gold.id, "p2"), (gold.id, "p1"), (silver.id, "p1")):
        type_access.insert(txn, type_id, project)
    with pytest.raises(Conflict):
        type_access.insert(txn, gold.id, "p1")
    assert type_access.projects(txn, gold.id) == ["p1", "p2"]
    assert type_access.types(txn, "p1") == {gold.id, silver.id}
    assert type_access.has(txn, gold.id, "p2")
    type_access.delete(txn, gold.id, "p2")
    assert not type_access.has(txn, gold.id, "p2")
    with pytest.raises(NotFound, match=f"{gold.id} / p2"):
        type_access.delete(txn, gold.id, "p2")


def test_access_goes_with_the_type(txn: Txn) -> None:
    made = add_type(txn)
    type_access.insert(txn, made.id, "p1")
    volume_types.delete(txn, made.id)
    assert type_access.types(txn, "p1") == set()
