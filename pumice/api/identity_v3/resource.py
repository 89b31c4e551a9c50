"""What the resources of the identity API have in common: lists and shows, changes, bodies, targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar, TypeVarTuple

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from pumice.api.body import Body, parse_bool, parse_int
from pumice.api.identity_v3.views import listed, self_link
from pumice.api.policy import Policy
from pumice.api.request import Request
from pumice.api.route import Route, Target
from pumice.api.views import next_url
from pumice.context import Context
from pumice.errors import InvalidInput, NotFound
from pumice.model.identity import DEFAULT_DOMAIN_ID, MAX_TAGS, Match
from pumice.services.updates import without_none

T = TypeVar("T")
V = TypeVar("V")
A = TypeVarTuple("A")

Name = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"\S")]
"""The name of a user, group or role: not only blanks."""
ShortName = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"\S")]
"""The name of a domain or project."""
Id = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[a-zA-Z0-9-]+\Z")]

PARTS: Final = ("contains", "startswith", "endswith")


Tag = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[^,/]*[^,/\s][^,/]*\Z")]
Tags = Annotated[tuple[Tag, ...], Meta(max_length=MAX_TAGS)]


class IdentityBody(Body, kw_only=True):
    """A resource as clients send it: unknown keys are kept beside the known ones.

    ``id`` and ``links`` are what an answer had; they cannot be chosen.
    """

    STRICT_FROM = 0
    EXTRA = "extra"

    id: Any = UNSET
    links: Any = UNSET
    extra: dict[str, Any]


class ResourceOptions(Struct, forbid_unknown_fields=True):
    """The options of domains, projects and roles; None takes one away."""

    immutable: bool | UnsetType | None = UNSET


def changes_in(
    request: Request, body: IdentityBody, id_name: str, *, null_description: bool = False
) -> dict[str, Any]:
    """The fields that ``body`` changes, for a resource whose id is the path's ``id_name``.

    A description that is null is an empty one, except with ``null_description``. Raises
    :class:`InvalidInput` if there are no changes, or for another id.
    """
    if body.id not in (UNSET, None, request.parameters[id_name]):
        raise InvalidInput("Cannot change ID")
    fields = msgspec.structs.asdict(body)
    found = {name: value for name, value in fields.items() if value is not UNSET}
    if "description" in found and not null_description:
        found["description"] = found["description"] or ""
    for name in ("id", "links"):
        found.pop(name, None)
    if not found["extra"]:
        del found["extra"]
    if not found:
        raise InvalidInput("Invalid input: there is nothing to change.")
    if "options" in found:
        found["options"] = msgspec.to_builtins(found["options"])
    if "name" in found:
        found["name"] = found["name"].strip()
    if "tags" in found:
        found["tags"] = unique_tags(found["tags"])
    return found


def options_in(options: Struct | UnsetType) -> dict[str, Any]:
    """The options that a new resource has."""
    return {} if options is UNSET else without_none(msgspec.to_builtins(options))


def unique_tags(tags: tuple[str, ...]) -> tuple[str, ...]:
    """``tags`` without the blanks around them. Raises :class:`InvalidInput` if one stands twice."""
    found = tuple(tag.strip() for tag in tags)
    if len(set(found)) != len(found):
        raise InvalidInput("Invalid input for field 'tags': a tag stands there twice.")
    return found


def home_domain(request: Request, domain_id: str | None) -> str:
    """The domain of a new user or group: the one asked for, the token's, or the default one."""
    return domain_id or request.context.domain_id or DEFAULT_DOMAIN_ID


def target(**find: Callable[..., Any]) -> Target:
    """What a policy may ask about resources that the path names: their ids and domains.

    ``find`` has the queries by the resource's name: ``user=find_user`` gives ``target.user.id`` and
    ``target.user.domain_id``. A resource that does not exist gives nothing.
    """

    async def found(request: Request, *_body: Body) -> Mapping[str, object]:
        attributes: dict[str, object] = {}
        for kind, find_one in find.items():
            thing_id = request.parameters[f"{kind}_id"]
            try:
                thing = await request.read(find_one, request.context, thing_id)
            except NotFound:
                continue
            attributes[f"target.{kind}.id"] = thing.id
            domain_id = getattr(thing, "domain_id", None)
            if domain_id is not None:
                attributes[f"target.{kind}.domain_id"] = domain_id
        return attributes

    return found


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource: its two names, how to find it, which filters it knows, and what is shown of it."""

    plural: str
    singular: str
    find_all: Callable[..., list[Any]]
    find_one: Callable[..., Any]
    query: type[Any]
    view: Callable[[Request, Any], dict[str, Any]]
    list_policy: Policy
    show_policy: Policy
    target: Target | None = None
    """Of the policy for showing one."""

    def routes(self) -> tuple[Route, Route]:
        """``GET /things`` and ``GET /things/{thing_id}``."""
        return (
            Route("GET", f"/{self.plural}", self.list_all, self.list_policy, raises=(NotFound,)),
            Route(
                "GET",
                f"/{self.plural}/{{{self.singular}_id}}",
                self.show,
                self.show_policy,
                target=self.target,
                raises=(NotFound,),
            ),
        )

    def shown(self, request: Request, thing: Any) -> dict[str, Any]:
        """One of them with its links, as it stands in a list."""
        return self.view(request, thing) | {"links": self_link(request, self.plural, thing.id)}

    async def list_all(self, request: Request) -> dict[str, Any]:
        """A page of them."""
        return await self.page(request, self.find_all)

    async def show(self, request: Request) -> dict[str, Any]:
        """The one that the path names."""
        thing_id = request.parameters[f"{self.singular}_id"]
        found = await request.read(self.find_one, request.context, thing_id)
        return {self.singular: self.shown(request, found)}

    async def page(
        self, request: Request, find_all: Callable[..., list[Any]], *arguments: str
    ) -> dict[str, Any]:
        """Those of ``find_all(txn, context, query, *arguments)``; the filters are the request's."""
        query = self.wanted(request)
        found = await request.read(find_all, request.context, query, *arguments)
        limit = getattr(query, "limit", None)
        more = None
        if found and len(found) == limit:
            more = next_url(request, found[-1].id)
        views = [self.shown(request, one) for one in found]
        return listed(request, self.plural, views, more=more)

    async def change(
        self, request: Request, unit: Callable[[Any, Context, *A], Any], *arguments: *A
    ) -> dict[str, Any]:
        """Run a unit that makes or changes one of them, and show what it returns."""
        return await change(
            request, unit, *arguments, view=lambda made: {self.singular: self.shown(request, made)}
        )

    def wanted(self, request: Request) -> Any:
        """The filters of the request that this resource knows; others are ignored, as Keystone does."""
        known = frozenset(self.query.__struct_fields__)
        texts = known - _PARSERS.keys() - {"marker", "matches"}
        values: dict[str, Any] = {}
        matches: list[Match] = []
        for name, text in request.query():
            key = name.replace("-", "_")
            if key in texts or (key == "marker" and key in known):
                values[key] = text
            elif key in known and key in _PARSERS:
                values[key] = _PARSERS[key](name, text)
            elif (match := _match(name, text)) and match.field in texts:
                matches.append(match)
        if "matches" in known:
            values["matches"] = tuple(matches)
        return self.query(**values)


async def change(
    request: Request,
    unit: Callable[[Any, Context, *A], T],
    *arguments: *A,
    view: Callable[[T], V],
) -> V:
    """Run ``unit(txn, context, *arguments)``, which changes identity, and return ``view`` of its result.

    What was cached of identity counts no more once it is committed.
    """
    ending = request.services.generation.ending(unit)
    return await request.write(ending, request.context, *arguments, view=view)


async def perform(
    request: Request, unit: Callable[[Any, Context, *A], None], *arguments: *A
) -> None:
    """Run a unit that changes identity and returns nothing; the answer is empty."""
    await request.write(request.services.generation.ending(unit), request.context, *arguments)


def _match(name: str, text: str) -> Match | None:
    """A filter such as ``name__icontains``; None for what is none."""
    field, _, operator = name.rpartition("__")
    part = operator.removeprefix("i")
    for known in PARTS:
        if part == known:
            return Match(field, known, text, ignore_case=part != operator)
    return None


def is_true(name: str, text: str) -> bool:
    """What ``text`` says as the value of the query parameter ``name``. Raises :class:`InvalidInput`."""
    # In Keystone a bare "?enabled" means true; and so does what is no boolean, which is refused here.
    try:
        return parse_bool(text) if text else True
    except ValueError as error:
        raise InvalidInput(f"Invalid input for query parameter {name}: {error}.") from error


def _number(name: str, text: str) -> int:
    try:
        return parse_int(text, minimum=1)
    except ValueError as error:
        raise InvalidInput(f"Invalid input for query parameter {name}: {error}.") from error


def _tags(name: str, text: str) -> tuple[str, ...]:
    tags = tuple(text.split(","))
    if len(tags) > MAX_TAGS:
        raise InvalidInput(
            f"Invalid input for query parameter {name}: no more than {MAX_TAGS} tags."
        )
    return tags


_PARSERS: Final[Mapping[str, Callable[[str, str], Any]]] = {
    "enabled": is_true,
    "is_domain": is_true,
    "limit": _number,
    "tags": _tags,
    "tags_any": _tags,
    "not_tags": _tags,
    "not_tags_any": _tags,
}
"""The filters that are no text, by the names of their fields."""
