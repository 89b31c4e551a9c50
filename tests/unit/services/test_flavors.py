"""Flavors: what each caller sees, in which order, page by page."""

from __future__ import annotations

from typing import Any

import pytest

from pumice.errors import InvalidInput, NotFound
from pumice.model.flavor import Flavor, FlavorQuery
from pumice.services.flavors import SORT_KEYS, find_flavor, list_flavors
from pumice.store import flavors as rows
from pumice.store.txn import Txn

ADMIN = frozenset({"admin"})
CLASSIC = ["1", "2", "3", "4", "5"]


def add_hidden(txn: Txn) -> None:
    """Two flavors that are not public; project p may use the first."""
    for id_ in ("h1", "h2"):
        rows.insert(txn, Flavor(id_, f"x.{id_}", "big", 1024, 3, 0, 0, 0, 1.5, False, {"a": "b"}))
    rows.grant(txn, "h1", "p")


@pytest.fixture
async def flavors(world: Any) -> Any:
    await world.store.write(add_hidden)
    return world


async def ids(world: Any, query: FlavorQuery, **context: Any) -> list[str]:
    found = await world.store.read(list_flavors, world.context(**context), query)
    return [flavor.id for flavor in found]


@pytest.mark.parametrize("is_public", [True, False, None])
async def test_a_member_sees_what_his_project_may_use_whatever_he_asks(
    flavors: Any, is_public: bool | None
) -> None:
    query = FlavorQuery(is_public=is_public)
    assert await ids(flavors, query) == [*CLASSIC, "h1"]
    assert await ids(flavors, query, project_id="other") == CLASSIC
    assert await ids(flavors, query, project_id=None, scope="unscoped") == CLASSIC


@pytest.mark.parametrize(
    ("is_public", "seen"),
    [(True, CLASSIC), (False, ["h1", "h2"]), (None, [*CLASSIC, "h1", "h2"])],
)
async def test_an_administrator_chooses(
    flavors: Any, is_public: bool | None, seen: list[str]
) -> None:
    query = FlavorQuery(is_public=is_public)
    assert await ids(flavors, query, roles=ADMIN, project_id="other") == seen


async def test_minimum_sizes(flavors: Any) -> None:
    assert await ids(flavors, FlavorQuery(min_ram_mib=4096)) == ["3", "4", "5"]
    assert await ids(flavors, FlavorQuery(min_disk_gib=41)) == ["4", "5"]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("key", sorted(SORT_KEYS))
async def test_pages_of_one_are_the_list(flavors: Any, key: str, descending: bool) -> None:
    whole = await ids(
        flavors, FlavorQuery(is_public=None, sort_key=key, descending=descending), roles=ADMIN
    )
    assert sorted(whole) == sorted([*CLASSIC, "h1", "h2"])
    paged: list[str] = []
    while True:
        query = FlavorQuery(
            is_public=None,
            sort_key=key,
            descending=descending,
            limit=1,
            marker=paged[-1] if paged else None,
        )
        page = await ids(flavors, query, roles=ADMIN)
        if not page:
            break
        paged += page
    assert paged == whole


async def test_sizes_sort_as_numbers(flavors: Any) -> None:
    query = FlavorQuery(sort_key="memory_mb", descending=True, limit=2)
    assert await ids(flavors, query) == ["5", "4"]
    assert await ids(flavors, FlavorQuery(sort_key="vcpus", limit=4)) == ["1", "2", "3", "h1"]


async def test_a_marker_that_is_not_in_the_list_is_refused(flavors: Any) -> None:
    for marker in ("none", "h2"):
        with pytest.raises(InvalidInput, match=rf"marker \[{marker}\] not found"):
            await ids(flavors, FlavorQuery(marker=marker))
    with pytest.raises(InvalidInput, match="sorted"):
        await ids(flavors, FlavorQuery(sort_key="id; DROP TABLE flavors"))


async def test_a_hidden_flavor_does_not_exist_for_others(flavors: Any) -> None:
    read = flavors.store.read
    seen = await read(find_flavor, flavors.context(), "h1")
    assert (seen.name, seen.is_public, seen.extra_specs) == ("x.h1", False, {"a": "b"})
    assert (await read(find_flavor, flavors.context(roles=ADMIN), "h2")).name == "x.h2"
    assert (await read(find_flavor, flavors.context(project_id=None), "1")).is_public
    for project_id, flavor_id in (("other", "h1"), ("p", "h2"), (None, "h1"), ("p", "none")):
        with pytest.raises(NotFound):
            await read(find_flavor, flavors.context(project_id=project_id), flavor_id)
