"""A small HTTP client of a running Pumice: log in once, then ask its services."""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Self
from urllib.parse import SplitResult, urlencode, urlsplit

from pumice.cli.clouds import Cloud
from pumice.errors import PumiceError, UsageError

TIMEOUT_SECONDS: Final = 30.0
VOLUME_MICROVERSION: Final = "volume 3.71"
MAX_ANSWER_BYTES: Final = 64 << 20


class Unreachable(PumiceError):
    """Nothing answered: no server, no network, or no trust in its certificate."""


class Refused(PumiceError):
    """The server answered with an error; ``status`` is the HTTP status."""

    def __init__(self, public: str, status: int) -> None:
        super().__init__(public)
        self.status = status


class Answer(NamedTuple):
    """What a server answered: status, headers by lower-case name, and the decoded body."""

    status: int
    headers: Mapping[str, str]
    body: Any


class Session:
    """A token, and where the cloud's services are. Use :meth:`log_in`."""

    def __init__(self, cloud: Cloud, token: str, endpoints: Mapping[str, str]) -> None:
        self._cloud = cloud
        self._token = token
        self._endpoints = endpoints

    @classmethod
    def log_in(cls, cloud: Cloud) -> Self:
        """Log in. Raises :class:`Unreachable` or :class:`Refused`."""
        url = cloud.auth_url.rstrip("/")
        url = url if url.endswith("/v3") else f"{url}/v3"
        answer = _ask(cloud, "POST", f"{url}/auth/tokens", {}, _login(cloud.auth))
        if http.HTTPStatus.BAD_REQUEST <= answer.status < http.HTTPStatus.INTERNAL_SERVER_ERROR:
            told = f"{url} refused the login that {cloud.origin} holds: {_message(answer)}"
            raise Refused(told, answer.status)
        content = _checked(answer, url)
        try:
            endpoints = _endpoints(content["token"].get("catalog", []), cloud)
            return cls(cloud, answer.headers["x-subject-token"], endpoints)
        except (AttributeError, KeyError, TypeError):
            told = f"{url} does not answer as an identity service."
            raise Refused(told, answer.status) from None

    def get(self, service: str, path: str, query: Mapping[str, str | None] | None = None) -> Any:
        """The body of ``GET path`` at ``service`` (a type in the catalog); None values are left out.

        Raises :class:`Unreachable` or :class:`Refused`.
        """
        given = {name: value for name, value in (query or {}).items() if value is not None}
        return self._ask("GET", service, f"{path}?{urlencode(given)}" if given else path)

    def post(self, service: str, path: str) -> Any:
        """The body of ``POST path`` without a body. Raises as :meth:`get`."""
        return self._ask("POST", service, path)

    def patch(self, service: str, path: str, content: Any) -> Any:
        """The body of ``PATCH path`` with ``content`` as JSON. Raises as :meth:`get`."""
        return self._ask("PATCH", service, path, content)

    def _ask(self, method: str, service: str, path: str, content: Any = None) -> Any:
        if service not in self._endpoints:
            raise Refused(f"The catalog of {self._cloud.auth_url} has no service {service}.", 404)
        url = f"{self._endpoints[service].rstrip('/')}{path}"
        headers = {"X-Auth-Token": self._token, "OpenStack-API-Version": VOLUME_MICROVERSION}
        return _checked(_ask(self._cloud, method, url, headers, content), url)


def _login(auth: Mapping[str, str]) -> dict[str, Any]:
    """The body of a login (Identity v3: authentication and scoping)."""
    if "token" in auth:
        identity: dict[str, Any] = {"methods": ["token"], "token": {"id": auth["token"]}}
    else:
        domain = _reference(auth, "user_domain_id", "user_domain_name")
        user = _reference(auth, "user_id", "username", domain) | {"password": auth["password"]}
        identity = {"methods": ["password"], "password": {"user": user}}
    body: dict[str, Any] = {"identity": identity}
    if "project_id" in auth or "project_name" in auth:
        domain = _reference(auth, "project_domain_id", "project_domain_name")
        body["scope"] = {"project": _reference(auth, "project_id", "project_name", domain)}
    elif "domain_id" in auth or "domain_name" in auth:
        body["scope"] = {"domain": _reference(auth, "domain_id", "domain_name")}
    elif "system_scope" in auth:
        body["scope"] = {"system": {auth["system_scope"]: True}}
    return {"auth": body}


def _reference(
    auth: Mapping[str, str], id_key: str, name_key: str, domain: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A resource by its id, else by its name in ``domain``; a domain nobody named is the default."""
    if id_key in auth:
        return {"id": auth[id_key]}
    if name_key in auth:
        return {"name": auth[name_key], **({"domain": domain} if domain else {})}
    return {"id": "default"}


def _endpoints(catalog: list[Any], cloud: Cloud) -> dict[str, str]:
    """The URL of each service, by type, for the cloud's interface and region."""
    return {
        service["type"]: endpoint["url"]
        for service in catalog
        for endpoint in service["endpoints"]
        if endpoint["interface"] == cloud.interface
        and cloud.region in (None, endpoint["region_id"])
    }


def _ask(cloud: Cloud, method: str, url: str, headers: Mapping[str, str], content: Any) -> Answer:
    """Send one request. Raises :class:`Unreachable`, and :class:`UsageError` for what is no URL."""
    body = None if content is None else json.dumps(content).encode()
    sent = {**headers, "Accept": "application/json", "Content-Type": "application/json"}
    scheme, _, rest = url.partition("://")
    server, _, target = rest.partition("/")
    try:
        with contextlib.closing(_connection(cloud, urlsplit(url))) as connection:
            connection.request(method, f"/{target}", body, sent)
            response = connection.getresponse()
            data = response.read(MAX_ANSWER_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"No Pumice answers at {scheme}://{server}: {_reason(error)}.") from error
    except ValueError as error:  # Characters that no URL and no header can hold.
        raise UsageError(f"{url!r}, from {cloud.origin}, cannot be asked: {error}.") from error
    named = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, named, _decoded(data))


def _connection(cloud: Cloud, url: SplitResult) -> http.client.HTTPConnection:
    host = url.hostname or ""
    if url.scheme != "https":
        return http.client.HTTPConnection(host, url.port, timeout=TIMEOUT_SECONDS)
    try:
        context = ssl.create_default_context(cafile=cloud.cacert)
    except OSError as error:
        raise UsageError(f"{cloud.cacert} holds no certificate: {_reason(error)}.") from error
    if not cloud.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, url.port, timeout=TIMEOUT_SECONDS, context=context)


def _reason(error: Exception) -> str:
    """What the system said, without numbers of errors and lines of source."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__


def _decoded(data: bytes) -> Any:
    """The JSON in ``data``; None if it is none."""
    try:
        return json.loads(data)
    except ValueError:
        return None


def _checked(answer: Answer, url: str) -> dict[str, Any]:
    """The body of a success. Raises :class:`Refused`."""
    if answer.status >= http.HTTPStatus.BAD_REQUEST:
        raise Refused(_message(answer), answer.status)
    if not isinstance(answer.body, dict):
        raise Refused(f"{url} does not answer as Pumice does.", answer.status)
    return answer.body


def _message(answer: Answer) -> str:
    """What a fault of any of the services says."""
    if isinstance(answer.body, dict):
        for content in answer.body.values():
            if isinstance(content, dict) and isinstance(content.get("message"), str):
                return str(content["message"])
    return f"The server answered with status {answer.status}."
