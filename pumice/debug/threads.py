"""Which thread runs what: one for all, or one that can be stopped for each request.

Pumice is one event loop in one thread, and a breakpoint stops a thread. So that it stops one request and
not the cloud, a debugged Pumice has three kinds of threads, each with an event loop of its own:

- the main thread serves HTTP and runs nothing else, so it always answers, and always obeys SIGTERM;
- each request runs in a thread of its own, from token to answer, and so do its reads of the store;
- the core runs in a third: the store's writer, the engine, the manager. Their objects belong to its
  event loop, so the edge gets them by :meth:`ManyThreads.edge`, which carries each coroutine there.

What the threads share needs no lock, because only the core changes it or because each change is one
operation of a built-in container, which the interpreter does not divide:

- the caches of ``TokenService`` and ``CatalogService``: dictionaries of immutable values. Each value carries
  the generation that was read before its rows were, so one that comes late is not used. An entry could be
  evicted between two operations on it, but only from a full cache: 10,000 tokens, 1,000 catalogs;
- ``Generation``: only a commit changes it, on the core;
- ``PoolsView``: only the core changes it. A reader may see it as it was before the last commit, as it may
  anyway: it is a view, and the claim in the store decides;
- the ring of traces, and a trace's spans: they are appended to, and copied before anybody goes through them.

``PasswordChecks`` has a queue and a cache and belongs to the core: it is reached by ``edge``. So is
``TokenKeys``, of which each thread reads the current keyring, one reference to an immutable value.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, Protocol, TypeVar, TypeVarTuple, cast

from pumice.api.app import AsgiApp, Message, Receive, Scope, Send
from pumice.api.container import DebugTarget
from pumice.debug.debugger import Debugger
from pumice.store.sqlite import SqliteStore, snapshot
from pumice.store.txn import Txn
from pumice.threads import ThreadExecutor

T = TypeVar("T")
A = TypeVarTuple("A")


class Threads(Protocol):
    """How the parts of one process reach each other."""

    @property
    def debugger(self) -> DebugTarget | None:
        """What an editor may attach to, if it may."""

    def edge(self, thing: T) -> T:
        """``thing`` of the core, as what runs in a request's thread may use it."""

    def app(self, app: AsgiApp) -> AsgiApp:
        """``app`` as the HTTP server may call it."""

    async def begin(self, work: Coroutine[Any, Any, T]) -> T:
        """Run ``work`` where the core runs."""

    async def end(self, work: Coroutine[Any, Any, T]) -> T:
        """Let go whatever a debugger has stopped, and run the last ``work`` of the core."""


class OneThread:
    """Everything on one event loop: how Pumice serves."""

    debugger: Final = None

    def edge(self, thing: T) -> T:
        """``thing`` itself."""
        return thing

    def app(self, app: AsgiApp) -> AsgiApp:
        """``app`` itself."""
        return app

    async def begin(self, work: Coroutine[Any, Any, T]) -> T:
        """Await ``work``."""
        return await work

    async def end(self, work: Coroutine[Any, Any, T]) -> T:
        """Await ``work``."""
        return await work


class ManyThreads:
    """A thread for the core and one for each request; see the top of this module."""

    def __init__(self, debugger: Debugger) -> None:
        """The core's thread starts now; ``debugger`` may stop it as any other."""
        self._debugger = debugger
        self._core = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._core.run_forever, name="core", daemon=True)
        self._thread.start()

    @property
    def debugger(self) -> DebugTarget:
        """What an editor may attach to."""
        return self._debugger.target

    def edge(self, thing: T) -> T:
        """A stand-in for ``thing``: its coroutines run on the core, but the store's reads do not."""
        if isinstance(thing, SqliteStore):
            return cast("T", _Store(thing, self._core))
        return cast("T", _OnLoop(thing, self._core))

    def app(self, app: AsgiApp) -> AsgiApp:
        """``app`` with a thread for each request."""
        return _ThreadPerRequest(app)

    async def begin(self, work: Coroutine[Any, Any, T]) -> T:
        """Run ``work`` on the core."""
        return await _on(self._core, work)

    async def end(self, work: Coroutine[Any, Any, T]) -> T:
        """End the debugger, which lets everything go on; run ``work`` on the core, and end its thread."""
        self._debugger.close()
        result = await _on(self._core, work)
        self._core.call_soon_threadsafe(self._core.stop)
        self._thread.join()
        self._core.close()
        return result


async def _on(loop: asyncio.AbstractEventLoop, work: Awaitable[T]) -> T:
    """The outcome of ``work``, which runs on the ``loop`` of another thread."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_coroutine(work), loop))


class _OnLoop:
    """An object whose coroutines run on the loop that it belongs to; all else is the object's own."""

    def __init__(self, thing: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._thing = thing
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._thing, name)
        if not inspect.iscoroutinefunction(found):
            return found

        def carried(*args: Any, **kwargs: Any) -> Awaitable[Any]:
            return _on(self._loop, found(*args, **kwargs))

        return carried


class _Store(_OnLoop):
    """The store as requests see it: units run on the core, queries in the request's own thread."""

    async def read(self, query: Callable[[Txn, *A], T], *arguments: *A) -> T:
        """Run ``query`` on a connection of its own (0.35 ms, measured): it may stop at a breakpoint."""
        with snapshot(self._thing.path) as txn:
            return query(txn, *arguments)


class _ThreadPerRequest:
    """An ASGI application that answers each request in a new thread, with an event loop of its own."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app
        # Its threads are daemons: one that stays stopped does not keep the process from ending.
        self._threads = ThreadExecutor(idle_seconds=0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        server = asyncio.get_running_loop()
        answer: list[Message] = []

        async def receive_there() -> Message:
            return await _on(server, receive())

        async def keep(message: Message) -> None:
            answer.append(message)

        def run() -> None:
            # What an editor shows in its list of threads.
            threading.current_thread().name = f"{scope.get('method')} {scope.get('path')}"
            asyncio.run(_coroutine(self._app(scope, receive_there, keep)))

        await self._threads.submit(run)
        # In one turn of the loop, as without threads: so they leave in one write.
        for message in answer:
            await send(message)


async def _coroutine(awaitable: Awaitable[T]) -> T:
    """``awaitable`` as a coroutine, which is what a loop runs."""
    return await awaitable
