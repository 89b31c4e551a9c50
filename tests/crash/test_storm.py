"""A short storm; ``make crash`` is the long one."""

from __future__ import annotations

from pathlib import Path

from tests.crash.storm import Scale, Storm


async def test_a_killed_server_keeps_every_promise(tmp_path: Path) -> None:
    lines: list[str] = []
    # Whether it rests within a second is for `make crash`: here the machine may be busy.
    storm = Storm(tmp_path, Scale(rounds=2, creates=60, settle_seconds=60), 1, lines.append)
    assert await storm.run() == []
    print("\n".join(lines))
    assert storm.totals.rounds == 2
    assert storm.totals.acknowledged > 0
    assert storm.totals.repeated > 0, "nothing was cut off that has a key"
    assert storm.totals.replayed > 0, "nothing was answered again"
    assert storm.totals.unfinished > 0, "nothing was under way when the server was killed"
