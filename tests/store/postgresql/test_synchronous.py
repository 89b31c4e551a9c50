"""A standby that commits wait for, and that stands still: nothing is acknowledged that it lacks."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from pumice.errors import Unavailable
from pumice.store.postgresql import connections as pool
from pumice.store.postgresql import schema
from pumice.store.postgresql import store as implementation
from pumice.store.postgresql.store import PostgresStore
from tests.postgresql import Cluster, Standby
from tests.store.postgresql.conftest import Open
from tests.store.postgresql.test_faults import Ledger
from tests.store.samples import message_ids

_WAITING: Final = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND pid <> %s"


class Pair:
    """A server, and the standby that it waits for."""

    def __init__(self, primary: Cluster, standby: Standby, url: str) -> None:
        self.primary: Final = primary
        self.standby: Final = standby
        self.url: Final = url

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """The standby takes nothing meanwhile."""
        first = (self.standby.data / "postmaster.pid").read_text().split()[0]
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        for pid in children:
            os.kill(int(pid), signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in children:
                os.kill(int(pid), signal.SIGCONT)

    async def waiting(self, stranger: psycopg.Connection[Any], other_than: int = 0) -> int:
        """A server process whose commit waits for the standby."""
        while (row := stranger.execute(_WAITING, (other_than,)).fetchone()) is None:  # noqa: ASYNC110 - the server has no event
            await asyncio.sleep(0.001)
        return int(row[0])


@pytest.fixture(scope="module")
def pair(needs_postgresql: None) -> Iterator[Pair]:
    del needs_postgresql
    with Cluster(durable=False) as primary:
        url = primary.create_database("pumice")
        schema.create(url)
        with Standby(primary, durable=False) as standby:
            primary.require_standby("standby")
            yield Pair(primary, standby, url)


@pytest.fixture
def store(pair: Pair, open_store: Open, monkeypatch: pytest.MonkeyPatch) -> PostgresStore:
    """One unit at a time: the next one comes after all that the one before has asked for."""
    monkeypatch.setattr(pool, "UNITS_AT_ONCE", 1)
    return open_store(pair.url)


@pytest.mark.parametrize("end", ["pg_cancel_backend", "pg_terminate_backend"])
async def test_a_commit_that_the_standby_lacks_is_not_acknowledged(
    pair: Pair, store: PostgresStore, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is committed where it was made, and says so; a standby that takes over would not have it."""
    monkeypatch.setattr(implementation, "UNKNOWN_SECONDS", 0.5)
    ledger = Ledger()
    id_ = f"lacking {end}"
    with pair.primary.connect("pumice") as stranger, pair.standing_still():
        writing = asyncio.create_task(store.write(ledger.add, id_))
        pid = await pair.waiting(stranger)
        stranger.execute(f"SELECT {end}(%s)", (pid,))
        with pytest.raises(Unavailable, match="whether the change was made is not known"):
            await writing
        assert ledger.called == {}
        assert id_ in await store.read(message_ids)
    await store.write(ledger.add, f"after {id_}")


@pytest.mark.parametrize("end", ["pg_cancel_backend", "pg_terminate_backend"])
async def test_it_is_acknowledged_as_soon_as_the_standby_has_it(
    pair: Pair, store: PostgresStore, end: str
) -> None:
    ledger = Ledger()
    id_ = f"late {end}"
    with pair.primary.connect("pumice") as stranger:
        with pair.standing_still():
            writing = asyncio.create_task(store.write(ledger.add, id_))
            first = await pair.waiting(stranger)
            stranger.execute(f"SELECT {end}(%s)", (first,))
            await pair.waiting(stranger, first)
            assert not writing.done()
        assert await writing == id_
    assert (ledger.runs, ledger.called) == ({id_: 1}, {id_: 1})
