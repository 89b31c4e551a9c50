"""Every test that was to run gets a verdict, and nothing that went wrong is lost."""

from __future__ import annotations

import pytest

from conformance.outcomes import SILENT, Event, Outcome, outcomes

ONE, TWO = "s.m.C.test_one", "s.m.C.test_two"
TRACEBACK = """\
Traceback (most recent call last):
  File "a.py", line 1, in f
    raise KeyError(1)
KeyError: 1

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "b.py", line 2, in g
    raise Wrong
s.Wrong: Bad request
Details: {'code': 400}
and more"""


def event(test: str, status: str, text: str = "") -> Event:
    return Event.of({"test": test, "status": status, "seconds": 1.5, "text": text, "log": "l"})


def verdicts(*events: Event) -> list[tuple[str, str]]:
    return [(outcome.test, outcome.verdict) for outcome in outcomes([ONE, TWO], events)]


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ("success", "passed"),
        ("skip", "skipped"),
        ("fail", "failed"),
        ("inprogress", "failed"),
        ("uxsuccess", "failed"),
        ("xfail", "failed"),
    ],
)
def test_only_a_success_has_passed_and_only_a_skip_was_skipped(status: str, verdict: str) -> None:
    assert verdicts(event(f"{ONE}[id-1]", status), event(TWO, "success")) == [
        (ONE, verdict),
        (TWO, "passed"),
    ]


@pytest.mark.parametrize(("status", "verdict"), [("fail", "failed"), ("skip", "skipped")])
def test_the_preparation_of_a_class_stands_for_its_tests(status: str, verdict: str) -> None:
    found = outcomes([ONE, TWO], [event("setUpClass (s.m.C)", status, "why")])
    assert found == [
        Outcome(ONE, verdict, 0.0, "why", "l"),  # type: ignore[arg-type]  # Of the cases above.
        Outcome(TWO, verdict, 0.0, "why", "l"),  # type: ignore[arg-type]  # Of the cases above.
    ]


def test_a_test_without_a_result_has_failed() -> None:
    found = outcomes([ONE, TWO], [event(ONE, "success"), event("setUpClass (s.m.D)", "skip")])
    assert found == [Outcome(ONE, "passed", 1.5, "", "l"), Outcome(TWO, "failed", text=SILENT)]


def test_a_failure_that_is_no_tests_counts_as_well() -> None:
    good = (event(ONE, "success"), event(TWO, "success"))
    teardown = event("tearDownClass (s.m.C)", "fail", "why")
    assert verdicts(*good, teardown)[2:] == [("tearDownClass (s.m.C)", "failed")]
    assert verdicts(*good, event("process-returncode", "fail"))[2:] == [
        ("process-returncode", "failed")
    ]
    assert verdicts(*good, event("tearDownClass (s.m.C)", "skip"))[2:] == []


def test_the_reason_is_what_the_last_exception_says() -> None:
    assert Outcome(ONE, "failed", text=TRACEBACK).reason == (
        "s.Wrong: Bad request Details: {'code': 400}"
    )
    assert Outcome(ONE, "skipped", text="Not here.").reason == "Not here."
    assert Outcome(ONE, "passed").reason == ""
