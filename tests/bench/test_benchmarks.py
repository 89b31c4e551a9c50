"""The benchmark runs: no figure is judged, but none can be missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.__main__ import ROWS, Run, Scale
from benchmarks.goals import GOALS, Figure
from benchmarks.report import save, table

TINY = Scale(rounds=1, seconds=0.01, volumes=3, many=30)


async def test_every_row_gives_its_figures(tmp_path: Path) -> None:
    run = Run(TINY, frozenset(ROWS), lambda _: None)
    await run.measure(tmp_path)
    assert [figure.goal for figure in run.figures] == list(GOALS.values())
    save(tmp_path / "report.json", run.figures)
    assert len(json.loads((tmp_path / "report.json").read_text())) == len(GOALS)
    assert all(figure.goal.what in table(run.figures) for figure in run.figures)


@pytest.mark.parametrize(
    ("name", "values", "verdict"),
    [
        ("one-memory", [2.5], "stretch"),
        ("one-memory", [2.0, 9.0, 3.0], "reached"),
        ("one-memory", [4.1], "NOT REACHED"),
        ("many-memory", [1200], "stretch"),
        ("many-memory", [800], "reached"),
        ("many-memory", [799], "NOT REACHED"),
        ("login-cpu", [799], ""),
    ],
)
def test_a_figure_is_compared_with_its_targets(
    name: str, values: list[float], verdict: str
) -> None:
    assert Figure(GOALS[name], values).verdict == verdict
