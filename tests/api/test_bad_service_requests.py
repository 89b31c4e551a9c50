"""Wrong requests about services, hosts, zones and messages: exact answers, and nothing is changed."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from typing import Any, Final, NamedTuple

import pytest
import pytest_asyncio

from tests.api.cloud import Cloud, running
from tests.api.deployment import Deployment

pytestmark = pytest.mark.asyncio(loop_scope="module")

SERVICES: Final = "/volume/v3/os-services"
HOSTS: Final = "/volume/v3/os-hosts"
MESSAGES: Final = "/volume/v3/messages"
NAMES: Final = {400: "badRequest", 404: "itemNotFound", 403: "forbidden", 405: "badMethod"}
BULK: Final = {"host": "pumice@bulk", "binary": "cinder-volume"}
HINTS: Final = "OS-SCH-HNT:scheduler_hints"
A_UUID: Final = "00000000-0000-0000-0000-000000000001"


class Bad(NamedTuple):
    """A request by an administrator, and what it is answered; ``...`` ends a library's text."""

    name: str
    method: str
    target: str
    status: int
    message: str
    body: Any = None
    version: str = "3.71"


def change(name: str, action: str, body: Any, message: str, status: int = 400, **more: Any) -> Bad:
    """A change of a service."""
    return Bad(name, "PUT", f"{SERVICES}/{action}", status, message, body, **more)


def hinted(name: str, hints: Any, message: str) -> Bad:
    """A create with these hints."""
    body = {"volume": {"size": 1}, HINTS: hints}
    return Bad(f"hint: {name}", "POST", "/volume/v3/volumes", 400, message, body)


def _unknown(key: str) -> str:
    return f"Invalid input: Object contains unknown field '{key}'."


def _no_service(binary: str, host: str) -> str:
    return f"Service {binary} could not be found on host {host}."


NO_HOST: Final = "Invalid input received: Host field is missing."
NO_NAME: Final = "Invalid input: 'body.host' is not the name of a host."
NO_BINARY: Final = "Invalid input: 'body' needs a 'binary' or a 'service'."
NOT_TEXT: Final = "Invalid input: 7 is not a string - at 'body.{}'."
LONG: Final = "x" * 256
TOO_LONG: Final = (
    f"Invalid input: '{'x' * 56}... has 256 characters, more than 255 - at 'body.{{}}'."
)
MANY_IDS: Final = [str(uuid.UUID(int=number)) for number in range(101)]
NO_UUID: Final = f"Invalid input: '{HINTS}.{{}}' holds something that is no UUID."
NO_BINARIES: Final = (
    "Invalid input: 'body.binary' is not one of cinder-scheduler, cinder-volume, cinder-backup, "
    "cinder-api or *."
)

CHANGES: Final = tuple(
    bad
    for action in ("enable", "disable", "disable-log-reason")
    for bad in (
        change(f"{action} without host", action, {"binary": "cinder-volume"}, NO_HOST),
        change(f"{action} of null", action, BULK | {"host": None}, NO_HOST),
        change(f"{action} of an empty host", action, BULK | {"host": ""}, NO_HOST),
        change(f"{action} of blanks", action, BULK | {"host": "a b"}, NO_NAME),
        change(f"{action} of a number", action, BULK | {"host": 7}, NOT_TEXT.format("host")),
        change(f"{action} of a long host", action, BULK | {"host": LONG}, TOO_LONG.format("host")),
        change(f"{action} without binary", action, {"host": "pumice@bulk"}, NO_BINARY),
        change(f"{action} of an empty binary", action, BULK | {"binary": ""}, NO_BINARY),
        change(f"{action} with a stranger", action, BULK | {"x": 1}, _unknown("x")),
        change(f"{action} with a stranger at 3.0", action, BULK | {"x": 1}, _unknown("x"), version="3.0"),
        change(f"{action} of nobody", action, BULK | {"host": "h@b"},
               _no_service("cinder-volume", "h@b"), 404),
        change(f"{action} of a pool", action, BULK | {"host": "pumice@bulk#bulk"},
               _no_service("cinder-volume", "pumice@bulk#bulk"), 404),
        change(f"{action} of another binary", action, BULK | {"binary": "cinder-backup"},
               _no_service("cinder-backup", "pumice@bulk"), 404),
        change(f"{action} of a scheduler elsewhere", action, {"host": "mars", "service": "cinder-scheduler"},
               _no_service("cinder-scheduler", "mars"), 404),
    )
)  # fmt: skip

FREEZES: Final = tuple(
    bad
    for action in ("freeze", "thaw")
    for bad in (
        change(f"{action} without host", action, {}, NO_HOST),
        change(f"{action} of blanks", action, {"host": " "}, NO_NAME),
        change(f"{action} with a stranger", action, {"host": "h", "binary": "x"}, _unknown("binary")),
        change(f"{action} of nobody", action, {"host": "h@b"},
               "Invalid input received: " + _no_service("cinder-volume", "h@b")),
        change(f"{action} of host and cluster", action, {"host": "h@b", "cluster": "c"},
               "Invalid input received: One and only one of cluster and host must be set."),
        change(f"{action} of a cluster", action, {"cluster": "c"}, "Cluster c could not be found.", 404),
        change(f"{action} of a cluster at 3.25", action, {"cluster": "c"}, NO_HOST, version="3.25"),
    )
)  # fmt: skip

OTHERS: Final = (
    change("reason of nothing", "disable-log-reason", BULK | {"disabled_reason": "  "},
           "Invalid input: 'body.disabled_reason' must not be empty."),
    change("long reason", "disable-log-reason", BULK | {"disabled_reason": LONG},
           TOO_LONG.format("disabled_reason")),
    change("reason that is null", "disable-log-reason", BULK | {"disabled_reason": None},
           "Invalid input: None is not a string - at 'body.disabled_reason'."),
    change("reason where none belongs", "disable", BULK | {"disabled_reason": "x"},
           _unknown("disabled_reason")),
    change("already thawed", "thaw", {"host": "pumice@bulk"},
           "Invalid input received: No service could be changed: frozen in ['pumice@bulk'] must be True "
           "to failover."),
    change("unknown action", "explode", BULK, "The resource could not be found.", 404),
    change("no level", "set-log", {"binary": "*"}, "Invalid input received:  is not a valid log level."),
    change("wrong level", "set-log", {"level": "loud"},
           "Invalid input received: loud is not a valid log level."),
    change("level of a number", "set-log", {"level": 7}, NOT_TEXT.format("level")),
    change("binary that is none", "set-log", {"level": "INFO", "binary": "nova"}, NO_BINARIES),
    change("binary that is null", "get-log", {"binary": None},
           "Invalid input: None is not a string - at 'body.binary'."),
    change("level where none belongs", "get-log", {"level": "INFO"}, _unknown("level")),
    change("long prefix", "get-log", {"prefix": LONG}, TOO_LONG.format("prefix")),
    Bad("host nobody serves", "GET", f"{HOSTS}/mars", 404, _no_service("cinder-volume", "mars")),
    Bad("status of a host nobody serves", "PUT", f"{HOSTS}/mars", 404, _no_service("cinder-volume", "mars"),
        {"status": "enable"}),
    Bad("status that is none", "PUT", f"{HOSTS}/pumice@bulk", 400, "Invalid status: 'sleep'",
        {"status": "sleep"}),
    Bad("setting that is none", "PUT", f"{HOSTS}/pumice@bulk", 400, _unknown("mode"),
        {"status": "enable", "mode": "x"}),
    Bad("no status", "PUT", f"{HOSTS}/pumice@bulk", 400,
        "Invalid input: Object missing required field 'status'.", {}),
    Bad("capabilities of nobody", "GET", "/volume/v3/capabilities/mars", 404, "Can't find service: mars"),
    Bad("capabilities of a host", "GET", "/volume/v3/capabilities/pumice", 404, "Can't find service: pumice"),
    Bad("unknown extension", "GET", "/volume/v3/extensions/os-magic", 404,
        "The resource could not be found."),
    Bad("extension in capitals", "GET", "/volume/v3/extensions/OS-HOSTS", 404,
        "The resource could not be found."),
    Bad("message that is none", "GET", f"{MESSAGES}/x", 404, "Message x could not be found."),
    Bad("end of a message that is none", "DELETE", f"{MESSAGES}/x", 404, "Message x could not be found."),
    Bad("marker that is none", "GET", f"{MESSAGES}?marker=x", 404, "Message x could not be found."),
    Bad("limit that is none", "GET", f"{MESSAGES}?limit=x", 400,
        "limit param must be an integer"),
    Bad("negative offset", "GET", f"{MESSAGES}?offset=-1", 400,
        "Invalid input for query parameter offset: -1 is not in the range 0 to 2147483647."),
    Bad("sort key that is none", "GET", f"{MESSAGES}?sort=color", 400,
        "Invalid input received: Invalid sort key 'color'."),
    Bad("sort direction that is none", "GET", f"{MESSAGES}?sort=id:up", 400,
        "Invalid input received: Unknown sort direction, must be 'desc' or 'asc'."),
    Bad("filter that is none", "GET", f"{MESSAGES}?color=red", 400,
        "Invalid filters color are found in query options."),
    Bad("partial filter too early", "GET", f"{MESSAGES}?event_id~=x", 400,
        "Invalid filters event_id~ are found in query options.", version="3.33"),
    hinted("no object", ["x"], "Invalid input: Expected 'object | null', got 'array' - at "
           f"'volume.{HINTS}'."),
    hinted("same host as no uuid", {"same_host": "x"}, NO_UUID.format("same_host")),
    hinted("same host as a number", {"same_host": [7]}, NO_UUID.format("same_host")),
    hinted("same host as null", {"same_host": None}, NO_UUID.format("same_host")),
    hinted("different from no uuid", {"different_host": [A_UUID, "x"]}, NO_UUID.format("different_host")),
    hinted("different from one twice", {"different_host": [A_UUID, A_UUID]},
           f"Invalid input: '{HINTS}.different_host' names a volume twice."),
    *(
        hinted(f"101 volumes in {name}", {name: MANY_IDS},
               f"Invalid input: '{HINTS}.{name}' names more than 100 volumes.")
        for name in ("same_host", "different_host")
    ),
    hinted("local to no uuid", {"local_to_instance": "x"}, NO_UUID.format("local_to_instance")),
    hinted("query of a number", {"query": 7},
           f"Invalid input: '{HINTS}.query' is neither a text nor an object."),
    hinted("query too long", {"query": "x" * 4097},
           f"Invalid input: '{HINTS}.query' has more than 4096 characters."),
    hinted("query too long as an object", {"query": {"x": "x" * 4096}},
           f"Invalid input: '{HINTS}.query' has more than 4096 characters."),
)  # fmt: skip

ALL: Final = (*CHANGES, *FREEZES, *OTHERS)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def still(
    deployment: Deployment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Cloud]:
    """One cloud for all of these requests: after each of them nothing has changed."""
    async with running(deployment, tmp_path_factory.mktemp("still")) as cloud:
        yield cloud


async def content(cloud: Cloud) -> dict[str, Any]:
    """What requests can change, and what administrators set."""
    services = (await cloud.admin.get(SERVICES, version="3.71"))["services"]
    return await cloud.content() | {"services": services}


@pytest.mark.parametrize("bad", ALL, ids=[bad.name for bad in ALL])
async def test_by_an_administrator(still: Cloud, bad: Bad) -> None:
    before = await content(still)
    reply = await still.admin.request(bad.method, bad.target, bad.body, version=bad.version)
    fault = json.loads(reply.body)
    wanted = {NAMES[bad.status]: {"code": bad.status, "message": bad.message}}
    assert (reply.status, fault) == (bad.status, wanted)
    assert await content(still) == before
