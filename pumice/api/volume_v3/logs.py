"""``/os-services/get-log`` and ``set-log``: how much the processes write to their logs (from 3.32)."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from pumice.api.body import Body, Text
from pumice.api.request import Request
from pumice.api.route import Route
from pumice.api.volume_v3 import policies, versions
from pumice.api.volume_v3.services import find_services, is_on
from pumice.errors import InvalidInput
from pumice.services.logs import log_levels, set_log_levels

API: Final = "cinder-api"
BINARIES: Final = ("cinder-scheduler", "cinder-volume", "cinder-backup", API)
_ALL: Final = ("", "*")


class GetLog(Body):
    """``PUT /os-services/get-log``."""

    STRICT_FROM = 0
    EXAMPLE: ClassVar[Any] = {"binary": "*", "server": None, "prefix": "pumice.scheduler"}

    binary: Text = ""
    server: Text | None = None
    prefix: Text | None = None


class SetLog(GetLog):
    """``PUT /os-services/set-log``."""

    EXAMPLE = GetLog.EXAMPLE | {"level": "INFO"}

    level: Text | None = None


async def get_log(request: Request, body: GetLog) -> dict[str, Any]:
    """The levels of the loggers, for each service that is asked for; those of a process are the same."""
    levels = log_levels(body.prefix or "")
    return {
        "log_levels": [
            {"host": host, "binary": binary, "levels": levels}
            for host, binary in await _services(request, body)
        ]
    }


async def set_log(request: Request, body: SetLog) -> None:
    """Set the level of the loggers of the process, if any of its services is asked for."""
    if await _services(request, body):
        set_log_levels(body.prefix or "", body.level or "")


async def _services(request: Request, body: GetLog) -> list[tuple[str, str]]:
    """The services that are up and meant, the API first. Raises :class:`InvalidInput`."""
    if body.binary not in (*BINARIES, *_ALL):
        raise InvalidInput(
            f"Invalid input: 'body.binary' is not one of {', '.join(BINARIES)} or *."
        )
    host = request.services.settings.host
    found = [(one.host, one.binary) for one in await find_services(request) if one.up]
    return [
        (host, binary)
        for host, binary in [(host, API), *found]
        if body.binary in (*_ALL, binary) and (not body.server or is_on(host, body.server))
    ]


ROUTES: Final = (
    Route(
        "PUT",
        "/os-services/get-log",
        get_log,
        policies.SERVICES_UPDATE,
        body=GetLog,
        since=versions.LOG_LEVELS,
    ),
    Route(
        "PUT",
        "/os-services/set-log",
        set_log,
        policies.SERVICES_UPDATE,
        status=202,
        body=SetLog,
        since=versions.LOG_LEVELS,
    ),
)
