"""``/groups``, and who is in them."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from msgspec import UNSET, UnsetType

from pumice.api.identity_v3 import policies
from pumice.api.identity_v3.resource import (
    Id,
    IdentityBody,
    Name,
    Resource,
    changes_in,
    home_domain,
    perform,
    target,
)
from pumice.api.identity_v3.users import USERS
from pumice.api.request import Request
from pumice.api.route import Route
from pumice.errors import Conflict, NotFound
from pumice.model.identity import Group, GroupQuery
from pumice.services import groups
from pumice.services.users import find_user


class CreateGroup(IdentityBody, kw_only=True):
    """``POST /groups``."""

    WRAPPER = "group"
    EXAMPLE: ClassVar[Any] = {"name": "example"}

    name: Name
    domain_id: Id | None = None
    description: str | None = None


class UpdateGroup(IdentityBody, kw_only=True):
    """``PATCH /groups/{group_id}``."""

    WRAPPER = "group"
    EXAMPLE: ClassVar[Any] = {"description": "Changed."}

    name: Name | UnsetType = UNSET
    domain_id: Id | UnsetType = UNSET
    description: str | UnsetType | None = UNSET


def group_view(_request: Request, group: Group) -> dict[str, Any]:
    """A group."""
    return group.extra | {
        "id": group.id,
        "name": group.name,
        "domain_id": group.domain_id,
        "description": group.description,
    }


GROUPS: Final = Resource(
    "groups",
    "group",
    groups.list_groups,
    groups.find_group,
    GroupQuery,
    group_view,
    policies.LIST_GROUPS,
    policies.GET_GROUP,
    target(group=groups.find_group),
)


async def create_group(request: Request, body: CreateGroup) -> dict[str, Any]:
    """Make a group."""
    group = Group(
        request.services.seams.ids.identity_side(),
        home_domain(request, body.domain_id),
        body.name.strip(),
        body.description or "",
        body.extra,
        request.context.now_us,
    )
    return await GROUPS.change(request, groups.create_group, group)


async def target_of_new(request: Request, body: CreateGroup) -> dict[str, object]:
    """The domain that the group will be in."""
    return {"target.group.domain_id": home_domain(request, body.domain_id)}


async def update_group(request: Request, body: UpdateGroup) -> dict[str, Any]:
    """Change a group."""
    changes = changes_in(request, body, "group_id")
    group_id = request.parameters["group_id"]
    return await GROUPS.change(request, groups.update_group, group_id, changes)


async def delete_group(request: Request) -> None:
    """Remove a group; its users stay."""
    await perform(request, groups.delete_group, request.parameters["group_id"])


async def list_members(request: Request) -> dict[str, Any]:
    """A page of the users in a group."""
    return await USERS.page(request, groups.list_members, request.parameters["group_id"])


async def check_member(request: Request) -> None:
    """An empty answer if the user is in the group."""
    group_id, user_id = request.parameters["group_id"], request.parameters["user_id"]
    await request.read(groups.check_member, request.context, group_id, user_id)


async def add_member(request: Request) -> None:
    """Put a user in a group."""
    group_id, user_id = request.parameters["group_id"], request.parameters["user_id"]
    await perform(request, groups.add_member, group_id, user_id)


async def remove_member(request: Request) -> None:
    """Take a user out of a group."""
    group_id, user_id = request.parameters["group_id"], request.parameters["user_id"]
    await perform(request, groups.remove_member, group_id, user_id)


async def list_groups_of_user(request: Request) -> dict[str, Any]:
    """A page of the groups that a user is in."""
    return await GROUPS.page(request, groups.list_groups_of_user, request.parameters["user_id"])


ROUTES: Final = (
    *GROUPS.routes(),
    Route(
        "POST",
        "/groups",
        create_group,
        policies.CREATE_GROUP,
        status=201,
        body=CreateGroup,
        target=target_of_new,
        keyed=True,
        raises=(NotFound, Conflict),
    ),
    Route(
        "PATCH",
        "/groups/{group_id}",
        update_group,
        policies.UPDATE_GROUP,
        body=UpdateGroup,
        target=target(group=groups.find_group),
        raises=(NotFound, Conflict),
    ),
    Route(
        "DELETE",
        "/groups/{group_id}",
        delete_group,
        policies.DELETE_GROUP,
        status=204,
        target=target(group=groups.find_group),
        raises=(NotFound,),
    ),
    Route(
        "GET",
        "/groups/{group_id}/users",
        list_members,
        policies.LIST_MEMBERS,
        target=target(group=groups.find_group),
        raises=(NotFound,),
    ),
    *(
        Route(
            method,
            "/groups/{group_id}/users/{user_id}",
            handler,
            policy,
            status=204,
            target=target(group=groups.find_group, user=find_user),
            raises=(NotFound,),
        )
        for method, handler, policy in (
            ("GET", check_member, policies.CHECK_MEMBER),
            ("PUT", add_member, policies.ADD_MEMBER),
            ("DELETE", remove_member, policies.REMOVE_MEMBER),
        )
    ),
    Route(
        "GET",
        "/users/{user_id}/groups",
        list_groups_of_user,
        policies.LIST_USER_GROUPS,
        target=target(user=find_user),
        raises=(NotFound,),
    ),
)
