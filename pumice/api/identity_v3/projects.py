"""``/projects`` and ``/projects/{project_id}/tags``."""

from __future__ import annotations

from typing import Any, ClassVar, Final
from urllib.parse import quote

import msgspec
from msgspec import UNSET, UnsetType

from pumice.api.body import Body
from pumice.api.identity_v3 import policies
from pumice.api.identity_v3.resource import (
    Id,
    IdentityBody,
    Resource,
    ResourceOptions,
    ShortName,
    Tag,
    Tags,
    change,
    changes_in,
    is_true,
    options_in,
    perform,
    target,
    unique_tags,
)
from pumice.api.request import Answer, Request
from pumice.api.route import Route
from pumice.errors import Conflict, Forbidden, InvalidInput, NotFound
from pumice.model.identity import Domain, Project, ProjectQuery
from pumice.services import projects
from pumice.services.projects import AnyProject, NewProject
from pumice.services.users import find_user


class CreateProject(IdentityBody, kw_only=True):
    """``POST /projects``."""

    WRAPPER = "project"
    EXAMPLE: ClassVar[Any] = {"name": "example"}

    name: ShortName
    domain_id: Id | None = None
    parent_id: Id | None = None
    is_domain: bool = False
    description: str | None = None
    enabled: bool = True
    tags: Tags = ()
    options: ResourceOptions | UnsetType = UNSET


class UpdateProject(IdentityBody, kw_only=True):
    """``PATCH /projects/{project_id}``; where it stands may be said, but not changed."""

    WRAPPER = "project"
    EXAMPLE: ClassVar[Any] = {"description": "Changed."}

    name: ShortName | UnsetType = UNSET
    domain_id: Id | UnsetType | None = UNSET
    parent_id: Id | UnsetType | None = UNSET
    is_domain: bool | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET
    options: ResourceOptions | UnsetType = UNSET


class SetTags(Body):
    """``PUT /projects/{project_id}/tags``."""

    STRICT_FROM = 0
    EXAMPLE: ClassVar[Any] = {"tags": ["example"]}

    tags: Tags


def project_view(_request: Request, project: AnyProject) -> dict[str, Any]:
    """A project, or a domain as the project at the top of its tree."""
    is_domain = isinstance(project, Domain)
    return project.extra | {
        "id": project.id,
        "name": project.name,
        "domain_id": None if isinstance(project, Domain) else project.domain_id,
        "parent_id": None if isinstance(project, Domain) else project.parent_id,
        "description": project.description,
        "enabled": project.enabled,
        "is_domain": is_domain,
        "tags": project.tags,
        "options": project.options,
    }


PROJECT_TARGET: Final = target(project=projects.find_project)
PROJECTS: Final = Resource(
    "projects",
    "project",
    projects.list_projects,
    projects.find_project,
    ProjectQuery,
    project_view,
    policies.LIST_PROJECTS,
    policies.GET_PROJECT,
    PROJECT_TARGET,
)


async def show_project(request: Request) -> dict[str, Any]:
    """A project; on wish with what is above and below it."""
    shown = await PROJECTS.show(request)
    given = {name: is_true(name, text) for name, text in request.query() if name in _RELATIVES}
    wanted = {name for name, is_wanted in given.items() if is_wanted}
    for kind in ("parents", "subtree"):
        if {f"{kind}_as_list", f"{kind}_as_ids"} <= wanted:
            raise InvalidInput(
                f"Cannot use {kind}_as_list and {kind}_as_ids query params at the same time."
            )
    if wanted:
        shown["project"] |= await _relatives(request, shown["project"], wanted)
    return shown


_RELATIVES: Final = ("parents_as_list", "parents_as_ids", "subtree_as_list", "subtree_as_ids")


async def _relatives(request: Request, shown: dict[str, Any], wanted: set[str]) -> dict[str, Any]:
    """``parents`` and ``subtree`` of a project: those the caller has a role on, or the ids of all."""
    family = await request.read(projects.find_family, request.context, shown["id"])
    found: dict[str, Any] = {}
    for kind, members in (("parents", family.parents), ("subtree", family.subtree)):
        if f"{kind}_as_list" in wanted:
            found[kind] = [
                {"project": PROJECTS.shown(request, one)} for one in members if one.id in family.own
            ]
    if "parents_as_ids" in wanted:
        found["parents"] = _ids_above(family.parents, shown["domain_id"])
    if "subtree_as_ids" in wanted:
        found["subtree"] = _ids_below(family.subtree, shown["id"])
    return found


def _ids_above(parents: list[Project], domain_id: str | None) -> dict[str, Any] | None:
    """Each id holds that of its parent; the last one, the domain's, holds nothing. None of a domain."""
    if domain_id is None:
        return None
    found: dict[str, Any] = {domain_id: None}
    for one in reversed(parents):
        found = {one.id: found}
    return found


def _ids_below(subtree: list[Project], project_id: str) -> dict[str, Any] | None:
    """Each id holds those of its children, or None."""
    children = {
        one.id: _ids_below(subtree, one.id) for one in subtree if one.parent_id == project_id
    }
    return children or None


async def create_project(request: Request, body: CreateProject) -> dict[str, Any]:
    """Make a project, or with ``is_domain`` a domain."""
    new = NewProject(
        request.services.seams.ids.identity_side(),
        body.name.strip(),
        _domain_id(request, body),
        body.parent_id,
        body.description or "",
        body.enabled,
        body.is_domain,
        unique_tags(body.tags),
        options_in(body.options),
        body.extra,
    )
    return await PROJECTS.change(request, projects.create_project, new)


def _domain_id(request: Request, body: CreateProject) -> str | None:
    """The domain that was asked for, or that of a domain's token; a new domain is in none."""
    return body.domain_id or (None if body.is_domain else request.context.domain_id)


async def target_of_new(request: Request, body: CreateProject) -> dict[str, object]:
    """The domain that the project will be in, if it is known."""
    domain_id = _domain_id(request, body)
    return {} if domain_id is None else {"target.project.domain_id": domain_id}


async def update_project(request: Request, body: UpdateProject) -> dict[str, Any]:
    """Change a project."""
    changes = changes_in(request, body, "project_id")
    project_id = request.parameters["project_id"]
    return await PROJECTS.change(request, projects.update_project, project_id, changes)


async def delete_project(request: Request) -> None:
    """Remove a project that has none below it."""
    await perform(request, projects.delete_project, request.parameters["project_id"])


async def list_projects_of_user(request: Request) -> dict[str, Any]:
    """A page of the projects that a user has a role on."""
    user_id = request.parameters["user_id"]
    return await PROJECTS.page(request, projects.list_projects_of_user, user_id)


async def list_tags(request: Request) -> dict[str, Any]:
    """The tags of a project."""
    project_id = request.parameters["project_id"]
    found = await request.read(projects.find_project, request.context, project_id)
    return _tags_view(request, found)


def _tags_view(request: Request, project: AnyProject) -> dict[str, Any]:
    return {"tags": project.tags, "links": {"self": f"{request.base}{request.path}"}}


async def set_tags(request: Request, body: SetTags) -> dict[str, Any]:
    """Give a project these tags and no other."""
    project_id, tags = request.parameters["project_id"], unique_tags(body.tags)
    return await change(
        request, projects.set_tags, project_id, tags, view=lambda made: _tags_view(request, made)
    )


async def delete_tags(request: Request) -> None:
    """Take every tag from a project."""
    empty: tuple[str, ...] = ()
    project_id = request.parameters["project_id"]
    await change(request, projects.set_tags, project_id, empty, view=lambda _: None)


async def check_tag(request: Request) -> None:
    """An empty answer if the project has the tag."""
    project_id, tag = request.parameters["project_id"], request.parameters["tag"]
    await request.read(projects.find_tag, request.context, project_id, tag)


async def add_tag(request: Request) -> Answer:
    """Give a project a tag; the answer says where it is."""
    project_id = request.parameters["project_id"]
    try:
        tag = msgspec.convert(request.parameters["tag"], Tag).strip()
    except msgspec.ValidationError as error:
        raise InvalidInput(f"Invalid input for field 'tag': {error}.") from error
    await perform(request, projects.add_tag, project_id, tag)
    url = f"{request.base}{request.mount}/projects/{project_id}/tags/{quote(tag)}"
    return Answer(headers=((b"location", url.encode()),))


async def delete_tag(request: Request) -> None:
    """Take a tag from a project."""
    project_id, tag = request.parameters["project_id"], request.parameters["tag"]
    await perform(request, projects.remove_tag, project_id, tag)


_TAGS: Final = "/projects/{project_id}/tags"
_TAG: Final = f"{_TAGS}/{{tag}}"
_CHANGE_ERRORS: Final = (NotFound, Forbidden)

ROUTES: Final = (
    Route("GET", "/projects", PROJECTS.list_all, policies.LIST_PROJECTS, raises=(NotFound,)),
    Route(
        "POST",
        "/projects",
        create_project,
        policies.CREATE_PROJECT,
        status=201,
        body=CreateProject,
        target=target_of_new,
        keyed=True,
        raises=(Forbidden, Conflict),
    ),
    Route(
        "GET",
        "/projects/{project_id}",
        show_project,
        policies.GET_PROJECT,
        target=PROJECT_TARGET,
        raises=(NotFound,),
    ),
    Route(
        "PATCH",
        "/projects/{project_id}",
        update_project,
        policies.UPDATE_PROJECT,
        body=UpdateProject,
        target=PROJECT_TARGET,
        raises=(NotFound, Forbidden, Conflict),
    ),
    Route(
        "DELETE",
        "/projects/{project_id}",
        delete_project,
        policies.DELETE_PROJECT,
        status=204,
        target=PROJECT_TARGET,
        raises=_CHANGE_ERRORS,
    ),
    Route("GET", _TAGS, list_tags, policies.LIST_TAGS, target=PROJECT_TARGET, raises=(NotFound,)),
    Route(
        "PUT",
        _TAGS,
        set_tags,
        policies.UPDATE_TAGS,
        body=SetTags,
        target=PROJECT_TARGET,
        raises=_CHANGE_ERRORS,
    ),
    *(
        Route(method, path, handler, policy, status, target=PROJECT_TARGET, raises=_CHANGE_ERRORS)
        for method, path, handler, policy, status in (
            ("DELETE", _TAGS, delete_tags, policies.DELETE_TAGS, 204),
            ("GET", _TAG, check_tag, policies.GET_TAG, 204),
            ("PUT", _TAG, add_tag, policies.CREATE_TAG, 201),
            ("DELETE", _TAG, delete_tag, policies.DELETE_TAG, 204),
        )
    ),
    Route(
        "GET",
        "/users/{user_id}/projects",
        list_projects_of_user,
        policies.LIST_USER_PROJECTS,
        target=target(user=find_user),
        raises=(NotFound,),
    ),
)
