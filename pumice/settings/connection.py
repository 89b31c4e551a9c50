"""The URL of a PostgreSQL database: what is understood of it before anybody connects, and its secrets.

The form is libpq's (postgresql.org/docs/current/libpq-connect.html, 34.1.1.2), which does the rest.
"""

from __future__ import annotations

import re
from typing import Final

HIDDEN: Final = "***"

_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_KNOWN: Final = ("postgresql", "postgres")
_FORM: Final = "postgresql://user:password@host:port/name"
_URL: Final = re.compile(
    r"""
    (?P<scheme>postgres(?:ql)?://)
    (?:(?P<user>[^:/@]*)(?P<password>:[^/@]*)?@)?
    (?P<hosts>[^/?@]*)
    (?:/(?P<name>[^?]*))?
    (?:\?(?P<parameters>.*))?
    """,
    re.VERBOSE,
)
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^:\[\]]*)(:[0-9]{0,5})?")
_SECRET: Final = re.compile(r"\b(password|sslpassword|oauth_client_secret)=[^&]*", re.IGNORECASE)


def problem(url: str) -> str | None:
    """Why ``url`` cannot be the URL of a database, as the rest of a sentence; None if it can.

    Nothing of ``url`` but its scheme stands in it: what is in the wrong place may be the password.
    """
    scheme = _SCHEME.match(url)
    if scheme is None:
        return f"must be a URL: {_FORM}"
    if scheme[1] not in _KNOWN:
        return f"has the scheme {scheme[1]}, but only PostgreSQL's is known: {_FORM}"
    found = _URL.fullmatch(url)
    if (
        found is None
        or any(char.isspace() for char in url)
        or re.search("%(?![0-9A-Fa-f]{2})|%00", url)
        or not all(_HOST.fullmatch(host) for host in found["hosts"].split(","))
        or not all("=" in one for one in (found["parameters"] or "=").split("&"))
    ):
        return f"must be {_FORM}, with %XX for a special character in one of its parts"
    if not found["name"] and not re.search(r"(?:^|&)dbname=[^&]", found["parameters"] or ""):
        return f"names no database: {_FORM}"
    return None


def without_password(url: str) -> str:
    """``url``, which :func:`problem` has passed, for people: without what must not be read."""
    found = _URL.fullmatch(url)
    if found is None:
        return HIDDEN
    start, end = found.span("password")
    shown = url if start < 0 else f"{url[:start]}:{HIDDEN}{url[end:]}"
    return _SECRET.sub(rf"\1={HIDDEN}", shown)


def without_secrets(text: str) -> str:
    """``text``, which a person wrote and nobody has understood yet, for an error."""
    return _SECRET.sub(rf"\1={HIDDEN}", re.sub("://.*@", f"://{HIDDEN}@", text))
