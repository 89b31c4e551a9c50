"""One route as one literal: method, path, policy, schemas, microversions, status and errors.

Tests walk the table of routes (``tests/api/test_routes.py``): each has a policy or says that it is
public, its microversions neither overlap nor leave a gap, and a denied and an unauthenticated case.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pumice.api.body import Body
from pumice.api.policy import Policy
from pumice.errors import PumiceError

Handler = Callable[..., Awaitable[Any]]
Target = Callable[..., Awaitable[Mapping[str, object]]]

PUBLIC: Final = None
"""The policy of a route that needs no token."""


@dataclass(frozen=True, slots=True)
class Route:
    """``path`` is below the API's mount, with ``{names}`` for parameters.

    ``handler(request)`` or, with ``body``, ``handler(request, body)`` returns what is encoded as the JSON
    answer (None for an empty one), or an :class:`pumice.api.request.Answer`. ``policy`` is checked before
    the handler. What it is checked on is the caller's own and the path's parameters
    (:meth:`pumice.api.request.Request.own_target`) and, with ``target``, what that coroutine function of the
    handler's arguments finds besides: attributes of the resource, none for one that does not exist, which
    only those may learn whom the rule lets pass without. ``further`` are the policies that the handler itself
    may enforce. ``since`` and ``until`` are minor microversions, both included.

    ``action`` is the one key of the body of ``POST .../action`` that means this route; its value is what
    ``body`` describes. A ``keyed`` POST heeds ``Idempotency-Key``: its handler makes what it makes by
    :meth:`pumice.api.request.Request.write` or with :meth:`pumice.api.request.Request.once`. With
    ``replay_name``, a repeat without a key can be told from a second request by the name that it finds in
    the body, if there is one (``replay_detection_seconds``).

    ``raises`` lists the errors a caller must expect beside those of the
    pipeline, :class:`pumice.errors.InvalidInput` and :class:`pumice.errors.Unavailable`; every test of
    the API fails when a handler raises another one.
    """

    method: str
    path: str
    handler: Handler
    policy: Policy | None
    status: int = 200
    body: type[Body] | None = None
    action: str | None = None
    target: Target | None = None
    keyed: bool = False
    replay_name: Callable[[Any], str | None] | None = None
    since: int = 0
    until: int | None = None
    raises: tuple[type[PumiceError], ...] = ()
    further: tuple[Policy, ...] = ()
