"""Rows of ``messages``: what a user is told about a failure (Cinder's user messages)."""

from __future__ import annotations

from typing import Final

from pumice.errors import NotFound
from pumice.model.message import Message
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


_LIST: Final = f"""
SELECT {_COLUMNS} FROM messages WHERE project_id = :project_id
ORDER BY created_at DESC, id DESC LIMIT :limit
"""


def select(txn: Txn, project_id: str, limit: int) -> list[Message]:
    """The newest messages of a project, newest first."""
    return [Message(*row) for row in txn.all(_LIST, {"project_id": project_id, "limit": limit})]


_GET: Final = f"SELECT {_COLUMNS} FROM messages WHERE id = :id"


def get(txn: Txn, message_id: str) -> Message:
    """One message. Raises :class:`NotFound`."""
    row = txn.one(_GET, {"id": message_id})
    if row is None:
        raise NotFound(f"Message {message_id} could not be found.")
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
