"""The table of a volume's statuses: reachable, and with a way out."""

from __future__ import annotations

from pumice.model.states import DELETABLE, VOLUME, VOLUME_FIRST

# Entered by operations that are still to come; they are listed because a delete may leave them.
COMING = {"error_restoring", "error_extending", "error_managing"}


def test_every_status_can_be_reached() -> None:
    entered = {VOLUME_FIRST} | {rule.enters for rule in VOLUME.values() if rule.enters}
    left = {status for rule in VOLUME.values() for status in rule.leaves}
    assert left - entered == COMING


def test_every_status_has_a_way_out() -> None:
    entered = {VOLUME_FIRST} | {rule.enters for rule in VOLUME.values() if rule.enters}
    left = {status for rule in VOLUME.values() for status in rule.leaves}
    assert entered <= left


def test_every_way_ends_with_the_row_gone() -> None:
    gone = {status for rule in VOLUME.values() if rule.enters is None for status in rule.leaves}
    while True:
        more = {
            status
            for rule in VOLUME.values()
            if rule.enters in gone
            for status in rule.leaves
            if status not in gone
        }
        if not more:
            break
        gone |= more
    assert {VOLUME_FIRST, *DELETABLE, "deleting", "error_deleting"} <= gone
