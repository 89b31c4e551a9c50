"""Projects and their trees. A domain may be shown and changed as the project at the top of its tree."""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct

from pumice.context import Context
from pumice.errors import Forbidden, InvalidInput, NotFound
from pumice.model.identity import (
    DEFAULT_DOMAIN_ID,
    MAX_TAGS,
    Domain,
    DomainQuery,
    Project,
    ProjectQuery,
)
from pumice.services.domains import (
    create_domain,
    delete_domain,
    in_own_domain,
    list_domains,
    update_domain,
)
from pumice.services.updates import (
    Changes,
    check_domain_stays,
    check_mutable,
    name_taken,
    updated,
)
from pumice.store import assignments, domains, users
from pumice.store import projects as rows
from pumice.store.txn import Txn

MAX_DEPTH: Final = 5
"""Keystone's ``max_project_tree_depth``: so many projects may stand above each other in a domain."""

AnyProject = Project | Domain
"""A project, or a domain as the project that Keystone has it for."""


class NewProject(Struct, frozen=True):
    """A project to be made; with ``is_domain``, a domain."""

    id: str
    name: str
    domain_id: str | None
    parent_id: str | None
    description: str
    enabled: bool
    is_domain: bool
    tags: tuple[str, ...]
    options: dict[str, Any]
    extra: dict[str, Any]


class Family(Struct, frozen=True):
    """What is above and below a project. ``own`` are those of them on which the caller has a role."""

    parents: list[Project]
    subtree: list[Project]
    own: frozenset[str]


def list_projects(txn: Txn, context: Context, query: ProjectQuery) -> list[Any]:
    """Query: the page of ``query``, of projects or of domains; of a domain's token, only its domain's.

    Raises :class:`NotFound` for an unknown marker.
    """
    if query.is_domain:
        return _list_domains(txn, context, query)
    own = in_own_domain(context, query)
    return [] if own is None else rows.select(txn, own)


def _list_domains(txn: Txn, context: Context, query: ProjectQuery) -> list[Any]:
    """Domains as projects: they have neither a domain nor a parent, so who asks for one gets none."""
    if context.scope == "domain" or query.domain_id is not None or query.parent_id is not None:
        return []
    matches = tuple(one for one in query.matches if one.field == "name")
    if matches != query.matches:
        return []
    found = list_domains(
        txn,
        context,
        DomainQuery(name=query.name, enabled=query.enabled, matches=matches, marker=query.marker),
    )
    found = [one for one in found if _is_tagged(one, query)]
    return found[: query.limit]


def _is_tagged(domain: Domain, query: ProjectQuery) -> bool:
    tags = set(domain.tags)
    return (
        tags.issuperset(query.tags)
        and (not query.tags_any or not tags.isdisjoint(query.tags_any))
        and (not query.not_tags or not tags.issuperset(query.not_tags))
        and tags.isdisjoint(query.not_tags_any)
    )


def find_project(txn: Txn, _context: Context, project_id: str) -> AnyProject:
    """Query: one project, or the domain of this id. Raises :class:`NotFound`."""
    project = rows.find(txn, project_id) or domains.find(txn, project_id)
    if project is None:
        raise NotFound(f"Could not find project: {project_id}.")
    return project


def find_family(txn: Txn, context: Context, project_id: str) -> Family:
    """Query: what is above and below a project or domain."""
    own = frozenset(one.id for one in rows.of_user(txn, context.user_id))
    return Family(rows.parents(txn, project_id), rows.subtree(txn, project_id), own)


def list_own_projects(txn: Txn, context: Context) -> list[Project]:
    """Query: the projects on which the caller has a role, enabled or not."""
    return rows.of_user(txn, context.user_id)


def list_projects_of_user(
    txn: Txn, _context: Context, query: ProjectQuery, user_id: str
) -> list[Project]:
    """Query: those of ``query`` on which the user has a role. Raises :class:`NotFound`."""
    users.get(txn, user_id)
    return rows.of_user(txn, user_id, query)


def create_project(txn: Txn, context: Context, new: NewProject) -> AnyProject:
    """Unit: make a project, or a domain.

    Without a domain it gets its parent's, or the default one. Raises :class:`InvalidInput` for a domain
    or parent that does not exist, is disabled or does not go with the other; :class:`Forbidden` if the
    tree would be too deep; :class:`pumice.errors.Conflict` if the name is taken.
    """
    if new.is_domain:
        return _create_domain(txn, context, new)
    parent = _parent(txn, new)
    project = Project(
        new.id,
        _domain_id(parent),
        parent.id,
        new.name,
        new.description,
        new.enabled,
        context.now_us,
        new.tags,
        new.options,
        new.extra,
    )
    _check_branch(txn, project, parent)
    _check_name(txn, project)
    rows.insert(txn, project)
    return project


def _create_domain(txn: Txn, context: Context, new: NewProject) -> Domain:
    if new.domain_id is not None or new.parent_id is not None:
        raise InvalidInput("only root projects are allowed to act as domains.")
    domain = Domain(
        new.id,
        new.name,
        new.description,
        new.enabled,
        context.now_us,
        new.tags,
        new.options,
        new.extra,
    )
    return create_domain(txn, context, domain)


def _parent(txn: Txn, new: NewProject) -> AnyProject:
    """What the new project is to stand below."""
    domain_id = new.domain_id or (None if new.parent_id else DEFAULT_DOMAIN_ID)
    if domain_id is not None and domains.find(txn, domain_id) is None:
        raise InvalidInput(f"Could not find domain: {domain_id}.")
    parent_id = new.parent_id or domain_id or DEFAULT_DOMAIN_ID
    parent = rows.find(txn, parent_id) or domains.find(txn, parent_id)
    if parent is None:
        raise InvalidInput(f"Could not find project: {parent_id}.")
    if domain_id not in (None, _domain_id(parent)):
        raise InvalidInput(
            f"Cannot create project, since it specifies its domain_id {domain_id}, but specifies a "
            f"parent in a different domain ({_domain_id(parent)})."
        )
    return parent


def _domain_id(project: AnyProject) -> str:
    return project.id if isinstance(project, Domain) else project.domain_id


def _check_branch(txn: Txn, project: Project, parent: AnyProject) -> None:
    """All above a new project must be enabled, and there must not be too many."""
    above: list[AnyProject] = [domains.get(txn, project.domain_id)]
    if isinstance(parent, Project):
        above += [parent, *rows.parents(txn, parent.id)]
    for one in above:
        if not one.enabled:
            raise InvalidInput(
                f"cannot create a project in a branch containing a disabled project: {one.id}"
            )
    if len(above) > MAX_DEPTH:
        raise Forbidden(f"Max hierarchy depth reached for {parent.id} branch.")


def _check_name(txn: Txn, project: Project) -> None:
    other = rows.find_named(txn, project.domain_id, project.name)
    if other is not None and other.id != project.id:
        raise name_taken("project", project.name, project.domain_id)


def update_project(txn: Txn, context: Context, project_id: str, changes: Changes) -> AnyProject:
    """Unit: change a project, or the domain of this id.

    Raises :class:`NotFound`; :class:`InvalidInput` if it would move to another domain or become one;
    :class:`Forbidden` if it is immutable, would get another parent, would be enabled below a disabled
    one or disabled above an enabled one; :class:`pumice.errors.Conflict` if the name is taken.
    """
    found = find_project(txn, context, project_id)
    _check_place_stays(found, changes)
    if isinstance(found, Domain):
        changes = {name: value for name, value in changes.items() if name not in _PLACE}
        return update_domain(txn, context, project_id, changes)
    check_mutable("project", found, changes)
    project = updated(found, changes)
    if project.enabled != found.enabled:
        _check_enabled(txn, project)
    _check_name(txn, project)
    rows.update(txn, project)
    return project


_PLACE: Final = ("domain_id", "parent_id", "is_domain")


def _check_place_stays(found: AnyProject, changes: Changes) -> None:
    is_domain = isinstance(found, Domain)
    if isinstance(found, Project):
        check_domain_stays(found, changes)
    elif changes.get("domain_id") is not None:
        raise InvalidInput("Cannot change Domain ID")
    parent_id = None if isinstance(found, Domain) else found.parent_id
    if changes.get("parent_id", parent_id) != parent_id:
        raise Forbidden("Update of `parent_id` is not allowed.")
    if changes.get("is_domain", is_domain) != is_domain:
        raise InvalidInput("Update of `is_domain` is not allowed.")


def _check_enabled(txn: Txn, project: Project) -> None:
    """An enabled project has only enabled ones above it."""
    if project.enabled:
        above: list[AnyProject] = [domains.get(txn, project.domain_id)]
        above += rows.parents(txn, project.id)
        if not all(one.enabled for one in above):
            raise Forbidden(f"Cannot enable project {project.id} since it has disabled parents")
    elif any(one.enabled for one in rows.subtree(txn, project.id)):
        raise Forbidden(
            f"Cannot disable project {project.id} since its subtree contains enabled projects."
        )


def delete_project(txn: Txn, context: Context, project_id: str) -> None:
    """Unit: remove a project that has none below it, with the roles on it; or the domain of this id.

    What flavors, types and quotas say of it goes, too. Its volumes stay, as Keystone knows of none:
    administrators see them. Raises :class:`NotFound`, and :class:`Forbidden` if it is immutable or there is
    a project below it.
    """
    found = find_project(txn, context, project_id)
    if isinstance(found, Domain):
        delete_domain(txn, context, project_id)
        return
    check_mutable("project", found, None)
    if rows.subtree(txn, project_id):
        raise Forbidden(
            f"Cannot delete the project {project_id} since it is not a leaf in the hierarchy. Use the "
            "cascade option if you want to delete a whole subtree."
        )
    assignments.remove_of_target(txn, "project", project_id)
    users.forget_project(txn, project_id)
    rows.remove(txn, project_id)


# --- Tags --------------------------------------------------------------------------------------


def find_tag(txn: Txn, context: Context, project_id: str, tag: str) -> None:
    """Query: nothing, if the project has the tag. Raises :class:`NotFound` if not."""
    if tag not in find_project(txn, context, project_id).tags:
        raise _no_tag(tag)


def set_tags(txn: Txn, context: Context, project_id: str, tags: tuple[str, ...]) -> AnyProject:
    """Unit: give a project these tags and no other. Raises as :func:`update_project`."""
    return update_project(txn, context, project_id, {"tags": tags})


def add_tag(txn: Txn, context: Context, project_id: str, tag: str) -> None:
    """Unit: give a project a tag. Raises as :func:`set_tags`, :class:`InvalidInput` if it has too many."""
    tags = find_project(txn, context, project_id).tags
    if tag in tags:
        return
    if len(tags) >= MAX_TAGS:
        raise InvalidInput(f"Invalid input for field 'tags': no more than {MAX_TAGS} tags.")
    set_tags(txn, context, project_id, (*tags, tag))


def remove_tag(txn: Txn, context: Context, project_id: str, tag: str) -> None:
    """Unit: take a tag from a project. Raises as :func:`set_tags`, and :class:`NotFound`."""
    tags = find_project(txn, context, project_id).tags
    if tag not in tags:
        raise _no_tag(tag)
    set_tags(txn, context, project_id, tuple(one for one in tags if one != tag))


def _no_tag(tag: str) -> NotFound:
    return NotFound(f"Could not find project tag: {tag}.")
