"""keystoneauth: sessions of every scope, and where they find the services."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from keystoneauth1.exceptions import EmptyCatalog, EndpointNotFound, Unauthorized
from keystoneauth1.identity import generic, v3
from keystoneauth1.session import Session

from tests.clients.served import Served

BY_PROJECT: dict[str, Any] = {"project_name": "admin", "project_domain_id": "default"}

Log = Callable[..., Any]
"""Makes a session; what its plugin has beyond every plugin is not in the types."""


@pytest.fixture
def log_in(pumice: Served) -> Iterator[Log]:
    """Make sessions of the user admin, scoped as the arguments say."""
    sessions: list[Session] = []
    auth = pumice.auth
    user = {name: auth[name] for name in ("auth_url", "username", "password", "user_domain_id")}

    def session(plugin: Any = v3.Password, **scope: str) -> Any:
        sessions.append(Session(plugin(**(user | scope))))
        return sessions[-1]

    yield session
    for one in sessions:
        one.session.close()


@pytest.mark.parametrize("plugin", [v3.Password, generic.Password], ids=["v3", "generic"])
@pytest.mark.parametrize("service", ["block-storage", "volumev3", "volume"])
def test_project_finds_block_storage(
    log_in: Log, pumice: Served, plugin: Any, service: str
) -> None:
    session = log_in(plugin, **BY_PROJECT)
    found = session.get_endpoint(service_type=service)
    assert found == f"{pumice.base}/volume/v3/{session.get_project_id()}"
    assert session.get(f"{found}/volumes").status_code == 200


@pytest.mark.parametrize("service", ["block-storage", "volumev3"])
def test_microversions_are_found(log_in: Log, service: str) -> None:
    session = log_in(**BY_PROJECT)
    found = session.auth.get_endpoint_data(
        session, service_type=service, min_version="3.0", max_version="3.latest"
    )
    assert (found.api_version, found.min_microversion) == ((3, 0), (3, 0))
    assert found.max_microversion == (3, 71)


@pytest.mark.parametrize("auth_url", ["/identity", "/identity/v3", "/identity/v3/"])
def test_each_way_to_write_the_url(log_in: Log, pumice: Served, auth_url: str) -> None:
    session = log_in(generic.Password, auth_url=pumice.base + auth_url, **BY_PROJECT)
    assert session.get_endpoint(service_type="identity") == pumice.identity_url


def test_unscoped(log_in: Log, pumice: Served) -> None:
    session = log_in()
    assert session.get_project_id() is None
    mine = session.get(f"{pumice.identity_url}/auth/projects").json()["projects"]
    assert [project["name"] for project in mine] == ["admin"]
    with pytest.raises(EmptyCatalog):
        session.get_endpoint(service_type="block-storage")


def test_token_for_another_scope(log_in: Log, pumice: Served) -> None:
    token = log_in().get_token()
    scoped = Session(v3.Token(pumice.identity_url, token, **BY_PROJECT))
    volumes = scoped.get("/volumes", endpoint_filter={"service_type": "block-storage"})
    assert volumes.status_code == 200
    scoped.session.close()


def test_system(log_in: Log, pumice: Served) -> None:
    session = log_in(system_scope="all")
    assert session.get_endpoint(service_type="identity") == pumice.identity_url
    answer = session.get("/projects", endpoint_filter={"service_type": "identity"})
    assert [project["name"] for project in answer.json()["projects"]] == ["admin"]


@pytest.mark.parametrize("service", ["block-storage", "volumev3"])
def test_system_has_no_project_to_keep_volumes_in(log_in: Log, service: str) -> None:
    session = log_in(system_scope="all")
    with pytest.raises(EndpointNotFound, match=f"endpoint for {service} service not found"):
        session.get_endpoint(service_type=service)


def test_domain_without_a_role_there(log_in: Log) -> None:
    with pytest.raises(Unauthorized):
        log_in(domain_id="default").get_token()


def test_token_is_validated_and_described(log_in: Log, pumice: Served) -> None:
    session = log_in(**BY_PROJECT)
    answer = session.get(
        f"{pumice.identity_url}/auth/tokens", headers={"X-Subject-Token": session.get_token()}
    )
    token = answer.json()["token"]
    assert token["project"]["id"] == session.get_project_id()
    assert {role["name"] for role in token["roles"]} == {"admin", "manager", "member", "reader"}
