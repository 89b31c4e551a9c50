"""Long lists, in the pages that a server gives and a client asks for."""

from __future__ import annotations

from collections.abc import Iterator

import openstack
import pytest
from cinderclient import client as cinder_client
from keystoneauth1.identity import v3
from keystoneauth1.session import Session

from tests.clients.served import Deployment, Served
from tests.clients.shells import Shell
from tests.clients.wire import Wire

PAGE = 3
VOLUMES = 7


@pytest.fixture(scope="module")
def paged(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server whose pages hold three volumes, and which has seven."""
    folder = tmp_path_factory.mktemp("paged")
    with Served(folder, deployment, osapi_max_limit=PAGE) as served, Wire(served) as wire:
        wire.log_in()
        for number in range(VOLUMES):
            body = {"volume": {"size": 1, "name": f"v{number}"}}
            assert wire.volume("POST", "/volumes", body).status == 202
        yield served


NEWEST_FIRST = [f"v{number}" for number in reversed(range(VOLUMES))]


@pytest.mark.everywhere
def test_cinder_shows_all(paged: Served) -> None:
    rows = Shell("cinder", paged.environment)("list", "--sort", "created_at:desc").table
    assert [row["Name"] for row in rows] == NEWEST_FIRST


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_cinder_shows_as_many_as_asked_for(paged: Served, limit: int) -> None:
    rows = Shell("cinder", paged.environment)("list", "--limit", str(limit)).table
    assert [row["Name"] for row in rows] == sorted(NEWEST_FIRST[:limit])  # Sorted by the client.


def test_openstack_shows_all(paged: Served) -> None:
    rows = Shell("openstack", paged.environment)("volume", "list", "-f", "json").json
    assert [row["Name"] for row in rows] == NEWEST_FIRST


# With a limit, the client asks until it gets an empty page.
@pytest.mark.parametrize(("limit", "requests"), [(2, 5), (3, 4), (7, 4)])
def test_sdk_turns_the_pages(paged: Served, limit: int, requests: int) -> None:
    urls: list[str] = []
    with openstack.connect(load_yaml_config=False, load_envvars=False, **paged.auth) as cloud:
        session = cloud.block_storage.session.session
        session.hooks["response"].append(lambda answer, **_: urls.append(answer.url))
        names = [volume.name for volume in cloud.block_storage.volumes(limit=limit)]
    assert names == NEWEST_FIRST
    assert len([url for url in urls if "/volumes/detail" in url]) == requests


@pytest.mark.parametrize("limit", [None, 2, 5])
def test_cinderclient_turns_the_pages(paged: Served, limit: int | None) -> None:
    session = Session(v3.Password(**paged.auth))
    volumes = cinder_client.Client("3.71", session=session).volumes
    names = [volume.name for volume in volumes.list(limit=limit)]
    assert names == NEWEST_FIRST[:limit]
    after = volumes.list(marker=volumes.list()[3].id)
    assert [volume.name for volume in after] == NEWEST_FIRST[4:]
    session.session.close()


@pytest.mark.everywhere
@pytest.mark.parametrize("path", ["/volumes", "/volumes/detail"])
def test_links_lead_through_the_list(paged: Served, path: str) -> None:
    """CSI and the exporter stop at page one unless the next one is linked, by an absolute URL."""
    with Wire(paged) as wire:
        wire.log_in()
        page = wire.volume("GET", f"{path}?limit=2&sort=name:asc").json
        names = []
        while page["volumes"]:
            names += [volume["name"] for volume in page["volumes"]]
            if "volumes_links" not in page:
                break
            (link,) = page["volumes_links"]
            assert link["rel"] == "next"
            assert link["href"].startswith(f"{paged.base}/volume/v3/")
            page = wire.send("GET", link["href"]).json
    assert names == NEWEST_FIRST[::-1]
