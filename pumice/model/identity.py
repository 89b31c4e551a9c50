"""Domains, projects, users, roles and the catalog's parts, as the store keeps them.

The order of a value's fields is the order of the columns in its module of :mod:`pumice.store`. A
query names what a list shall hold: every field that is not None narrows it; text compares exactly.
"""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

DEFAULT_DOMAIN_ID: Final = "default"

ScopeKind = Literal["unscoped", "project", "domain", "system"]
"""What a token is for. Roles are granted on the last three."""
SYSTEM_TARGET: Final = "all"
"""The id under which roles on the system are granted; Keystone knows no part of it."""

ActorKind = Literal["user", "group"]
"""Who may have roles: a group's are those of each of its members."""

Interface = Literal["public", "internal", "admin"]


class Domain(Struct, frozen=True):
    """A name space of projects and users."""

    id: str
    name: str
    description: str
    enabled: bool
    created_at: int


class Project(Struct, frozen=True):
    """What owns volumes. ``parent_id`` is a project's, or the domain's for one at the top."""

    id: str
    domain_id: str
    parent_id: str
    name: str
    description: str
    enabled: bool
    created_at: int


class User(Struct, frozen=True):
    """Who logs in. The password's hash is no part of it, so that no view and no log can show it."""

    id: str
    domain_id: str
    name: str
    enabled: bool
    default_project_id: str | None
    description: str | None
    email: str | None
    created_at: int


class Role(Struct, frozen=True):
    """What policies ask for, by name."""

    id: str
    name: str
    description: str
    created_at: int


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


class Region(Struct, frozen=True):
    """A place in the catalog; its id is the name people use."""

    id: str
    description: str
    parent_region_id: str | None


class Service(Struct, frozen=True):
    """A service in the catalog. Clients look for the ``type``, people read the ``name``."""

    id: str
    type: str
    name: str
    description: str
    enabled: bool


class Endpoint(Struct, frozen=True):
    """Where a service is. ``url`` is a template (:func:`pumice.services.catalog.fill`)."""

    id: str
    service_id: str
    interface: Interface
    region_id: str | None
    url: str
    enabled: bool


class DomainQuery(Struct, frozen=True, kw_only=True):
    """Which domains, oldest first; ``marker`` is the id of the last one of the page before."""

    id: str | None = None
    name: str | None = None
    enabled: bool | None = None
    limit: int | None = None
    marker: str | None = None


class ProjectQuery(Struct, frozen=True, kw_only=True):
    """Which projects, oldest first; ``marker`` as in :class:`DomainQuery`."""

    name: str | None = None
    domain_id: str | None = None
    parent_id: str | None = None
    enabled: bool | None = None
    limit: int | None = None
    marker: str | None = None


class UserQuery(Struct, frozen=True, kw_only=True):
    """Which users, oldest first; ``marker`` as in :class:`DomainQuery`."""

    name: str | None = None
    domain_id: str | None = None
    enabled: bool | None = None
    limit: int | None = None
    marker: str | None = None


class RoleQuery(Struct, frozen=True, kw_only=True):
    """Which roles, by name."""

    name: str | None = None


class RegionQuery(Struct, frozen=True, kw_only=True):
    """Which regions, by id."""

    parent_region_id: str | None = None


class ServiceQuery(Struct, frozen=True, kw_only=True):
    """Which services, by type."""

    type: str | None = None
    name: str | None = None


class EndpointQuery(Struct, frozen=True, kw_only=True):
    """Which endpoints, by service and interface."""

    service_id: str | None = None
    interface: str | None = None
    region_id: str | None = None
