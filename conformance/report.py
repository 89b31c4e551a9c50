"""The report: a table, reasons and failures for people, and the same as JSON for programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final, NamedTuple

from conformance.outcomes import Outcome, Verdict

_LINE: Final = "{:<16} {:>7} {:>7} {:>7} {:>10} {:>8}"
_HEAD: Final = ("group", "passed", "failed", "skipped", "not built", "seconds")


class Result(NamedTuple):
    """What became of a group; ``left_out`` has the feature that each test waits for."""

    group: str
    outcomes: Sequence[Outcome]
    left_out: Mapping[str, str]
    seconds: float

    def count(self, verdict: Verdict) -> int:
        """How many tests ended so."""
        return sum(outcome.verdict == verdict for outcome in self.outcomes)

    @property
    def ran_nothing(self) -> bool:
        """Whether no test ran to an end: that is no success."""
        return self.count("passed") + self.count("failed") == 0

    @property
    def good(self) -> bool:
        """Whether something ran, and nothing failed."""
        return not self.ran_nothing and self.count("failed") == 0


def succeeded(results: Sequence[Result]) -> bool:
    """Whether every group is good, and there is one."""
    return bool(results) and all(result.good for result in results)


def text(results: Sequence[Result]) -> str:
    """The table, why tests were skipped, what is not built, and what failed."""
    return "\n".join(_lines(results))


def save(path: Path, results: Sequence[Result]) -> None:
    """Write every outcome to ``path``, without what Tempest logged."""
    content = {
        "good": succeeded(results),
        "groups": [_group(result) for result in results],
    }
    path.write_text(json.dumps(content, indent=2) + "\n")


def _lines(results: Sequence[Result]) -> Iterator[str]:
    yield _LINE.format(*_HEAD)
    for result in results:
        yield _row(result.group, [result])
    if len(results) > 1:
        yield _row("all", results)
    skipped = (one.reason for each in results for one in each.outcomes if one.verdict == "skipped")
    yield from _counts("Skipped, because Tempest says:", skipped)
    yield from _counts(
        "Not built yet:", (why for each in results for why in each.left_out.values())
    )
    for result in results:
        yield from _failures(result)
        if result.ran_nothing:
            yield f"\nFAILED {result.group}: no test of it ran."


def _row(name: str, results: Sequence[Result]) -> str:
    return _LINE.format(
        name,
        *(
            sum(each.count(verdict) for each in results)
            for verdict in ("passed", "failed", "skipped")
        ),
        sum(len(each.left_out) for each in results),
        f"{sum(each.seconds for each in results):.1f}",
    )


def _counts(title: str, reasons: Iterable[str]) -> Iterator[str]:
    """Each reason with how often it was given, the most frequent first."""
    counted = Counter(reasons)
    if counted:
        yield f"\n{title}"
        yield from (f"{number:>6}  {reason}" for reason, number in counted.most_common())


def _failures(result: Result) -> Iterator[str]:
    """What failed and why; tests that a failed preparation of their class kept from running, as one."""
    failed = (outcome for outcome in result.outcomes if outcome.verdict == "failed")
    for _, same in groupby(failed, lambda one: (one.test.rpartition(".")[0], one.text)):
        first, *others = same
        also = f" and {len(others)} more of its class" if others else ""
        yield f"\nFAILED {first.test}{also}\n    {first.reason}"


def _group(result: Result) -> dict[str, Any]:
    return {
        "name": result.group,
        "good": result.good,
        "seconds": round(result.seconds, 1),
        "passed": result.count("passed"),
        "failed": result.count("failed"),
        "skipped": result.count("skipped"),
        "not_built": len(result.left_out),
        "tests": [
            {
                "test": outcome.test,
                "verdict": outcome.verdict,
                "seconds": round(outcome.seconds, 3),
                "text": outcome.text,
            }
            for outcome in result.outcomes
        ],
        "waiting": [{"test": test, "feature": why} for test, why in result.left_out.items()],
    }
