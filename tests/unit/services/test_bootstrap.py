"""The first start: what it makes, and that a repeated one changes nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from pumice.services.bootstrap import bootstrap, is_bootstrapped, new_bootstrap

IDENTITY_TABLES = (
    "domains", "projects", "users", "roles", "role_implications", "role_assignments",
    "regions", "services", "endpoints", "flavors", "volume_types",
)  # fmt: skip
_ALL = "SELECT * FROM {}"


def rows(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        return {
            table: sorted(connection.execute(_ALL.format(table)), key=repr)
            for table in IDENTITY_TABLES
        }


async def test_a_first_start_makes_what_a_client_needs(empty_world: Any, database: Path) -> None:
    store = empty_world.store
    assert not await store.read(is_bootstrapped)
    assert await store.write(bootstrap, new_bootstrap(empty_world.seams, "hash"))
    assert await store.read(is_bootstrapped)
    made = rows(database)
    assert [(row[0], row[1], row[3]) for row in made["domains"]] == [("default", "Default", 1)]
    [project], [user] = made["projects"], made["users"]
    assert project[1:4] == ("default", "default", "admin")
    assert (user[1], user[2], user[4]) == ("default", "admin", "hash")
    names = {row[0]: row[1] for row in made["roles"]}
    assert set(names.values()) == {"reader", "member", "manager", "admin", "service"}
    assert {(names[prior], names[implied]) for prior, implied in made["role_implications"]} == {
        ("admin", "manager"),
        ("manager", "member"),
        ("member", "reader"),
    }
    assert {(row[1], row[2], row[3], names[row[4]]) for row in made["role_assignments"]} == {
        (user[0], "project", project[0], "admin"),
        (user[0], "system", "all", "admin"),
    }
    assert [row[0] for row in made["regions"]] == ["RegionOne"]
    assert len(made["services"]) == 5
    assert len(made["endpoints"]) == 15
    assert {row[1] for row in made["volume_types"]} == {"__DEFAULT__"}
    # Id, name, MiB of memory, processors, GiB of disk.
    assert [(row[0], row[1], *row[3:6]) for row in made["flavors"]] == [
        ("1", "m1.tiny", 512, 1, 1),
        ("2", "m1.small", 2048, 1, 20),
        ("3", "m1.medium", 4096, 2, 40),
        ("4", "m1.large", 8192, 4, 80),
        ("5", "m1.xlarge", 16384, 8, 160),
    ]


async def test_a_repeated_start_changes_nothing(world: Any, database: Path) -> None:
    before = rows(database)
    assert not await world.store.write(bootstrap, new_bootstrap(world.seams, "another hash"))
    assert rows(database) == before


async def test_what_an_administrator_changed_stays(world: Any, database: Path) -> None:
    for sql in (
        "UPDATE users SET enabled = FALSE, email = 'a@b'",
        "UPDATE domains SET name = 'Renamed'",
        "UPDATE services SET name = 'our-nova' WHERE type = 'compute'",
        "DELETE FROM flavors WHERE id = '1'",
        "UPDATE volume_types SET description = 'ours'",
    ):
        await world.identity_change(sql)
    before = rows(database)
    await world.store.write(bootstrap, new_bootstrap(world.seams, "another hash"))
    assert rows(database) == before


async def test_the_first_administrator_does_not_come_back(world: Any) -> None:
    await world.identity_change("UPDATE users SET name = 'boss' WHERE name = 'admin'")
    assert await world.store.read(is_bootstrapped)
