"""Lists of volumes against a model in Python: any order, any filter, page after page."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pumice.errors import VolumeNotFound
from pumice.model.volume import Volume, VolumeQuery
from pumice.store import volumes
from pumice.store.txn import Txn
from pumice.store.volumes import FILTER_COLUMNS, SORT_COLUMNS
from tests.store.samples import NOW_US, VOLUME, add_type, add_volume

Sort = tuple[tuple[str, str], ...]

NEWEST_FIRST: Final[Sort] = (("created_at", "desc"), ("id", "desc"))
FIELDS: Final = {"size": "size_gib", "display_name": "name"}

# Few values for each field, so that ties and NULLs are common; case matters in names.
VALUES: Final[dict[str, list[Any]]] = {
    "project_id": ["p1", "p2"],
    "user_id": ["u1", "u2"],
    "name": [None, "", "a", "B", "b"],
    "description": [None, "words"],
    "size_gib": [1, 2, 10],
    "status": ["available", "creating", "error"],
    "availability_zone": ["nova", "east"],
    "host": [None, "a@x#p", "b@x#p"],
    "bootable": [False, True],
    "volume_type_id": ["t1", "t2"],
    "created_at": [NOW_US, NOW_US + 1],
    "updated_at": [None, NOW_US, NOW_US + 2],
}


def field_of(key: str) -> str:
    """The field of a volume that a sort or filter key means."""
    return FIELDS.get(key, key)


row = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in VALUES.items()})
rows = st.lists(row, max_size=12)
many_rows = st.lists(row, min_size=6, max_size=12)
directions = st.sampled_from(["asc", "desc"])
keys = st.lists(st.tuples(st.sampled_from(sorted(SORT_COLUMNS)), directions), max_size=3)
# The API ends every order with the id, if it is not among the keys already.
sorts = st.builds(lambda some, last: (*some, ("id", last)), keys, directions)


@st.composite
def filters(draw: st.DrawFn) -> dict[str, Any]:
    """Values to compare with, which may occur or not; a tuple means any of them."""
    chosen = {}
    for key in draw(st.sets(st.sampled_from(sorted(FILTER_COLUMNS.keys() - {"id"})), max_size=2)):
        known = [value for value in VALUES[field_of(key)] if value is not None]
        one = st.sampled_from([*known, "none of them"])
        chosen[key] = draw(one | st.lists(one, min_size=1, max_size=3).map(tuple))
    return chosen


@contextmanager
def transaction(shared: sqlite3.Connection) -> Iterator[Txn]:
    """A transaction that leaves nothing behind."""
    shared.execute("BEGIN")
    try:
        yield Txn(shared)
    finally:
        shared.execute("ROLLBACK")


def insert(txn: Txn, wanted: list[dict[str, Any]]) -> list[Volume]:
    """The volumes as they were written, each with the name of its type."""
    types = {id_: add_type(txn, id=id_, name=f"type {id_}").name for id_ in ("t1", "t2")}
    return [
        add_volume(txn, id=f"v{number:02}", volume_type_name=types[row["volume_type_id"]], **row)
        for number, row in enumerate(wanted)
    ]


def expected(found: list[Volume], query: VolumeQuery) -> list[Volume]:
    """The model: which volumes, and in which order; NULL is less than everything."""
    matching = [
        one
        for one in found
        if query.project_id in {None, one.project_id}
        and all(
            getattr(one, field_of(key)) in (value if isinstance(value, tuple) else (value,))
            for key, value in query.filters.items()
        )
    ]
    for key, direction in reversed(query.sort):
        matching.sort(key=partial(rank, field_of(key)), reverse=direction == "desc")
    return matching


def rank(field: str, volume: Volume) -> tuple[bool, Any]:
    """Where the volume stands among others by one field."""
    value = getattr(volume, field)
    return value is not None, value


def walk(txn: Txn, query: VolumeQuery) -> list[Volume]:
    """Every page of ``query``, one after the other, as a client follows the links."""
    seen: list[Volume] = []
    while page := volumes.select(txn, query):
        assert query.limit is not None
        assert len(page) <= query.limit
        seen += page
        query = VolumeQuery(
            query.project_id, query.filters, query.sort, query.limit, 0, page[-1].id
        )
    return seen


@given(rows, filters(), sorts, st.sampled_from([None, "p1"]), st.integers(1, 4))
def test_the_pages_together_are_the_whole_list(
    shared: sqlite3.Connection,
    wanted: list[dict[str, Any]],
    chosen: dict[str, Any],
    sort: Sort,
    project_id: str | None,
    limit: int,
) -> None:
    with transaction(shared) as txn:
        found = insert(txn, wanted)
        query = VolumeQuery(project_id, chosen, sort, limit, 0, None)
        model = expected(found, query)
        assert walk(txn, query) == model
        assert volumes.count(txn, query) == len(model)


@pytest.mark.parametrize("last", ["asc", "desc"])
@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("key", SORT_COLUMNS)
@settings(max_examples=20)
@given(wanted=many_rows)
def test_every_key_sorts_both_ways(
    shared: sqlite3.Connection, wanted: list[dict[str, Any]], key: str, direction: str, last: str
) -> None:
    with transaction(shared) as txn:
        found = insert(txn, wanted)
        query = VolumeQuery(None, {}, ((key, direction), ("id", last)), 1, 0, None)
        assert walk(txn, query) == expected(found, query)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (key, value)
        for key in sorted(FILTER_COLUMNS.keys() - {"id"})
        for value in VALUES[field_of(key)]
        if value is not None  # A client cannot ask for it.
    ],
)
@settings(max_examples=10)
@given(wanted=many_rows)
def test_every_key_filters_by_every_value(
    shared: sqlite3.Connection, wanted: list[dict[str, Any]], key: str, value: Any
) -> None:
    with transaction(shared) as txn:
        found = insert(txn, wanted)
        query = VolumeQuery("p1", {key: value}, NEWEST_FIRST, 2, 0, None)
        assert walk(txn, query) == expected(found, query)


@given(rows, sorts, st.none() | st.integers(0, 5), st.integers(0, 5), st.integers(0, 20))
def test_an_offset_skips_after_the_marker(
    shared: sqlite3.Connection,
    wanted: list[dict[str, Any]],
    sort: Sort,
    limit: int | None,
    offset: int,
    at: int,
) -> None:
    with transaction(shared) as txn:
        query = VolumeQuery(None, {}, sort, limit, offset, None)
        model = expected(insert(txn, wanted), query)
        if at < len(model):
            query = VolumeQuery(None, {}, sort, limit, offset, model[at].id)
            model = model[at + 1 :]
        end = None if limit is None else offset + limit
        assert volumes.select(txn, query) == model[offset:end]


@pytest.mark.parametrize("marker", ["v9", "other"])
def test_a_marker_must_be_a_volume_that_the_caller_may_see(txn: Txn, marker: str) -> None:
    add_type(txn)
    add_volume(txn, id="other", project_id="p2")
    with pytest.raises(VolumeNotFound, match=marker):
        volumes.select(txn, VolumeQuery("p1", {}, NEWEST_FIRST, 10, 0, marker))


def test_a_marker_of_any_project_serves_an_administrator(txn: Txn) -> None:
    add_type(txn)
    add_volume(txn, id="v1", project_id="p1")
    add_volume(txn, id="v2", project_id="p2")
    page = volumes.select(txn, VolumeQuery(None, {}, NEWEST_FIRST, 10, 0, "v2"))
    assert [one.id for one in page] == ["v1"]


def test_a_marker_need_not_match_the_filter(txn: Txn) -> None:
    add_type(txn)
    for number, status in enumerate(["error", "available", "error"]):
        add_volume(txn, id=f"v{number}", status=status)
    query = VolumeQuery("p1", {"status": "error"}, NEWEST_FIRST, 10, 0, "v1")
    assert [one.id for one in volumes.select(txn, query)] == ["v0"]


def test_values_are_never_read_as_sql(txn: Txn) -> None:
    add_type(txn)
    name = "x' OR '1'='1"
    add_volume(txn, id="v1", name=name)
    add_volume(txn, id="v2", name="y")
    query = VolumeQuery("p1", {"name": name}, NEWEST_FIRST, 10, 0, None)
    assert [one.id for one in volumes.select(txn, query)] == ["v1"]


@pytest.mark.parametrize("sort", [(("id; DROP TABLE volumes", "asc"),), (("id", "asc; DROP"),)])
def test_an_order_is_made_of_known_words_only(txn: Txn, sort: Sort) -> None:
    with pytest.raises(KeyError):
        volumes.select(txn, VolumeQuery("p1", {}, sort, 10, 0, None))


def test_every_key_has_values_in_this_test() -> None:
    fields = {field_of(key) for key in {*SORT_COLUMNS, *FILTER_COLUMNS}} - {"id"}
    assert fields == VALUES.keys()
    assert fields <= set(VOLUME.__struct_fields__)
