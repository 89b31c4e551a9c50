"""A request as handlers see it, and the answers they may give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, TypeVarTuple, overload
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct

from pumice.api.container import Services
from pumice.context import Context
from pumice.errors import InvalidInput
from pumice.services.idempotency import Attempt, Once, once_only
from pumice.trace import Trace

T = TypeVar("T")
V = TypeVar("V")
A = TypeVarTuple("A")


class Request:
    """One HTTP request on its way to a handler.

    ``parameters`` are the path's, by the names in the route; ``mount`` is the path prefix of the API and
    ``base`` the absolute URL before it. ``microversion`` is the minor number (``3.71`` is 71).
    ``context`` is set unless the route is public, ``success`` is the route's status, and
    ``attempt`` is set if the client sent an ``Idempotency-Key`` that the route heeds.
    """

    __slots__ = (
        "attempt",
        "base",
        "context",
        "headers",
        "method",
        "microversion",
        "mount",
        "parameters",
        "path",
        "query_string",
        "services",
        "success",
        "token",
        "trace",
    )

    context: Context
    token: Any
    """The caller's validated token (:class:`pumice.services.tokens.TokenInfo`)."""

    def __init__(
        self, method: str, path: str, query_string: str, headers: dict[bytes, bytes], trace: Trace
    ) -> None:
        self.method = method
        self.path = path
        self.query_string = query_string
        self.headers = headers
        self.trace = trace
        self.parameters: dict[str, str] = {}
        self.microversion = 0
        self.mount = ""
        self.base = ""
        self.services: Services
        self.success = 200
        self.attempt: Attempt | None = None

    def header(self, name: bytes) -> str | None:
        """A header by its lower-case name, or None."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    def once(self, view: Callable[[T], Any]) -> Once[T] | None:
        """How to make something once only, whose answer is ``view`` of what the unit returns.

        As with handlers, None stands for an answer without a body.
        """
        if self.attempt is None:
            return None
        return Once(self.attempt, self.success, lambda made: _encoded(view(made)))

    async def read(self, query: Callable[[Any, *A], T], *arguments: *A) -> T:
        """What ``query(txn, *arguments)`` finds."""
        return await self.services.units.read(query, *arguments)

    @overload
    async def write(self, unit: Callable[[Any, *A], T], *arguments: *A) -> T: ...

    @overload
    async def write(
        self, unit: Callable[[Any, *A], T], *arguments: *A, view: Callable[[T], V]
    ) -> V: ...

    async def write(
        self,
        unit: Callable[[Any, *A], Any],
        *arguments: *A,
        view: Callable[[Any], Any] = lambda made: made,
    ) -> Any:
        """Run ``unit(txn, *arguments)`` and return ``view`` of its result, without one the result.

        For a keyed route that is the answer, which is kept for whoever repeats the key.
        """
        unit = once_only(self.once(view), unit)
        return view(await self.services.units.write(unit, *arguments, trace=self.trace))

    def own_target(self) -> dict[str, object]:
        """The target of a policy that is checked before a resource is loaded.

        The caller's own project, user and domain, and the path's parameters, as ``target.project_id``
        for ``{project_id}``.
        """
        context = self.context
        target: dict[str, object] = {
            "project_id": context.project_id,
            "user_id": context.user_id,
            "domain_id": context.domain_id,
        }
        for name, value in self.parameters.items():
            target[f"target.{name}"] = value
        return target

    def query(self) -> list[tuple[str, str]]:
        """The query's pairs in order; blank values are kept. Raises :class:`InvalidInput`."""
        if not self.query_string:
            return []
        if not self.query_string.isascii():
            raise InvalidInput("The query string must be percent-encoded.")
        try:
            pairs = parse_qsl(
                self.query_string, keep_blank_values=True, errors="strict", max_num_fields=200
            )
        except ValueError as error:
            raise InvalidInput(
                "The query string is not valid UTF-8 or has too many fields."
            ) from error
        if any("\0" in name or "\0" in value for name, value in pairs):
            raise InvalidInput("The query string holds a NUL character.")
        return pairs


def _encoded(answer: Any) -> bytes:
    return b"" if answer is None else msgspec.json.encode(answer)


class Answer(Struct, frozen=True):
    """An answer other than the route's usual one: another status, or headers of its own."""

    body: Any = None
    status: int | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()
