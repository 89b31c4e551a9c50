"""The judge of the storm finds each kind of violation, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.crash.history import History, Setting, Told
from tests.crash.storm import Verdict
from tests.crash.verify import GIB, wrong_files

KEPT = {"id": "1", "name": "kept", "status": "available"}
UNANSWERED = {"id": "2", "name": "unanswered", "status": "available"}
HALF_REMOVED = {"id": "3", "name": "half removed", "status": "available"}


@pytest.fixture
def history() -> History:
    """One volume of each fate."""
    history = History()
    history.ask_create("kept").id = "1"
    history.ask_create("unanswered")
    half_removed = history.ask_create("half removed")
    half_removed.id, half_removed.delete_asked = "3", True
    removed = history.ask_create("removed")
    removed.id, removed.delete_asked, removed.delete_acknowledged = "4", True, True
    return history


@pytest.mark.parametrize(
    "found", [[KEPT], [KEPT, UNANSWERED], [HALF_REMOVED, KEPT], [KEPT, UNANSWERED, HALF_REMOVED]]
)
def test_what_was_not_answered_may_be_there_or_not(
    history: History, found: list[dict[str, Any]]
) -> None:
    assert list(history.violations(found)) == []


@pytest.mark.parametrize(
    ("found", "violation"),
    [
        ([], "kept (1) was acknowledged and is lost"),
        ([KEPT | {"id": "9"}], "kept (9) was acknowledged as 1"),
        ([KEPT | {"status": "creating"}], "kept (1) rests in status creating"),
        ([KEPT | {"status": "error"}], "kept (1) rests in status error"),
        ([KEPT, KEPT], "the id 1 is there 2 times"),
        ([KEPT, UNANSWERED, UNANSWERED | {"id": "5"}], "the name unanswered is there 2 times"),
        ([KEPT, UNANSWERED | {"status": "error"}], "unanswered (2) rests in status error"),
        (
            [KEPT, {"id": "4", "name": "removed", "status": "available"}],
            "removed (4) is back, and it was gone or its removal acknowledged",
        ),
        (
            [KEPT, {"id": "7", "name": "stranger", "status": "available"}],
            "stranger (7) is there, and nobody asked for it",
        ),
    ],
)
def test_a_broken_promise_is_found(
    history: History, found: list[dict[str, Any]], violation: str
) -> None:
    assert violation in list(history.violations(found))


def test_what_was_looked_at_does_not_change_any_more(history: History) -> None:
    assert history.unanswered() == 2
    history.learn([KEPT, HALF_REMOVED])
    assert history.unanswered() == 0
    assert list(history.violations([KEPT, UNANSWERED])) == [
        "unanswered (2) is back, and it was gone or its removal acknowledged",
        "half removed (3) was acknowledged and is lost",
    ]


def test_what_is_asked_under_a_key_stays_open_until_it_is_answered(history: History) -> None:
    made = history.ask_create("made", keyed=True)
    missing = history.ask_create("missing", keyed=True)
    kept = history.known["kept"]
    kept.delete_asked, kept.pending = True, "force delete"
    found = [KEPT, {"id": "5", "name": "made", "status": "available"}]
    assert list(history.violations(found)) == []
    history.learn(found)
    assert (made.id, made.pending, made.gone) == ("5", "create", False)
    assert (missing.id, missing.pending, missing.gone) == (None, "create", False)
    assert kept.delete_asked
    assert history.there() == [], "what is to be asked again is not to be removed"
    history.learn([])
    assert list(history.violations([KEPT])) == [
        "kept (1) is back, and it was gone or its removal acknowledged",
        "made (5) was acknowledged and is lost",
    ]


def test_the_last_answer_counts_or_what_was_asked_since() -> None:
    limit = Setting(1)
    limit.ask(2)
    limit.acknowledge()
    limit.ask(3)
    assert limit.possible == [2, 3]
    assert list(limit.violations("the limit", 3)) == []
    assert list(limit.violations("the limit", 2)) == ["the limit is 2, and may be 3"]


def test_wrong_metadata_is_found(history: History) -> None:
    history.known["kept"].metadata.ask({"a": "1"})
    history.known["kept"].metadata.acknowledge()
    assert list(history.violations([KEPT | {"metadata": {}, "bootable": "false"}])) == [
        "the metadata of kept (1) is {}, and may be {'a': '1'}"
    ]


def test_only_what_was_forced_may_leave_bytes() -> None:
    told = Told()
    known = told.volumes.ask_create("forced", keyed=True)
    known.id, known.forced = "6", True
    told.volumes.ask_create("other", keyed=True).id = "7"
    assert told.forced() == {"6"}
    assert told.pending() == [("volume", "forced"), ("volume", "other")]


def test_files_are_compared_with_the_volumes(tmp_path: Path) -> None:
    (tmp_path / "volume-1.raw").touch()
    (tmp_path / "other").touch()
    volumes = [{"id": "1", "size": 1}, {"id": "2", "size": 1}]
    assert list(wrong_files(tmp_path, volumes)) == [
        "the file other is left over",
        f"the file volume-1.raw has 0 bytes instead of {GIB}",
        "the file volume-2.raw is missing",
    ]
    assert list(wrong_files(tmp_path, [], forgiven={"1"})) == ["the file other is left over"]


def test_a_disk_that_broke_excuses_what_was_made_or_removed_meanwhile(history: History) -> None:
    error = {"status": "error"}
    history.learn([KEPT])
    history.may_fail = True
    history.ask_create("new")
    failed = [KEPT, {"id": "8", "name": "new"} | error]
    assert list(history.violations(failed)) == []
    history.learn(failed)
    history.may_fail = False
    assert list(history.violations(failed)) == [], "it stays as it failed"
    assert [known.id for known in history.there()] == ["1"], "nobody works with what failed"
    assert list(history.violations([KEPT | error])) == [
        "kept (1) rests in status error",
        "new (8) was acknowledged and is lost",
    ]


def test_a_verdict_counts_violations_by_what_was_broken() -> None:
    verdict = Verdict(
        "kill",
        wrong=[
            "kept (1) was acknowledged and is lost",
            "the id 1 is there 2 times",
            "the operation 5 is stuck",
            "the file volume-1.raw is left over",
            "pumice db check: a sum is wrong",
        ],
    )
    assert "1 lost, 1 doubled, 1 stuck, 1 leaked, 1 otherwise wrong" in str(verdict)
