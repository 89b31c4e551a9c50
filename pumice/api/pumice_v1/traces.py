"""``/traces``: the ways of recent requests, from the ring in memory, and of ended operations."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec.structs import replace

from pumice.api.pumice_v1 import policies
from pumice.api.request import Request
from pumice.api.route import Route
from pumice.api.views import time_text
from pumice.errors import NotFound
from pumice.trace import Trace, TraceView, render

LISTED: Final = 50


async def list_traces(request: Request) -> dict[str, Any]:
    """The newest requests, newest first: id, title, duration."""
    recent = list(request.services.traces)[-LISTED:]
    return {"traces": [_summary(trace) for trace in reversed(recent)]}


def _summary(trace: Trace) -> dict[str, Any]:
    view = render(trace)
    last = max((span.start_us + span.duration_us for span in view.spans), default=0)
    return {
        "request_id": trace.request_id,
        "title": trace.title,
        "began_at": time_text(trace.began_us),
        "duration_us": last,
    }


async def show_trace(request: Request) -> dict[str, Any]:
    """The way of a request, or of the operation or volume that it was about."""
    reference = request.parameters["id"]
    wanted = reference if reference.startswith("req-") else f"req-{reference}"
    recent = {trace.request_id: trace for trace in request.services.traces}
    own = recent.get(wanted)
    try:
        found = await request.services.operations.why(request.context, wanted if own else reference)
    except NotFound:
        if own is None:
            raise
        return {"trace": _shown(render(own))}
    for one in found.operations:
        here = own or recent.get(one.record.request_id)
        if here is not None:
            return {"trace": _shown(_joined(render(here), one.trace))}
        if one.trace is not None:
            return {"trace": _shown(one.trace)}
    raise NotFound(f"No way of {reference} is recorded any more.")


def _joined(here: TraceView, stored: TraceView | None) -> TraceView:
    """A request's way as this process saw it, to its answer, and what others recorded of its operation."""
    if stored is None:
        return here
    spans = sorted({*here.spans, *stored.spans}, key=lambda one: (one.start_us, -one.duration_us))
    return replace(here, spans=tuple(spans))


def _shown(view: TraceView) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(view)
    shown["began_at"] = time_text(view.began_us)
    return shown


ROUTES: Final = (
    Route("GET", "/traces", list_traces, policies.TRACES),
    Route("GET", "/traces/{id}", show_trace, policies.TRACES, raises=(NotFound,)),
)
