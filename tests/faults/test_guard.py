"""What tests leave on the machine is undone, the last first, and what cannot be is told."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.guard import Guard


def test_what_was_done_last_is_undone_first(tmp_path: Path) -> None:
    with Guard() as guard:
        guard.run("rmdir", f"{tmp_path}/outer")
        guard.run("rmdir", f"{tmp_path}/outer/inner")
        (tmp_path / "outer" / "inner").mkdir(parents=True)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_goes_with_the_processes_in_it() -> None:
    with Guard() as guard:
        folder = guard.folder("pumice-test-")
        process = subprocess.Popen(["sleep", "1000"], cwd=folder)
        other = subprocess.Popen(["sleep", "1000"], cwd=folder.parent)
    assert not folder.exists()
    assert process.wait() != 0
    assert other.poll() is None
    other.kill()
    other.wait()


def test_processes_are_ended_and_their_folder_stays(tmp_path: Path) -> None:
    with Guard() as guard:
        guard.end_processes(tmp_path)
        process = subprocess.Popen(["sleep", "1000"], cwd=tmp_path)
    assert tmp_path.exists()
    assert process.wait() != 0


def test_the_rest_is_undone_when_one_thing_cannot_be(tmp_path: Path) -> None:
    guard = Guard()
    guard.run("rmdir", f"{tmp_path}/empty")
    guard.run("rmdir", f"{tmp_path}/missing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(RuntimeError, match="could not be removed"):
        guard.close()
    assert list(tmp_path.iterdir()) == []
