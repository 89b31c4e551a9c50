"""A message to the user about something that failed after the request was accepted.

Codes, names and words are Cinder's, so that programs which read ``event_id`` find what they know.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from msgspec import Struct

from pumice.model.operation import OperationRecord

TTL_US: Final = 30 * 24 * 3600 * 1_000_000
"""How long a message is kept: Cinder's ``message_ttl``, 30 days."""

LEVEL: Final = "ERROR"
"""The level of every message: there are none about what went well."""

_RESOURCES: Final = {
    "volume": "VOLUME",
    "snapshot": "VOLUME_SNAPSHOT",
    "backup": "VOLUME_BACKUP",
}
"""The types of resources of operations, in the words of messages."""


class Action(Enum):
    """What was being done: the code, and the words in front of the colon."""

    SCHEDULE_ALLOCATE_VOLUME = ("001", "schedule allocate volume")
    CREATE_VOLUME_FROM_BACKEND = ("008", "create volume from backend storage")
    DELETE_VOLUME_FROM_BACKEND = ("008", "delete volume from backend storage")
    """Cinder tells nobody of a failed delete, and so has no code of its own for it."""


class Detail(Enum):
    """What went wrong: the code, and the words behind the colon unless there are better ones."""

    UNKNOWN_ERROR = ("001", "An unknown error occurred.")
    NO_BACKEND_AVAILABLE = ("003", "Could not find any available weighted backend.")
    DRIVER_FAILED_CREATE = ("012", "Driver failed to create the volume.")


class Message(Struct, frozen=True):
    """``action`` and ``detail`` are Cinder's three-digit codes; times are UTC microseconds.

    The order of the fields is the order of the columns in :mod:`pumice.store.messages`.
    """

    id: str
    project_id: str
    request_id: str
    resource_type: str
    resource_id: str
    action: str
    detail: str
    user_message: str
    created_at: int
    expires_at: int

    @property
    def event_id(self) -> str:
        """Cinder's name for this kind of failure."""
        return f"VOLUME_{self.resource_type}_{self.action}_{self.detail}"


def failure_of(
    record: OperationRecord, action: Action, detail: Detail, now_us: int, words: str | None = None
) -> Message:
    """What the project is told of an operation that was given up; one message for each operation.

    ``words`` stand in place of the detail's own, where more may be told.
    """
    return Message(
        id=record.id,
        project_id=record.project_id,
        request_id=record.request_id,
        resource_type=_RESOURCES[record.resource_type],
        resource_id=record.resource_id,
        action=action.value[0],
        detail=detail.value[0],
        user_message=f"{action.value[1]}:{words or detail.value[1]}",
        created_at=now_us,
        expires_at=now_us + TTL_US,
    )


class MessageQuery(Struct, frozen=True):
    """Which messages of a project, in which order.

    ``filters`` compare for equality, or with a ``~`` behind the key for a part of the text. ``sort`` is
    a list of (key, "asc" | "desc") that ends with the id. ``marker`` is the last message of the page
    before.
    """

    project_id: str
    filters: dict[str, str]
    sort: tuple[tuple[str, str], ...]
    limit: int
    offset: int
    marker: str | None
