"""``/flavors/{flavor_id}/os-extra_specs``."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Final

from pumice.api.body import MAX_TEXT, Body
from pumice.api.compute_v2 import policies, versions
from pumice.api.request import Request
from pumice.api.route import Route
from pumice.errors import InvalidInput, NotFound
from pumice.model.flavor_specs import wrong_spec
from pumice.services.flavors import delete_extra_spec, find_flavor, set_extra_specs

_KEY: Final = re.compile(r"[a-zA-Z0-9\-_:. ]{1,255}\Z")


class SpecsBody(Body):
    """``POST .../os-extra_specs``."""

    STRICT_FROM = 0
    EXAMPLE: ClassVar[Any] = {"extra_specs": {"key": "value"}}

    extra_specs: dict[str, str | int | float]


class OneSpec(Body):
    """``PUT .../os-extra_specs/{key}``: the key itself, without a wrapper."""

    CONTENT = "content"
    EXAMPLE: ClassVar[Any] = {"key": "value"}

    content: dict[str, str | int | float]


async def list_specs(request: Request) -> dict[str, Any]:
    """The flavor's extra specs."""
    flavor_id = request.parameters["flavor_id"]
    found = await request.read(find_flavor, request.context, flavor_id)
    return {"extra_specs": found.extra_specs}


async def show_spec(request: Request) -> dict[str, Any]:
    """One extra spec, without a wrapper."""
    key = request.parameters["key"]
    specs = (await list_specs(request))["extra_specs"]
    if key not in specs:
        raise NotFound(
            f"Flavor {request.parameters['flavor_id']} has no extra specs with key {key}."
        )
    return {key: specs[key]}


async def create_specs(request: Request, body: SpecsBody) -> dict[str, Any]:
    """Add extra specs."""
    return await request.write(
        set_extra_specs,
        request.context,
        request.parameters["flavor_id"],
        _checked(request, body.extra_specs),
        view=lambda _: {"extra_specs": body.extra_specs},
    )


async def update_spec(request: Request, body: OneSpec) -> dict[str, Any]:
    """Change one extra spec; the body holds just that key."""
    if list(body.content) != [request.parameters["key"]]:
        raise InvalidInput("Request body and URI mismatch")
    await request.write(
        set_extra_specs,
        request.context,
        request.parameters["flavor_id"],
        _checked(request, body.content),
    )
    return dict(body.content)


def _checked(request: Request, given: dict[str, str | int | float]) -> dict[str, str]:
    """The extra specs as texts. Raises :class:`InvalidInput` for a name or value that cannot be."""
    specs = {key: str(value) for key, value in given.items()}
    for key, value in specs.items():
        if not _KEY.match(key):
            raise InvalidInput(f"Invalid input: {key[:60]!r} is not the name of an extra spec.")
        if len(value) > MAX_TEXT:
            raise InvalidInput(f"Invalid input: the extra spec {key} has more than 255 characters.")
        if request.microversion >= versions.FLAVOR_SPECS_CHECKED:
            wrong = wrong_spec(key, value)
            if wrong is not None:
                raise InvalidInput(f"Validation failed; {wrong}.")
    return specs


async def delete_spec(request: Request) -> None:
    """Remove one extra spec."""
    await request.write(
        delete_extra_spec,
        request.context,
        request.parameters["flavor_id"],
        request.parameters["key"],
    )


_SPECS: Final = "/flavors/{flavor_id}/os-extra_specs"
_SPEC: Final = f"{_SPECS}/{{key}}"

ROUTES: Final = (
    Route("GET", _SPECS, list_specs, policies.LIST_SPECS, raises=(NotFound,)),
    Route(
        "POST",
        _SPECS,
        create_specs,
        policies.CREATE_SPECS,
        body=SpecsBody,
        keyed=True,
        raises=(NotFound,),
    ),
    Route("GET", _SPEC, show_spec, policies.SHOW_SPEC, raises=(NotFound,)),
    Route("PUT", _SPEC, update_spec, policies.UPDATE_SPEC, body=OneSpec, raises=(NotFound,)),
    Route("DELETE", _SPEC, delete_spec, policies.DELETE_SPEC, raises=(NotFound,)),
)
