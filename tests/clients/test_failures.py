"""What users see when something cannot be done: a sentence, and an exit status that scripts notice."""

from __future__ import annotations

from collections.abc import Iterator

import openstack as sdk
import openstack.exceptions
import pytest

from tests.clients.served import Deployment, Served
from tests.clients.shells import Shell, gone, settled
from tests.clients.wire import Wire

JSON = ("-f", "json")

LISTS = {"cinder": ("list",), "openstack": ("volume", "list"), "nova": ("flavor-list",)}


@pytest.fixture(scope="module")
def limited(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server on which a project may have two volumes of three GiB together."""
    folder = tmp_path_factory.mktemp("limited")
    with Served(folder, deployment, quota_volumes=2, quota_gigabytes=3) as served:
        yield served


@pytest.fixture
def two_volumes(limited: Served) -> Iterator[Served]:
    """The limited server with as many volumes as it allows, of two GiB together."""
    openstack = Shell("openstack", limited.environment)
    for number in range(2):
        openstack("volume", "create", "--size", "1", f"v{number}")
    yield limited
    for number in range(2):
        _gone(openstack, f"v{number}")


def _gone(openstack: Shell, name: str) -> None:
    """Delete a volume, and wait until it is."""
    assert settled(lambda: openstack("volume", "show", name, *JSON).json["status"]) == "available"
    openstack("volume", "delete", name)
    assert settled(lambda: _status(openstack, name)) == "gone"


def _status(openstack: Shell, name: str) -> str:
    rows = openstack("volume", "list", "--name", name, *JSON).json
    return rows[0]["Status"] if rows else "gone"


@pytest.mark.parametrize("program", LISTS)
@pytest.mark.parametrize(
    "wrong", [{"OS_PASSWORD": "wrong"}, {"OS_USERNAME": "nobody"}, {"OS_PROJECT_NAME": "none"}]
)
def test_wrong_login(pumice: Served, program: str, wrong: dict[str, str]) -> None:
    shell = Shell(program, pumice.environment | wrong)
    printed = shell(*LISTS[program], status=1)
    assert "The request you have made requires authentication. (HTTP 401)" in printed.err
    assert printed.out == ""


@pytest.mark.parametrize("reference", ["none", "01a203b4-4f29-7e59-8eb6-5360db65bbf6"])
def test_unknown_volume(cinder: Shell, openstack: Shell, reference: str) -> None:
    printed = cinder("show", reference, status=1)
    assert f"No volume with a name or ID of '{reference}' exists." in printed.err
    printed = cinder("delete", reference, status=1)
    assert f"No volume with a name or ID of '{reference}' exists." in printed.out
    printed = openstack("volume", "show", reference, status=1)
    assert f"No Volume found for {reference}" in printed.err
    printed = openstack("volume", "delete", reference, status=1)
    assert "1 of 1 volumes failed to delete." in printed.err


def test_unknown_type(cinder: Shell, openstack: Shell, name: str) -> None:
    printed = cinder("create", "1", "--volume-type", name, status=1)
    assert f"{name} could not be found. (HTTP 404)" in printed.err
    printed = openstack("volume", "create", "--size", "1", "--type", name, name, status=1)
    assert name in printed.err
    assert openstack("volume", "list", "--name", name, *JSON).json == []


def test_unknown_zone(openstack: Shell, name: str) -> None:
    printed = openstack(
        "volume", "create", "--size", "1", "--availability-zone", "moon", name, status=1
    )
    assert "Availability zone 'moon' is invalid." in printed.err


def test_two_volumes_with_one_name(cinder: Shell, openstack: Shell, name: str) -> None:
    for _ in range(2):
        cinder("create", "1", "--name", name)
    printed = cinder("show", name, status=1)
    assert f"Multiple volume matches found for '{name}'" in printed.err
    printed = openstack("volume", "show", name, status=1)
    assert f"More than one Volume exists with the name '{name}'" in printed.err


def test_too_many_volumes(two_volumes: Served) -> None:
    printed = Shell("cinder", two_volumes.environment)("create", "1", status=1)
    assert "(HTTP 413)" in printed.err
    assert "allowed" in printed.err
    printed = Shell("openstack", two_volumes.environment)(
        "volume", "create", "--size", "1", "third", status=1
    )
    assert "413" in printed.err
    assert "allowed" in printed.err


def test_too_many_gib(limited: Served) -> None:
    printed = Shell("cinder", limited.environment)("create", "4", "--name", "large", status=1)
    assert "(HTTP 413)" in printed.err
    assert "4" in printed.err
    assert Shell("cinder", limited.environment)("list", "--name", "large").table == []


def test_over_quota_in_a_program(two_volumes: Served) -> None:
    with (
        sdk.connect(load_yaml_config=False, load_envvars=False, **two_volumes.auth) as cloud,
        pytest.raises(openstack.exceptions.HttpException) as caught,
    ):
        cloud.block_storage.create_volume(size=1)
    assert caught.value.status_code == 413
    with Wire(two_volumes) as wire:
        wire.log_in()
        reply = wire.volume("POST", "/volumes", {"volume": {"size": 1}})
        assert (reply.status, list(reply.json)) == (413, ["overLimit"])


def test_room_comes_back_with_a_deletion(limited: Served) -> None:
    openstack = Shell("openstack", limited.environment)
    for _ in range(3):
        openstack("volume", "create", "--size", "3", "whole")
        _gone(openstack, "whole")


def test_type_that_nobody_can_serve(cinder: Shell, openstack: Shell, name: str) -> None:
    cinder("type-create", name)
    cinder("type-key", name, "set", "volume_backend_name=nowhere")

    cinder("create", "1", "--name", name, "--volume-type", name)

    assert settled(lambda: cinder("show", name).properties["status"]) == "error"
    volume = cinder("show", name).properties
    assert volume["os-vol-host-attr:host"] == "None"
    (row,) = [row for row in cinder("message-list").table if row["Resource UUID"] == volume["id"]]
    assert row["Resource Type"] == "VOLUME"
    assert "No valid backend was found" in row["User Message"]
    assert "CapabilitiesFilter refused 2 of 2 pools" in row["User Message"]

    message = cinder("message-show", row["ID"]).properties
    assert message["user_message"] == row["User Message"]
    assert message["resource_uuid"] == volume["id"]
    assert message["message_level"] == "ERROR"
    mine = openstack("--os-volume-api-version", "3.3", "volume", "message", "list", *JSON).json
    assert row["User Message"] in {
        one["User Message"] for one in mine if one["Resource UUID"] == volume["id"]
    }

    cinder("message-delete", row["ID"])
    cinder("message-show", row["ID"], status=1)
    cinder("delete", name)
    assert gone(cinder, "--name", name)
    cinder("show", name, status=1)


def test_delete_twice(cinder: Shell, openstack: Shell, name: str) -> None:
    volume_id = cinder("create", "1", "--name", name).properties["id"]
    assert settled(lambda: cinder("show", name).properties["status"]) == "available"
    cinder("delete", volume_id)
    # Whether the first is still at work or done, the second is refused.
    printed = cinder("delete", volume_id, status=1)
    assert "Unable to delete any of the specified volumes." in printed.err
    assert settled(lambda: _status(openstack, name)) == "gone"
    printed = cinder("delete", volume_id, status=1)
    assert f"No volume with a name or ID of '{volume_id}' exists." in printed.out


def test_delete_a_type_twice(cinder: Shell, name: str) -> None:
    cinder("type-create", name)
    cinder("type-delete", name)
    printed = cinder("type-delete", name, status=1)
    assert f"No volumetype with a name or ID of '{name}' exists." in printed.out


def test_type_in_use_stays(cinder: Shell, name: str) -> None:
    cinder("type-create", name)
    cinder("create", "1", "--name", name, "--volume-type", name)
    printed = cinder("type-delete", name, status=1)
    assert "(HTTP 400)" in printed.out
    assert cinder("type-show", name).properties["name"] == name


def test_type_of_a_name_that_is_taken(cinder: Shell, openstack: Shell, name: str) -> None:
    cinder("type-create", name)
    printed = cinder("type-create", name, status=1)
    assert "already exists. (HTTP 409)" in printed.err
    openstack("volume", "type", "create", name, status=1)
