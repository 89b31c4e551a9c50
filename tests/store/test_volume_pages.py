"""Lists of volumes against a model in Python: any order, any filter, page after page, by every way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pumice.errors import VolumeNotFound
from pumice.model.volume import NEWEST_FIRST, NULLABLE, Volume, VolumeQuery
from pumice.store import volume_filters, volume_lists
from pumice.store.txn import Txn
from pumice.store.volume_filters import COLUMNS
from tests.store.conftest import Transaction
from tests.store.samples import NOW_US, VOLUME, add_counted_volume, add_type, add_volume

Sort = tuple[tuple[str, str], ...]

# Few values for each field, so that ties and NULLs are common; case matters in names.
VALUES: Final[dict[str, list[Any]]] = {
    "project_id": ["p1", "p2"],
    "user_id": ["u1", "u2"],
    "name": [None, "", "a", "B", "b", "a_b"],
    "description": [None, "words"],
    "size_gib": [1, 2, 10],
    "status": ["available", "creating", "error"],
    "attach_status": ["attached", "detached"],
    "migration_status": [None, "migrating", "error"],
    "availability_zone": ["nova", "east"],
    "host": [None, "a@x#p", "a@x#q", "a@y#p", "ab@x#p"],
    "bootable": [False, True],
    "multiattach": [False, True],
    "volume_type_id": ["t1", "t2"],
    "provider_location": [None, "here"],
    "created_at": [NOW_US, NOW_US + 1, NOW_US + 2],
    "updated_at": [None, NOW_US, NOW_US + 2],
    "metadata": ["{}", '{"k":"1"}', '{"k":"1","l":"2"}', '{"k":"2"}'],
    "image_metadata": ["{}", '{"os":"linux","z":"\\u0000"}', '{"os":"linux","k\\"":"1"}'],
}
HOSTS: Final = ["a", "a@x", "a@x#p", "ab", "x", "A"]
TEXTS: Final = ["a", "A", "_", "%", "RR", "1"]

row = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in VALUES.items()})
rows = st.lists(row, max_size=12)
many_rows = st.lists(row, min_size=6, max_size=12)
directions = st.sampled_from(["asc", "desc"])
keys = st.lists(st.tuples(st.sampled_from(COLUMNS), directions), max_size=3)


@st.composite
def sorts(draw: st.DrawFn) -> Sort:
    """Any order, as the API ends them: with the id, and often in the order of creation."""
    direction = draw(directions)
    wanted = [*draw(keys), ("created_at", direction), ("id", direction)]
    unique: dict[str, str] = {}
    for key, way in wanted:
        unique.setdefault(key, way)
    return tuple(unique.items())[: list(unique).index("id") + 1]


@st.composite
def spans(draw: st.DrawFn) -> tuple[tuple[int, int], ...]:
    """One or two spans of time that do not overlap."""
    first, middle, last = sorted(draw(st.tuples(*[st.integers(-1, 3)] * 3)))
    whole = [(NOW_US + first, NOW_US + middle), (NOW_US + middle + 1, NOW_US + last)]
    return tuple(span for span in whole if span[0] <= span[1])


def other(known: list[Any]) -> list[Any]:
    """A value of the same type that no volume has; a filter never asks for one of another type."""
    types = {type(value) for value in known} - {bool, type(None)}
    return [77 if one is int else "none of them" for one in types]


@st.composite
def queries(draw: st.DrawFn) -> VolumeQuery:
    """A page of any list: up to three filters of any kind."""
    equal: dict[str, tuple[Any, ...]] = {}
    for column in draw(st.sets(st.sampled_from(COLUMNS), max_size=2)) - {"id", "updated_at"}:
        known = [value for value in VALUES[column] if value is not None or column in NULLABLE]
        some = st.lists(st.sampled_from([*known, *other(known)]), min_size=1, max_size=3)
        equal[column] = tuple(dict.fromkeys(draw(some)))
    pairs = st.sampled_from([{}, {}, {"k": "1"}, {"k": "1", "l": "2"}, {"l": "1"}])
    images = st.sampled_from([{}, {}, {}, {"os": "linux"}, {'k"': "1"}])
    likes = st.dictionaries(
        st.sampled_from(["name", "host", "status", "size_gib"]), st.sampled_from(TEXTS), max_size=1
    )
    times = st.dictionaries(st.sampled_from(["created_at", "updated_at"]), spans(), max_size=1)
    return VolumeQuery(
        project_id=draw(st.sampled_from([None, "p1"])),
        limit=draw(st.integers(1, 4)),
        equal=equal,
        like=draw(st.just({}) | likes),
        within=draw(st.just({}) | times),
        hosts=tuple(draw(st.just([]) | st.lists(st.sampled_from(HOSTS), max_size=2, unique=True))),
        metadata=draw(pairs),
        image_metadata=draw(images),
        sort=draw(sorts() | st.just(NEWEST_FIRST)),
    )


@contextmanager
def bounds(few: int, merged: int) -> Iterator[None]:
    """So few volumes are sorted, and the volumes of so many values are merged."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(volume_lists, "FEW", few)
        patch.setattr(volume_filters, "MERGED_MAX", merged)
        yield


def insert(txn: Txn, wanted: list[dict[str, Any]]) -> list[Volume]:
    """The volumes as they were written, each with the name of its type."""
    types = {id_: add_type(txn, id=id_, name=f"type {id_}").name for id_ in ("t1", "t2")}
    return [
        add_counted_volume(
            txn, id=f"v{number:02}", volume_type_name=types[row["volume_type_id"]], **row
        )
        for number, row in enumerate(wanted)
    ]


def matches(query: VolumeQuery, volume: Volume) -> bool:
    """The model: whether the volume is what is asked for."""

    def value(column: str) -> Any:
        return getattr(volume, column)

    return (
        query.project_id in {None, volume.project_id}
        and all(value(column) in wanted for column, wanted in query.equal.items())
        and all(
            value(column) is not None and text.lower() in str(value(column)).lower()
            for column, text in query.like.items()
        )
        and all(
            any(value(column) and first <= value(column) <= last for first, last in wanted)
            for column, wanted in query.within.items()
        )
        and (not query.hosts or any(is_on(volume, host) for host in query.hosts))
        and query.metadata.items() <= msgspec.json.decode(volume.metadata).items()
        and query.image_metadata.items() <= msgspec.json.decode(volume.image_metadata).items()
    )


def is_on(volume: Volume, host: str) -> bool:
    """Whether the volume is on a pool of ``host``, which may be a host, a backend or a pool."""
    found = volume.host or ""
    return host in (found, found.partition("#")[0], found.partition("@")[0])


def expected(found: list[Volume], query: VolumeQuery) -> list[Volume]:
    """The model: which volumes, and in which order; NULL is less than everything."""
    matching = [one for one in found if matches(query, one)]
    for key, direction in reversed(query.sort):
        matching.sort(key=partial(rank, key), reverse=direction == "desc")
    return matching


def rank(field: str, volume: Volume) -> tuple[bool, Any]:
    """Where the volume stands among others by one field."""
    value = getattr(volume, field)
    return value is not None, value


def walk(txn: Txn, query: VolumeQuery) -> list[Volume]:
    """Every page of ``query``, one after the other, as a client follows the links."""
    seen: list[Volume] = []
    while page := volume_lists.select(txn, query):
        assert len(page) <= query.limit
        seen += page
        query = replace(query, marker=page[-1].id)
    return seen


@settings(max_examples=200)
@given(wanted=rows, query=queries(), few=st.sampled_from([0, 2, 1000]), merged=st.integers(1, 5))
def test_the_pages_together_are_the_whole_list(
    transaction: Transaction,
    wanted: list[dict[str, Any]],
    query: VolumeQuery,
    few: int,
    merged: int,
) -> None:
    with transaction() as txn, bounds(few, merged):
        model = expected(insert(txn, wanted), query)
        assert walk(txn, query) == model
        assert volume_lists.count(txn, query) == len(model)


@pytest.mark.parametrize("last", ["asc", "desc"])
@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("key", COLUMNS)
@settings(max_examples=10)
@given(wanted=many_rows)
def test_every_key_sorts_both_ways(
    transaction: Transaction, wanted: list[dict[str, Any]], key: str, direction: str, last: str
) -> None:
    with transaction() as txn:
        found = insert(txn, wanted)
        sort = tuple({"id": last, key: direction}.items())[::-1]
        query = VolumeQuery(None, limit=1, sort=sort)
        assert walk(txn, query) == expected(found, query)


@pytest.mark.parametrize(
    ("key", "value"),
    [(key, value) for key in COLUMNS if key != "id" for value in VALUES[key]],
)
@settings(max_examples=10)
@given(wanted=many_rows, few=st.sampled_from([0, 1000]), project_id=st.sampled_from([None, "p1"]))
def test_every_key_filters_by_every_value(
    transaction: Transaction,
    wanted: list[dict[str, Any]],
    key: str,
    value: Any,
    few: int,
    project_id: str | None,
) -> None:
    with transaction() as txn, bounds(few, 16):
        found = insert(txn, wanted)
        query = VolumeQuery(project_id, limit=2, equal={key: (value,)})
        assert walk(txn, query) == expected(found, query)


@given(rows, sorts(), st.integers(0, 5), st.integers(0, 5), st.integers(0, 20))
def test_an_offset_skips_after_the_marker(
    transaction: Transaction,
    wanted: list[dict[str, Any]],
    sort: Sort,
    limit: int,
    offset: int,
    at: int,
) -> None:
    with transaction() as txn:
        query = VolumeQuery(None, limit=limit, sort=sort, offset=offset)
        model = expected(insert(txn, wanted), query)
        if at < len(model):
            query = replace(query, marker=model[at].id)
            model = model[at + 1 :]
        assert volume_lists.select(txn, query) == model[offset : offset + limit]


@pytest.mark.parametrize("marker", ["v9", "other"])
def test_a_marker_must_be_a_volume_that_the_caller_may_see(txn: Txn, marker: str) -> None:
    add_type(txn)
    add_volume(txn, id="other", project_id="p2")
    with pytest.raises(VolumeNotFound, match=marker):
        volume_lists.select(txn, VolumeQuery("p1", limit=10, marker=marker))


def test_a_marker_of_any_project_serves_an_administrator(txn: Txn) -> None:
    add_type(txn)
    add_volume(txn, id="v1", project_id="p1")
    add_volume(txn, id="v2", project_id="p2")
    page = volume_lists.select(txn, VolumeQuery(None, limit=10, marker="v2"))
    assert [one.id for one in page] == ["v1"]


def test_a_marker_need_not_match_the_filter(txn: Txn) -> None:
    add_type(txn)
    for number, status in enumerate(["error", "available", "error"]):
        add_volume(txn, id=f"v{number}", status=status)
    query = VolumeQuery("p1", limit=10, equal={"status": ("error",)}, marker="v1")
    assert [one.id for one in volume_lists.select(txn, query)] == ["v0"]


def test_times_of_creation_are_filtered_by_both_of_two_conditions(txn: Txn) -> None:
    add_type(txn)
    for number in range(4):
        add_volume(txn, id=f"v{number}", created_at=NOW_US + number)
    query = VolumeQuery(
        "p1",
        limit=10,
        equal={"created_at": (NOW_US + 1, NOW_US + 3)},
        within={"created_at": ((NOW_US, NOW_US + 2),)},
    )
    assert [one.id for one in volume_lists.select(txn, query)] == ["v1"]


def test_values_are_never_read_as_sql(txn: Txn) -> None:
    add_type(txn)
    name = "x' OR '1'='1"
    add_volume(txn, id="v1", name=name)
    add_volume(txn, id="v2", name="y")
    query = VolumeQuery("p1", limit=10, equal={"name": (name,)})
    assert [one.id for one in volume_lists.select(txn, query)] == ["v1"]


@pytest.mark.parametrize(
    "strange",
    [
        {"sort": (("id; DROP TABLE volumes", "asc"), ("id", "asc"))},
        {"sort": (("id", "asc; DROP"),)},
        {"equal": {"id = id OR v.id": ("x",)}},
        {"like": {"id": "x", "id)": "x"}},
        {"within": {"id": ((1, 2),), "id)": ((1, 2),)}},
    ],
)
def test_a_statement_is_made_of_known_words_only(txn: Txn, strange: dict[str, Any]) -> None:
    with pytest.raises((KeyError, ValueError)):
        volume_lists.select(txn, VolumeQuery("p1", limit=10, **strange))


def test_totals_and_the_values_of_metadata(txn: Txn) -> None:
    add_type(txn)
    assert volume_lists.totals(txn, None) == (0, 0)
    add_counted_volume(txn, id="v1", size_gib=2, metadata='{"a":"1","b":"x"}')
    add_counted_volume(txn, id="v2", size_gib=3, metadata='{"a":"2","b":"x"}')
    add_counted_volume(txn, id="v3", size_gib=9, metadata='{"c":""}', project_id="p2")
    assert volume_lists.totals(txn, "p1") == (2, 5)
    assert volume_lists.totals(txn, None) == (3, 14)
    assert volume_lists.metadata_values(txn, "p1") == {"a": ["1", "2"], "b": ["x"]}
    assert volume_lists.metadata_values(txn, None)["c"] == [""]


def test_every_key_has_values_in_this_test() -> None:
    assert {*COLUMNS} - {"id"} == VALUES.keys() - {"metadata", "image_metadata"}
    assert VALUES.keys() <= set(VOLUME.__struct_fields__)
    assert {name for name in COLUMNS if None in VALUES.get(name, [])} == NULLABLE
