"""The table of a volume's statuses: reachable, and with a way out."""

from __future__ import annotations

from pumice.model.states import DELETABLE, RESETTABLE, VOLUME, VOLUME_FIRST

ENTERED = {VOLUME_FIRST, *RESETTABLE} | {rule.enters for rule in VOLUME.values() if rule.enters}
"""By a transition, or by an administrator's word."""


def test_every_status_can_be_reached() -> None:
    left = {status for rule in VOLUME.values() for status in rule.leaves}
    assert left <= ENTERED


def test_no_word_makes_a_volume_look_as_if_it_were_removed() -> None:
    assert "deleting" not in RESETTABLE


def test_every_status_has_a_way_out() -> None:
    left = {status for rule in VOLUME.values() for status in rule.leaves}
    assert left >= ENTERED


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
    assert gone >= {*ENTERED, *DELETABLE}
