"""``/os-quota-sets``: what a project may have, and how much of it is used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from msgspec import Struct

from pumice.api.body import MAX_TEXT, Body, parse_int
from pumice.api.query import boolean, single_values
from pumice.api.request import Request
from pumice.api.route import Route
from pumice.api.volume_v3 import policies
from pumice.errors import InvalidInput
from pumice.services import quota_classes, quotas
from pumice.services.quotas import UNLIMITED, QuotaDefaults

_NO_LIMITS: Final = frozenset({"tenant_id", "id"})
"""What clients send beside the limits; it means nothing."""


class QuotaSet(Body):
    """``PUT /os-quota-sets/{project_id}``: limits by name."""

    WRAPPER = "quota_set"
    CONTENT = "content"
    STRICT_FROM = 0
    EXAMPLE: ClassVar[Any] = {"volumes": 10}

    content: dict[str, Any]


class QuotaView(Struct, frozen=True):
    """One limit with ``usage=true``; nothing is reserved ahead of what is made."""

    limit: int
    in_use: int
    reserved: int = 0


async def of_project(request: Request, *_: Body) -> Mapping[str, object]:
    """The target of a policy on the project in the path."""
    return {"project_id": request.parameters["project_id"]}


def limits(content: Mapping[str, object], where: str) -> dict[str, int]:
    """The limits in the body's ``where``. Raises :class:`InvalidInput` for one that is no limit."""
    found: dict[str, int] = {}
    for name, value in content.items():
        try:
            found[name] = parse_int(value, minimum=UNLIMITED)
        except ValueError as error:
            raise InvalidInput(f"Invalid input: {error} - at '{where}.{name[:60]}'.") from error
    return found


def require_short(name: str, what: str) -> str:
    """``name``. Raises :class:`InvalidInput` if it is longer than any that a limit can be set for."""
    if len(name) > MAX_TEXT:
        raise InvalidInput(f"{what} has {len(name)} characters, more than {MAX_TEXT}.")
    return name


async def show_quota(request: Request) -> dict[str, Any]:
    """A project's limits, with ``usage`` beside what it uses."""
    usage = boolean(single_values(request), "usage")
    project_id = request.parameters["project_id"]
    found = await request.read(
        quotas.show_quota, request.context, project_id, QuotaDefaults.of(request.services.settings)
    )
    shown = {
        name: QuotaView(one.limit, one.in_use) if usage else one.limit
        for name, one in found.items()
    }
    return {"quota_set": shown | {"id": project_id}}


async def show_defaults(request: Request) -> dict[str, Any]:
    """The limits of a project that has none of its own."""
    found = await request.read(
        quota_classes.show_quota_class,
        request.context,
        quota_classes.DEFAULT,
        QuotaDefaults.of(request.services.settings),
    )
    return {"quota_set": found | {"id": request.parameters["project_id"]}}


async def update_quota(request: Request, body: QuotaSet) -> dict[str, Any]:
    """Set limits of a project."""
    if not body.content:
        raise InvalidInput("Invalid input: 'quota_set' must hold at least one limit.")
    wanted = {name: value for name, value in body.content.items() if name not in _NO_LIMITS}
    found = await request.write(
        quotas.update_quota,
        request.context,
        require_short(request.parameters["project_id"], "The id of a project"),
        limits(wanted, "quota_set"),
        QuotaDefaults.of(request.services.settings),
    )
    return {"quota_set": {name: one.limit for name, one in found.items()}}


async def delete_quota(request: Request) -> None:
    """Give a project the default limits again."""
    await request.write(quotas.delete_quota, request.context, request.parameters["project_id"])


_ONE: Final = "/os-quota-sets/{project_id}"

ROUTES: Final = (
    Route("GET", _ONE, show_quota, policies.QUOTA_SHOW, target=of_project),
    Route("PUT", _ONE, update_quota, policies.QUOTA_UPDATE, body=QuotaSet, target=of_project),
    Route("DELETE", _ONE, delete_quota, policies.QUOTA_DELETE, target=of_project),
    Route("GET", f"{_ONE}/defaults", show_defaults, policies.QUOTA_SHOW, target=of_project),
)
