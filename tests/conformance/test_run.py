"""The whole run against a served cloud, with a stand-in for Tempest: its ends and what is left.

Tempest itself is no part of the tests' environment; ``make conformance`` runs it.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest

from conformance.groups import read_groups

ROOT: Final = Path(__file__).parents[2]
SECONDS: Final = 60

# Lists the tests, or prints results, each from a file; it hangs if there is none.
STAND_IN: Final = """\
#!/bin/sh
case "$*" in
    *--list-tests*) cat {folder}/tests ;;
    *) cat {folder}/events ;;
esac || {{ echo > {folder}/hangs; sleep 600; }}
"""


class Stage:
    """A stand-in for Tempest's environment, and what runs with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.left = folder / "left"
        self.left.mkdir()
        commands = {
            "stestr": "#!/bin/sh\n",
            "python": "#!/bin/sh\nexec cat\n",
            "tempest": STAND_IN.format(folder=folder),
        }
        (folder / "venv" / "bin").mkdir(parents=True)
        for name, text in commands.items():
            file = folder / "venv" / "bin" / name
            file.write_text(text)
            file.chmod(0o755)
        self.tests = [
            f"{group.under}.{name}[id-1]"
            for group in read_groups()
            for names in group.not_built.values()
            for name in names
        ]
        self.tests.append("tempest.api.compute.flavors.test_flavors.F.test_get[id-2]")
        (folder / "tests").write_text("".join(f"{test}\n" for test in self.tests))
        os.mkfifo(folder / "hangs")

    def results(self, statuses: Iterable[str]) -> None:
        """What the stand-in tells of the one test that is run."""
        (self.folder / "events").write_text(
            "".join(
                json.dumps(
                    {
                        "test": self.tests[-1],
                        "status": status,
                        "seconds": 0.1,
                        "text": "Why not.",
                        "log": "GET /flavors",
                    }
                )
                for status in statuses
            )
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "conformance", "--tempest", f"{self.folder / 'venv'}"]
        return subprocess.Popen(
            [*command, "--only", "compute.flavors", *arguments],
            cwd=ROOT,
            env=os.environ | {"TMPDIR": f"{self.left}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Exit status, output and errors."""
        with self.start(*arguments) as process:
            output, errors = process.communicate(timeout=SECONDS)
        return process.returncode, output, errors

    def processes(self) -> list[str]:
        """What still runs in the temporary folder, or for it."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                line = (process / "cmdline").read_text()
                works_in = f"{(process / 'cwd').readlink()}"
            except OSError:
                continue  # It ended meanwhile.
            if f"{self.left}" in line or works_in.startswith(f"{self.left}"):
                found.append(line)
        return found


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_a_success_leaves_nothing(stage: Stage) -> None:
    stage.results(["success"])
    report = stage.folder / "report.json"
    status, output, errors = stage.run("--json", f"{report}")
    assert status == 0, errors
    assert "compute.flavors        1       0       0          2" in output
    assert json.loads(report.read_text())["good"] is True
    assert list(stage.left.iterdir()) == []
    assert stage.processes() == []


def test_a_failure_is_an_exit_status_and_keeps_the_folder_with_its_story(stage: Stage) -> None:
    stage.results(["fail"])
    status, output, errors = stage.run()
    assert status == 1
    assert "FAILED tempest.api.compute.flavors.test_flavors.F.test_get\n    Why not." in output
    (folder,) = stage.left.iterdir()
    assert f"{folder}" in errors
    (story,) = (folder / "failures").iterdir()
    assert story.read_text() == "Why not.\n\nGET /flavors"
    assert stage.processes() == []


@pytest.mark.parametrize("statuses", [["skip"], []])
def test_a_run_of_nothing_is_a_failure(stage: Stage, statuses: list[str]) -> None:
    stage.results(statuses)
    assert stage.run()[0] == 1


def test_what_cannot_be_tried_is_told_in_one_sentence(stage: Stage) -> None:
    stage.results(["success"])
    status, _, errors = stage.run("--tests", "no_such_test")
    assert (status, errors.splitlines()[-1]) == (2, "conformance: No test is like 'no_such_test'.")
    (stage.folder / "tests").write_text("")
    status, _, errors = stage.run()
    assert status == 2
    assert "Tempest has no" in errors.splitlines()[-1]


@pytest.mark.parametrize("missing", ["tests", "events"])
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"]
)
def test_an_interrupted_run_leaves_nothing(
    stage: Stage, number: int, status: int, missing: str
) -> None:
    stage.results(["success"])
    (stage.folder / missing).unlink()
    hangs = os.open(stage.folder / "hangs", os.O_RDWR)
    with stage.start() as process:
        assert process.stderr is not None
        ends = process.stderr.fileno()  # What it prints, or its end: then it will not hang.
        assert select.select([hangs, ends], [], [], SECONDS)[0] == [hangs]
        assert stage.processes() != []
        process.send_signal(number)
        process.communicate(timeout=SECONDS)
    os.close(hangs)
    assert process.returncode == status
    assert list(stage.left.iterdir()) == []
    assert stage.processes() == []


def test_it_knows_nothing_of_the_package() -> None:
    texts = [file.read_text() for file in (ROOT / "conformance").glob("*.py")]
    assert texts
    assert not any(re.search(r"^ *(from|import) pumice\b", text, re.MULTILINE) for text in texts)
