"""A served Pumice with a defect, to see that the judge finds it: ``python planted.py DEFECT serve ...``.

The defects are planted from outside, and meet one operation in ``EVERY``: each is what an oversight in the
program would look like from there.
"""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from pumice.cli import main
from pumice.drivers.contract import VolumeSpec
from pumice.drivers.file import FileDriver
from pumice.operations.engine import Engine
from pumice.store import kept_answers, volumes
from pumice.store.kept_answers import Key
from pumice.store.sqlite import SqliteStore
from pumice.store.txn import Txn

EVERY: Final = 5
LATE_SECONDS: Final = 0.05

_met: Final = itertools.count(1)


def served_with(defect: str) -> Sequence[str]:
    """What to give to Python, before the arguments of ``pumice``, to have the defect of this name."""
    return (f"{Path(__file__)}", defect)


def _is_met() -> bool:
    return next(_met) % EVERY == 0


def _plant(place: object, **instead: Callable[..., Any]) -> None:
    for name, function in instead.items():
        setattr(place, name, function)


def answers_before_the_commit() -> None:
    """The store answers what it has written, and commits a little later."""

    def begin(self: Any, _: Any) -> bool:
        connection: sqlite3.Connection = self._connection
        if not connection.in_transaction:
            connection.execute("BEGIN IMMEDIATE")
            asyncio.get_running_loop().call_later(LATE_SECONDS, connection.execute, "COMMIT")
        return True

    def run(self: Any, jobs: Sequence[Any]) -> None:
        for job in jobs:
            self._run(job)

    _plant(SqliteStore, _begin=begin, _commit=run)


def drops_a_row() -> None:
    """A volume is gone as soon as it is made."""
    finish_create = volumes.finish_create

    def finish(txn: Txn, volume_id: str, location: str | None, now_us: int) -> None:
        finish_create(txn, volume_id, location, now_us)
        if _is_met():
            txn.change("DELETE FROM volumes WHERE id = :id", {"id": volume_id})

    _plant(volumes, finish_create=finish)


def forgets_its_answers() -> None:
    """What is asked again under a key is done again."""
    claim = kept_answers.claim

    def forget(txn: Txn, key: Key, *arguments: Any) -> bool:
        name = {"key": key.idempotency_key}
        txn.change("DELETE FROM kept_answers WHERE idempotency_key = :key", name)
        return claim(txn, key, *arguments)

    _plant(kept_answers, find=lambda *_: None, claim=forget)


def leaks_bytes() -> None:
    """The driver says that it has removed a volume, and has not."""
    delete_volume = FileDriver.delete_volume

    def delete(self: FileDriver, volume: VolumeSpec) -> None:
        if not _is_met():
            delete_volume(self, volume)

    _plant(FileDriver, delete_volume=delete)


def leaves_an_operation_claimed() -> None:
    """A task waits for ever for what nobody will tell it, and its lease is renewed meanwhile."""
    go_on = Engine._go_on

    async def wait(self: Engine, progress: Any) -> Any:
        if _is_met():
            await asyncio.Event().wait()
        return await go_on(self, progress)

    _plant(Engine, _go_on=wait)


DEFECTS: Final[dict[str, tuple[Callable[[], None], str]]] = {
    plant.__name__: (plant, found_as)
    for plant, found_as in (
        (answers_before_the_commit, "lost"),
        (drops_a_row, "lost"),
        (forgets_its_answers, "doubled"),
        (leaks_bytes, "leaked"),
        (leaves_an_operation_claimed, "stuck"),
    )
}
"""By name: how it is planted, and as what the judge must report it."""


if __name__ == "__main__":
    DEFECTS[sys.argv[1]][0]()
    sys.exit(main(sys.argv[2:]))
