"""Lists of volumes: a page costs the same among a thousand volumes and among a million.

There are three ways to a page, chosen by what is asked for and by a look at how many volumes a filter
leaves, up to :data:`FEW`:

- *seek*: few volumes fulfil a filter; its index finds them, and they are checked and sorted;
- *merge*: the list is in the order of creation, and so are the volumes of each value in a filter's index:
  they are merged until the page is full, and the other filters are checked;
- *walk*: the volumes are gone through in the order of the list, and every filter is checked.

A condition that is only to be checked is written ``(...) IS TRUE``, which no index serves: SQLite knows
nothing of the values and would choose by their number. What still goes through everything is told in
docs/decisions/0007; :meth:`pumice.store.sqlite.SqliteStore.read` sees to it that nobody else waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pumice.errors import VolumeNotFound
from pumice.model.volume import NULLABLE, Span, Volume, VolumeQuery
from pumice.store.txn import Engine, Row, Txn
from pumice.store.volume_filters import (
    INDEXED,
    NAMES,
    Filter,
    Parameters,
    Scope,
    between,
    filters_of,
)
from pumice.store.volumes import COLUMNS, from_row

FEW: Final = 1000
"""So many volumes may be checked and sorted for a page."""

Order = Sequence[tuple[str, str]]

_POSITIONS: Final = {name: number for number, name in enumerate(Volume.__struct_fields__, 1)}

_WORDS: Final = {"asc": "ASC", "desc": "DESC"}
_WORDS_NULLABLE: Final = {"asc": "ASC NULLS FIRST", "desc": "DESC NULLS LAST"}
# LEFT keeps the volumes outermost, where their indexes give the order; every volume has a type.
_TYPES: Final = "LEFT JOIN volume_types t ON t.id = v.volume_type_id"
_TABLES: Final = {"v": "volumes v", "m": "volume_metadata m"}
_FROM: Final = {
    "v": f"volumes v {_TYPES}",
    "m": f"volume_metadata m JOIN volumes v ON v.id = m.volume_id {_TYPES}",
}
_COUNTED: Final = {
    "v": "volumes v",
    "m": "volume_metadata m JOIN volumes v ON v.id = m.volume_id",
}
# A row of metadata has the id and the time of its volume: only the table gone through is in order.
_IN_METADATA: Final = {"id": "m.volume_id", "created_at": "m.created_at"}
_COLUMNS: Final = {
    "v": COLUMNS,
    "m": COLUMNS.replace("v.id,", "m.volume_id,").replace("v.created_at,", "m.created_at,"),
}

# Every project that has volumes, each found by one search.
_OWNERS: Final = """
WITH RECURSIVE owners (id) AS (
    SELECT min(project_id) FROM volumes
    UNION ALL
    SELECT (SELECT min(o.project_id) FROM volumes o WHERE o.project_id > owners.id)
    FROM owners WHERE owners.id IS NOT NULL
)
SELECT id FROM owners WHERE id IS NOT NULL
"""


class _Way(Struct, frozen=True):
    """The filter to come by the volumes with, if any; ``in_order``: without sorting all that it finds."""

    lead: Filter | None
    in_order: bool

    def column(self, name: str) -> str:
        """The column ``name`` of the table that is gone through, or else of the volume."""
        return (_IN_METADATA if self.table == "m" else NAMES).get(name) or NAMES[name]

    @property
    def table(self) -> str:
        """What is gone through: ``v`` or ``m``."""
        return "v" if self.lead is None else self.lead.table


_WALK: Final = _Way(None, in_order=True)


def select(txn: Txn, query: VolumeQuery) -> list[Volume]:
    """The page of ``query``. Raises :class:`VolumeNotFound` for an unknown marker."""
    order = _order(query)
    values = Parameters(project_id=query.project_id, limit=query.limit, offset=query.offset)
    marker = None if query.marker is None else _marker(txn, query, order)
    within = {**query.within}
    spans = within.pop("created_at", None) if _by_creation(order) else None
    filters = filters_of(txn, replace(query, within=within), values)
    way = _way(txn, query, order, filters, values)
    columns = [way.column(name) for name, _ in order]
    alternatives: list[Sequence[str]] = []
    if way.lead is not None and way.in_order:
        alternatives.append(way.lead.apart)
    if spans is not None:
        clipped = _clip(spans, order, marker)
        alternatives.append([between(values, columns[0], span) for span in clipped])
    if marker is not None:
        alternatives.append(_after(values, columns, order, marker))
    conditions = _conditions(query.project_id, filters, way)
    by = f"ORDER BY {_by(way, order)}"
    if way.in_order:
        selected = _merged(txn.engine, way.table, conditions, alternatives, by)
    else:
        selected = _sorted(way.table, conditions, alternatives)
    sql = f"{selected} {by} LIMIT :limit OFFSET :offset"
    return [from_row(row) for row in txn.all(sql, values)]


def _order(query: VolumeQuery) -> Order:
    """The order without what is the same for every volume."""
    fixed = {column for column, wanted in query.equal.items() if len(wanted) == 1} - {"id"}
    return [pair for pair in query.sort if pair[0] not in fixed]


def _by_creation(order: Order) -> bool:
    columns, directions = zip(*order, strict=True)
    return columns == ("created_at", "id") and len({*directions}) == 1


def _marker(txn: Txn, query: VolumeQuery, order: Order) -> Row:
    """What the volume of the marker has in the columns of ``order``."""
    columns = ", ".join(NAMES[column] for column, _ in order)
    sql = f"SELECT v.project_id, {columns} FROM volumes v WHERE v.id = :id"
    row = txn.one(sql, {"id": query.marker})
    if row is None or query.project_id not in (None, row[0]):
        raise VolumeNotFound(str(query.marker))
    return row[1:]


def _way(
    txn: Txn, query: VolumeQuery, order: Order, filters: list[Filter], values: Parameters
) -> _Way:
    """How to come by the volumes; looks at how many a filter leaves only where that decides."""
    seekable = [one for one in filters if one.seek]
    ordered: list[Filter] = []
    if _by_creation(order):
        ordered = [one for one in seekable if one.apart and _has_order(one.scope, query.project_id)]
    if ordered and len(seekable) == 1:
        return _Way(ordered[0], in_order=True)
    for one in seekable:
        if _leaves_few(txn, query.project_id, one, values):
            return _Way(one, in_order=False)
    if ordered:
        return _Way(ordered[0], in_order=True)
    if seekable and not _has_order(INDEXED.get(order[0][0], Scope.NOTHING), query.project_id):
        return _Way(seekable[0], in_order=False)  # Sorted anyway: at least not everything.
    return _WALK


def _has_order(scope: Scope, project_id: str | None) -> bool:
    """Whether an index of ``scope`` has its volumes in order within what is asked for."""
    return scope is Scope.BOTH or scope is (Scope.PROJECT if project_id is not None else Scope.ALL)


def _leaves_few(txn: Txn, project_id: str | None, one: Filter, values: Parameters) -> bool:
    found = " AND ".join([*_scope(project_id, one, checked=False), one.seek])
    rows = f"SELECT 1 FROM {_TABLES[one.table]} WHERE {found} LIMIT {FEW + 1}"
    row = txn.one(f"SELECT count(*) FROM ({rows}) AS few", values)
    return row is not None and row[0] <= FEW


def _scope(project_id: str | None, lead: Filter | None, *, checked: bool = True) -> list[str]:
    """The condition on the project, for the index of ``lead``; only ``checked`` if that has none."""
    table = "v" if lead is None else lead.table
    if project_id is not None:
        if lead is None or lead.scope is not Scope.ALL:
            return [f"{table}.project_id = :project_id"]
        return [_checked("v.project_id = :project_id")] if checked else []
    if lead is not None and lead.scope is Scope.PROJECT:
        return [f"{table}.project_id IN ({_OWNERS})"]
    return []


def _checked(condition: str) -> str:
    return f"({condition}) IS TRUE"


def _conditions(project_id: str | None, filters: list[Filter], way: _Way) -> list[str]:
    lead = way.lead
    return [
        *_scope(project_id, lead),
        *([lead.seek] if lead is not None and not way.in_order else []),
        *(_checked(one.check) for one in filters if one is not lead),
    ]


def _sorted(table: str, conditions: list[str], alternatives: list[Sequence[str]]) -> str:
    """All that the conditions leave; one of each of the ``alternatives`` must hold."""
    checks = [_checked(" OR ".join(some) or "1 = 0") for some in alternatives]
    return _selected(table, [*conditions, *checks])


def _merged(
    engine: Engine,
    table: str,
    conditions: list[str],
    alternatives: list[Sequence[str]],
    by: str,
) -> str:
    """Parts of a list, each in order: one for each choice among the ``alternatives``.

    SQLite merges them until the page is full. PostgreSQL would sort all that they have together, unless
    each is told that it is never asked for more than a page.
    """
    chosen = [[*conditions, *one] for one in product(*alternatives)] or [["1 = 0"]]
    parts = [_selected(table, one) for one in chosen]
    if engine == "postgresql" and len(parts) > 1:
        parts = [
            f"SELECT * FROM ({part} {by} LIMIT :limit + :offset) AS part_{number}"
            for number, part in enumerate(parts)
        ]
    return " UNION ALL ".join(parts)


def _selected(table: str, conditions: list[str]) -> str:
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SELECT {_COLUMNS[table]} FROM {_FROM[table]} {where}"


def _by(way: _Way, order: Order) -> str:
    """The order: by position, as a union knows no names; or so that no index seems to serve it."""
    keys = (
        f"{_POSITIONS[column]}" if way.in_order else f"coalesce({NAMES[column]}, NULL)"
        for column, _ in order
    )
    words = (_word(column, direction) for column, direction in order)
    return ", ".join(f"{key} {word}" for key, word in zip(keys, words, strict=True))


def _word(column: str, direction: str) -> str:
    """The direction; NULL is less than everything, as SQLite has it and PostgreSQL has not."""
    words = _WORDS_NULLABLE if column in NULLABLE else _WORDS
    return words[direction]


def _clip(spans: Iterable[Span], order: Order, marker: Row | None) -> list[Span]:
    """What of ``spans`` is not before the marker, so that the index begins there."""
    if marker is None:
        return list(spans)
    at = marker[0]
    if order[0][1] == "asc":
        clipped = [(max(first, at), last) for first, last in spans]
    else:
        clipped = [(first, min(last, at)) for first, last in spans]
    return [span for span in clipped if span[0] <= span[1]]


def _after(values: Parameters, columns: list[str], order: Order, marker: Row) -> list[str]:
    """Conditions that exclude each other, one of which holds for what comes after the marker.

    NULL is less than everything, as SQLite sorts it. Each is one search of an index if all keys go one
    way and no key but the first may be NULL; other orders have no index.
    """
    directions = {direction for _, direction in order}
    names = [values.add(value) for value in marker]
    if len(directions) > 1 or any(column in NULLABLE for column, _ in order[1:]):
        return [_after_any(columns, order, names, marker)]
    is_ascending = directions == {"asc"}
    sign = ">" if is_ascending else "<"
    first = columns[0]
    if marker[0] is None:
        rest = f"({', '.join(columns[1:])}) {sign} ({', '.join(names[1:])})"
        same = f"{first} IS NULL AND {rest}"
        return [same, f"{first} IS NOT NULL"] if is_ascending else [same]
    beyond = f"({', '.join(columns)}) {sign} ({', '.join(names)})"
    if order[0][0] in NULLABLE and not is_ascending:
        return [beyond, f"{first} IS NULL"]
    return [beyond]


def _after_any(columns: list[str], order: Order, names: list[str], marker: Row) -> str:
    """The same for any order: equal in the first keys, and beyond in the next."""
    alternatives = []
    equal: list[str] = []
    for column, (_, direction), name, value in zip(columns, order, names, marker, strict=True):
        alternatives.append(" AND ".join([*equal, _beyond(column, direction, name, value)]))
        equal.append(f"{column} IS NULL" if value is None else f"{column} = {name}")
    return "(" + " OR ".join(f"({one})" for one in alternatives) + ")"


def _beyond(column: str, direction: str, name: str, value: object) -> str:
    if direction == "asc":
        return f"{column} IS NOT NULL" if value is None else f"{column} > {name}"
    return "1 = 0" if value is None else f"({column} < {name} OR {column} IS NULL)"


def count(txn: Txn, query: VolumeQuery) -> int:
    """How many volumes ``query`` matches, ignoring marker, limit and offset."""
    values = Parameters(project_id=query.project_id)
    filters = filters_of(txn, query, values)
    if not filters:
        return totals(txn, query.project_id)[0]
    seekable = [one for one in filters if one.seek]
    lead = seekable[0] if seekable else None
    if len(seekable) > 1:
        few = (one for one in seekable if _leaves_few(txn, query.project_id, one, values))
        lead = next(few, lead)
    way = _Way(lead, in_order=False)
    where = " AND ".join(_conditions(query.project_id, filters, way))
    # Each item of the metadata is of another volume: without another filter they need not be seen.
    source = (_TABLES if len(filters) == 1 else _COUNTED)[way.table]
    row = txn.one(f"SELECT count(*) FROM {source} WHERE {where}", values)
    return int(row[0]) if row else 0


_TOTALS: Final = """
SELECT resource, sum(in_use) FROM quota_usages WHERE resource IN ('volumes', 'gigabytes')
"""
_TOTALS_OF: Final = f"{_TOTALS} AND project_id = :project_id GROUP BY resource"
_TOTALS_OF_ALL: Final = f"{_TOTALS} GROUP BY resource"


def totals(txn: Txn, project_id: str | None) -> tuple[int, int]:
    """How many volumes a project, or None for all, has, and their GiB.

    Every volume is counted in its project's quota, in the transactions that make and remove it.
    """
    sql = _TOTALS_OF_ALL if project_id is None else _TOTALS_OF
    sums: dict[str, int] = dict(txn.all(sql, {"project_id": project_id}))
    return sums.get("volumes", 0), sums.get("gigabytes", 0)


_ITEMS: Final = "SELECT DISTINCT key, value FROM volume_metadata ORDER BY key, value"
_ITEMS_OF: Final = """
SELECT DISTINCT key, value FROM volume_metadata WHERE project_id = :project_id ORDER BY key, value
"""


def metadata_values(txn: Txn, project_id: str | None) -> dict[str, list[str]]:
    """The different values of each key in the metadata of a project's volumes, or None for all."""
    found: dict[str, list[str]] = {}
    sql = _ITEMS if project_id is None else _ITEMS_OF
    for key, value in txn.all(sql, {"project_id": project_id}):
        found.setdefault(key, []).append(value)
    return found
