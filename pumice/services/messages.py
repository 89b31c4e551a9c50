"""User messages: what a project is told of its failures."""

from __future__ import annotations

from typing import Final

from pumice.context import Context
from pumice.errors import NotFound
from pumice.model.message import Message
from pumice.store import messages as rows
from pumice.store.txn import Txn

MOST_READ: Final = 10_000
"""A project with more messages than this is told of the newest."""


def list_messages(txn: Txn, context: Context) -> list[Message]:
    """Query: the messages of the caller's project, newest first."""
    return rows.select(txn, context.project_id or "", MOST_READ)


def find_message(txn: Txn, context: Context, message_id: str) -> Message:
    """Query: one message. Raises :class:`NotFound`, also for another project's."""
    message = rows.get(txn, message_id)
    if message.project_id != context.project_id and not context.is_admin:
        raise NotFound(f"Message {message_id} could not be found.")
    return message


def delete_message(txn: Txn, context: Context, message_id: str) -> None:
    """Unit: remove one message."""
    rows.delete(txn, find_message(txn, context, message_id).id)
