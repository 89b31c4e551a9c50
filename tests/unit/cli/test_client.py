"""The HTTP client against a server that answers whatever a test wants, with TLS or without."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pumice.cli.client import Refused, Session, Unreachable
from pumice.cli.clouds import Cloud
from pumice.errors import UsageError

PASSWORD = {"username": "admin", "password": "secret", "project_name": "admin"}


class Asked(NamedTuple):
    """A request as the server got it."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


class Server(ThreadingHTTPServer):
    """Answers each path with a status and a body, and remembers what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.scheme = "http"
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.asked: list[Asked] = []

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}"

    def say(self, path: str, status: int, body: Any) -> None:
        self.answers[path] = status, body if isinstance(body, bytes) else json.dumps(body).encode()

    def let_in(self, *services: str) -> None:
        endpoints = [
            {"interface": "internal", "region_id": "RegionOne", "url": "http://internal"},
            {"interface": "public", "region_id": "RegionOne", "url": f"{self.url}/one/"},
            {"interface": "public", "region_id": "RegionTwo", "url": "http://two"},
        ]
        catalog = [{"type": name, "endpoints": endpoints} for name in services]
        self.say("/v3/auth/tokens", 201, {"token": {"catalog": catalog}})

    def cloud(self, **changes: Any) -> Cloud:
        plain = Cloud("OS_AUTH_URL", f"{self.url}/v3", PASSWORD, region="RegionOne")
        return plain._replace(**changes)


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, self.path, headers, json.loads(body) if body else None)
        self.server.asked.append(asked)
        status, content = self.server.answers.get(self.path, (404, b""))
        self.send_response(status)
        self.send_header("X-Subject-Token", "the token")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = answer  # noqa: N815 - the names that http.server looks for

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nobody reads it."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


class TestLogIn:
    def test_with_a_password(self, server: Server) -> None:
        server.let_in("pumice")
        Session.log_in(server.cloud())
        assert server.asked[0].body == {
            "auth": {
                "identity": {
                    "methods": ["password"],
                    "password": {
                        "user": {
                            "name": "admin",
                            "domain": {"id": "default"},
                            "password": "secret",
                        }
                    },
                },
                "scope": {"project": {"name": "admin", "domain": {"id": "default"}}},
            }
        }

    @pytest.mark.parametrize(
        ("auth", "scope"),
        [
            ({}, None),
            ({"project_id": "p", "project_name": "q"}, {"project": {"id": "p"}}),
            (
                {"project_name": "p", "project_domain_name": "d"},
                {"project": {"name": "p", "domain": {"name": "d"}}},
            ),
            ({"domain_name": "d"}, {"domain": {"name": "d"}}),
            ({"system_scope": "all"}, {"system": {"all": True}}),
        ],
    )
    def test_with_a_token_and_each_scope(
        self, server: Server, auth: dict[str, str], scope: Any
    ) -> None:
        server.let_in("pumice")
        Session.log_in(server.cloud(auth={"token": "old", **auth}))
        sent = server.asked[0].body["auth"]
        assert sent["identity"] == {"methods": ["token"], "token": {"id": "old"}}
        assert sent.get("scope") == scope

    def test_the_version_may_be_left_out_of_the_url(self, server: Server) -> None:
        server.let_in("pumice")
        Session.log_in(server.cloud(auth_url=f"{server.url}/"))
        assert server.asked[0].path == "/v3/auth/tokens"

    def test_refused(self, server: Server) -> None:
        fault = {"error": {"code": 401, "message": "Wrong.", "title": "Unauthorized"}}
        server.say("/v3/auth/tokens", 401, fault)
        with pytest.raises(Refused, match="refused the login that OS_AUTH_URL holds: Wrong") as one:
            Session.log_in(server.cloud())
        assert one.value.status == 401

    @pytest.mark.parametrize(
        ("status", "body", "told"),
        [
            (404, b"<html>", "refused the login .* status 404"),
            (200, b"<html>", "does not answer as Pumice does"),
            (200, {"token": 3}, "does not answer as an identity service"),
            (200, {"token": {"catalog": [{"type": "pumice"}]}}, "does not answer as an identity"),
            (503, {"error": {"message": "Busy."}}, "Busy"),
        ],
    )
    def test_something_else_answers(
        self, server: Server, status: int, body: Any, told: str
    ) -> None:
        server.say("/v3/auth/tokens", status, body)
        with pytest.raises(Refused, match=told):
            Session.log_in(server.cloud())


class TestAsk:
    def test_at_the_endpoint_of_the_region_and_interface(self, server: Server) -> None:
        server.let_in("pumice", "block-storage")
        server.say("/one/os-hosts?zone=a%26b", 200, {"hosts": []})
        session = Session.log_in(server.cloud())
        query = {"zone": "a&b", "none": None}
        assert session.get("block-storage", "/os-hosts", query) == {"hosts": []}
        asked = server.asked[1]
        assert asked.headers["x-auth-token"] == "the token"
        assert asked.headers["openstack-api-version"] == "volume 3.71"

    def test_post(self, server: Server) -> None:
        server.let_in("pumice")
        server.say("/one/operations/x/retry", 202, {"operation": {}})
        assert Session.log_in(server.cloud()).post("pumice", "/operations/x/retry") == {
            "operation": {}
        }
        assert server.asked[1].method == "POST"

    @pytest.mark.parametrize(
        ("body", "told"),
        [
            ({"itemNotFound": {"code": 404, "message": "No such thing."}}, r"No such thing\."),
            (b"gone", "answered with status 404"),
            ([], "answered with status 404"),
        ],
    )
    def test_faults_are_told_in_their_own_words(self, server: Server, body: Any, told: str) -> None:
        server.let_in("pumice")
        server.say("/one/x", 404, body)
        with pytest.raises(Refused, match=told):
            Session.log_in(server.cloud()).get("pumice", "/x")

    def test_a_service_that_the_catalog_lacks(self, server: Server) -> None:
        server.let_in("block-storage")
        with pytest.raises(Refused, match="has no service pumice"):
            Session.log_in(server.cloud()).get("pumice", "/x")


class TestNoAnswer:
    def test_nobody_listens(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # And never listens.
            url = f"http://127.0.0.1:{taken.getsockname()[1]}"
            with pytest.raises(Unreachable, match=f"No Pumice answers at {url}: Connection refus"):
                Session.log_in(Cloud("OS_AUTH_URL", f"{url}/identity", PASSWORD))

    def test_no_http(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("pumice.cli.client.TIMEOUT_SECONDS", 0.05)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            with pytest.raises(Unreachable, match="timed out"):
                Session.log_in(Cloud("OS_AUTH_URL", url, PASSWORD))

    @pytest.mark.parametrize("url", ["http://[::1", "http://x:port", "http://x/\n", "http://x/ü"])
    def test_what_is_no_url(self, url: str) -> None:
        with pytest.raises((UsageError, Unreachable), match=r"x|::1"):
            Session.log_in(Cloud("OS_AUTH_URL", url, PASSWORD))


class TestTls:
    @pytest.fixture(autouse=True)
    def certificate(self, server: Server, tmp_path: Path) -> Path:
        cert, key = make_certificate(tmp_path)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(cert, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.scheme = "https"
        server.let_in("pumice")
        return cert

    def test_a_certificate_that_nobody_trusts(self, server: Server) -> None:
        with pytest.raises(Unreachable, match="its certificate is not trusted"):
            Session.log_in(server.cloud())

    def test_its_own_authority(self, server: Server, certificate: Path) -> None:
        Session.log_in(server.cloud(cacert=str(certificate)))

    def test_no_verification(self, server: Server) -> None:
        Session.log_in(server.cloud(verify=False))

    def test_another_name(self, server: Server, certificate: Path) -> None:
        url = f"https://localhost:{server.server_port}/v3"
        with pytest.raises(Unreachable, match="its certificate is not trusted"):
            Session.log_in(server.cloud(cacert=str(certificate), auth_url=url))

    def test_an_authority_that_is_not_there(self, server: Server) -> None:
        with pytest.raises(UsageError, match="/nowhere holds no certificate: No such file"):
            Session.log_in(server.cloud(cacert="/nowhere"))


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pumice")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    cert, private = folder / "cert.pem", folder / "key.pem"
    encoding = serialization.Encoding.PEM
    cert.write_bytes(certificate.public_bytes(encoding))
    plain = serialization.NoEncryption()
    private.write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain))
    return cert, private
