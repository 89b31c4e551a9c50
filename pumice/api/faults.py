"""The one table from errors to HTTP, and the fault body of each API.

The nearest class in an error's ancestry decides. An error that is not in the tree is a bug: it is logged
with its traceback and answered 500 without its text.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

import msgspec

from pumice import errors
from pumice.api.request import Answer
from pumice.errors import PumiceError

STATUS: Final[dict[type[PumiceError], int]] = {
    errors.InvalidInput: 400,
    errors.InvalidState: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.NotAcceptable: 406,
    errors.Conflict: 409,
    errors.Outdated: 412,
    errors.TooLarge: 413,
    errors.QuotaExceeded: 413,
    errors.UnsupportedMediaType: 415,
    errors.KeyReused: 422,
    errors.NotSupported: 501,
    errors.Unavailable: 503,
    PumiceError: 500,
}

# volume-api RULE fault-body; everything else is computeFault.
_NAMES: Final = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    409: "conflictingRequest",
    413: "overLimit",
    415: "badMediaType",
    501: "notImplemented",
    503: "serviceUnavailable",
}

_TITLES: Final = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    409: "Conflict",
    412: "Precondition Failed",
    413: "Request Entity Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Entity",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
}

_BUG: Final = "The server has either erred or is incapable of performing the requested operation."

Fault = Callable[[int, str, PumiceError | None], dict[str, Any]]
"""A fault body from a status, the public text, and the error where there is one."""


def status_of(error: BaseException) -> int:
    """The HTTP status of ``error``."""
    for kind in type(error).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    return 500


def cinder_fault(status: int, message: str, error: PumiceError | None) -> dict[str, Any]:
    """``{"badRequest": {"code": 400, "message": ...}}``, for the volume and compute APIs and our own."""
    content: dict[str, Any] = {"code": status, "message": message}
    if isinstance(error, errors.QuotaExceeded):
        content["retryAfter"] = "0"
    return {_NAMES.get(status, "computeFault"): content}


def keystone_fault(status: int, message: str, error: PumiceError | None) -> dict[str, Any]:
    """``{"error": {"code": 400, "message": ..., "title": "Bad Request"}}``."""
    del error
    return {"error": {"code": status, "message": message, "title": _TITLES.get(status, "Error")}}


def answer(error: BaseException, fault: Fault, identity_url: str) -> Answer:
    """The HTTP answer for ``error`` in the words of ``fault``."""
    status = status_of(error)
    known = error if isinstance(error, PumiceError) else None
    message = (
        known.public if known is not None and status != HTTPStatus.INTERNAL_SERVER_ERROR else _BUG
    )
    headers: list[tuple[bytes, bytes]] = []
    if status == HTTPStatus.UNAUTHORIZED:
        headers.append((b"www-authenticate", f'Keystone uri="{identity_url}"'.encode()))
    if isinstance(error, errors.Unavailable):
        headers.append((b"retry-after", str(error.retry_after_seconds).encode()))
    if isinstance(error, errors.QuotaExceeded):
        headers.append((b"retry-after", b"0"))
    if isinstance(error, errors.MethodNotAllowed):
        headers.append((b"allow", ", ".join(error.allowed).encode()))
    body = msgspec.json.encode(fault(status, message, known))
    return Answer(body, status, tuple(headers))
