"""``make conformance``: OpenStack's own tests, unmodified, against a fresh Pumice.

The exit status is 0 if something ran in each group and all of it passed, 1 if not, 2 if it could not be
tried.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from conformance import report
from conformance.cloud import Cloud, NotReady, serving
from conformance.groups import Selection, StaleEntry, read_groups, select
from conformance.outcomes import outcomes, verdict_of
from conformance.report import Result
from conformance.tempest import Facts, Tempest, TempestFailed, prepare

FAILED: Final = 1
NOT_TRIED: Final = 2
INTERRUPTED: Final = 128 + signal.SIGINT


class NothingChosen(Exception):
    """No test has a name like the one that was asked for."""


class Failed(Exception):
    """The report names the tests that failed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for and report; the exit status."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, _end)
    try:
        with _folder() as folder:
            results = _run(options, folder)
            print(report.text(results))
            if options.json:
                report.save(options.json, results)
            _judge(results, folder / "failures")
    except Failed:
        return FAILED
    except (NotReady, NothingChosen, StaleEntry, TempestFailed) as error:
        print(f"conformance: {error}", file=sys.stderr)
        return NOT_TRIED
    except KeyboardInterrupt:
        print("conformance: interrupted; the server has stopped.", file=sys.stderr)
        return INTERRUPTED
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m conformance", description=__doc__)
    names = [group.name for group in read_groups()]
    parser.add_argument("--tempest", type=Path, required=True, help="its virtual environment")
    parser.add_argument("--only", action="append", choices=names, help="this group; repeatable")
    parser.add_argument("--tests", default="", type=_pattern, metavar="REGEX", help="these tests")
    parser.add_argument(
        "--not-built", action="store_true", help="also those known to be impossible"
    )
    parser.add_argument("--concurrency", type=int, default=2, metavar="N", help="workers (2)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every outcome to FILE")
    return parser.parse_args(arguments)


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no regular expression: {error}") from None
    return text


def _end(number: int, _frame: object) -> None:
    """A signal ends the program through its context managers: no server, no folder is left."""
    sys.exit(128 + number)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """A temporary folder; kept, and named, for whoever looks for the cause of an error."""
    folder = Path(tempfile.mkdtemp(prefix="pumice-conformance-"))
    try:
        yield folder
    except Exception:
        print(f"\nLogs, and each failure with its requests: {folder}", file=sys.stderr)
        raise
    except BaseException:
        shutil.rmtree(folder)
        raise
    shutil.rmtree(folder)


def _run(options: argparse.Namespace, folder: Path) -> list[Result]:
    tempest = Tempest(options.tempest, folder, options.concurrency)
    with serving(folder) as cloud:
        facts = prepare(cloud)
        tempest.configure(cloud, facts, ())
        selections = _selections(options, tempest.tests())
        with _progress() as progress:
            return [_run_group(tempest, cloud, facts, each, progress) for each in selections]


def _selections(options: argparse.Namespace, listed: Sequence[str]) -> list[Selection]:
    """What to run of each group that is asked for. Raises :class:`NothingChosen`."""
    selections = [
        select(group, listed, options.tests, all_of_it=options.not_built)
        for group in read_groups()
        if group.name in (options.only or [group.name])
    ]
    if options.tests:
        selections = [each for each in selections if each.run or each.left_out]
    if not selections:
        raise NothingChosen(f"No test is like {options.tests!r}.")
    return selections


def _run_group(
    tempest: Tempest, cloud: Cloud, facts: Facts, selection: Selection, progress: Progress
) -> Result:
    """Run the tests of one group, and tell of each failure at once."""
    name = selection.group.name
    if not selection.run:
        return Result(name, [], selection.left_out, 0.0)
    tempest.configure(cloud, facts, selection.group.services)
    task = progress.add_task(name, total=len(selection.run), failed=0)
    began = time.monotonic()
    events = []
    failed = 0
    with contextlib.closing(tempest.run(name, selection.run)) as told:
        for event in told:
            events.append(event)
            if verdict_of(event) == "failed":
                failed += 1
                progress.console.print(Text(f"failed: {event.test}"), soft_wrap=True)
            progress.update(task, advance=1, failed=failed)
    seconds = time.monotonic() - began
    progress.update(task, completed=len(selection.run))
    judged = outcomes(selection.names, events)
    return Result(name, judged, selection.left_out, seconds)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description:<16}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]} failed"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )


def _judge(results: Sequence[Result], folder: Path) -> None:
    """Raise :class:`Failed` unless all is good.

    Each failure gets a file in ``folder``: its traceback, then what Tempest asked and was answered.
    """
    if report.succeeded(results):
        return
    folder.mkdir()
    for result in results:
        for outcome in result.outcomes:
            if outcome.verdict == "failed":
                file = folder / f"{outcome.test.replace('/', '_')}.txt"
                file.write_text(f"{outcome.text}\n\n{outcome.log}")
    raise Failed


if __name__ == "__main__":
    sys.exit(main())
