"""``/debug``: where a debugger may attach to this process, and which files it would find there."""

from __future__ import annotations

from typing import Any, Final

from pumice.api.pumice_v1 import policies
from pumice.api.request import Request
from pumice.api.route import Route
from pumice.errors import NotFound


async def show_debugger(request: Request) -> dict[str, Any]:
    """The debugger's address, and the files of the package as this process was started with them."""
    target = request.services.debugger
    if target is None:
        raise NotFound("This Pumice is not being debugged: it was started without --debug.")
    return {"debug": target}


ROUTES: Final = (Route("GET", "/debug", show_debugger, policies.DEBUG, raises=(NotFound,)),)
