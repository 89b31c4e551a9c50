"""Everything Pumice raises on purpose, in one tree.

::

    PumiceError
    ├── InvalidInput                    the request is wrong whatever the state is
    ├── InvalidState                    the request is right, the resource's status is not
    ├── Unauthenticated                 no valid token or credentials
    ├── Forbidden                       a policy rule said no
    ├── NotFound                        no such resource that this caller may see
    │   ├── VolumeNotFound
    │   ├── VolumeTypeNotFound
    │   └── OperationNotFound
    ├── Conflict                        a name, key or version is taken
    ├── Outdated                        the resource is not what the caller took it for (If-Match)
    ├── KeyReused                       an Idempotency-Key stands for another request
    ├── QuotaExceeded                   the project's quota would be passed
    ├── TooLarge                        the body is larger than the limit
    ├── UnsupportedMediaType            the body is not JSON
    ├── NotAcceptable                   the microversion is outside what is served
    ├── MethodNotAllowed                the path exists, the method does not
    ├── NotSupported                    a part of the API that Pumice does not have
    ├── Unavailable                     try again: a full queue, a database that is away, a full disk
    ├── NoValidBackend                  the scheduler has no backend for the volume
    ├── DriverError                     a driver or its storage failed
    │   ├── BackendUnavailable          the backend is away: another try may succeed
    │   └── VolumeConflict              the backend has a volume of that id which is not the one asked for
    ├── Fenced                          a newer claim owns the operation: drop the work, write nothing
    └── UsageError                      a person's mistake: settings, state dir, command line
        └── SettingsError

An error has two texts. ``public`` is one sentence for the caller: what, and which id. ``detail`` is for
the log: paths, numbers, a tool's output. No error knows HTTP: :mod:`pumice.api.faults` has the one table.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class PumiceError(Exception):
    """The root. ``public`` is shown to the caller, ``detail`` only to the operator."""

    def __init__(self, public: str, *, detail: str = "") -> None:
        super().__init__(public)
        self.public = public
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.public} ({self.detail})" if self.detail else self.public


class InvalidInput(PumiceError):
    """The request is wrong whatever the state is."""


class InvalidState(PumiceError):
    """The resource's status does not allow the request."""


class Unauthenticated(PumiceError):
    """No valid token, or wrong credentials."""


class Forbidden(PumiceError):
    """A policy rule said no."""


class NotFound(PumiceError):
    """No such resource, or none that this caller may see."""


class VolumeNotFound(NotFound):
    """No volume of this id that the caller may see."""

    def __init__(self, volume_id: str) -> None:
        super().__init__(f"Volume {volume_id} could not be found.")


class VolumeTypeNotFound(NotFound):
    """No volume type of this id or name that the caller may see."""

    def __init__(self, reference: str) -> None:
        super().__init__(f"Volume type {reference} could not be found.")


class OperationNotFound(NotFound):
    """No operation of this id that the caller may see."""

    def __init__(self, operation_id: str) -> None:
        super().__init__(f"Operation {operation_id} could not be found.")


class Conflict(PumiceError):
    """A name, key or version is taken."""


class Outdated(PumiceError):
    """The resource is not any more, or never was, what the caller's ``If-Match`` says."""


class KeyReused(PumiceError):
    """An ``Idempotency-Key`` stands for a request with another body."""


class QuotaExceeded(PumiceError):
    """The project's quota would be passed. ``name`` is the word Cinder's fault text starts with."""

    def __init__(self, name: str, public: str) -> None:
        super().__init__(f"{name}: {public}")
        self.name = name


class TooLarge(PumiceError):
    """The body is larger than the limit."""


class UnsupportedMediaType(PumiceError):
    """The body is not ``application/json``."""


class NotAcceptable(PumiceError):
    """The microversion is outside the range that is served."""


class MethodNotAllowed(PumiceError):
    """The path exists, but not for this method."""

    def __init__(self, method: str, allowed: tuple[str, ...]) -> None:
        super().__init__(f"The method {method} is not allowed for this resource.")
        self.allowed = allowed


class NotSupported(PumiceError):
    """A part of the API that Pumice does not have."""


class Unavailable(PumiceError):
    """The request was not carried out and may be repeated after ``retry_after_seconds``."""

    def __init__(self, public: str, *, detail: str = "", retry_after_seconds: int = 1) -> None:
        super().__init__(public, detail=detail)
        self.retry_after_seconds = retry_after_seconds


class NoValidBackend(PumiceError):
    """The scheduler has no backend for the volume. ``verdicts`` say why, as JSON objects."""

    def __init__(self, public: str, verdicts: list[dict[str, Any]]) -> None:
        super().__init__(public)
        self.verdicts = verdicts


class DriverError(PumiceError):
    """A driver or its storage failed, and a repeat of the same call would fail again."""


class BackendUnavailable(DriverError):
    """The backend is away or too busy: the same call may succeed later."""


class BackendUnserved(BackendUnavailable):
    """No process that is alive serves the backend."""


class VolumeConflict(DriverError):
    """The backend holds a volume of this id that differs from the one asked for."""


class Fenced(PumiceError):
    """A newer claim owns the operation: the work is dropped and nothing is written."""


class UsageError(PumiceError):
    """A person's mistake, told in one sentence without a traceback."""


class SettingsError(UsageError):
    """A setting is unknown, malformed or contradicts another."""


def did_you_mean(name: str, valid: Iterable[str]) -> str:
    """The end of a sentence about a wrong name: the nearest right one as a question, or a full stop."""
    import difflib  # noqa: PLC0415 - only for whoever made a mistake

    lowered = {other.lower(): other for other in valid}
    close = difflib.get_close_matches(name.lower(), lowered, n=1)
    return f"; did you mean {lowered[close[0]]}?" if close else "."
