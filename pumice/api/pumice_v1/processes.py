"""``/processes``: who serves, on which host, and how each finds the backends that it serves."""

from __future__ import annotations

from typing import Any, Final

from pumice.api.pumice_v1 import policies
from pumice.api.request import Request
from pumice.api.route import Route
from pumice.api.views import time_text
from pumice.services.hosts import ProcessState, list_processes


async def list_all(request: Request) -> dict[str, Any]:
    """Every process that was heard of lately, by its host."""
    down_seconds = request.services.settings.service_down_time
    found = await request.read(list_processes, request.context, down_seconds)
    return {"processes": [_view(one) for one in found]}


def _view(process: ProcessState) -> dict[str, Any]:
    return {
        "id": process.id,
        "host": process.host,
        "pid": process.pid,
        "roles": process.roles,
        "state": "up" if process.up else "down",
        "started_at": time_text(process.started_at),
        "updated_at": time_text(process.heartbeat_at),
        "backends": [
            {"host": one.host, "state": "up" if one.up else "down", "reason": one.reason or None}
            for one in process.backends
        ],
    }


ROUTES: Final = (Route("GET", "/processes", list_all, policies.PROCESSES),)
