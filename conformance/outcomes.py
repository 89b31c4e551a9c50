"""What became of each test: pure, from the events of a run.

Tempest prepares and cleans up by class. An event of a class stands for every test of it that gave no
event of its own; a test that gave none at all has failed, so that a worker that died is seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple

from conformance.groups import plain

Verdict = Literal["passed", "failed", "skipped"]

SILENT: Final = "It gave no result: its worker ended before it, or never began."

REASON_LINES: Final = 2
"""An exception of Tempest's says what was wrong, and on a second line what the server answered."""

_VERDICTS: Final[dict[str, Verdict]] = {"success": "passed", "skip": "skipped"}


class Event(NamedTuple):
    """One line of ``stream.py``: a test or the preparation of a class has ended.

    ``text`` is a traceback or why it was skipped, ``log`` what Tempest logged meanwhile.
    """

    test: str
    status: str
    seconds: float
    text: str
    log: str = ""

    @classmethod
    def of(cls, line: dict[str, Any]) -> Event:
        """The event in a line, with the plain name of its test."""
        return cls(**{**line, "test": plain(line["test"])})


class Outcome(NamedTuple):
    """The verdict on one test, or on the end of a class (``tearDownClass (...)``)."""

    test: str
    verdict: Verdict
    seconds: float = 0.0
    text: str = ""
    log: str = ""

    @property
    def reason(self) -> str:
        """The text in one line: what the exception says, or why it was skipped."""
        lines = self.text.splitlines()
        frames = [number for number, line in enumerate(lines) if line.startswith("  File ")]
        after = lines[frames[-1] :] if frames else lines
        said = [line.strip() for line in after if line.strip() and not line.startswith(" ")]
        return " ".join(said[:REASON_LINES])


def verdict_of(event: Event) -> Verdict:
    """Whatever is neither a success nor a skip is a failure; so is a test cut short."""
    return _VERDICTS.get(event.status, "failed")


def outcomes(tests: Sequence[str], events: Iterable[Event]) -> list[Outcome]:
    """The verdict on each of ``tests`` (plain names), then on what else has failed."""
    found = {event.test: event for event in events}
    used = set()
    judged = []
    for test in tests:
        event = found.get(test) or found.get(f"setUpClass ({test.rpartition('.')[0]})")
        if event is None:
            judged.append(Outcome(test, "failed", text=SILENT))
        else:
            used.add(event.test)
            seconds = event.seconds if event.test == test else 0.0
            judged.append(Outcome(test, verdict_of(event), seconds, event.text, event.log))
    return [*judged, *_further(event for name, event in found.items() if name not in used)]


def _further(events: Iterable[Event]) -> Iterator[Outcome]:
    """What nobody selected: the ends of classes, dead workers. Only failures are of interest."""
    for event in events:
        if verdict_of(event) == "failed":
            yield Outcome(event.test, "failed", event.seconds, event.text, event.log)
