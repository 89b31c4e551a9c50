"""The ASGI application: the pipeline that every request passes, in the order of the code below.

Order of checks (volume-api RULE order-of-checks): token 401, microversion 400 or 406, route 404 or 405,
project in the path 400, content type 415, body 413 or 400, policy 403, then the handler. An answer leaves
in one piece. The spans of the way are in ``request.trace``, which ends in the ring of recent requests.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

import msgspec

from pumice.api import faults
from pumice.api.body import Body, decode, parse_object, without_secrets
from pumice.api.container import Services
from pumice.api.dispatch import Dispatch, choose, is_public
from pumice.api.faults import Fault, cinder_fault
from pumice.api.microversion import Microversions
from pumice.api.request import Answer, Request
from pumice.api.route import PUBLIC, Route
from pumice.context import Context
from pumice.errors import (
    InvalidInput,
    NotFound,
    PumiceError,
    TooLarge,
    Unauthenticated,
    UnsupportedMediaType,
)
from pumice.services.idempotency import Answered, Attempt, find_answer, new_attempt, new_replay
from pumice.trace import Trace, place

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_REQUEST_ID: Final = re.compile(r"req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_PROJECT_ID: Final = re.compile(r"[0-9a-f\-]+\Z")
_HOST: Final = re.compile(
    r"[A-Za-z0-9.\-_]{1,253}(:[0-9]{1,5})?\Z|\[[0-9a-fA-F:.]{2,45}\](:[0-9]{1,5})?\Z"
)
_JSON: Final = (b"content-type", b"application/json")
_REPLAYED: Final = (b"idempotency-replayed", b"true")
MAX_PATH: Final = 2048

log = logging.getLogger(__name__)


class ClientGone(Exception):
    """The client closed the connection before its request was complete."""


@dataclass(frozen=True, slots=True)
class Api:
    """One API below one path prefix; ``mount`` holds the prefix's segments."""

    mount: tuple[str, ...]
    routes: tuple[Route, ...]
    fault: Fault = cinder_fault
    microversions: Microversions | None = None
    project_in_path: bool = False
    """Whether ``/{project_id}`` may follow the mount."""
    wrong_content_type: type[PumiceError] = UnsupportedMediaType
    """What a body that is not called ``application/json`` is refused with."""


class _Mounted:
    """An API with its dispatch table."""

    __slots__ = ("api", "dispatch", "is_public", "path")

    def __init__(self, api: Api) -> None:
        self.api = api
        self.dispatch = Dispatch(api.routes)
        self.is_public = all(route.policy is PUBLIC for route in api.routes)
        self.path = "".join(f"/{segment}" for segment in api.mount)


class App:
    """Pumice's HTTP interface as an ASGI 3 application."""

    def __init__(self, services: Services, apis: Iterable[Api]) -> None:
        self._services = services
        self._apis = {mounted.api.mount: mounted for mounted in map(_Mounted, apis)}
        self._body_max = services.settings.max_request_body_size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        services = self._services
        clock = services.seams.clock
        request_id = f"req-{services.seams.ids.volume_side()}"
        method, path = scope["method"], scope["path"]
        # Quoted: the title stands in the log and on terminals, and a path may hold anything.
        trace = Trace(request_id, f"{method} {quote(path[:MAX_PATH])}", clock.now_us())
        started = trace.start()
        headers = _headers(scope["headers"])
        request = Request(method, path, scope["query_string"].decode("latin-1"), headers, trace)
        request.services = services
        request.base = self._base(scope, headers)
        mounted, segments = self._mount(path)
        try:
            answer = await self._answer(request, mounted, segments, receive)
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001 - the edge: whatever happens becomes an answer
            answer = self._fault(request, mounted, error)
        trace.end(_WHOLE, started, str(answer.status))
        _log(request, answer)
        services.traces.append(trace)
        await _send(send, request, mounted.api, answer)

    def _base(self, scope: Scope, headers: dict[bytes, bytes]) -> str:
        """The absolute URL that links begin with: ``public_endpoint``, else what the client used."""
        public = self._services.settings.public_endpoint
        if public is not None:
            return public
        host = headers.get(b"host", b"").decode("latin-1")
        if not _HOST.match(host):
            address, port = scope.get("server") or ("127.0.0.1", 80)
            host = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        return f"{scope.get('scheme', 'http')}://{host}"

    def _mount(self, path: str) -> tuple[_Mounted, list[str]]:
        """The API a path belongs to, and the segments after its mount.

        Only the mount itself takes a slash at its end: ``DELETE /volumes/`` lacks an id, as in Cinder.
        """
        segments = path[1:].split("/")
        length = next(number for number in (2, 1, 0) if tuple(segments[:number]) in self._apis)
        rest = segments[length:]
        return self._apis[tuple(segments[:length])], [] if rest == [""] else rest

    async def _answer(
        self, request: Request, mounted: _Mounted, segments: list[str], receive: Receive
    ) -> Answer:
        """The pipeline."""
        api = mounted.api
        # PostgreSQL keeps no NUL, and would refuse an id with one in it instead of not finding it.
        if len(request.path) > MAX_PATH or "\0" in request.path:
            raise NotFound("The resource could not be found.")
        project_id = None
        if api.project_in_path and len(segments) > 1 and not mounted.dispatch.has(segments[0]):
            project_id = segments.pop(0)
        node, request.parameters = mounted.dispatch.locate(segments)
        if not (mounted.is_public or is_public(node, request.method)):
            await self._authenticate(request)
        if api.microversions is not None:
            request.microversion = api.microversions.requested(request.headers)
        request.mount = mounted.path if project_id is None else f"{mounted.path}/{project_id}"
        routes = choose(node, request.method, request.microversion)
        if project_id is not None:
            _check_project(request, project_id)
        route = routes[0]
        arguments: tuple[Body, ...] = ()
        raw = b""
        if route.body is not None or route.action is not None:
            started = request.trace.start()
            raw = await self._read(request, receive, api.wrong_content_type)
            content = parse_object(raw)
            route = _route_of_action(routes, content)
            note = route.action or ""
            if route.body is not None:
                arguments = (decode(route.body, content, request.microversion),)
                note = route.body.__name__
            request.trace.end(_DECODE, started, note)
        return await self._carry_out(request, route, arguments, raw)

    async def _carry_out(
        self, request: Request, route: Route, arguments: tuple[Body, ...], raw: bytes
    ) -> Answer:
        """The policy, then the handler; ``raw`` is the body as it was sent."""
        request.success = route.status
        if route.policy is not None:
            target = request.own_target()
            if route.target is not None:
                target |= await route.target(request, *arguments)
            self._services.rules.enforce(route.policy, request.context, target)
        attempt = self._attempt(request, route, arguments, raw) if route.keyed else None
        if attempt is not None:
            return await self._once(request, route, arguments, attempt)
        return _encoded(route, await route.handler(request, *arguments), request.trace)

    def _attempt(
        self, request: Request, route: Route, arguments: tuple[Body, ...], raw: bytes
    ) -> Attempt | None:
        """The request under its client's ``Idempotency-Key``, or as what may be a repeat; None: neither."""
        if route.body is not None and route.body.SECRETS:
            raw = without_secrets(*arguments)
        key = request.header(b"idempotency-key")
        if key is not None:
            return new_attempt(request.context, request.path, key, raw)
        seconds = self._services.settings.replay_detection_seconds
        if seconds and route.replay_name is not None and route.replay_name(*arguments):
            return new_replay(request.context, request.path, raw, seconds)
        return None

    async def _once(
        self, request: Request, route: Route, arguments: tuple[Body, ...], attempt: Attempt
    ) -> Answer:
        """The answer that was given under the attempt's key; else what the handler answers now."""
        request.attempt = attempt
        while True:
            kept = await self._services.units.read(find_answer, attempt)
            if kept is not None:
                return Answer(kept.answer.encode(), kept.status, (_REPLAYED,))
            try:
                return _encoded(route, await route.handler(request, *arguments), request.trace)
            except Answered:
                # By a twin that was in flight. Should its commit have failed, this one is the first.
                continue

    async def _authenticate(self, request: Request) -> None:
        """Set ``request.token`` and ``request.context`` from ``X-Auth-Token``."""
        trace = request.trace
        started = trace.start()
        text = request.headers.get(b"x-auth-token")
        if not text:
            raise Unauthenticated("The request you have made requires authentication.")
        token = await self._services.tokens.validate(text.decode("latin-1"))
        outer = request.header(b"x-openstack-request-id")
        request.token = token
        request.context = Context(
            request_id=trace.request_id,
            global_request_id=outer if outer and _REQUEST_ID.match(outer) else None,
            user_id=token.user_id,
            user_domain_id=token.user_domain_id,
            scope=token.scope,
            project_id=token.project_id,
            domain_id=token.domain_id,
            roles=token.roles,
            now_us=trace.began_us,
            trace=trace,
            project_domain_id=token.project_domain_id,
        )
        trace.end(_AUTHENTICATE, started, token.user_name)

    async def _read(
        self, request: Request, receive: Receive, wrong_type: type[PumiceError]
    ) -> bytes:
        """The body. Raises ``wrong_type``, :class:`TooLarge` or :class:`InvalidInput`."""
        kind = request.headers.get(b"content-type", b"application/json")
        if kind.split(b";")[0].strip().lower() != b"application/json":
            raise wrong_type("Unsupported Content-Type; use application/json.")
        announced = request.headers.get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self._body_max:
            raise TooLarge(f"The body is larger than {self._body_max} bytes.")
        chunks = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > self._body_max:
                raise TooLarge(f"The body is larger than {self._body_max} bytes.")
            chunks.append(chunk)
            if not message.get("more_body"):
                break
        body = b"".join(chunks)
        if not body:
            raise InvalidInput("The request needs a body.")
        return body

    def _fault(self, request: Request, mounted: _Mounted, error: Exception) -> Answer:
        """The fault body of ``error``; a bug is logged with its traceback."""
        if faults.status_of(error) == HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error(
                "%s failed: %s", request.trace.request_id, request.trace.title, exc_info=error
            )
        request.trace.mark(_FAULT, f"{type(error).__name__}: {error}")
        return faults.answer(error, mounted.api.fault, f"{request.base}/identity/v3")


def _headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Headers by lower-case name; the values of a repeated one are joined, as HTTP has it."""
    headers: dict[bytes, bytes] = {}
    for name, value in pairs:
        headers[name] = headers[name] + b", " + value if name in headers else value
    return headers


def _check_project(request: Request, project_id: str) -> None:
    """The project in the path must be the token's."""
    if not _PROJECT_ID.match(project_id):
        raise NotFound("The resource could not be found.")
    if project_id != request.context.project_id:
        raise InvalidInput("Malformed request url: the project is not the token's.")


def _route_of_action(routes: list[Route], content: dict[str, Any]) -> Route:
    """The one of ``routes`` that the body's only key names; the first where there are no actions."""
    if routes[0].action is None:
        return routes[0]
    if len(content) != 1:
        raise InvalidInput("The body of an action must hold exactly one key, its name.")
    (name,) = content
    for route in routes:
        if route.action == name:
            return route
    raise InvalidInput(f"There is no such action: {name[:60]!r}.")


def _encoded(route: Route, result: object, trace: Trace) -> Answer:
    """A handler's result as bytes with its status."""
    answer = result if isinstance(result, Answer) else Answer(result)
    body = answer.body
    if body is None:
        body = b""
    elif not isinstance(body, bytes):
        started = trace.start()
        body = msgspec.json.encode(body)
        trace.end(_ENCODE, started, f"{len(body)} bytes")
    return Answer(body, answer.status or route.status, answer.headers)


def _log(request: Request, answer: Answer) -> None:
    """One line: what changes something or fails is worth one always, a read only to a developer."""
    changes = (
        request.method not in ("GET", "HEAD") or (answer.status or 0) >= HTTPStatus.BAD_REQUEST
    )
    level = logging.INFO if changes else logging.DEBUG
    if log.isEnabledFor(level):
        extra = {"request_id": request.trace.request_id}
        log.log(level, "%s %s", request.trace.title, answer.status, extra=extra)


async def _send(send: Send, request: Request, api: Api, answer: Answer) -> None:
    """Status, headers and body."""
    body: bytes = answer.body
    request_id = request.trace.request_id.encode()
    headers = [(b"x-openstack-request-id", request_id), *answer.headers]
    if answer.status != HTTPStatus.NO_CONTENT:  # That answer has no body, and no length either.
        headers.append((b"content-length", str(len(body)).encode()))
    if body:
        headers.append(_JSON)
    versions = api.microversions
    if versions is not None:
        shown = versions.text(request.microversion or versions.minimum)
        headers.append((b"openstack-api-version", f"{versions.service} {shown}".encode()))
        headers.append((b"x-compute-request-id", request_id))
        vary = b"OpenStack-API-Version"
        if versions.legacy_header is not None:
            headers.append((versions.legacy_header, shown.encode()))
            vary += b", " + versions.legacy_header
        headers.append((b"vary", vary))
    elif api.fault is faults.keystone_fault:
        headers.append((b"vary", b"X-Auth-Token"))
    if request.method == "HEAD":
        body = b""
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


_WHOLE: Final = place(App.__call__, name="request")
_AUTHENTICATE: Final = place(App._authenticate, name="authenticate")  # noqa: SLF001 - App is of this module; its step is named in traces
_FAULT: Final = place(App._fault, name="fault")  # noqa: SLF001 - App is of this module; its step is named in traces
_DECODE: Final = place(decode)
_ENCODE: Final = place(_encoded, name="encode")
