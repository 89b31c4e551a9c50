"""User messages: what a project is told of its failures."""

from __future__ import annotations

from typing import Final

from pumice.context import Context
from pumice.errors import NotFound
from pumice.model.message import Message, MessageQuery
from pumice.store import messages as rows
from pumice.store.txn import Txn

SORT_KEYS: Final = frozenset(rows.SORT_COLUMNS)
"""What lists of messages may be sorted by."""


def list_messages(txn: Txn, query: MessageQuery) -> list[Message]:
    """Query: one page of a project's messages. Raises :class:`NotFound` for an unknown marker."""
    return rows.select(txn, query)


def find_message(txn: Txn, context: Context, message_id: str) -> Message:
    """Query: one message. Raises :class:`NotFound`, also for another project's."""
    message = rows.get(txn, message_id)
    if message.project_id != context.project_id and not context.is_admin:
        raise NotFound(f"Message {message_id} could not be found.")
    return message


def delete_message(txn: Txn, context: Context, message_id: str) -> None:
    """Unit: remove one message."""
    rows.delete(txn, find_message(txn, context, message_id).id)
