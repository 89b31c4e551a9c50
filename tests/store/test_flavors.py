"""Lists of flavors: filtered, sorted and paged the same on both databases."""

from __future__ import annotations

from typing import Any, Final

import pytest
from msgspec.structs import replace

from pumice.errors import Conflict, InvalidInput, NotFound
from pumice.model.flavor import Flavor, FlavorQuery
from pumice.store import flavors
from pumice.store.flavors import SORT_COLUMNS
from pumice.store.txn import Txn

TINY: Final = Flavor("f1", "m1.tiny", None, 512, 1, 1, 0, 0, 1.0, True, {})
FLAVORS: Final = (
    TINY,
    Flavor("f2", "M1.Small", "", 2048, 1, 20, 5, 0, 0.5, True, {"a": "b"}),
    Flavor("f3", "É_large", "Big", 8192, 4, 20, 0, 64, 2.25, False, {}),
    Flavor("f4", "100%", "big", 512, 2, 1, 0, 0, 1.0, False, {}),
)
FIELDS: Final = {
    "description": "description",
    "ephemeral_gb": "ephemeral_gib",
    "is_public": "is_public",
    "memory_mb": "ram_mib",
    "name": "name",
    "root_gb": "disk_gib",
    "rxtx_factor": "rxtx_factor",
    "swap": "swap_mib",
    "vcpus": "vcpus",
}


@pytest.fixture
def txn(txn: Txn) -> Txn:
    for flavor in FLAVORS:
        flavors.insert(txn, flavor)
    flavors.grant(txn, "f4", "p1")
    return txn


def ids(txn: Txn, project_id: str | None = None, **wanted: Any) -> list[str]:
    return [one.id for one in flavors.select(txn, FlavorQuery(**wanted), project_id)]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["f1", "f2"]),
        ({"project_id": "p1"}, ["f1", "f2", "f4"]),
        ({"is_public": False}, ["f3", "f4"]),
        ({"is_public": None}, ["f1", "f2", "f3", "f4"]),
        ({"name": "m1."}, ["f1", "f2"]),
        ({"name": "SMALL"}, ["f2"]),
        ({"is_public": None, "name": "É"}, ["f3"]),
        ({"is_public": None, "name": "é"}, []),  # Only ASCII's letters have two cases.
        ({"is_public": None, "name": "%"}, ["f4"]),
        ({"is_public": None, "name": "_"}, ["f3"]),
        ({"is_public": None, "name": "!"}, []),
        ({"is_public": None, "min_ram_mib": 2048, "min_disk_gib": 20}, ["f2", "f3"]),
    ],
)
def test_filters(txn: Txn, wanted: dict[str, Any], found: list[str]) -> None:
    assert ids(txn, **wanted) == found


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("key", SORT_COLUMNS)
def test_every_key_sorts_both_ways_page_by_page(txn: Txn, key: str, descending: bool) -> None:
    field = FIELDS.get(key, "id")

    def rank(flavor: Flavor) -> tuple[Any, str]:
        value = getattr(flavor, field)
        return ("" if value is None else value), flavor.id

    wanted: dict[str, Any] = {"is_public": None, "sort_key": key, "descending": descending}
    whole = ids(txn, **wanted)
    assert whole == [one.id for one in sorted(FLAVORS, key=rank, reverse=descending)]
    paged: list[str] = []
    while page := ids(txn, **wanted, limit=1, marker=paged[-1] if paged else None):
        paged += page
    assert paged == whole


def test_a_marker_must_be_in_the_list(txn: Txn) -> None:
    with pytest.raises(InvalidInput, match="f3"):
        ids(txn, marker="f3")


def test_who_may_see_which(txn: Txn) -> None:
    assert flavors.get(txn, "f4", "p1", hidden=False) == FLAVORS[3]
    assert flavors.get(txn, "f4", None, hidden=True) == FLAVORS[3]
    with pytest.raises(NotFound):
        flavors.get(txn, "f4", None, hidden=False)
    assert flavors.revoke(txn, "f4", "p1")
    with pytest.raises(NotFound):
        flavors.get(txn, "f4", "p1", hidden=False)


@pytest.mark.parametrize(
    ("taken", "sentence"), [({"name": "new"}, "with ID f1"), ({"id": "new"}, "with name m1.tiny")]
)
def test_id_and_name_are_one_flavors(txn: Txn, taken: dict[str, str], sentence: str) -> None:
    with pytest.raises(Conflict, match=sentence):
        flavors.insert(txn, replace(TINY, **taken))
    assert flavors.get(txn, "f1", None, hidden=True) == TINY
