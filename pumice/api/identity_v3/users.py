"""``/users``."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from pumice.api.body import Body
from pumice.api.identity_v3 import policies
from pumice.api.identity_v3.resource import (
    Id,
    IdentityBody,
    Name,
    Resource,
    changes_in,
    home_domain,
    options_in,
    perform,
    target,
)
from pumice.api.request import Request
from pumice.api.route import PUBLIC, Route
from pumice.errors import Conflict, NotFound, Unauthenticated
from pumice.model.identity import User, UserQuery
from pumice.services import users
from pumice.services.scopes import Reference, find_login, refused

Password = Annotated[str, Meta(max_length=4096)]
"""Keystone's ``max_password_length``."""
NoFederation = Annotated[tuple[Any, ...], Meta(max_length=0)]
MfaRule = Annotated[tuple[str, ...], Meta(min_length=1)]


class UserOptions(Struct, forbid_unknown_fields=True):
    """The options of users, by Keystone's names; None takes one away. Only ``lock_password`` is heeded."""

    ignore_change_password_upon_first_use: bool | UnsetType | None = UNSET
    ignore_password_expiry: bool | UnsetType | None = UNSET
    ignore_lockout_failure_attempts: bool | UnsetType | None = UNSET
    lock_password: bool | UnsetType | None = UNSET
    ignore_user_inactivity: bool | UnsetType | None = UNSET
    multi_factor_auth_enabled: bool | UnsetType | None = UNSET
    multi_factor_auth_rules: tuple[MfaRule, ...] | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for rules that Keystone does not take."""
        rules = self.multi_factor_auth_rules
        if rules and (
            len(set(rules)) != len(rules) or any(len(set(rule)) != len(rule) for rule in rules)
        ):
            raise ValueError("A rule, or a method in a rule, stands there twice")


class CreateUser(IdentityBody, kw_only=True):
    """``POST /users``. Without a password nobody logs in as the user."""

    WRAPPER = "user"
    SECRETS = frozenset({"password"})
    EXAMPLE: ClassVar[Any] = {"name": "example"}

    name: Name
    password: Password | None = None
    domain_id: Id | None = None
    default_project_id: str | None = None
    enabled: bool = True
    email: str | None = None
    description: str | None = None
    options: UserOptions | UnsetType = UNSET
    federated: NoFederation = ()


class UpdateUser(IdentityBody, kw_only=True):
    """``PATCH /users/{user_id}``."""

    WRAPPER = "user"
    EXAMPLE: ClassVar[Any] = {"description": "Changed."}

    name: Name | UnsetType = UNSET
    password: Password | UnsetType | None = UNSET
    domain_id: Id | UnsetType = UNSET
    default_project_id: str | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET
    email: str | UnsetType | None = UNSET
    description: str | UnsetType | None = UNSET
    options: UserOptions | UnsetType = UNSET
    federated: NoFederation | UnsetType = UNSET


class ChangePassword(Body):
    """``POST /users/{user_id}/password``."""

    WRAPPER = "user"
    STRICT_FROM = 0
    EXAMPLE: ClassVar[Any] = {
        "original_password": "example",
        "password": "changed",
    }

    original_password: Password
    password: Password


def user_view(_request: Request, user: User) -> dict[str, Any]:
    """A user, without what is not set."""
    optional = {
        "default_project_id": user.default_project_id,
        "description": user.description,
        "email": user.email,
    }
    shown = {name: value for name, value in optional.items() if value is not None}
    return (
        user.extra
        | {
            "id": user.id,
            "name": user.name,
            "domain_id": user.domain_id,
            "enabled": user.enabled,
            "password_expires_at": None,
            "options": user.options,
        }
        | shown
    )


USER_TARGET: Final = target(user=users.find_user)
USERS: Final = Resource(
    "users",
    "user",
    users.list_users,
    users.find_user,
    UserQuery,
    user_view,
    policies.LIST_USERS,
    policies.GET_USER,
    USER_TARGET,
)


async def create_user(request: Request, body: CreateUser) -> dict[str, Any]:
    """Make a user."""
    password_hash = None
    if body.password is not None:
        password_hash = await request.services.passwords.hash(body.password)
    user = User(
        request.services.seams.ids.identity_side(),
        home_domain(request, body.domain_id),
        body.name.strip(),
        body.enabled,
        body.default_project_id,
        body.description,
        body.email,
        request.context.now_us,
        options_in(body.options),
        body.extra,
    )
    return await USERS.change(request, users.create_user, user, password_hash)


async def target_of_new(request: Request, body: CreateUser) -> dict[str, object]:
    """The domain that the user will be in."""
    return {"target.user.domain_id": home_domain(request, body.domain_id)}


async def update_user(request: Request, body: UpdateUser) -> dict[str, Any]:
    """Change a user."""
    changes = changes_in(request, body, "user_id", null_description=True)
    password = changes.pop("password", UNSET)
    if isinstance(password, str):
        password = await request.services.passwords.hash(password)
    user_id = request.parameters["user_id"]
    clock = request.services.seams.clock
    return await USERS.change(request, users.update_user, user_id, changes, password, clock)


async def delete_user(request: Request) -> None:
    """Remove a user."""
    await perform(request, users.delete_user, request.parameters["user_id"])


async def change_password(request: Request, body: ChangePassword) -> None:
    """Change one's own password; the old one is the proof, no token is needed."""
    services = request.services
    user_id = request.parameters["user_id"]
    login = await request.read(find_login, Reference(id=user_id))
    right = await services.passwords.is_right(login, body.original_password)
    if login is None or not right:
        raise refused(f"Unknown user or wrong password: {user_id}.")
    password_hash = await services.passwords.hash(body.password)
    unit = services.generation.ending(users.change_password)
    clock = services.seams.clock
    await request.write(unit, login, password_hash, clock)


async def revoke_tokens(request: Request) -> None:
    """End all tokens of a user."""
    clock = request.services.seams.clock
    await perform(request, users.revoke_tokens, request.parameters["user_id"], clock)


ROUTES: Final = (
    *USERS.routes(),
    Route(
        "POST",
        "/users",
        create_user,
        policies.CREATE_USER,
        status=201,
        body=CreateUser,
        target=target_of_new,
        keyed=True,
        raises=(NotFound, Conflict),
    ),
    Route(
        "PATCH",
        "/users/{user_id}",
        update_user,
        policies.UPDATE_USER,
        body=UpdateUser,
        target=USER_TARGET,
        raises=(NotFound, Conflict),
    ),
    Route(
        "DELETE",
        "/users/{user_id}",
        delete_user,
        policies.DELETE_USER,
        status=204,
        target=USER_TARGET,
        raises=(NotFound,),
    ),
    Route(
        "POST",
        "/users/{user_id}/password",
        change_password,
        PUBLIC,
        status=204,
        body=ChangePassword,
        raises=(Unauthenticated,),
    ),
    Route(
        "DELETE",
        "/users/{user_id}/tokens",
        revoke_tokens,
        policies.REVOKE_USER_TOKENS,
        status=204,
        target=USER_TARGET,
        raises=(NotFound,),
    ),
)
