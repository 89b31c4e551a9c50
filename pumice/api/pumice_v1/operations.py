"""``/operations`` and ``/why``."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from pumice.api.body import parse_int
from pumice.api.pumice_v1 import policies
from pumice.api.query import single_values
from pumice.api.request import Request
from pumice.api.route import Route
from pumice.api.views import time_text
from pumice.errors import InvalidInput, InvalidState, NotFound, OperationNotFound
from pumice.model.operation import OperationRecord
from pumice.services.operations import OperationHistory, OperationQuery
from pumice.trace import TraceView

STATUSES: Final = ("running", "stuck", "done", "undone", "abandoned")


def view(request: Request, record: OperationRecord) -> dict[str, Any]:
    """One operation for people and programs; where it runs is for administrators."""
    shown = {
        "id": record.id,
        "name": record.name,
        "status": record.status,
        "attempt": record.attempt,
        "step": record.step or None,
        "project_id": record.project_id,
        "resource_type": record.resource_type,
        "resource_id": record.resource_id,
        "request_id": record.request_id,
        "error": record.error,
        "created_at": time_text(record.created_at),
        "updated_at": time_text(record.updated_at),
        "ended_at": time_text(record.ended_at),
        "next_try_at": time_text(record.run_after or None),
    }
    return shown | {"backend": record.backend_host} if request.context.is_admin else shown


def history(request: Request, one: OperationHistory) -> dict[str, Any]:
    """One operation with its log and its way; details, decisions and hosts are for administrators."""
    answer = view(request, one.record)
    is_admin = request.context.is_admin
    answer["log"] = [
        {
            "seq": entry.seq,
            "attempt": entry.attempt,
            "step": entry.step,
            "event": entry.event,
            "data": entry.data if is_admin else _public(entry.data),
            "at": time_text(entry.at),
        }
        for entry in one.log
    ]
    answer["trace"] = None if one.trace is None else _way(one.trace, notes=is_admin)
    if is_admin:
        answer["error_detail"] = one.record.error_detail
        answer["claimed_by"] = one.record.claimed_by
        answer["fence"] = one.record.fence
    return answer


def _way(trace: TraceView, *, notes: bool) -> dict[str, Any]:
    """The way of an operation; ``notes`` name backends and weigh them against each other."""
    way: dict[str, Any] = msgspec.to_builtins(trace)
    if not notes:
        for span in way["spans"]:
            span["note"] = ""
    return way


def _public(data: dict[str, Any]) -> dict[str, Any]:
    """What an owner may read of a step's data: no paths, no hosts, no tool output."""
    return {key: value for key, value in data.items() if key in ("public", "kind")}


async def list_operations(request: Request) -> dict[str, Any]:
    """A page of operations, newest first."""
    given = single_values(request)
    status = given.get("status")
    if status is not None and status not in STATUSES:
        raise InvalidInput(f"Unknown status {status!r}; there are {', '.join(STATUSES)}.")
    bound = request.services.settings.osapi_max_limit
    try:
        limit = parse_int(given.get("limit", str(bound)), minimum=1)
    except ValueError as error:
        raise InvalidInput(f"Invalid input for query parameter limit: {error}.") from error
    query = OperationQuery(status, given.get("resource_id"), given.get("marker"), min(limit, bound))
    found = await request.services.operations.list(request.context, query)
    return {"operations": [view(request, record) for record in found]}


async def show_operation(request: Request) -> dict[str, Any]:
    """One operation with its log."""
    operation_id = request.parameters["operation_id"]
    found = await request.services.operations.show(request.context, operation_id)
    return {"operation": history(request, found)}


async def retry_operation(request: Request) -> dict[str, Any]:
    """Run a resting or stuck operation now."""
    record = await request.services.operations.retry(request.parameters["operation_id"])
    return {"operation": view(request, record)}


async def abandon_operation(request: Request) -> dict[str, Any]:
    """Give an operation up; the resource shows its error."""
    record = await request.services.operations.abandon(request.parameters["operation_id"])
    return {"operation": view(request, record)}


async def why(request: Request) -> dict[str, Any]:
    """Explain a volume, an operation or a request."""
    found = await request.services.operations.why(request.context, request.parameters["id"])
    is_admin = request.context.is_admin
    return {
        "why": {
            "subject": found.subject,
            "sentences": found.sentences,
            "verdicts": found.verdicts if is_admin else [],
            "operations": [history(request, one) for one in found.operations],
        }
    }


ROUTES: Final = (
    Route("GET", "/operations", list_operations, policies.OPERATIONS),
    Route(
        "GET",
        "/operations/{operation_id}",
        show_operation,
        policies.OPERATIONS,
        raises=(OperationNotFound,),
    ),
    Route(
        "POST",
        "/operations/{operation_id}/retry",
        retry_operation,
        policies.RETRY,
        status=202,
        raises=(OperationNotFound, InvalidState),
    ),
    Route(
        "POST",
        "/operations/{operation_id}/abandon",
        abandon_operation,
        policies.ABANDON,
        status=202,
        raises=(OperationNotFound, InvalidState),
    ),
    Route("GET", "/why/{id}", why, policies.WHY, raises=(NotFound,)),
)
