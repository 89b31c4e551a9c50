"""Every status of every resource and every transition between them, as one flat table.

A transition is a compare-and-swap: it names the statuses that it may leave and the one it enters, so
that of two concurrent requests exactly one wins. ``tests/unit/model/test_states.py`` checks that every
status can be reached, and that no status is without a way out.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct


class Transition(Struct, frozen=True):
    """``event`` moves a resource from one of ``leaves`` to ``enters``; ``enters`` None: the row goes."""

    event: str
    leaves: tuple[str, ...]
    enters: str | None
    why: str


# Statuses from which a plain delete may start (Cinder 29, volume-states: delete).
DELETABLE: Final = ("available", "error", "error_restoring", "error_extending", "error_managing")

# What an administrator may set a volume's statuses to (Cinder 29, VolumeStatus.ALL and its like, of which
# `deleting` is refused). None of these leads on by itself: an operation's statuses are the table's below.
RESETTABLE: Final = (
    "creating", "available", "error", "error_deleting", "error_managing", "managing", "attaching",
    "in-use", "detaching", "maintenance", "restoring-backup", "error_restoring", "reserved",
    "awaiting-transfer", "backing-up", "error_backing-up", "error_extending", "downloading",
    "uploading", "retyping", "extending",
)  # fmt: skip
RESETTABLE_ATTACH: Final = ("attached", "detached")
RESETTABLE_MIGRATION: Final = ("migrating", "error", "success", "completing", "none", "starting")

# The migration statuses of a volume that does not migrate (Cinder 29, AVAILABLE_MIGRATION_STATUS).
NOT_MIGRATING: Final = (None, "deleting", "error", "success")

# A volume's first status; no transition enters it, the row is inserted with it.
VOLUME_FIRST: Final = "creating"

VOLUME: Final[dict[str, Transition]] = {
    transition.event: transition
    for transition in (
        Transition("create_done", ("creating",), "available", "The driver made the volume."),
        Transition("create_failed", ("creating",), "error", "No backend could make the volume."),
        Transition("delete_started", DELETABLE, "deleting", "A delete was accepted."),
        Transition(
            "force_delete_started",
            (*RESETTABLE, "deleting"),
            "deleting",
            "An administrator deletes from any status; an operation under way was given up before.",
        ),
        Transition("delete_done", ("deleting",), None, "The backend holds nothing of it any more."),
        Transition("delete_failed", ("deleting",), "error_deleting", "The driver refused."),
    )
}
