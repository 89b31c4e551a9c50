"""What the volumes of a list have in common, as conditions in SQL, and which index finds them.

Only names that stand in the tables of this module become part of a statement; whatever a client sent is a
parameter.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Any, Final

from msgspec import Struct

from pumice.model.volume import Span, VolumeQuery
from pumice.store.texts import literal, lowered
from pumice.store.txn import Engine, Txn

MERGED_MAX: Final = 16
"""The volumes of so many values are merged in their order; those of more are sorted."""


class Scope(Enum):
    """Within what an index has its volumes in the order of their creation."""

    NOTHING = auto()
    """There is no index."""
    PROJECT = auto()
    ALL = auto()
    BOTH = auto()
    """There is one for each."""


# Each index costs something at every create; which of them are worth it: docs/decisions/0007.
INDEXED: Final = {
    "id": Scope.ALL,
    "name": Scope.BOTH,
    "migration_status": Scope.ALL,
    "project_id": Scope.ALL,
    "size_gib": Scope.PROJECT,
    "updated_at": Scope.PROJECT,
    "user_id": Scope.ALL,
    "host": Scope.ALL,
    "volume_type_id": Scope.ALL,
    "status": Scope.BOTH,
    "availability_zone": Scope.PROJECT,
    "bootable": Scope.PROJECT,
    "created_at": Scope.BOTH,
}
"""The columns that have an index, those first of whose values there are usually the most."""
COLUMNS: Final = (
    *INDEXED,
    *("description", "attach_status", "multiattach", "provider_location"),
)
"""What volumes may be sorted and filtered by."""
NAMES: Final = {column: f"v.{column}" for column in COLUMNS}
"""What stands in a statement for each; no other name ever does."""


class Filter(Struct, frozen=True):
    """One condition.

    ``check`` is about a volume ``v``. ``seek`` says the same so that an index finds what fulfils it, in
    ``volumes`` (``table`` is ``v``) or in ``volume_metadata`` (``m``); it is empty if no index does.
    ``apart`` are conditions that exclude each other and together say the same, each of which has its
    volumes in the order of their creation within ``scope``.
    """

    column: str
    check: str
    scope: Scope = Scope.NOTHING
    seek: str = ""
    apart: tuple[str, ...] = ()
    table: str = "v"


class Parameters(dict[str, Any]):
    """The values of a statement."""

    def add(self, value: Any) -> str:
        """A new parameter, as it stands in the text."""
        name = f"p{len(self)}"
        self[name] = value
        return f":{name}"


def filters_of(txn: Txn, query: VolumeQuery, values: Parameters) -> list[Filter]:
    """The filters of ``query`` beside its project, the best to seek by first."""
    equal = sorted(query.equal.items(), key=lambda pair: COLUMNS.index(pair[0]))
    return [
        *(_item(values, key, value) for key, value in query.metadata.items()),
        *(_equal(values, column, wanted) for column, wanted in equal),
        *(_on_hosts(txn, values, query.hosts) for _ in query.hosts[:1]),
        *(_within(values, column, spans) for column, spans in query.within.items()),
        *(
            _image_item(txn.engine, values, key, value)
            for key, value in query.image_metadata.items()
        ),
        *(_like(values, column, text) for column, text in query.like.items()),
    ]


def _equal(values: Parameters, column: str, wanted: tuple[Any, ...]) -> Filter:
    names = [values.add(value) for value in wanted if value is not None]
    check = f"{NAMES[column]} IN ({', '.join(names)})"
    if None in wanted:
        is_null = f"{NAMES[column]} IS NULL"
        return Filter(column, f"({check} OR {is_null})" if names else is_null)
    return _indexed(column, check, [f"{NAMES[column]} = {name}" for name in names])


def _within(values: Parameters, column: str, spans: tuple[Span, ...]) -> Filter:
    ranges = [between(values, NAMES[column], span) for span in spans]
    return _indexed(column, f"({' OR '.join(ranges)})", [])


def between(values: Parameters, column: str, span: Span) -> str:
    """The condition that ``column`` lies within ``span``."""
    first, last = (values.add(bound) for bound in span)
    return f"{column} BETWEEN {first} AND {last}"


def _indexed(column: str, check: str, apart: list[str]) -> Filter:
    scope = INDEXED.get(column, Scope.NOTHING)
    if scope is Scope.NOTHING:
        return Filter(column, check)
    return Filter(column, check, scope, check, tuple(apart) if len(apart) <= MERGED_MAX else ())


def _item(values: Parameters, key: str, value: str) -> Filter:
    """An item of the metadata, by the table that has a row for each."""
    seek = f"m.key = {values.add(key)} AND m.value = {values.add(value)}"
    check = f"EXISTS (SELECT 1 FROM volume_metadata m WHERE m.volume_id = v.id AND {seek})"
    return Filter("metadata", check, Scope.PROJECT, seek, (seek,), "m")


# PostgreSQL has no NUL in a text, and fails where JSON has one; no filter can ask for it.
_IMAGE_ITEMS: Final[dict[Engine, str]] = {
    "sqlite": "json_each(v.image_metadata)",
    "postgresql": r"json_each_text(CAST(replace(v.image_metadata, '\u0000', '\ufffd') AS JSON))",
}


def _image_item(engine: Engine, values: Parameters, key: str, value: str) -> Filter:
    """An item of what is known of the image."""
    where = f"i.key = {values.add(key)} AND i.value = {values.add(value)}"
    check = f"EXISTS (SELECT 1 FROM {_IMAGE_ITEMS[engine]} i WHERE {where})"
    return Filter("image_metadata", check)


def _like(values: Parameters, column: str, text: str) -> Filter:
    pattern = values.add(f"%{literal(lowered(text), '!')}%")
    return Filter(column, f"lower(CAST({NAMES[column]} AS TEXT)) LIKE {pattern} ESCAPE '!'")


def _on_hosts(txn: Txn, values: Parameters, hosts: tuple[str, ...]) -> Filter:
    """On one of ``hosts``, or on what is below it: ``host@backend#pool``."""
    ranges = [f"v.host = {values.add(host)}" for host in hosts]
    found = {*hosts}
    for host in hosts:
        for separator in _below(host):
            first, end = host + separator, host + chr(ord(separator) + 1)
            ranges.append(f"(v.host >= {values.add(first)} AND v.host < {values.add(end)})")
            rows = txn.all(_HOSTS, {"first": first, "end": end, "limit": MERGED_MAX + 1})
            found.update(row[0] for row in rows)
    apart = [f"v.host = {values.add(host)}" for host in sorted(found)]
    return _indexed("host", f"({' OR '.join(ranges)})", apart)


def _below(host: str) -> tuple[str, ...]:
    """What may follow: after a host its backends, after a backend its pools."""
    if "#" in host:
        return ()
    return ("#",) if "@" in host else ("@", "#")


# The hosts in a range, each found by one search.
_HOSTS: Final = """
WITH RECURSIVE hosts (host) AS (
    SELECT min(host) FROM volumes WHERE host >= :first AND host < :end
    UNION ALL
    SELECT (SELECT min(v.host) FROM volumes v WHERE v.host > hosts.host AND v.host < :end)
    FROM hosts WHERE hosts.host IS NOT NULL
)
SELECT host FROM hosts WHERE host IS NOT NULL LIMIT :limit
"""
