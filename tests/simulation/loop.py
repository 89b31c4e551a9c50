"""An event loop whose time is a number: it jumps to the next timer when nothing is ready."""

from __future__ import annotations

import asyncio
import contextlib
import selectors
from collections.abc import Callable
from typing import Any, Final


class Killed(SystemExit):
    """The process ends here, as by kill -9.

    A SystemExit, because that is what the event loop lets through at once: nothing else runs.
    """


CLOSES: Final = 3
"""How often a coroutine is closed, which may await something while it cleans up."""
TURNS_MAX: Final = 100_000
"""So many turns of the loop without any time passing are a loop without end."""


class StandstillError(RuntimeError):
    """The time stands still: nothing is ready and no timer is set, or there is always more to do."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs callbacks in the order they came; waiting takes no time.

    ``started_at`` is the loop's time at first, in seconds. What a callback or a forgotten task raised
    is kept in ``unhandled``, so that a test can ask for it.
    """

    def __init__(self, started_at: float = 0.0) -> None:
        self._seconds = started_at
        super().__init__(_Timeless(self._pass))
        self.unhandled: list[dict[str, Any]] = []
        self.set_exception_handler(lambda _, context: self.unhandled.append(context))

    def time(self) -> float:
        """The virtual time in seconds."""
        return self._seconds

    def _pass(self, seconds: float) -> None:
        self._seconds += seconds

    def bury(self) -> None:
        """Close the loop, and all that still runs on it, without running a step more than needed."""
        for task in asyncio.all_tasks(self):
            coroutine = task.get_coro()
            for _ in range(CLOSES):
                # What it raises, nobody is left to hear; what it awaits to clean up, nobody waits for.
                with contextlib.suppress(Exception):
                    if coroutine is not None:
                        coroutine.close()
        self.set_exception_handler(lambda _, __: None)
        self.close()


class _Timeless(selectors.SelectSelector):
    """Lets the time pass instead of waiting for it."""

    def __init__(self, let_pass: Callable[[float], None]) -> None:
        super().__init__()
        self._let_pass = let_pass
        self._turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready now."""
        if timeout is None:
            raise StandstillError("Nothing is ready and no timer is set.")
        self._turns = 0 if timeout > 0 else self._turns + 1
        if self._turns > TURNS_MAX:
            raise StandstillError("There is always more to do at once.")
        self._let_pass(max(0.0, timeout))
        return super().select(0)
