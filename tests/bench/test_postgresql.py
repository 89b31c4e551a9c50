"""What is measured on PostgreSQL, and how cost grows: every line is there, and its slope is right."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import __main__ as bench
from benchmarks import postgresql, scaling
from benchmarks.processes import CLIENTS, Processes
from benchmarks.scaling import KINDS, Scale, measure, per_decade
from benchmarks.stores import POSTGRESQL, SQLITE, Stores

TINY = Scale(seconds=0.01, idle_seconds=0.01)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaling, "QUIET_SECONDS", 0.0)


def _nobody(_text: str) -> None:
    """Nobody is told."""


async def test_the_same_figures_come_from_both_stores(tmp_path: Path) -> None:
    stores = Stores(_nobody)
    with postgresql.server() as database:
        assert database is not None, postgresql.MISSING
        await stores.measure(tmp_path, database, 1, 0.01, 3)
    own = {name for name in stores.figures[POSTGRESQL] if name.endswith("-database")}
    assert set(stores.figures[POSTGRESQL]) - own == set(stores.figures[SQLITE])
    assert {f"{one}-database" for one in ("one-memory", "many-file", "list", "login")} <= own
    assert all(stores.figures[POSTGRESQL][name].median > 0 for name in own)


async def test_several_processes_are_compared_with_sqlite(tmp_path: Path) -> None:
    processes = Processes([1, 2], _nobody)
    with postgresql.server() as database:
        assert database is not None, postgresql.MISSING
        await processes.measure(tmp_path, database, 1, 0.01)
    table = processes.table()
    assert len(processes.lines) == 4 * len(CLIENTS)
    assert len(table.splitlines()) == 1 + 4 * len(CLIENTS)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_growth_has_a_line_for_each_request_and_a_column_for_each_size(kind: str) -> None:
    table = await measure(kind, POSTGRESQL, (1, 2), TINY, _nobody)
    head, *lines = table.splitlines()
    assert head.split()[-5:] == ["1", "2", "x", "per", "decade"]
    assert any(line.startswith("create") for line in lines)
    assert any(line.startswith("size of the database") for line in lines)


async def test_a_growth_is_measured_on_sqlite_as_well() -> None:
    assert "first page of 50" in await measure("volumes", SQLITE, (10, 20), TINY, _nobody)


@pytest.mark.parametrize(
    ("values", "factor"), [([3, 3, 3], 1), ([1, 10, 100], 10), ([1, 2, 4], 2), ([8, 4, 2], 0.5)]
)
def test_a_slope_is_the_growth_for_ten_times_the_size(values: list[float], factor: float) -> None:
    assert per_decade([10, 100, 1000], values) == pytest.approx(factor, rel=1e-6)


def test_a_missing_postgresql_is_said_aloud(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tests.postgresql.binaries", lambda: None)
    monkeypatch.setattr(bench, "FULL", bench.Scale(1, 0.01, 3, 30))
    assert bench.main(["--on", "postgresql"]) == 1
    assert postgresql.MISSING in capsys.readouterr().out
    assert scaling.main(["backends", "--on", "postgresql", "--sizes", "1"]) == 1
    assert postgresql.MISSING in capsys.readouterr().err
