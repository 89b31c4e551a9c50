"""``/types`` and ``/types/{type_id}/extra_specs``."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Final

from msgspec import UNSET, Struct, UnsetType, field
from msgspec.structs import replace

from pumice.api.body import MAX_TEXT, Body, CinderBool, parse_bool
from pumice.api.policy import Policy
from pumice.api.query import PAGE_KEYS, page, single_values
from pumice.api.request import Request
from pumice.api.route import Route
from pumice.api.views import next_link
from pumice.api.volume_v3 import policies, versions
from pumice.api.volume_v3.query import literal, sliced
from pumice.errors import Conflict, InvalidInput, NotFound, VolumeTypeNotFound
from pumice.model.volume import VolumeType
from pumice.services import volume_types
from pumice.services.volume_types import NewVolumeType, TypeChanges, TypeQuery

_KEY: Final = re.compile(r"[A-Za-z0-9\-_:.]{1,255}\Z")

# What a user who is no administrator may know of a type's extra specs.
VISIBLE_SPECS: Final = frozenset(
    {"RESKEY:availability_zones", "multiattach", "replication_enabled"}
)
FILTERS: Final = frozenset({"is_public", "extra_specs"})
SORT_KEYS: Final = frozenset({"id", "name", "created_at", "updated_at", "is_public", "description"})


class CreateType(Body):
    """``POST /types``."""

    WRAPPER = "volume_type"
    STRICT_FROM = 0
    EXAMPLE: ClassVar[Any] = {"name": "example"}

    name: str
    description: str | None = None
    extra_specs: dict[str, str | None] | None = None
    is_public: CinderBool = field(default=True, name="os-volume-type-access:is_public")


class UpdateType(Body):
    """``PUT /types/{type_id}``; null is as good as absent.

    Cinder takes the visibility as ``is_public`` alone; openstacksdk sends the name that create takes.
    """

    WRAPPER = "volume_type"
    STRICT_FROM = 0
    EXAMPLE: ClassVar[Any] = {"description": "An example."}

    name: str | None = None
    description: str | None = None
    is_public: CinderBool | None = None
    access_is_public: CinderBool | None = field(
        default=None, name="os-volume-type-access:is_public"
    )


class SpecsBody(Body):
    """``POST /types/{type_id}/extra_specs``."""

    STRICT_FROM = 0
    EXAMPLE: ClassVar[Any] = {"extra_specs": {"key": "value"}}

    extra_specs: dict[str, str | None]


class AnySpec(Body):
    """``PUT /types/{type_id}/extra_specs/{key}``: the key itself, without a wrapper."""

    CONTENT = "content"
    EXAMPLE: ClassVar[Any] = {"key": "value"}

    content: dict[str, str | None]


class TypeView(Struct, frozen=True):
    """A volume type. Each of the last three has a policy of its own; what create answers has no QoS specs."""

    id: str
    name: str
    is_public: bool
    description: str | None
    extra_specs: dict[str, str | None] | UnsetType = UNSET
    access_is_public: bool | UnsetType = field(
        default=UNSET, name="os-volume-type-access:is_public"
    )
    qos_specs_id: UnsetType | None = UNSET


def view(request: Request, volume_type: VolumeType) -> TypeView:
    """The type as this caller may see it."""
    return TypeView(
        volume_type.id,
        volume_type.name,
        volume_type.is_public,
        volume_type.description,
        _visible(request, volume_type) if _allows(request, policies.TYPE_SPECS) else UNSET,
        volume_type.is_public if _allows(request, policies.TYPE_ACCESS) else UNSET,
        None if _allows(request, policies.TYPE_QOS) else UNSET,
    )


def _allows(request: Request, policy: Policy) -> bool:
    return request.services.rules.allows(policy, request.context)


def _visible(request: Request, volume_type: VolumeType) -> dict[str, str | None]:
    if _allows(request, policies.SPECS_SENSITIVE):
        return volume_type.extra_specs
    return {key: value for key, value in volume_type.extra_specs.items() if key in VISIBLE_SPECS}


async def list_types(request: Request) -> dict[str, Any]:
    """A page of the types the caller may see."""
    given = single_values(request)
    paging = page(given, SORT_KEYS)
    wanted = _extra_specs_filter(request, given)
    is_public = _is_public(given) if request.context.is_admin else None
    types = await request.read(
        volume_types.list_volume_types, request.context, TypeQuery(is_public)
    )
    types = [one for one in types if wanted.items() <= _visible(request, one).items()]
    for key, direction in reversed(paging.sort):
        types.sort(key=lambda one: str(getattr(one, key) or ""), reverse=direction == "desc")
    bound = request.services.settings.osapi_max_limit
    types, more = sliced(types, paging, bound, VolumeTypeNotFound)
    answer: dict[str, Any] = {"volume_types": [view(request, one) for one in types]}
    if more:
        answer["volume_type_links"] = next_link(request, types[-1].id)
    return answer


def _is_public(given: dict[str, str]) -> bool | None:
    """``is_public`` as administrators write it: a boolean, or none for both."""
    text = given.get("is_public", "true").strip().lower()
    if text == "none":
        return None
    try:
        return parse_bool(text)
    except ValueError as error:
        raise InvalidInput(f"Invalid is_public filter [{given['is_public']}]") from error


def _extra_specs_filter(request: Request, given: dict[str, str]) -> dict[str, str]:
    """The extra specs that the types shall have; from 3.52, as is the refusal of other filters."""
    if request.microversion < versions.TYPE_EXTRA_SPECS_FILTER:
        return {}
    unknown = given.keys() - FILTERS - PAGE_KEYS
    if unknown and not request.context.is_admin:
        raise InvalidInput(f"Invalid filters {min(unknown)} are found in query options.")
    return _dictionary(given["extra_specs"]) if "extra_specs" in given else {}


def _dictionary(text: str) -> dict[str, str]:
    """A filter written as a Python dictionary, as clients send it. Raises :class:`InvalidInput`."""
    found = literal(text)
    if not isinstance(found, dict):
        raise InvalidInput("The filter extra_specs is not a dictionary of strings.")
    return {str(key): str(value) for key, value in found.items()}


async def create_type(request: Request, body: CreateType) -> dict[str, Any]:
    """Make a type."""
    name = _checked_name(body.name)
    _check_description(body.description)
    specs = body.extra_specs or {}
    _check_specs(specs)
    new = NewVolumeType(
        request.services.seams.ids.volume_side(), name, body.description, body.is_public, specs
    )
    return await request.write(
        volume_types.create_volume_type,
        request.context,
        new,
        view=lambda made: {"volume_type": replace(view(request, made), qos_specs_id=UNSET)},
    )


def _checked_name(name: str) -> str:
    """``name`` without the blanks around it. Raises :class:`InvalidInput`."""
    name = name.strip()
    if not 1 <= len(name) <= MAX_TEXT:
        raise InvalidInput("Invalid input: 'volume_type.name' must have 1 to 255 characters.")
    return name


def _check_description(description: str | None) -> None:
    if description is not None and len(description) > MAX_TEXT:
        raise InvalidInput("Invalid input: 'volume_type.description' has more than 255 characters.")


def _check_specs(specs: dict[str, str | None]) -> None:
    for key, value in specs.items():
        if not _KEY.match(key):
            raise InvalidInput(f"Invalid input: {key[:60]!r} is not the name of an extra spec.")
        if value is not None and len(value) > MAX_TEXT:
            raise InvalidInput(f"Invalid input: the extra spec {key} has more than 255 characters.")


async def _find(request: Request) -> VolumeType:
    """The type in the path; ``default`` is the one that volumes get unasked."""
    reference = request.parameters["type_id"]
    if reference == "default":
        default_name = request.services.settings.default_volume_type
        return await request.read(
            volume_types.find_type_or_default, request.context, None, default_name
        )
    return await request.read(volume_types.show_volume_type, request.context, reference)


async def show_type(request: Request) -> dict[str, Any]:
    """One type."""
    return {"volume_type": view(request, await _find(request))}


async def update_type(request: Request, body: UpdateType) -> dict[str, Any]:
    """Change a type's name, description and visibility."""
    is_public = body.access_is_public if body.is_public is None else body.is_public
    if body.name is None and body.description is None and is_public is None:
        raise InvalidInput(
            "Specify volume type name, description, is_public or a combination thereof."
        )
    _check_description(body.description)
    name = None if body.name is None else _checked_name(body.name)
    changed = await request.write(
        volume_types.update_volume_type,
        request.context,
        request.parameters["type_id"],
        TypeChanges(name, body.description, is_public),
    )
    # Cinder answers a change in its oldest words, and Tempest holds it to them.
    shown = replace(view(request, changed), access_is_public=UNSET, qos_specs_id=UNSET)
    return {"volume_type": shown}


async def delete_type(request: Request) -> None:
    """Remove a type that no volume has."""
    await request.write(
        volume_types.delete_volume_type,
        request.context,
        (await _find(request)).id,
        request.services.settings.default_volume_type,
    )


async def show_encryption(request: Request) -> dict[str, Any]:
    """How volumes of the type are encrypted: nobody can say yet that they shall be."""
    await _find(request)
    return {}


async def list_extra_specs(request: Request) -> dict[str, Any]:
    """The type's extra specs."""
    return {"extra_specs": _visible(request, await _find(request))}


async def show_extra_spec(request: Request) -> dict[str, Any]:
    """One extra spec, without a wrapper."""
    key = request.parameters["key"]
    specs = _visible(request, await _find(request))
    if key not in specs:
        raise NotFound(
            f"Volume Type {request.parameters['type_id']} has no extra specs with key {key}."
        )
    return {key: specs[key]}


async def create_extra_specs(request: Request, body: SpecsBody) -> dict[str, Any]:
    """Add extra specs."""
    _check_specs(body.extra_specs)
    return await request.write(
        volume_types.set_extra_specs,
        request.context,
        (await _find(request)).id,
        body.extra_specs,
        view=lambda _: {"extra_specs": body.extra_specs},
    )


async def update_extra_spec(request: Request, body: AnySpec) -> dict[str, Any]:
    """Change one extra spec; the body holds just that key."""
    key = request.parameters["key"]
    if list(body.content) != [key]:
        raise InvalidInput(
            "Request body and URI mismatch: the body must hold just the key in the URI."
        )
    _check_specs(body.content)
    await request.write(
        volume_types.set_extra_specs, request.context, (await _find(request)).id, body.content
    )
    return body.content


async def delete_extra_spec(request: Request) -> None:
    """Remove one extra spec."""
    await request.write(
        volume_types.delete_extra_spec,
        request.context,
        (await _find(request)).id,
        request.parameters["key"],
    )


_SPECS: Final = (policies.SPECS_SENSITIVE,)
_SHOWS: Final = (policies.TYPE_SPECS, policies.TYPE_ACCESS, policies.TYPE_QOS, *_SPECS)
"""The policies on parts of a type's view."""

ROUTES: Final = (
    Route(
        "GET",
        "/types",
        list_types,
        policies.TYPE_LIST,
        raises=(VolumeTypeNotFound,),
        further=_SHOWS,
    ),
    Route(
        "POST",
        "/types",
        create_type,
        policies.TYPE_CREATE,
        body=CreateType,
        keyed=True,
        raises=(Conflict,),
        further=_SHOWS,
    ),
    Route(
        "GET",
        "/types/{type_id}",
        show_type,
        policies.TYPE_SHOW,
        raises=(VolumeTypeNotFound,),
        further=_SHOWS,
    ),
    Route(
        "PUT",
        "/types/{type_id}",
        update_type,
        policies.TYPE_UPDATE,
        body=UpdateType,
        raises=(VolumeTypeNotFound, Conflict),
        further=_SHOWS,
    ),
    Route(
        "DELETE",
        "/types/{type_id}",
        delete_type,
        policies.TYPE_DELETE,
        status=202,
        raises=(VolumeTypeNotFound,),
    ),
    Route(
        "GET",
        "/types/{type_id}/encryption",
        show_encryption,
        policies.TYPE_ENCRYPTION,
        raises=(VolumeTypeNotFound,),
    ),
    Route(
        "GET",
        "/types/{type_id}/extra_specs",
        list_extra_specs,
        policies.SPECS_LIST,
        raises=(VolumeTypeNotFound,),
        further=_SPECS,
    ),
    Route(
        "POST",
        "/types/{type_id}/extra_specs",
        create_extra_specs,
        policies.SPECS_CREATE,
        body=SpecsBody,
        keyed=True,
        raises=(VolumeTypeNotFound,),
    ),
    Route(
        "GET",
        "/types/{type_id}/extra_specs/{key}",
        show_extra_spec,
        policies.SPECS_SHOW,
        raises=(NotFound,),
        further=_SPECS,
    ),
    Route(
        "PUT",
        "/types/{type_id}/extra_specs/{key}",
        update_extra_spec,
        policies.SPECS_UPDATE,
        body=AnySpec,
        raises=(VolumeTypeNotFound,),
    ),
    Route(
        "DELETE",
        "/types/{type_id}/extra_specs/{key}",
        delete_extra_spec,
        policies.SPECS_DELETE,
        status=202,
        raises=(NotFound,),
    ),
)
