"""``make simulate``: what it tells, and with which status it ends."""

from __future__ import annotations

import json
import re

import pytest

from tests.simulation import __main__ as runner
from tests.simulation.planted import PLANTED

DEFECT = "quota given back twice"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The runner with these arguments; its status."""
    monkeypatch.setattr("sys.argv", ["simulation", *arguments])
    return runner.main()


def test_runs_without_a_violation(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--seeds", "1..4", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["runs"] == 4
    assert told["violations"] == []
    assert sum(told["requests"].values()) > 50
    assert sum(told["faults"].values()) > 10


def test_a_violation_is_shrunk_told_and_played_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with PLANTED[DEFECT]():
        assert run(monkeypatch, "--seeds", "1..2", "--operations", "25") == 1
        told = capsys.readouterr().out
        assert "VIOLATION" in told
        command = re.search(r"make simulate SEEDS=(\d+) ARGS='--keep ([\d,]+)'", told)
        assert command is not None
        again = ["--seeds", command[1], "--keep", command[2]]
        assert run(monkeypatch, *again) == 1
        assert "kind='quota'" in capsys.readouterr().out
    assert run(monkeypatch, *again) == 0
    assert "No violation" in capsys.readouterr().out


def test_a_planted_defect_is_told_with_the_run_that_finds_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--planted", "--only", DEFECT) == 0
    assert "1 of 1 planted defects were found" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "first", "count"), [("1..20", 1, 20), ("42", 42, 1), ("+7", None, 7), ("", None, 500)]
)
def test_which_seeds(text: str, first: int | None, count: int) -> None:
    seeds = runner._seeds(text)
    assert len(seeds) == count
    assert first is None or seeds[0] == first
