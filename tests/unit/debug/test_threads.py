"""The threads of a debugged process, without a debugger."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pumice.api.app import Message, Receive, Scope, Send
from pumice.api.container import DebugTarget
from pumice.debug.debugger import Debugger
from pumice.debug.threads import ManyThreads, OneThread
from pumice.store import schema
from pumice.store.sqlite import SqliteStore
from pumice.store.txn import Txn


class NoDebugger:
    """What is asked of pydevd, and how often."""

    stops = 0

    def stoptrace(self) -> None:
        self.stops += 1


class Thing:
    """Says in which thread its methods run."""

    async def waits(self) -> str:
        await asyncio.sleep(0)
        return name()

    async def fails(self) -> None:
        raise KeyError(name())

    def at_once(self) -> str:
        return name()


def name(_: Txn | None = None) -> str:
    return threading.current_thread().name


async def nothing() -> None: ...


@pytest.fixture
def pydevd() -> NoDebugger:
    return NoDebugger()


@pytest.fixture
async def threads(pydevd: NoDebugger) -> AsyncIterator[ManyThreads]:
    threads = ManyThreads(Debugger(DebugTarget("127.0.0.1", 1, "/", {}), pydevd))
    yield threads
    await threads.end(nothing())
    assert pydevd.stops == 1
    assert "core" not in {thread.name for thread in threading.enumerate()}


async def test_coroutines_of_the_core_run_there_and_all_else_in_place(threads: ManyThreads) -> None:
    thing = threads.edge(Thing())
    assert await thing.waits() == "core"
    assert thing.at_once() == name() != "core"
    with pytest.raises(KeyError, match="core"):
        await thing.fails()
    assert await threads.begin(Thing().waits()) == "core"


async def test_the_store_writes_on_the_core_and_reads_in_place(
    threads: ManyThreads, tmp_path: Path
) -> None:
    schema.create(tmp_path / "pumice.db")
    real = SqliteStore(tmp_path / "pumice.db")
    store = threads.edge(real)
    assert await store.write(name) == "core"
    assert await store.read(name) == name()
    real.close()


async def test_a_request_runs_in_a_thread_of_its_own_and_its_answer_leaves_from_here(
    threads: ManyThreads,
) -> None:
    ran: list[str] = []
    sent: list[tuple[Message, str]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        ran.append(name())
        await send({**await receive(), "path": scope["path"]})

    async def receive() -> Message:
        return {"from": name()}

    async def send(message: Message) -> None:
        sent.append((message, name()))

    await threads.app(app)({"method": "GET", "path": "/here"}, receive, send)
    assert ran == ["GET /here"]
    assert sent == [({"from": name(), "path": "/here"}, name())]


async def test_a_request_that_fails_fails_here(threads: ManyThreads) -> None:
    async def app(_: Scope, __: Receive, ___: Send) -> None:
        raise KeyError("within")

    async def receive() -> Message:
        return {}

    async def send(_: Message) -> None: ...

    with pytest.raises(KeyError, match="within"):
        await threads.app(app)({}, receive, send)


async def test_one_thread_changes_nothing() -> None:
    threads, thing = OneThread(), Thing()
    assert threads.edge(thing) is thing
    assert await threads.begin(thing.waits()) == await threads.end(thing.waits()) == name()
    assert threads.debugger is None
