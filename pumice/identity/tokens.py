"""Tokens in Keystone's own format: a MessagePack array, its version first, in a Fernet token.

The classes of the array are its schema (``keystone/token/token_formatters.py``, Keystone 30):

- an id of 32 hex digits is packed as its 16 bytes; before it stands whether that was done;
- the methods are a set of bits, in the order of Keystone's default ``[auth] methods``;
- the time of expiry is a float of seconds since 1970; the time of issue is the Fernet token's own.
"""

from __future__ import annotations

import base64
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, MsgspecError, Struct, msgpack

from pumice.identity.keyring import Keyring, refused
from pumice.model.identity import DEFAULT_DOMAIN_ID, ScopeKind

MAX_CHARS: Final = 1024
"""Longer texts are refused unread. A token has 180 to 250, and 400 if its ids are no UUIDs."""

# Keystone reads a set of methods from the highest bit down, and so do the answers of its API.
_METHODS: Final = {
    "ec2credential": 64,
    "application_credential": 32,
    "mapped": 16,
    "oauth1": 8,
    "token": 4,
    "password": 2,
    "external": 1,
}
_SECOND_US: Final = 1_000_000
_ID_BYTES: Final = 16


class Token(Struct, frozen=True):
    """What a token says. That it is neither expired nor revoked is for the reader to check.

    ``project_id`` and ``domain_id`` are set for these scopes only. ``audit_ids`` are the token's
    own and, if it was got from a token, that of the first one. ``methods`` are in Keystone's order
    when :func:`decode` gives them. Times are UTC microseconds; ``issued_at_us`` is a whole second.
    """

    user_id: str
    methods: tuple[str, ...]
    scope: ScopeKind
    project_id: str | None
    domain_id: str | None
    expires_at_us: int
    issued_at_us: int
    audit_ids: tuple[str, ...]


def encode(token: Token, keyring: Keyring) -> str:
    """The text of ``token``, as Keystone would write it; ``issued_at_us`` is cut to the second.

    Raises :class:`ValueError` for a token that the format cannot hold: a method that Keystone does
    not know, a domain id that is neither 32 hex digits nor ``default``, an audit id that is not
    from :func:`audit_id`, a scope without its id.
    """
    payload = msgpack.encode(_to_payload(token))
    return keyring.encrypt(payload, token.issued_at_us // _SECOND_US)


def decode(text: str, keyring: Keyring) -> Token:
    """The token that ``text`` holds.

    Raises :class:`Unauthenticated`, and nothing else, if it is not one that a key of ``keyring``
    made, or one of a kind that Pumice does not have; the error's detail says which.
    """
    if len(text) > MAX_CHARS:
        raise refused(f"It has {len(text)} characters, more than {MAX_CHARS}.")
    plain, issued_at = keyring.decrypt(text)
    try:
        return _from_payload(_READER.decode(plain), issued_at)
    except MsgspecError as error:
        # A small number in a short array: the version is the second byte.
        kind = _OTHER_VERSIONS.get(plain[1:2])
        raise refused(f"{kind} tokens are not supported." if kind else f"{error}.") from error
    except ValueError as error:
        raise refused(f"{error}") from error


def audit_id(random: bytes) -> str:
    """The text of an audit id: 16 random bytes in URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(random).rstrip(b"=").decode()


# --- The payload -------------------------------------------------------------------------------

_PackedId = tuple[bool, Any]
"""(True, 16 bytes), or (False, the id as text)."""
_Methods = Annotated[int, Meta(ge=0, lt=128)]
_Seconds = Annotated[float, Meta(ge=0, lt=253_402_300_800)]  # Up to the year 10000.
_AuditId = Annotated[bytes, Meta(min_length=_ID_BYTES, max_length=_ID_BYTES)]
_AuditIds = Annotated[tuple[_AuditId, ...], Meta(min_length=1, max_length=2)]


class _Payload(Struct, array_like=True, forbid_unknown_fields=True):
    """What every version starts with."""

    user_id: _PackedId
    methods: _Methods


class _Unscoped(_Payload, tag=0):
    expires_at: _Seconds
    audit_ids: _AuditIds


class _Domain(_Payload, tag=1):
    domain_id: Any
    """16 bytes, or the text ``default``: here Keystone does not say which."""
    expires_at: _Seconds
    audit_ids: _AuditIds


class _Project(_Payload, tag=2):
    project_id: _PackedId
    expires_at: _Seconds
    audit_ids: _AuditIds


class _System(_Payload, tag=8):
    system: Literal["all"]
    expires_at: _Seconds
    audit_ids: _AuditIds


_Version = _Unscoped | _Domain | _Project | _System
_READER: Final = msgpack.Decoder(_Version)
_OTHER_VERSIONS: Final = {
    b"\x03": "Trust",
    b"\x04": "Federated unscoped",
    b"\x05": "Federated project",
    b"\x06": "Federated domain",
    b"\x07": "OAuth1",
    b"\x09": "Application credential",
    b"\x0a": "OAuth2 mTLS",
}


def _to_payload(token: Token) -> _Version:
    user_id = _pack(token.user_id)
    methods = _methods_to_bits(token.methods)
    expires_at = token.expires_at_us / _SECOND_US
    audit_ids = tuple(map(_audit_id_to_bytes, token.audit_ids))
    match token:
        case Token(scope="unscoped"):
            return _Unscoped(user_id, methods, expires_at, audit_ids)
        case Token(scope="project", project_id=str(project_id)):
            return _Project(user_id, methods, _pack(project_id), expires_at, audit_ids)
        case Token(scope="domain", domain_id=str(domain_id)):
            packed = _pack_domain(domain_id)
            return _Domain(user_id, methods, packed, expires_at, audit_ids)
        case Token(scope="system"):
            return _System(user_id, methods, "all", expires_at, audit_ids)
    raise ValueError(f"A token of scope {token.scope} needs the id of its {token.scope}.")


def _from_payload(payload: _Version, issued_at: int) -> Token:
    scope: ScopeKind = "unscoped"
    project_id = domain_id = None
    match payload:
        case _Project():
            scope, project_id = "project", _unpack(payload.project_id)
        case _Domain():
            scope, domain_id = "domain", _unpack_domain(payload.domain_id)
        case _System():
            scope = "system"
    return Token(
        user_id=_unpack(payload.user_id),
        methods=tuple(name for name, bit in _METHODS.items() if payload.methods & bit),
        scope=scope,
        project_id=project_id,
        domain_id=domain_id,
        expires_at_us=round(payload.expires_at * _SECOND_US),
        issued_at_us=issued_at * _SECOND_US,
        audit_ids=tuple(map(audit_id, payload.audit_ids)),
    )


def _pack(identifier: str) -> _PackedId:
    try:
        packed = bytes.fromhex(identifier)
    except ValueError:
        return (False, identifier)
    # Only what comes back the same is packed: not capitals, blanks, or 64 digits.
    if len(packed) == _ID_BYTES and packed.hex() == identifier:
        return (True, packed)
    return (False, identifier)


def _unpack(packed: _PackedId) -> str:
    match packed:
        case (True, bytes(raw)) if len(raw) == _ID_BYTES:
            return raw.hex()
        case (False, str(identifier)):
            return identifier
    raise ValueError("An id in it is neither 16 bytes nor text.")


def _pack_domain(domain_id: str) -> object:
    is_packed, packed = _pack(domain_id)
    if not is_packed and domain_id != DEFAULT_DOMAIN_ID:
        raise ValueError(f"The domain id {domain_id!r} is neither 32 hex digits nor 'default'.")
    return packed


def _unpack_domain(packed: object) -> str:
    if packed == DEFAULT_DOMAIN_ID:
        return DEFAULT_DOMAIN_ID
    return _unpack((True, packed))


def _methods_to_bits(methods: tuple[str, ...]) -> int:
    """Keystone sums over a list; a set keeps a method that is named twice from becoming another."""
    if unknown := set(methods) - _METHODS.keys():
        raise ValueError(f"Keystone has no authentication method {sorted(unknown)}.")
    return sum(_METHODS[name] for name in set(methods))


def _audit_id_to_bytes(identifier: str) -> bytes:
    raw = base64.urlsafe_b64decode(identifier + "==")
    if len(raw) != _ID_BYTES or audit_id(raw) != identifier:
        raise ValueError(f"The audit id {identifier!r} is not 16 bytes in URL-safe base64.")
    return raw
