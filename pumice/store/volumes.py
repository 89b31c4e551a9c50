"""Rows of ``volumes``."""

from __future__ import annotations

from typing import Any, Final

from pumice.errors import InvalidState, VolumeNotFound
from pumice.model.states import VOLUME
from pumice.model.volume import Volume, VolumeQuery
from pumice.store.txn import Row, Txn

# In the order of the fields of Volume; the 13th and 14th columns are made bool by _volume.
COLUMNS: Final = """v.id, v.project_id, v.user_id, v.name, v.description, v.size_gib, v.status,
    v.attach_status, v.volume_type_id, t.name, v.availability_zone, v.host, v.bootable, v.multiattach,
    v.metadata, v.provider_location, v.created_at, v.updated_at"""
# Every volume has a type; LEFT keeps the volumes outermost, where their indexes give the order.
FROM: Final = "FROM volumes v LEFT JOIN volume_types t ON t.id = v.volume_type_id"


def _volume(row: Row) -> Volume:
    return Volume(*(*row[:12], bool(row[12]), bool(row[13]), *row[14:]))


_INSERT: Final = """
INSERT INTO volumes (id, project_id, user_id, name, description, size_gib, status, attach_status,
    volume_type_id, availability_zone, host, bootable, multiattach, metadata, provider_location,
    created_at, updated_at)
VALUES (:id, :project_id, :user_id, :name, :description, :size_gib, :status, :attach_status,
    :volume_type_id, :availability_zone, :host, :bootable, :multiattach, :metadata, :provider_location,
    :created_at, :updated_at)
"""


def insert(txn: Txn, volume: Volume) -> None:
    """Add the row of ``volume``; its id must be new."""
    txn.change(_INSERT, {name: getattr(volume, name) for name in volume.__struct_fields__})


_GET: Final = f"SELECT {COLUMNS} {FROM} WHERE v.id = :id"


def get(txn: Txn, volume_id: str) -> Volume:
    """The volume. Raises :class:`VolumeNotFound`."""
    row = txn.one(_GET, {"id": volume_id})
    if row is None:
        raise VolumeNotFound(volume_id)
    return _volume(row)


def transition(txn: Txn, volume_id: str, event: str, now_us: int) -> None:
    """Move the volume by ``event`` of :data:`VOLUME`; compare-and-swap on its status.

    A transition that enters nothing deletes the row. Raises :class:`VolumeNotFound`, or
    :class:`InvalidState` if another status was found.
    """
    rule = VOLUME[event]
    statement, parameters = _TRANSITIONS[event]
    changed = txn.change(statement, {**parameters, "id": volume_id, "now": now_us})
    if not changed:
        found = get(txn, volume_id).status
        wanted = " or ".join(rule.leaves)
        raise InvalidState(
            f"Invalid volume: Volume {volume_id} status must be {wanted}, but it is {found}."
        )


def _transition_statement(event: str) -> tuple[str, dict[str, Any]]:
    rule = VOLUME[event]
    names = [f"from_{index}" for index in range(len(rule.leaves))]
    where = f"WHERE id = :id AND status IN ({', '.join(f':{name}' for name in names)})"
    parameters: dict[str, Any] = dict(zip(names, rule.leaves, strict=True))
    if rule.enters is None:
        return f"DELETE FROM volumes {where}", parameters
    parameters["enters"] = rule.enters
    return f"UPDATE volumes SET status = :enters, updated_at = :now {where}", parameters


_TRANSITIONS: Final = {event: _transition_statement(event) for event in VOLUME}


_PLACE: Final = "UPDATE volumes SET host = :host, updated_at = :now WHERE id = :id"


def set_host(txn: Txn, volume_id: str, host: str | None, now_us: int) -> None:
    """Record where the volume is to live; None when that was given up."""
    txn.change(_PLACE, {"id": volume_id, "host": host, "now": now_us})


_CREATED: Final = """
UPDATE volumes SET status = 'available', provider_location = :location, updated_at = :now
WHERE id = :id AND status = 'creating'
"""


def finish_create(txn: Txn, volume_id: str, location: str | None, now_us: int) -> None:
    """``create_done`` and the provider location, in one statement. Raises as :func:`transition`."""
    if not txn.change(_CREATED, {"id": volume_id, "location": location, "now": now_us}):
        transition(txn, volume_id, "create_done", now_us)


# What may be sorted and filtered by; the API's names on the left.
SORT_COLUMNS: Final = {
    "id": "v.id",
    "status": "v.status",
    "size": "v.size_gib",
    "availability_zone": "v.availability_zone",
    "name": "v.name",
    "display_name": "v.name",
    "bootable": "v.bootable",
    "created_at": "v.created_at",
    "updated_at": "v.updated_at",
    "host": "v.host",
    "user_id": "v.user_id",
    "project_id": "v.project_id",
    "volume_type_id": "v.volume_type_id",
}
FILTER_COLUMNS: Final = {**SORT_COLUMNS, "description": "v.description"}
_WORDS: Final = {"asc": "ASC", "desc": "DESC"}


def select(txn: Txn, query: VolumeQuery) -> list[Volume]:
    """The page of ``query``. Raises :class:`VolumeNotFound` for an unknown marker."""
    where, parameters = _where(query)
    if query.marker is not None:
        after, more = _after_marker(txn, query)
        where.append(after)
        parameters |= more
    order = ", ".join(f"{SORT_COLUMNS[key]} {_WORDS[direction]}" for key, direction in query.sort)
    clause = f"WHERE {' AND '.join(where)}" if where else ""
    limit = -1 if query.limit is None else query.limit
    bounds = "LIMIT :limit OFFSET :offset" if limit >= 0 or query.offset else ""
    # Only names of the tables above are put into the text; every value is a parameter.
    sql = f"SELECT {COLUMNS} {FROM} {clause} ORDER BY {order} {bounds}"
    rows = txn.all(sql, {**parameters, "limit": limit, "offset": query.offset})
    return [_volume(row) for row in rows]


def count(txn: Txn, query: VolumeQuery) -> int:
    """How many volumes ``query`` matches, ignoring marker, limit and offset."""
    where, parameters = _where(query)
    clause = f"WHERE {' AND '.join(where)}" if where else ""
    row = txn.one(f"SELECT count(*) FROM volumes v {clause}", parameters)
    return int(row[0]) if row else 0


def _where(query: VolumeQuery) -> tuple[list[str], dict[str, Any]]:
    where: list[str] = []
    parameters: dict[str, Any] = {}
    if query.project_id is not None:
        where.append("v.project_id = :project_id")
        parameters["project_id"] = query.project_id
    for index, (key, value) in enumerate(query.filters.items()):
        column = FILTER_COLUMNS[key]
        values = value if isinstance(value, tuple) else (value,)
        names = [f"f{index}_{number}" for number in range(len(values))]
        where.append(f"{column} IN ({', '.join(f':{name}' for name in names)})")
        parameters |= dict(zip(names, values, strict=True))
        if key == "status" and "available" not in values:
            # Changes nothing but the plan: the condition of the indexes of unsettled volumes.
            where.append("v.status <> 'available'")
    return where, parameters


def _after_marker(txn: Txn, query: VolumeQuery) -> tuple[str, dict[str, Any]]:
    """The condition "sorts after the marker", one alternative per sort key; NULL sorts as SQLite's."""
    columns = ", ".join(SORT_COLUMNS[key] for key, _ in query.sort)
    sql = f"SELECT v.project_id, {columns} {FROM} WHERE v.id = :id"
    row = txn.one(sql, {"id": query.marker})
    if row is None or query.project_id not in (None, row[0]):
        raise VolumeNotFound(str(query.marker))
    keys = [
        (SORT_COLUMNS[key], direction, f"m{index}", value)
        for index, ((key, direction), value) in enumerate(zip(query.sort, row[1:], strict=True))
    ]
    parameters = {name: value for _, _, name, value in keys}
    if len({direction for _, direction, _, _ in keys}) == 1 and None not in parameters.values():
        # All one way and no NULL: a row comparison, which the index answers by one seek.
        sign = ">" if keys[0][1] == "asc" else "<"
        left = ", ".join(column for column, _, _, _ in keys)
        right = ", ".join(f":{name}" for _, _, name, _ in keys)
        if not any(column in _NULLABLE for column, _, _, _ in keys):
            return f"({left}) {sign} ({right})", parameters
    alternatives = []
    for index, (column, direction, name, value) in enumerate(keys):
        equal = [f"{c} IS :{n}" for c, _, n, _ in keys[:index]]
        alternatives.append(" AND ".join([*equal, _beyond(column, direction, name, value)]))
    return "(" + " OR ".join(f"({one})" for one in alternatives) + ")", parameters


_NULLABLE: Final = {"v.name", "v.host", "v.updated_at"}


def _beyond(column: str, direction: str, name: str, value: object) -> str:
    """Whether ``column`` sorts after the marker's value; NULL comes first ascending, last descending."""
    if direction == "asc":
        return f"{column} IS NOT NULL" if value is None else f"{column} > :{name}"
    return "1 = 0" if value is None else f"({column} < :{name} OR {column} IS NULL)"


_IDS_ON: Final = """
SELECT id FROM volumes WHERE host >= :backend_host || '#' AND host < :backend_host || '$'
"""


def ids_on(txn: Txn, backend_host: str) -> list[str]:
    """The ids of the volumes on any pool of a backend; ``$`` follows ``#`` in the order of characters."""
    return [row[0] for row in txn.all(_IDS_ON, {"backend_host": backend_host})]
