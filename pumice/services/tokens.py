"""Tokens: getting one for a password or for another token, and telling what one stands for."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from msgspec import Struct

from pumice.errors import Forbidden, InvalidInput, NotFound, Unauthenticated
from pumice.identity import tokens as token_format
from pumice.identity.keyring import Keyring
from pumice.identity.tokens import Token
from pumice.model.identity import Role, ScopeKind
from pumice.seams import Seams
from pumice.services import scopes
from pumice.services.generation import Generation
from pumice.services.keys import TokenKeys
from pumice.services.passwords import PasswordChecks
from pumice.services.scopes import Grant, Login, Reference, ScopeRequest, refused
from pumice.settings import Settings
from pumice.store import revocations, users
from pumice.store.contract import Store
from pumice.store.txn import Txn

TOKENS_KEPT: Final = 10_000
EXPIRED_SECONDS: Final = 48 * 3600
"""How long after its end a token may still be asked about (Keystone's ``allow_expired_window``)."""

_SECOND_US: Final = 1_000_000
_AUDIT_BYTES: Final = 16


class PasswordLogin(Struct, frozen=True):
    """The method ``password``: who it is, and the proof."""

    user: Reference
    password: str

    def __repr__(self) -> str:
        return f"PasswordLogin({self.user!r}, ...)"


class AuthRequest(Struct, frozen=True, kw_only=True):
    """A request for a token, by one method or by both; ``token`` is the text of an earlier one."""

    password: PasswordLogin | None = None
    token: str | None = None
    scope: ScopeRequest = ScopeRequest()


class TokenInfo(Struct, frozen=True):
    """What a valid token stands for. Times are UTC microseconds.

    The fields of a project are set in the scope of one, those of a domain in the scope of a domain.
    ``roles`` are the names that policies ask for and ``role_list`` the same roles by name, implied
    ones included; both are empty if unscoped. ``audit_ids`` are the token's own and, if it was got
    from a token, that of the first one.
    """

    user_id: str
    user_name: str
    user_domain_id: str
    user_domain_name: str
    scope: ScopeKind
    project_id: str | None
    project_name: str | None
    project_domain_id: str | None
    project_domain_name: str | None
    domain_id: str | None
    domain_name: str | None
    roles: frozenset[str]
    role_list: tuple[Role, ...]
    methods: tuple[str, ...]
    audit_ids: tuple[str, ...]
    issued_us: int
    expires_us: int


class IssuedToken(Struct, frozen=True):
    """A new token: the text for its owner, and what it stands for."""

    text: str
    info: TokenInfo


class TokenService:
    """Issues and validates tokens; what it found valid holds until identity changes."""

    def __init__(
        self,
        store: Store,
        seams: Seams,
        keys: TokenKeys,
        generation: Generation,
        settings: Settings,
        passwords: PasswordChecks,
    ) -> None:
        self._store = store
        self._seams = seams
        self._keys = keys
        self._generation = generation
        self._lifetime_us = settings.token_expiration_seconds * _SECOND_US
        self._passwords = passwords
        self._now_us = seams.clock.now_us
        self._kept: OrderedDict[str, tuple[TokenInfo, int]] = OrderedDict()

    async def authenticate(self, request: AuthRequest) -> IssuedToken:
        """A token for whoever ``request`` proves to be, in the scope it asks for.

        A token from a token ends when that one does. Raises :class:`Unauthenticated` with one text for
        every reason, :class:`NotFound` for a token that is void, :class:`Forbidden` for a way from the
        system's scope to a project or domain, :class:`InvalidInput` for half a request and
        :class:`Unavailable` if too many log in at once.
        """
        login = parent = None
        if request.password is not None:
            login = await self._log_in(request.password)
        if request.token is not None:
            parent = await self._parent(request.token)
            _check_way(parent, request.scope)
        generation = await self._generation.current()
        # Before the read: a change that the read does not see is later, and ends the token.
        now_us = self._now_us()
        grant = await self._store.read(_grant_for, login, parent, request.scope)
        keyring = await self._keys.at(generation)
        issued = self._issue(grant, parent, now_us, keyring, by_password=login is not None)
        self._keep(issued.text, issued.info, generation)
        return issued

    async def _parent(self, text: str) -> TokenInfo:
        """The token to get another one for; to a void one Keystone says 404, and 401 to a wrong password."""
        try:
            return await self.validate(text)
        except Unauthenticated as error:
            raise NotFound("Could not find token.", detail=error.detail) from error

    async def validate(self, text: str, *, allow_expired: bool = False) -> TokenInfo:
        """What the token ``text`` stands for now; with ``allow_expired`` also for a time after its end.

        Raises :class:`Unauthenticated` if it was not issued here, has ended, was revoked, or if its owner
        could not get it any more: his password was changed since, he, his domain, the project or its domain
        is disabled or gone, or he has no role there.
        """
        latest_us = self._now_us() - (EXPIRED_SECONDS * _SECOND_US if allow_expired else 0)
        generation = await self._generation.current()
        kept = self._kept.get(text)
        if kept is not None and kept[1] == generation and latest_us < kept[0].expires_us:
            self._kept.move_to_end(text)
            return kept[0]
        token = token_format.decode(text, await self._keys.at(generation))
        if latest_us >= token.expires_at_us:
            raise refused("The token has ended.")
        info = _describe(token, await self._store.read(_grant_of, token))
        self._keep(text, info, generation)
        return info

    async def revoke(self, info: TokenInfo, *, with_descendants: bool) -> None:
        """Let a valid token be void from now on; ``with_descendants`` those got from it, too.

        A token knows itself and the first one of its line: of one that was itself got from a token, those
        got from it stay valid.
        """
        unit = self._generation.ending(_revoke)
        await self._store.write(unit, info, with_descendants)

    async def _log_in(self, attempt: PasswordLogin) -> Login:
        """The login of the user whose password this is. Raises as :meth:`authenticate`."""
        login = await self._store.read(scopes.find_login, attempt.user)
        right = await self._passwords.is_right(login, attempt.password)
        if login is None or not right:
            raise refused(f"Unknown user or wrong password: {attempt.user}.")
        return login

    def _issue(
        self,
        grant: Grant,
        parent: TokenInfo | None,
        now_us: int,
        keyring: Keyring,
        *,
        by_password: bool,
    ) -> IssuedToken:
        # The format has whole seconds. Who logs in within the second of his new password gets the next one.
        this_second = now_us - now_us % _SECOND_US
        issued_us = max(this_second, grant.user.tokens_after + _SECOND_US)
        used = {"password"} if by_password else set()
        own_id = token_format.audit_id(self._seams.ids.secret(_AUDIT_BYTES))
        audit_ids: tuple[str, ...] = (own_id,)
        expires_us = this_second + self._lifetime_us
        if parent is not None:
            used |= {"token", *parent.methods}
            audit_ids = (own_id, parent.audit_ids[-1])
            expires_us = parent.expires_us
        token = Token(
            user_id=grant.user.id,
            methods=tuple(sorted(used, reverse=True)),
            scope=grant.scope,
            project_id=grant.project.id if grant.project else None,
            domain_id=grant.domain.id if grant.domain and grant.scope == "domain" else None,
            expires_at_us=expires_us,
            issued_at_us=issued_us,
            audit_ids=audit_ids,
        )
        text = token_format.encode(token, keyring)
        return IssuedToken(text, _describe(token, grant))

    def _keep(self, text: str, info: TokenInfo, generation: int) -> None:
        """Remember a valid token; the one used least recently leaves."""
        self._kept[text] = info, generation
        self._kept.move_to_end(text)
        if len(self._kept) > TOKENS_KEPT:
            self._kept.popitem(last=False)


def _grant_for(
    txn: Txn, login: Login | None, parent: TokenInfo | None, scope: ScopeRequest
) -> Grant:
    """Query: what somebody gets who has proved to be ``login``, or the owner of ``parent``, or both.

    The proofs are looked at again: since they were found right somebody may have changed the password, or
    revoked the token, and what is issued now would outlive that.
    """
    if login is not None and parent is not None and login.user_id != parent.user_id:
        raise refused("The password and the token are different users'.")
    if login is not None:
        user_id = login.user_id
        if users.password_hash(txn, user_id) != login.password_hash:
            raise refused(f"The password of user {user_id} has just changed.")
    elif parent is not None:
        user_id = parent.user_id
    else:
        raise InvalidInput("Expecting to find password or token in identity.")
    grant = scopes.resolve(txn, user_id, scope)
    if parent is not None:
        _check_valid(txn, parent.audit_ids, parent.issued_us, grant)
    return grant


def _grant_of(txn: Txn, token: Token) -> Grant:
    """Query: what the owner of ``token`` may do now. Raises :class:`Unauthenticated`."""
    target_id = token.project_id or token.domain_id
    grant = scopes.grant(txn, token.user_id, token.scope, target_id)
    _check_valid(txn, token.audit_ids, token.issued_at_us, grant)
    return grant


def _check_valid(txn: Txn, audit_ids: tuple[str, ...], issued_us: int, grant: Grant) -> None:
    if issued_us <= grant.user.tokens_after:
        raise refused(f"The token is older than the password of user {grant.user.id}.")
    if revocations.is_revoked(txn, audit_ids):
        raise refused(f"The token {audit_ids[0]} was revoked.")


def _revoke(txn: Txn, info: TokenInfo, with_descendants: bool) -> None:  # noqa: FBT001 - a unit
    """Unit: remember a token as void for as long as anybody could ask about it."""
    expires_us = info.expires_us + EXPIRED_SECONDS * _SECOND_US
    revocations.insert(
        txn, info.audit_ids[0], with_descendants=with_descendants, expires_us=expires_us
    )


def _check_way(parent: TokenInfo, scope: ScopeRequest) -> None:
    """The system's scope is a way to no other (``keystone/auth/plugins/token.py``)."""
    if parent.scope == "system" and scope.kind in {"project", "domain"}:
        raise Forbidden(
            "You are not authorized to perform the requested action: Using a system-scoped token to "
            "create a project-scoped or domain-scoped token is not allowed."
        )


def _describe(token: Token, grant: Grant) -> TokenInfo:
    project = grant.project
    owner = grant.domain if project else None
    domain = None if project else grant.domain
    return TokenInfo(
        user_id=grant.user.id,
        user_name=grant.user.name,
        user_domain_id=grant.user_domain.id,
        user_domain_name=grant.user_domain.name,
        scope=grant.scope,
        project_id=project.id if project else None,
        project_name=project.name if project else None,
        project_domain_id=owner.id if owner else None,
        project_domain_name=owner.name if owner else None,
        domain_id=domain.id if domain else None,
        domain_name=domain.name if domain else None,
        roles=frozenset(role.name for role in grant.roles),
        role_list=grant.roles,
        methods=token.methods,
        audit_ids=token.audit_ids,
        issued_us=token.issued_at_us,
        expires_us=token.expires_at_us,
    )
