"""The recorder's values: what one request did, as a list of tuples.

A span costs a tuple and an append. A :class:`Place` (layer, function, file and line) is made once, at
import, next to the code it names; rendering happens when somebody reads. The list travels in the request
context, in the transaction and in the operation's step, never in a global or a context variable.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from pathlib import PurePath
from types import CodeType
from typing import Any, Final

from msgspec import Struct

MAX_SPANS_STORED: Final = 40
MAX_SPANS: Final = 200
"""An operation that waits for long records no more than this."""
MAX_NOTE_CHARS: Final = 160

_now_ns: Final = time.perf_counter_ns
"""Durations only; a simulation may run with real durations, it never reads them."""


class Place(Struct, frozen=True):
    """A place in the code: the layer it belongs to, its name, and where to read it."""

    layer: str
    name: str
    file: str
    line: int


Span = tuple[Place, int, int, str]
"""Place, start and end in nanoseconds of the recorder's clock, and a note (a decision, a count)."""


def place(function: Callable[..., Any], *, layer: str = "", name: str = "") -> Place:
    """The place of ``function``; the layer is its package unless given.

    What wraps a function is made anew for each request; it is remembered by the code that it wraps, so
    that nothing of a request is kept.
    """
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return _place(function.__code__, function.__module__, layer, name or function.__qualname__)


@functools.lru_cache(maxsize=4096)
def _place(code: CodeType, module_name: str, layer: str, name: str) -> Place:
    module = module_name.split(".")
    path = PurePath(code.co_filename)
    file = (
        "/".join(path.parts[path.parts.index(module[0]) :])
        if module[0] in path.parts
        else path.name
    )
    return Place(
        layer or (module[1] if len(module) > 1 else module[0]), name, file, code.co_firstlineno
    )


class Trace:
    """The way of one request or operation: an id, when it began, and its spans in order of their end."""

    __slots__ = ("began_ns", "began_us", "earlier", "request_id", "spans", "title")

    def __init__(
        self, request_id: str, title: str, now_us: int, earlier: TraceView | None = None
    ) -> None:
        """A recorder that begins at ``now_us``, UTC microseconds, or goes on where ``earlier`` ended.

        ``title`` is for people, as ``POST /volume/v3/volumes``.
        """
        self.request_id = request_id
        self.title = title if earlier is None else earlier.title
        self.began_us = now_us if earlier is None else earlier.began_us
        self.began_ns = _now_ns() - (now_us - self.began_us) * 1000
        self.earlier = () if earlier is None else earlier.spans
        self.spans: list[Span] = []

    def start(self) -> int:
        """The recorder's clock now; pass it to :meth:`end`."""
        return _now_ns()

    def end(self, where: Place, started_ns: int, note: str = "") -> None:
        """Record that ``where`` ran from ``started_ns`` until now."""
        if len(self.spans) < MAX_SPANS:
            self.spans.append((where, started_ns, _now_ns(), note))

    def mark(self, where: Place, note: str) -> None:
        """Record a decision that took no time worth measuring."""
        now = _now_ns()
        self.spans.append((where, now, now, note))


class SpanView(Struct, frozen=True):
    """A span for readers: when it started after the trace began, and how long it took, in microseconds."""

    layer: str
    name: str
    file: str
    line: int
    start_us: int
    duration_us: int
    note: str


class TraceView(Struct, frozen=True):
    """A trace for readers and for the operation's row; spans in order of their start."""

    request_id: str
    title: str
    began_us: int
    spans: tuple[SpanView, ...]


def render(trace: Trace) -> TraceView:
    """``trace`` as values: spans sorted by their start, notes cut, at most ``MAX_SPANS_STORED``."""
    spans = sorted(trace.spans, key=lambda span: (span[1], -span[2]))[:MAX_SPANS_STORED]
    return TraceView(
        trace.request_id,
        trace.title,
        trace.began_us,
        trace.earlier
        + tuple(
            SpanView(
                where.layer,
                where.name,
                where.file,
                where.line,
                (start - trace.began_ns) // 1000,
                (end - start) // 1000,
                note[:MAX_NOTE_CHARS],
            )
            for where, start, end, note in spans
        ),
    )
