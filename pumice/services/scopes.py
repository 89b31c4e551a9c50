"""What a user may get a token for: users, projects and domains by reference, and the roles on them.

Every refusal is the same one to the caller, so that nobody learns which users and projects exist; its
detail tells the operator.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from pumice.context import Context
from pumice.errors import InvalidInput, Unauthenticated
from pumice.model.identity import SYSTEM_TARGET, Domain, Project, Role, ScopeKind, User
from pumice.store import assignments, domains, projects, users
from pumice.store.txn import Txn


class Reference(Struct, frozen=True, kw_only=True):
    """A user, project or domain by its id, or by name; users and projects then need their domain."""

    id: str | None = None
    name: str | None = None
    domain_id: str | None = None
    domain_name: str | None = None


class ScopeRequest(Struct, frozen=True):
    """The scope that a client asked for; ``default`` means none. ``target`` is its project or domain."""

    kind: ScopeKind | Literal["default"] = "default"
    target: Reference = Reference()


class Grant(Struct, frozen=True):
    """That a user may act in a scope, with all that a token's description says of them.

    ``project`` is set in the scope of one; ``domain`` is then its domain, in a domain's scope that
    domain. ``roles`` has the implied ones too, by name, and is empty only if unscoped.
    """

    user: User
    user_domain: Domain
    scope: ScopeKind
    project: Project | None
    domain: Domain | None
    roles: tuple[Role, ...]


class Login(Struct, frozen=True):
    """Whose password is to be checked. ``password_hash`` None matches nothing."""

    user_id: str
    password_hash: str | None


def refused(detail: str) -> Unauthenticated:
    """The one answer to everybody who may not in; ``detail`` is for the log."""
    return Unauthenticated("The request you have made requires authentication.", detail=detail)


def find_login(txn: Txn, reference: Reference) -> Login | None:
    """Query: the user's login, or None. Raises :class:`InvalidInput` for half a reference."""
    user_id = reference.id
    if user_id is None:
        domain_id, name = _domain_and_name(txn, "user", reference)
        user = users.find_named(txn, domain_id, name) if domain_id else None
        user_id = user.id if user else None
    return None if user_id is None else Login(user_id, users.password_hash(txn, user_id))


def resolve(txn: Txn, user_id: str, request: ScopeRequest) -> Grant:
    """Query: what the user gets who asks for ``request``.

    Who asks for no scope gets his default project, or no scope if he has none that he may use. Raises
    :class:`Unauthenticated` if he may not have what he asked for, whatever the reason, and
    :class:`InvalidInput` for half a reference.
    """
    match request.kind:
        case "default":
            return _default(txn, user_id)
        case "project":
            return grant(txn, user_id, "project", _project_id(txn, request.target))
        case "domain":
            return grant(txn, user_id, "domain", _domain_id(txn, request.target))
        case "system" | "unscoped":
            return grant(txn, user_id, request.kind, None)


def grant(txn: Txn, user_id: str, scope: ScopeKind, target_id: str | None) -> Grant:
    """Query: what the user may do in a scope now; ``target_id`` is its project or domain.

    Raises :class:`Unauthenticated` if the user, his domain, the project or its domain is disabled or
    gone, or if he has no role there.
    """
    user = users.find(txn, user_id)
    if user is None or not user.enabled:
        raise refused(f"User {user_id} is disabled or gone.")
    user_domain = _enabled_domain(txn, user.domain_id)
    if scope == "unscoped":
        return Grant(user, user_domain, scope, None, None, ())
    project = domain = None
    if scope == "project":
        project = projects.find(txn, target_id or "")
        if project is None or not project.enabled:
            raise refused(f"Project {target_id} is disabled or gone.")
        domain = _enabled_domain(txn, project.domain_id)
    elif scope == "domain":
        domain = _enabled_domain(txn, target_id or "")
    target_id = target_id or SYSTEM_TARGET
    roles = assignments.effective_roles(txn, user_id, scope, target_id)
    if not roles:
        raise refused(f"User {user_id} has no role on {scope} {target_id}.")
    return Grant(user, user_domain, scope, project, domain, tuple(roles))


def has_system_role(txn: Txn, context: Context) -> bool:
    """Query: whether the caller may get a token for the system."""
    return bool(assignments.effective_roles(txn, context.user_id, "system", SYSTEM_TARGET))


def _default(txn: Txn, user_id: str) -> Grant:
    user = users.find(txn, user_id)
    if user is not None and user.default_project_id is not None:
        try:
            return grant(txn, user_id, "project", user.default_project_id)
        except Unauthenticated:
            # As in Keystone: a default project that cannot be used does not keep its user out.
            return grant(txn, user_id, "unscoped", None)
    return grant(txn, user_id, "unscoped", None)


def _enabled_domain(txn: Txn, domain_id: str) -> Domain:
    domain = domains.find(txn, domain_id)
    if domain is None or not domain.enabled:
        raise refused(f"Domain {domain_id} is disabled or gone.")
    return domain


def _project_id(txn: Txn, reference: Reference) -> str:
    if reference.id is not None:
        return reference.id
    domain_id, name = _domain_and_name(txn, "project", reference)
    project = projects.find_named(txn, domain_id, name) if domain_id else None
    if project is None:
        raise refused(f"There is no project {name} in domain {domain_id}.")
    return project.id


def _domain_id(txn: Txn, reference: Reference) -> str:
    if reference.id is not None:
        return reference.id
    if reference.name is None:
        raise _half("id", "domain")
    domain = domains.find_named(txn, reference.name)
    if domain is None:
        raise refused(f"There is no domain {reference.name}.")
    return domain.id


def _domain_and_name(txn: Txn, kind: str, reference: Reference) -> tuple[str | None, str]:
    """The name, and the id of its domain, None if there is no such domain."""
    if reference.name is None:
        raise _half("id", kind)
    if reference.domain_id is not None:
        return reference.domain_id, reference.name
    if reference.domain_name is None:
        raise _half("domain", kind)
    domain = domains.find_named(txn, reference.domain_name)
    return (domain.id if domain else None), reference.name


def _half(missing: str, kind: str) -> InvalidInput:
    return InvalidInput(
        f"Expecting to find {missing} in {kind}. The server could not comply with the request since "
        "it is either malformed or otherwise incorrect. The client is assumed to be in error."
    )
