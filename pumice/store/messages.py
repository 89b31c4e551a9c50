"""Rows of ``messages``: what a user is told about a failure (Cinder's user messages)."""

from __future__ import annotations

from typing import Final

from pumice.errors import NotFound
from pumice.model.message import LEVEL, Message, MessageQuery
from pumice.store.texts import literal, lowered
from pumice.store.txn import Txn

_COLUMNS: Final = """id, project_id, request_id, resource_type, resource_id, action, detail,
    user_message, created_at, expires_at"""

_INSERT: Final = f"""
INSERT INTO messages ({_COLUMNS}) VALUES (:id, :project_id, :request_id, :resource_type, :resource_id,
    :action, :detail, :user_message, :created_at, :expires_at)
ON CONFLICT (id) DO NOTHING
"""


def insert(txn: Txn, message: Message) -> None:
    """Add a message; a second one of the same id changes nothing."""
    txn.change(_INSERT, {name: getattr(message, name) for name in message.__struct_fields__})


# What may be sorted and filtered by; the API's names on the left. No column is NULL.
SORT_COLUMNS: Final = {
    "id": "id",
    "request_id": "request_id",
    "resource_type": "resource_type",
    "resource_uuid": "resource_id",
    "event_id": "('VOLUME_' || resource_type || '_' || action || '_' || detail)",
    "message_level": f"CAST('{LEVEL}' AS TEXT)",
    "created_at": "created_at",
    "guaranteed_until": "expires_at",
}
_WORDS: Final = {"asc": "ASC", "desc": "DESC"}


def select(txn: Txn, query: MessageQuery) -> list[Message]:
    """The page of ``query``. Raises :class:`NotFound` for an unknown marker."""
    where = ["project_id = :project_id"]
    parameters: dict[str, object] = {"project_id": query.project_id}
    for index, (key, value) in enumerate(query.filters.items()):
        column = SORT_COLUMNS[key.removesuffix("~")]
        if key.endswith("~"):
            where.append(f"lower({column}) LIKE :f{index} ESCAPE '!'")
            parameters[f"f{index}"] = f"%{literal(lowered(value), '!')}%"
        else:
            where.append(f"{column} = :f{index}")
            parameters[f"f{index}"] = value
    if query.marker is not None:
        after, marks = _after_marker(txn, query)
        where.append(after)
        parameters |= marks
    order = ", ".join(f"{SORT_COLUMNS[key]} {_WORDS[direction]}" for key, direction in query.sort)
    # Only names of the table above are put into the text; every value is a parameter.
    sql = f"SELECT {_COLUMNS} FROM messages WHERE {' AND '.join(where)} ORDER BY {order}"
    bounds = {"limit": query.limit, "offset": query.offset}
    rows = txn.all(f"{sql} LIMIT :limit OFFSET :offset", parameters | bounds)
    return [Message(*row) for row in rows]


def _after_marker(txn: Txn, query: MessageQuery) -> tuple[str, dict[str, object]]:
    """The condition "sorts after the marker". Raises :class:`NotFound`."""
    columns = [SORT_COLUMNS[key] for key, _ in query.sort]
    sql = f"SELECT {', '.join(columns)} FROM messages WHERE id = :id AND project_id = :project_id"
    row = txn.one(sql, {"id": query.marker, "project_id": query.project_id})
    if row is None:
        raise _no_such_message(str(query.marker))
    names = [f":m{index}" for index in range(len(row))]
    marks: dict[str, object] = {f"m{index}": value for index, value in enumerate(row)}
    signs = [">" if direction == "asc" else "<" for _, direction in query.sort]
    if len(set(signs)) == 1:  # One seek in the index of the default order.
        return f"({', '.join(columns)}) {signs[0]} ({', '.join(names)})", marks
    keys = list(zip(columns, signs, names, strict=True))
    alternatives = [
        " AND ".join([*(f"{c} = {n}" for c, _, n in keys[:index]), f"{column} {sign} {name}"])
        for index, (column, sign, name) in enumerate(keys)
    ]
    return f"({' OR '.join(alternatives)})", marks


def _no_such_message(message_id: str) -> NotFound:
    return NotFound(f"Message {message_id} could not be found.")


_GET: Final = f"SELECT {_COLUMNS} FROM messages WHERE id = :id"


def get(txn: Txn, message_id: str) -> Message:
    """One message. Raises :class:`NotFound`."""
    row = txn.one(_GET, {"id": message_id})
    if row is None:
        raise _no_such_message(message_id)
    return Message(*row)


_DELETE: Final = "DELETE FROM messages WHERE id = :id"


def delete(txn: Txn, message_id: str) -> None:
    """Remove one message."""
    txn.change(_DELETE, {"id": message_id})


_PRUNE: Final = """
DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE expires_at < :now LIMIT :limit)
"""


def prune(txn: Txn, now_us: int, limit: int) -> int:
    """Remove at most ``limit`` messages whose time is over; how many."""
    return txn.change(_PRUNE, {"now": now_us, "limit": limit})
