"""``/flavors``: list, show, create, describe and delete (compute-flavors reference)."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Final

from msgspec import UNSET, UnsetType, field

from pumice.api.body import MAX_TEXT, Body, CinderBool, parse_bool, parse_int
from pumice.api.compute_v2 import policies, versions
from pumice.api.query import single_values
from pumice.api.request import Request
from pumice.api.route import Route
from pumice.api.views import next_link
from pumice.errors import Conflict, InvalidInput, NotFound
from pumice.model.flavor import Flavor, FlavorQuery
from pumice.services.flavors import (
    create_flavor,
    delete_flavor,
    describe_flavor,
    find_flavor,
    list_flavors,
)

MAX_DESCRIPTION: Final = 65_535
MAX_FACTOR: Final = 3.40282e38
_ID: Final = re.compile(r"(?! )[a-zA-Z0-9. _-]+(?<! )\Z")
_FACTOR: Final = re.compile(r"[0-9]{1,40}(\.[0-9]+)?\Z", re.ASCII)

_KNOWN: Final = frozenset(
    {"is_public", "minRam", "minDisk", "limit", "marker", "sort_key", "sort_dir"}
)
_KNOWN_ONLY_FROM: Final = 75
"""The microversion from which an unknown query parameter is refused."""


class CreateFlavor(Body):
    """``POST /flavors``; sizes may be numbers or their digits."""

    WRAPPER = "flavor"
    STRICT_FROM = 0
    SINCE: ClassVar[dict[str, int]] = {"description": versions.FLAVOR_DESCRIPTION}
    UNTIL: ClassVar[dict[str, int]] = {"rxtx_factor": versions.FLAVOR_RXTX_REMOVED - 1}
    EXAMPLE: ClassVar[Any] = {"name": "example", "ram": 1, "vcpus": 1, "disk": 0}

    name: str
    ram: int | str
    vcpus: int | str
    disk: int | str
    id: str | int | float | None = None
    ephemeral: int | str = field(default=0, name="OS-FLV-EXT-DATA:ephemeral")
    swap: int | str = 0
    rxtx_factor: float | str | UnsetType = UNSET
    is_public: CinderBool = field(default=True, name="os-flavor-access:is_public")
    description: str | UnsetType | None = UNSET


class UpdateFlavor(Body):
    """``PUT /flavors/{flavor_id}``."""

    WRAPPER = "flavor"
    STRICT_FROM = 0
    EXAMPLE: ClassVar[Any] = {"description": None}

    description: str | None


def summary(request: Request, flavor: Flavor) -> dict[str, Any]:
    """A flavor in ``GET /flavors``."""
    href = f"{request.base}{request.mount}/flavors/{flavor.id}"
    unversioned = re.sub(r"/v2(\.1)?", "", request.mount, count=1)
    bookmark = f"{request.base}{unversioned}/flavors/{flavor.id}"
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
    if request.microversion >= versions.FLAVOR_EXTRA_SPECS and request.services.rules.allows(
        policies.LIST_SPECS, request.context
    ):
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
    found = await request.read(list_flavors, request.context, query)
    answer: dict[str, Any] = {"flavors": [view(request, flavor) for flavor in found]}
    if found and len(found) == query.limit:
        answer["flavors_links"] = next_link(request, found[-1].id)
    return answer


def _query(request: Request) -> FlavorQuery:
    given = single_values(request)
    by_name = request.microversion >= versions.FLAVOR_NAME_FILTER
    unknown = given.keys() - _KNOWN - ({"name"} if by_name else set())
    if unknown and request.microversion >= _KNOWN_ONLY_FROM:
        raise InvalidInput(f"Additional query parameters are not allowed: {min(unknown)!r}.")
    direction = given.get("sort_dir", "asc")
    if direction not in ("asc", "desc"):
        raise InvalidInput(f"Unknown sort direction {direction!r}, must be 'desc' or 'asc'.")
    bound = request.services.settings.osapi_max_limit
    return FlavorQuery(
        is_public=_is_public(given.get("is_public", "true")),
        name=given.get("name") if by_name else None,
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
    found = await request.read(find_flavor, request.context, flavor_id)
    return {"flavor": detail(request, found)}


async def create(request: Request, body: CreateFlavor) -> dict[str, Any]:
    """Make a flavor."""
    flavor = Flavor(
        id=_new_id(request, body.id),
        name=_name(body.name),
        description=_description(body.description or None),
        ram_mib=_size("ram", body.ram, 1),
        vcpus=_size("vcpus", body.vcpus, 1),
        disk_gib=_size("disk", body.disk, 0),
        ephemeral_gib=_size("ephemeral", body.ephemeral, 0),
        swap_mib=_size("swap", body.swap, 0),
        rxtx_factor=_factor(body.rxtx_factor),
        is_public=body.is_public,
        extra_specs={},
    )
    return await request.write(
        create_flavor, flavor, view=lambda made: {"flavor": detail(request, made)}
    )


def _new_id(request: Request, given: str | float | None) -> str:
    """The flavor's id: what the client wants, a number as its text, else a new one."""
    if given is None:
        return request.services.seams.ids.volume_side()
    text = str(given)
    if len(text) > MAX_TEXT or not _ID.match(text):
        raise InvalidInput(
            "Invalid input for field/attribute id: 1 to 255 letters, digits, '.', '_', '-' and blanks, "
            "with no blank at its ends."
        )
    return text


def _name(name: str) -> str:
    if not 1 <= len(name) <= MAX_TEXT or name != name.strip() or not name.isprintable():
        raise InvalidInput(
            "Invalid input for field/attribute name: 1 to 255 printable characters, with no blank at "
            "its ends."
        )
    return name


def _description(text: str | UnsetType | None) -> str | None:
    if not isinstance(text, str):
        return None
    if len(text) > MAX_DESCRIPTION or any(not c.isprintable() and c not in "\r\n\t" for c in text):
        raise InvalidInput(
            f"Invalid input for field/attribute description: at most {MAX_DESCRIPTION} printable "
            "characters."
        )
    return text


def _size(name: str, value: int | str, minimum: int) -> int:
    try:
        return parse_int(value, minimum=minimum)
    except ValueError as error:
        raise InvalidInput(f"Invalid input for field/attribute {name}: {error}.") from error


def _factor(value: float | str | UnsetType) -> float:
    if isinstance(value, UnsetType):
        return 1.0
    if not isinstance(value, str) or _FACTOR.match(value):
        number = float(value)
        if 0 < number <= MAX_FACTOR:
            return number
    raise InvalidInput(
        f"Invalid input for field/attribute rxtx_factor: a number above 0, at most {MAX_FACTOR:g}."
    )


async def update(request: Request, body: UpdateFlavor) -> dict[str, Any]:
    """Change the description."""
    flavor = await request.write(
        describe_flavor,
        request.context,
        request.parameters["flavor_id"],
        _description(body.description),
    )
    return {"flavor": detail(request, flavor)}


async def delete(request: Request) -> None:
    """Remove a flavor."""
    await request.write(delete_flavor, request.parameters["flavor_id"])


_SPECS: Final = (policies.LIST_SPECS,)
"""The policy on the extra specs in a flavor's view."""

ROUTES: Final = (
    Route("GET", "/flavors", list_all, policies.SHOW),
    Route("GET", "/flavors/detail", list_detail, policies.SHOW, further=_SPECS),
    Route(
        "POST",
        "/flavors",
        create,
        policies.CREATE,
        body=CreateFlavor,
        keyed=True,
        raises=(Conflict,),
        further=_SPECS,
    ),
    Route(
        "GET",
        "/flavors/{flavor_id}",
        show,
        policies.SHOW,
        raises=(NotFound,),
        further=_SPECS,
    ),
    Route(
        "PUT",
        "/flavors/{flavor_id}",
        update,
        policies.UPDATE,
        body=UpdateFlavor,
        since=versions.FLAVOR_DESCRIPTION,
        raises=(NotFound,),
        further=_SPECS,
    ),
    Route(
        "DELETE",
        "/flavors/{flavor_id}",
        delete,
        policies.DELETE,
        status=202,
        raises=(NotFound,),
    ),
)
