"""The table says what happened; a run of nothing is no success."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conformance.outcomes import Outcome, Verdict
from conformance.report import Result, save, succeeded, text


def result(*verdicts: Verdict, name: str = "volume") -> Result:
    found = [
        Outcome(f"s.C.test_{number}", verdict, 0.5, "" if verdict == "passed" else "Why not.")
        for number, verdict in enumerate(verdicts)
    ]
    return Result(name, found, {"s.C.test_later": "trusts"}, 12.34)


@pytest.mark.parametrize(
    ("results", "good"),
    [
        ([result("passed")], True),
        ([result("passed", "skipped"), result("passed")], True),
        ([result("passed", "failed")], False),
        ([result("passed"), result("failed")], False),
        ([result("passed"), result("skipped")], False),
        ([result("passed"), result()], False),
        ([], False),
    ],
)
def test_success_is_that_something_ran_in_each_group_and_nothing_failed(
    results: list[Result], good: bool
) -> None:
    assert succeeded(results) is good


def test_the_report_counts_and_gives_reasons() -> None:
    told = text([result("passed", "passed", "skipped"), result("failed", name="identity")])
    assert told.splitlines() == [
        "group             passed  failed skipped  not built  seconds",
        "volume                 2       0       1          1     12.3",
        "identity               0       1       0          1     12.3",
        "all                    2       1       1          2     24.7",
        "",
        "Skipped, because Tempest says:",
        "     1  Why not.",
        "",
        "Not built yet:",
        "     2  trusts",
        "",
        "FAILED s.C.test_0",
        "    Why not.",
    ]


def test_tests_that_fail_for_one_cause_are_told_once() -> None:
    told = text([result("failed", "failed", "failed")])
    assert told.count("FAILED") == 1
    assert "FAILED s.C.test_0 and 2 more of its class" in told


def test_a_group_that_ran_nothing_is_named() -> None:
    assert text([result("skipped")]).endswith("FAILED volume: no test of it ran.")


def test_programs_get_every_outcome(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    save(file, [result("passed", "failed")])
    assert json.loads(file.read_text()) == {
        "good": False,
        "groups": [
            {
                "name": "volume",
                "good": False,
                "seconds": 12.3,
                "passed": 1,
                "failed": 1,
                "skipped": 0,
                "not_built": 1,
                "tests": [
                    {"test": "s.C.test_0", "verdict": "passed", "seconds": 0.5, "text": ""},
                    {"test": "s.C.test_1", "verdict": "failed", "seconds": 0.5, "text": "Why not."},
                ],
                "waiting": [{"test": "s.C.test_later", "feature": "trusts"}],
            }
        ],
    }
