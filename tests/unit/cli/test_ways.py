"""The way of a request as a table: what ran inside what."""

from __future__ import annotations

from typing import Any

import pytest

from pumice.cli import ways


def span(name: str, start_us: int, duration_us: int) -> dict[str, Any]:
    place = {"layer": "api", "file": "pumice/api/app.py", "line": 7}
    return {"name": name, "start_us": start_us, "duration_us": duration_us, "note": "", **place}


SPANS = [
    span("request", 0, 3000),
    span("decode", 40, 400),
    span("unit", 700, 800),
    span("place", 900, 100),
    span("commit", 1500, 900),
    span("mark", 2990, 0),
    span("provision", 2995, 505),  # It began before the answer had left.
    span("finish", 3500, 0),
]


def test_what_ran_inside_another_is_indented(capsys: pytest.CaptureFixture[str]) -> None:
    way = {"title": "POST /v3", "request_id": "req-1", "began_at": None, "spans": SPANS}
    ways.show_trace(way)
    header, *rows = capsys.readouterr().out.splitlines()[2:]
    column = header.index("Function")
    assert [row[column:].partition("pumice/")[0].rstrip() for row in rows[1:]] == [
        "request",
        "  decode",
        "  unit",
        "    place",
        "  commit",
        "  mark",
        "provision",
        "finish",
    ]
    assert rows[2].split()[:4] == ["0.04", "ms", "0.40", "ms"]


def test_why_names_each_pool_and_filter(capsys: pytest.CaptureFixture[str]) -> None:
    verdict = {"host": "h@b#p", "filter": "CapacityFilter", "passed": False, "reason": "needs 9"}
    ways.show_why({"sentences": ["It waits."], "verdicts": [verdict]})
    shown = capsys.readouterr().out
    assert shown.startswith("It waits.\n\n")
    assert "h@b#p   CapacityFilter   refused   needs 9" in shown
