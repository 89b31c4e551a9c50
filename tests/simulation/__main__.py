"""``make simulate``: many runs; what fails is shrunk and told, with the command that plays it again."""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from tests.simulation.cloud import cloud
from tests.simulation.plan import OPERATIONS, Plan, draw
from tests.simulation.planted import PLANTED
from tests.simulation.shrink import shrink
from tests.simulation.simulate import Outcome, simulate

PROCESSES: Final = os.cpu_count() or 1
CHUNK: Final = 10
PROGRESS_SECONDS: Final = 10.0
PLANTED_RUNS: Final = 1000
DEFAULT_RUNS: Final = 500
EVENTS_SHOWN: Final = 25


class Totals:
    """What all runs had."""

    def __init__(self) -> None:
        self.runs = 0
        self.commits = 0
        self.seconds = 0.0
        """Virtual ones."""
        self.requests: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.processes: Counter[int] = Counter()

    def add(self, plan: Plan, outcome: Outcome) -> None:
        """One more run."""
        self.runs += 1
        self.commits += outcome.commits
        self.seconds += outcome.seconds
        self.requests.update(outcome.requests)
        self.faults.update(outcome.faults)
        self.processes[len(plan.nodes)] += 1

    def lines(self) -> list[str]:
        """For a person."""
        days = self.seconds / 86_400
        return [
            f"{self.runs} runs, {self.commits} commits, {days:.1f} virtual days",
            f"{self.requests.total()} requests, {self.faults.total()} faults",
            "runs by processes: " + _counts(self.processes),
            "requests: " + _counts(self.requests),
            "faults: " + _counts(self.faults),
        ]


def _counts(counts: Counter[Any]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in sorted(counts.items()))


def main() -> int:
    """Run the seeds; 1 if one of them found a violation."""
    options = _options()
    if options.planted:
        return _find_planted(options.operations, options.only)
    seeds = _seeds(options.seeds)
    if options.keep is not None or options.show:
        return _play(draw(seeds[0], options.operations), options.keep, show=options.show)
    totals, failed = _run_all(seeds, options)
    found = [_told(draw(seed, options.operations), kind) for seed, kind in sorted(failed.items())]
    so_far = totals.runs if options.tally is None else _count(options.tally, totals.runs)
    if options.json:
        answer = {
            "runs": totals.runs,
            "requests": totals.requests,
            "commits": totals.commits,
            "faults": totals.faults,
            "processes": totals.processes,
            "runs_so_far": so_far,
            "violations": found,
        }
        print(json.dumps(answer))
    else:
        print("\n".join(totals.lines()))
        if options.tally is not None:
            print(f"{so_far} runs so far, by {options.tally}")
        for one in found:
            print("\n".join(one["lines"]))
    return 1 if found else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument(
        "--seeds",
        default="",
        help="1..20000, or 42; a number of fresh ones with a + before it: +500 (the default)",
    )
    parser.add_argument(
        "--operations", type=int, default=OPERATIONS, help="of clients, in each run"
    )
    parser.add_argument("--keep", help="run one seed with these steps only: 3,7,12")
    parser.add_argument("--show", action="store_true", help="show what happens in one seed")
    parser.add_argument("--json", action="store_true", help="tell the result as JSON")
    parser.add_argument(
        "--tally", type=Path, help="a file in which the runs of all times are counted"
    )
    parser.add_argument(
        "--planted", action="store_true", help="after how many runs is each defect found"
    )
    parser.add_argument(
        "--only", default="", help="of the planted ones those with this in their name"
    )
    return parser.parse_args()


def _count(tally: Path, runs: int) -> int:
    """Add ``runs`` to those that the file has counted; how many there were by now."""
    before = int(tally.read_text()) if tally.exists() else 0
    tally.parent.mkdir(parents=True, exist_ok=True)
    unfinished = tally.with_suffix(".new")
    unfinished.write_text(f"{before + runs}\n")
    unfinished.rename(tally)
    return before + runs


def _seeds(text: str) -> range:
    if text.startswith("+") or not text:
        first = int(time.time())
        return range(first, first + int(text or DEFAULT_RUNS))
    first_text, _, last_text = text.partition("..")
    return range(int(first_text), int(last_text or first_text) + 1)


def _run_all(seeds: range, options: argparse.Namespace) -> tuple[Totals, dict[int, str]]:
    """Every seed, on every processor; the kinds of violations by their seeds."""
    totals = Totals()
    failed: dict[int, str] = {}
    began = told = time.monotonic()
    if not options.json:
        print(f"Seeds {seeds[0]} to {seeds[-1]}", flush=True)
    work = [(seed, options.operations) for seed in seeds]
    with multiprocessing.Pool(min(PROCESSES, len(work)), _prepare) as pool:
        for seed, outcome in pool.imap_unordered(_one, work, CHUNK):
            totals.add(draw(seed, options.operations), outcome)
            if outcome.violation is not None:
                failed[seed] = outcome.violation.kind
                if not options.json:
                    print(f"Seed {seed}: {outcome.violation}", flush=True)
            now = time.monotonic()
            if now - told > PROGRESS_SECONDS and not options.json:
                told = now
                rate = totals.runs / (now - began)
                left = (len(work) - totals.runs) / rate
                print(f"{totals.runs} of {len(work)}, {rate:.1f}/s, {left:.0f} s left", flush=True)
    return totals, failed


def _prepare() -> None:
    """In each process: what every run needs, kept out of the collector's way."""
    cloud()
    gc.freeze()


def _one(work: tuple[int, int]) -> tuple[int, Outcome]:
    seed, operations = work
    try:
        outcome = simulate(draw(seed, operations))
    except BaseException as error:
        error.add_note(f"It was the world that failed, at seed {seed}.")
        raise
    return seed, replace(outcome, history=[])  # Too much to be sent from process to process.


def _told(plan: Plan, kind: str) -> dict[str, Any]:
    """A violation for a person: the smallest plan, what happened last, and how to play it again."""
    small, outcome = shrink(plan, kind)
    outcome = outcome or simulate(small)
    kept = ",".join(str(step.number) for step in small.steps)
    command = f"make simulate SEEDS={plan.seed} ARGS='--keep {kept}'"
    lines = [
        "",
        f"VIOLATION ({len(small.steps)} of {len(plan.steps)} steps are enough)",
        *small.lines(),
        *_end(outcome),
        f"Play it again: {command}",
    ]
    return {
        "seed": plan.seed,
        "violation": str(outcome.violation),
        "keep": [step.number for step in small.steps],
        "command": command,
        "lines": lines,
    }


def _end(outcome: Outcome) -> Iterator[str]:
    """How a run ended."""
    yield "The last that happened:"
    for event in outcome.history[-EVENTS_SHOWN:]:
        yield f"  {event}"
    yield f"{outcome.violation or 'No violation'}; digest {outcome.digest}"


def _play(plan: Plan, keep: str | None, *, show: bool) -> int:
    """One plan, in full or in part."""
    if keep is not None:
        plan = plan.keeping(int(number) for number in keep.split(",") if number)
    outcome = simulate(plan)
    print("\n".join(plan.lines()))
    if show:
        for event in outcome.history:
            print(event)
    else:
        print("\n".join(_end(outcome)))
    return 0 if outcome.violation is None else 1


def _find_planted(operations: int, only: str) -> int:
    """After how many runs each planted defect is found; 1 if one is not."""
    names = [name for name in PLANTED if only in name]
    missed = 0
    with multiprocessing.Pool(PROCESSES, _prepare) as pool:
        work = [(name, operations) for name in names]
        for name, runs, violation in pool.imap(_search, work):
            missed += violation is None
            found = f"run {runs:4}  {violation}" if violation else f"NOT FOUND in {runs} runs"
            print(f"{name:45} {found[:160]}", flush=True)
    print(f"{len(names) - missed} of {len(names)} planted defects were found")
    return 1 if missed else 0


def _search(work: tuple[str, int]) -> tuple[str, int, str | None]:
    name, operations = work
    with PLANTED[name]():
        for seed in range(1, PLANTED_RUNS + 1):
            violation = simulate(draw(seed, operations)).violation
            if violation is not None:
                return name, seed, f"{violation.kind}: {violation.sentence}"
    return name, PLANTED_RUNS, None


if __name__ == "__main__":
    sys.exit(main())
