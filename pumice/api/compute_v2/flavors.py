"""``/flavors``: list, detail and show (compute-flavors reference)."""

from __future__ import annotations

from typing import Any, Final

from pumice.api.body import parse_bool, parse_int
from pumice.api.compute_v2 import versions
from pumice.api.policy import Policy
from pumice.api.request import Request
from pumice.api.route import Route
from pumice.api.volume_v3.query import single_values
from pumice.api.volume_v3.views import next_link
from pumice.errors import InvalidInput, NotFound
from pumice.model.flavor import Flavor, FlavorQuery
from pumice.services.flavors import find_flavor, list_flavors

SHOW: Final = Policy("os_compute_api:flavors", "@", "List and show flavors.")
SHOW_SPECS: Final = Policy(
    "os_compute_api:os-flavor-extra-specs:index",
    "rule:xena_system_admin_or_project_reader",
    "List and show a flavor's extra specs.",
)

_KNOWN: Final = frozenset(
    {"is_public", "minRam", "minDisk", "limit", "marker", "sort_key", "sort_dir"}
)
_KNOWN_ONLY_FROM: Final = 75
"""The microversion from which an unknown query parameter is refused."""


def summary(request: Request, flavor: Flavor) -> dict[str, Any]:
    """A flavor in ``GET /flavors``."""
    href = f"{request.base}{request.mount}/flavors/{flavor.id}"
    bookmark = f"{request.base}{request.mount.replace('/v2.1', '', 1)}/flavors/{flavor.id}"
    shown: dict[str, Any] = {
        "id": flavor.id,
        "name": flavor.name,
        "links": [{"rel": "self", "href": href}, {"rel": "bookmark", "href": bookmark}],
    }
    if request.microversion >= versions.FLAVOR_DESCRIPTION:
        shown["description"] = flavor.description
    return shown


def detail(request: Request, flavor: Flavor) -> dict[str, Any]:
    """A flavor with everything, at this microversion."""
    number = request.microversion >= versions.FLAVOR_SWAP_IS_NUMBER
    shown = summary(request, flavor) | {
        "ram": flavor.ram_mib,
        "disk": flavor.disk_gib,
        "vcpus": flavor.vcpus,
        "swap": flavor.swap_mib if flavor.swap_mib or number else "",
        "OS-FLV-EXT-DATA:ephemeral": flavor.ephemeral_gib,
        "os-flavor-access:is_public": flavor.is_public,
    }
    if request.microversion < versions.FLAVOR_RXTX_REMOVED:
        shown["rxtx_factor"] = flavor.rxtx_factor
        shown["OS-FLV-DISABLED:disabled"] = False
    if request.microversion >= versions.FLAVOR_EXTRA_SPECS:
        shown["extra_specs"] = flavor.extra_specs
    return shown


async def list_all(request: Request) -> dict[str, Any]:
    """A page of flavors: id, name and links."""
    return await _list(request, summary)


async def list_detail(request: Request) -> dict[str, Any]:
    """A page of flavors with everything."""
    return await _list(request, detail)


async def _list(request: Request, view: Any) -> dict[str, Any]:
    query = _query(request)
    found = await request.services.units.read(list_flavors, request.context, query)
    answer: dict[str, Any] = {"flavors": [view(request, flavor) for flavor in found]}
    if found and len(found) == query.limit:
        answer["flavors_links"] = next_link(request, found[-1].id)
    return answer


def _query(request: Request) -> FlavorQuery:
    given = single_values(request)
    unknown = given.keys() - _KNOWN
    if unknown and request.microversion >= _KNOWN_ONLY_FROM:
        raise InvalidInput(f"Additional query parameters are not allowed: {min(unknown)!r}.")
    direction = given.get("sort_dir", "asc")
    if direction not in ("asc", "desc"):
        raise InvalidInput(f"Unknown sort direction {direction!r}, must be 'desc' or 'asc'.")
    bound = request.services.settings.osapi_max_limit
    return FlavorQuery(
        is_public=_is_public(given.get("is_public", "true")),
        min_ram_mib=_number(given, "minRam", 0),
        min_disk_gib=_number(given, "minDisk", 0),
        sort_key=given.get("sort_key", "flavorid"),
        descending=direction == "desc",
        limit=min(_number(given, "limit", bound) or bound, bound),
        marker=given.get("marker"),
    )


def _is_public(text: str) -> bool | None:
    if text.strip().lower() == "none":
        return None
    try:
        return parse_bool(text)
    except ValueError as error:
        raise InvalidInput(f"Invalid is_public filter [{text}]") from error


def _number(given: dict[str, str], name: str, default: int) -> int:
    try:
        return parse_int(given.get(name, str(default)))
    except ValueError as error:
        raise InvalidInput(f"Invalid {name} filter: {error}.") from error


async def show(request: Request) -> dict[str, Any]:
    """One flavor."""
    flavor_id = request.parameters["flavor_id"]
    found = await request.services.units.read(find_flavor, request.context, flavor_id)
    return {"flavor": detail(request, found)}


async def list_extra_specs(request: Request) -> dict[str, Any]:
    """The flavor's extra specs."""
    flavor_id = request.parameters["flavor_id"]
    found = await request.services.units.read(find_flavor, request.context, flavor_id)
    return {"extra_specs": found.extra_specs}


async def show_extra_spec(request: Request) -> dict[str, Any]:
    """One extra spec, without a wrapper."""
    key = request.parameters["key"]
    specs = (await list_extra_specs(request))["extra_specs"]
    if key not in specs:
        raise NotFound(
            f"Flavor {request.parameters['flavor_id']} has no extra specs with key {key}."
        )
    return {key: specs[key]}


ROUTES: Final = (
    Route("GET", "/flavors", list_all, SHOW),
    Route("GET", "/flavors/detail", list_detail, SHOW),
    Route("GET", "/flavors/{flavor_id}", show, SHOW, raises=(NotFound,)),
    Route(
        "GET",
        "/flavors/{flavor_id}/os-extra_specs",
        list_extra_specs,
        SHOW_SPECS,
        raises=(NotFound,),
    ),
    Route(
        "GET",
        "/flavors/{flavor_id}/os-extra_specs/{key}",
        show_extra_spec,
        SHOW_SPECS,
        raises=(NotFound,),
    ),
)
