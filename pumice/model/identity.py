"""Domains, projects, users, roles and the catalog's parts, as the store keeps them.

The order of a value's fields is the order of the columns in its module of :mod:`pumice.store`. A
query names what a list shall hold: every field that is not None narrows it; text compares exactly.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from msgspec import Struct

DEFAULT_DOMAIN_ID: Final = "default"
"""The one domain id that is not 32 hex digits."""
MAX_TAGS: Final = 80
"""Of a project or domain."""

ScopeKind = Literal["unscoped", "project", "domain", "system"]
"""What a token is for. Roles are granted on the last three."""
SYSTEM_TARGET: Final = "all"
"""The id under which roles on the system are granted; Keystone knows no part of it."""

ActorKind = Literal["user", "group"]
"""Who may have roles: a group's are those of each of its members."""

Interface = Literal["public", "internal", "admin"]


class Domain(Struct, frozen=True):
    """A name space of projects, users and groups.

    Here and below, ``options`` are those that Keystone knows by name, and ``extra`` is what clients
    set beside the known fields.
    """

    id: str
    name: str
    description: str
    enabled: bool
    created_at: int
    tags: tuple[str, ...] = ()
    options: dict[str, Any] = {}
    extra: dict[str, Any] = {}


class Project(Struct, frozen=True):
    """What owns volumes. ``parent_id`` is a project's, or the domain's for one at the top."""

    id: str
    domain_id: str
    parent_id: str
    name: str
    description: str
    enabled: bool
    created_at: int
    tags: tuple[str, ...] = ()
    options: dict[str, Any] = {}
    extra: dict[str, Any] = {}


class User(Struct, frozen=True):
    """Who logs in. The password's hash is no part of it, so that no view and no log can show it.

    A token is void if it was issued at or before ``tokens_after``, UTC microseconds in whole seconds.
    """

    id: str
    domain_id: str
    name: str
    enabled: bool
    default_project_id: str | None
    description: str | None
    email: str | None
    created_at: int
    options: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    tokens_after: int = 0


class Group(Struct, frozen=True):
    """Users who have roles together."""

    id: str
    domain_id: str
    name: str
    description: str
    extra: dict[str, Any]
    created_at: int


class Role(Struct, frozen=True):
    """What policies ask for, by name.

    One with a ``domain_id`` is its domain's: it stands in no token, but the roles that it implies do.
    """

    id: str
    name: str
    description: str
    created_at: int
    domain_id: str | None = None
    options: dict[str, Any] = {}
    extra: dict[str, Any] = {}


class Implication(Struct, frozen=True):
    """That whoever has the ``prior`` role has the ``implied`` one too."""

    prior: Role
    implied: Role


class Assignment(Struct, frozen=True):
    """A role that an actor has on a target: a project's or domain's id, or :data:`SYSTEM_TARGET`.

    An ``inherited`` one holds on every project below the target, and not on the target itself.
    """

    actor_type: ActorKind
    actor_id: str
    target_type: ScopeKind
    target_id: str
    role_id: str
    inherited: bool = False


class Holding(Struct, frozen=True):
    """That an actor has a role on a target, and the ``origin``: the assignment that this follows from.

    The target differs from the origin's where that is inherited, and the actor where it is a group's. The
    role is then implied by ``prior_role_id``, unless it is the origin's own.
    """

    actor_type: ActorKind
    actor_id: str
    target_type: ScopeKind
    target_id: str
    role_id: str
    prior_role_id: str | None
    origin: Assignment


class AssignmentQuery(Struct, frozen=True, kw_only=True):
    """Which assignments: of an actor, on a target, of a role; None asks for any.

    ``subtree`` adds the projects below that of ``target_id``. ``within_domain`` leaves those on this domain
    and its projects. A holding is ``inherited`` if its origin is.
    """

    actor_type: ActorKind | None = None
    actor_id: str | None = None
    target_type: ScopeKind | None = None
    target_id: str | None = None
    subtree: bool = False
    role_id: str | None = None
    inherited: bool | None = None
    within_domain: str | None = None


class Region(Struct, frozen=True):
    """A place in the catalog; its id is the name people use."""

    id: str
    description: str
    parent_region_id: str | None
    extra: dict[str, Any] = {}


class Service(Struct, frozen=True):
    """A service in the catalog. Clients look for the ``type``, people read the ``name``."""

    id: str
    type: str
    name: str
    description: str
    enabled: bool
    extra: dict[str, Any] = {}


class Endpoint(Struct, frozen=True):
    """Where a service is. ``url`` is a template (:func:`pumice.services.catalog.fill`)."""

    id: str
    service_id: str
    interface: Interface
    region_id: str | None
    url: str
    enabled: bool
    extra: dict[str, Any] = {}


class Match(Struct, frozen=True):
    """A text that a list is narrowed by and that is only a part: ``name__istartswith=a``."""

    field: str
    part: Literal["contains", "startswith", "endswith"]
    text: str
    ignore_case: bool


class DomainQuery(Struct, frozen=True, kw_only=True):
    """Which domains, oldest first; ``marker`` is the id of the last one of the page before."""

    id: str | None = None
    name: str | None = None
    enabled: bool | None = None
    matches: tuple[Match, ...] = ()
    limit: int | None = None
    marker: str | None = None


class ProjectQuery(Struct, frozen=True, kw_only=True):
    """Which projects, oldest first; ``marker`` as in :class:`DomainQuery`.

    They shall have all of ``tags``, one of ``tags_any``, not all of ``not_tags`` and none of
    ``not_tags_any``. With ``is_domain`` it is domains that are asked for.
    """

    name: str | None = None
    domain_id: str | None = None
    parent_id: str | None = None
    enabled: bool | None = None
    is_domain: bool = False
    tags: tuple[str, ...] = ()
    tags_any: tuple[str, ...] = ()
    not_tags: tuple[str, ...] = ()
    not_tags_any: tuple[str, ...] = ()
    matches: tuple[Match, ...] = ()
    limit: int | None = None
    marker: str | None = None


class UserQuery(Struct, frozen=True, kw_only=True):
    """Which users, oldest first; ``marker`` as in :class:`DomainQuery`."""

    name: str | None = None
    domain_id: str | None = None
    enabled: bool | None = None
    matches: tuple[Match, ...] = ()
    limit: int | None = None
    marker: str | None = None


class GroupQuery(Struct, frozen=True, kw_only=True):
    """Which groups, oldest first; ``marker`` as in :class:`DomainQuery`."""

    name: str | None = None
    domain_id: str | None = None
    matches: tuple[Match, ...] = ()
    limit: int | None = None
    marker: str | None = None


class RoleQuery(Struct, frozen=True, kw_only=True):
    """Which roles, by name: those of a domain, or those of none."""

    name: str | None = None
    domain_id: str | None = None
    matches: tuple[Match, ...] = ()


class RegionQuery(Struct, frozen=True, kw_only=True):
    """Which regions, by id."""

    parent_region_id: str | None = None


class ServiceQuery(Struct, frozen=True, kw_only=True):
    """Which services, by type."""

    type: str | None = None
    name: str | None = None
    matches: tuple[Match, ...] = ()


class EndpointQuery(Struct, frozen=True, kw_only=True):
    """Which endpoints, by service and interface."""

    service_id: str | None = None
    interface: str | None = None
    region_id: str | None = None
