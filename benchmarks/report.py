"""The report: a table for people, and the same as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.goals import Figure

_LINE = "{:<9} {:<47} {:>10}  {:<16} {:<8} {:<8} {}"


def table(figures: Iterable[Figure]) -> str:
    """Each figure beside its targets, then what was not reached."""
    lines = [_LINE.format("row", "what", "median", "all rounds", "target", "stretch", "")]
    row = ""
    missed = []
    for figure in figures:
        goal = figure.goal
        lines.append(
            _LINE.format(
                goal.row if goal.row != row else "",
                goal.what,
                number(figure.median, goal.unit),
                f"{number(min(figure.values))} .. {number(max(figure.values))}",
                _bound(goal.sign, goal.target),
                _bound(goal.sign, goal.stretch),
                figure.verdict,
            ).rstrip()
        )
        row = goal.row
        if figure.verdict == "NOT REACHED":
            missed.append(f"{goal.row}: {goal.what}")
    return "\n".join([*lines, *(f"Not reached: {what}" for what in missed)])


def grid(lines: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """``lines`` in columns that are as wide as they must be; the first ``left`` begin at the left."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if index < left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def save(path: Path, figures: Iterable[Figure]) -> None:
    """Write every value of every round to ``path``."""
    rows = [
        {
            "row": figure.goal.row,
            "what": figure.goal.what,
            "unit": figure.goal.unit,
            "values": figure.values,
            "median": figure.median,
            "sign": figure.goal.sign,
            "target": figure.goal.target,
            "stretch": figure.goal.stretch,
            "verdict": figure.verdict,
        }
        for figure in figures
    ]
    path.write_text(json.dumps(rows, indent=2) + "\n")


def _bound(sign: str, value: float | None) -> str:
    return "" if value is None else f"{sign} {value:g}"


def number(value: float, unit: str = "") -> str:
    """Three digits that say something, and the unit."""
    digits = max(0, 3 - len(f"{int(abs(value))}")) if abs(value) >= 1 else 3
    return f"{value:,.{digits}f} {unit}".rstrip()
