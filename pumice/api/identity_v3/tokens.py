"""``/auth``: tokens, and what a token's owner can log in to."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from msgspec import Struct, field

from pumice.api.body import Body
from pumice.api.identity_v3 import policies
from pumice.api.identity_v3.domains import DOMAINS
from pumice.api.identity_v3.projects import PROJECTS
from pumice.api.identity_v3.resource import is_true
from pumice.api.identity_v3.views import listed, time_text
from pumice.api.policy import Policy
from pumice.api.request import Answer, Request
from pumice.api.route import PUBLIC, Route
from pumice.errors import Forbidden, InvalidInput, NotFound, Unauthenticated, Unavailable
from pumice.model.identity import ScopeKind
from pumice.services.domains import list_own_domains
from pumice.services.projects import list_own_projects
from pumice.services.scopes import Reference, ScopeRequest, has_system_role
from pumice.services.tokens import AuthRequest, PasswordLogin, TokenInfo

MAX_PASSWORD: Final = 4096
METHODS: Final = ("password", "token")


class DomainReference(Struct):
    """A domain by id or name."""

    id: str | None = None
    name: str | None = None


class NamedReference(Struct):
    """A user or project by id, or by name and domain."""

    id: str | None = None
    name: str | None = None
    domain: DomainReference | None = None


class UserAndPassword(NamedReference):
    """The user who logs in, with the proof."""

    password: str | None = None


class PasswordMethod(Struct):
    """``identity.password``."""

    user: UserAndPassword


class TokenMethod(Struct):
    """``identity.token``."""

    id: str


class Identity(Struct):
    """Who somebody says to be, and the proof."""

    methods: list[str]
    password: PasswordMethod | None = None
    token: TokenMethod | None = None


class SystemScope(Struct):
    """``scope.system``."""

    all: bool


class Scope(Struct):
    """What the token is to be for; exactly one."""

    project: NamedReference | None = None
    domain: DomainReference | None = None
    system: SystemScope | None = None
    trust: Any = field(default=None, name="OS-TRUST:trust")


class Auth(Body):
    """``POST /auth/tokens``."""

    WRAPPER = "auth"
    EXAMPLE: ClassVar[Any] = {
        "identity": {
            "methods": ["password"],
            "password": {"user": {"id": "nobody", "password": "example"}},
        }
    }

    identity: Identity
    scope: Scope | str | None = None


async def create_token(request: Request, body: Auth) -> Answer:
    """A token for a password or another token."""
    issued = await request.services.tokens.authenticate(_auth_request(body))
    answer = await _described(request, issued.info)
    return Answer(answer, 201, ((b"x-subject-token", issued.text.encode()),))


def _auth_request(body: Auth) -> AuthRequest:
    identity = body.identity
    unknown = [method for method in identity.methods if method not in METHODS]
    if unknown:
        raise Unauthenticated(
            "The request you have made requires authentication.",
            detail=f"The method {unknown[0][:60]!r} is not supported.",
        )
    password = token = None
    if "password" in identity.methods:
        password = _password_login(identity)
    if "token" in identity.methods:
        if identity.token is None:
            raise InvalidInput("Expecting to find token in identity.")
        token = identity.token.id
    return AuthRequest(password=password, token=token, scope=_scope(body.scope))


def _password_login(identity: Identity) -> PasswordLogin:
    if identity.password is None:
        raise InvalidInput("Expecting to find password in identity.")
    user = identity.password.user
    if user.password is None:
        raise InvalidInput("Expecting to find password in user.")
    if len(user.password) > MAX_PASSWORD:
        raise Unauthenticated("The request you have made requires authentication.")
    return PasswordLogin(_reference(user), user.password)


def _reference(named: NamedReference) -> Reference:
    domain = named.domain or DomainReference()
    return Reference(id=named.id, name=named.name, domain_id=domain.id, domain_name=domain.name)


def _scope(scope: Scope | str | None) -> ScopeRequest:
    if scope is None:
        return ScopeRequest()
    if isinstance(scope, str):
        if scope == "unscoped":
            return ScopeRequest("unscoped")
        raise InvalidInput("Invalid input for field 'scope': it must be an object or 'unscoped'.")
    if scope.trust is not None:
        raise Forbidden("Trusts are not supported.")
    if scope.project is not None and scope.domain is None and scope.system is None:
        return ScopeRequest("project", _reference(scope.project))
    if scope.domain is not None and scope.project is None and scope.system is None:
        return ScopeRequest("domain", Reference(id=scope.domain.id, name=scope.domain.name))
    if scope.system is not None and scope.project is None and scope.domain is None:
        if not scope.system.all:
            raise InvalidInput("Invalid input for field 'scope.system.all': it must be true.")
        return ScopeRequest("system")
    raise InvalidInput(
        "Invalid input for field 'scope': exactly one of project, domain and system."
    )


async def _described(request: Request, info: TokenInfo) -> dict[str, Any]:
    """A token's content (identity-api RULE token-response), with its catalog unless ``nocatalog``."""
    token: dict[str, Any] = {
        "methods": list(info.methods),
        "user": {
            "id": info.user_id,
            "name": info.user_name,
            "domain": {"id": info.user_domain_id, "name": info.user_domain_name},
            "password_expires_at": None,
        },
        "audit_ids": list(info.audit_ids),
        "issued_at": time_text(info.issued_us),
        "expires_at": time_text(info.expires_us),
    }
    if info.scope == "unscoped":
        return {"token": token}
    token |= _scoped(info.scope, info)
    token["roles"] = [{"id": role.id, "name": role.name} for role in info.role_list]
    if not any(name == "nocatalog" for name, _ in request.query()):
        token["catalog"] = await request.services.catalog.catalog(info.project_id, request.base)
    return {"token": token}


def _scoped(scope: ScopeKind, info: TokenInfo) -> dict[str, Any]:
    if scope == "project":
        domain = {"id": info.project_domain_id, "name": info.project_domain_name}
        project = {"id": info.project_id, "name": info.project_name, "domain": domain}
        return {"project": project, "is_domain": False}
    if scope == "domain":
        return {"domain": {"id": info.domain_id, "name": info.domain_name}}
    return {"system": {"all": True}}


async def show_token(request: Request) -> Answer:
    """What the token in ``X-Subject-Token`` stands for; 404 if it is not valid."""
    query = dict(request.query())
    allow_expired = "allow_expired" in query and is_true("allow_expired", query["allow_expired"])
    policy = policies.CHECK_TOKEN if request.method == "HEAD" else policies.VALIDATE_TOKEN
    subject, info = await _allowed_subject(request, policy, allow_expired=allow_expired)
    described = await _described(request, info)
    return Answer(described, headers=((b"x-subject-token", subject.encode("latin-1")),))


async def revoke_token(request: Request) -> None:
    """Let the token in ``X-Subject-Token`` be void, and unless ``cascade=false`` those got from it.

    As :meth:`pumice.services.tokens.TokenService.revoke` can tell them.
    """
    query = dict(request.query())
    cascade = "cascade" not in query or is_true("cascade", query["cascade"])
    _, info = await _allowed_subject(request, policies.REVOKE_TOKEN)
    await request.services.tokens.revoke(info, with_descendants=cascade)


async def _allowed_subject(
    request: Request, policy: Policy, *, allow_expired: bool = False
) -> tuple[str, TokenInfo]:
    """The token in ``X-Subject-Token`` and what it stands for, if ``policy`` allows to use it."""
    subject = request.header(b"x-subject-token")
    if not subject:
        raise InvalidInput("The request needs the header X-Subject-Token.")
    try:
        info = await request.services.tokens.validate(subject, allow_expired=allow_expired)
    except Unauthenticated as error:
        raise NotFound("Could not find token.", detail=error.detail) from error
    target = request.own_target() | {"target.token.user_id": info.user_id}
    request.services.rules.enforce(policy, request.context, target)
    return subject, info


async def show_catalog(request: Request) -> dict[str, Any]:
    """The catalog of the caller's token."""
    context = request.context
    if context.scope == "unscoped":
        raise Forbidden("You are not authorized to perform the requested action: get_auth_catalog.")
    catalog = await request.services.catalog.catalog(context.project_id, request.base)
    return {
        "catalog": catalog,
        "links": {"self": f"{request.base}{request.path}", "previous": None, "next": None},
    }


async def list_projects(request: Request) -> dict[str, Any]:
    """The projects that the caller can log in to."""
    found = await request.read(list_own_projects, request.context)
    views = [PROJECTS.shown(request, one) for one in found]
    return listed(request, "projects", views)


async def list_domains(request: Request) -> dict[str, Any]:
    """The domains that the caller can log in to."""
    found = await request.read(list_own_domains, request.context)
    views = [DOMAINS.shown(request, one) for one in found]
    return listed(request, "domains", views)


async def list_systems(request: Request) -> dict[str, Any]:
    """Whether the caller can log in to the system."""
    may = await request.read(has_system_role, request.context)
    return listed(request, "system", [{"all": True}] if may else [])


ROUTES: Final = (
    Route(
        "POST",
        "/auth/tokens",
        create_token,
        PUBLIC,
        status=201,
        body=Auth,
        raises=(Unauthenticated, NotFound, Forbidden, Unavailable),
    ),
    Route(
        "GET",
        "/auth/tokens",
        show_token,
        policies.ANY_TOKEN,
        raises=(NotFound, Forbidden),
        further=(policies.VALIDATE_TOKEN, policies.CHECK_TOKEN),
    ),
    Route(
        "DELETE",
        "/auth/tokens",
        revoke_token,
        policies.ANY_TOKEN,
        status=204,
        raises=(NotFound, Forbidden),
        further=(policies.REVOKE_TOKEN,),
    ),
    Route("GET", "/auth/catalog", show_catalog, policies.AUTH_CATALOG, raises=(Forbidden,)),
    Route("GET", "/auth/projects", list_projects, policies.AUTH_PROJECTS),
    Route("GET", "/auth/domains", list_domains, policies.AUTH_DOMAINS),
    Route("GET", "/auth/system", list_systems, policies.AUTH_SYSTEM),
)
