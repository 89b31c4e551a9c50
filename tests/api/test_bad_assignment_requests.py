"""Wrong requests about roles, regions, services and endpoints: their exact answers, and nothing changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final, NamedTuple

import pytest
import pytest_asyncio

from tests.api.cloud import STONE, Cloud, running
from tests.api.deployment import Deployment
from tests.api.identity import IDENTITY, make, refusal

pytestmark = pytest.mark.asyncio(loop_scope="module")

TABLES: Final = (
    *("roles", "role_implications", "role_assignments", "regions", "services", "endpoints"),
    "revoked_tokens",
)
ROLE: Final = "a" * 32
SERVICE: Final = "b" * 32
ENDPOINT: Final = "c" * 32
NAME: Final = r"^[^/]*[^/\\s][^/]*\\Z"


class Bad(NamedTuple):
    """A request of an administrator, and what it is answered."""

    name: str
    method: str
    target: str
    status: int
    message: str
    body: Any = None


IDS: Final = {"role": ROLE, "region": "RegionOne", "service": SERVICE, "endpoint": ENDPOINT}
RIGHT: Final[dict[str, dict[str, Any]]] = {
    "role": {"name": "new"},
    "region": {"id": "new"},
    "service": {"type": "new"},
    "endpoint": {"service_id": SERVICE, "interface": "public", "url": "http://x"},
}


def wrong(kind: str, name: str, reason: str, /, **content: Any) -> list[Bad]:
    """A field that neither a create nor a change takes."""
    message = f"Invalid input: {reason} - at '{kind}.{next(iter(content))}'."
    new = {kind: RIGHT[kind] | content}
    return [
        Bad(f"new {kind}, {name}", "POST", f"{kind}s", 400, message, new),
        Bad(f"{kind}, {name}", "PATCH", f"{kind}s/{IDS[kind]}", 400, message, {kind: content}),
    ]


def create(kind: str, name: str, status: int, message: str, /, **content: Any) -> Bad:
    """A create; ``content`` stands beside what is right."""
    return Bad(
        f"new {kind}, {name}", "POST", f"{kind}s", status, message, {kind: RIGHT[kind] | content}
    )


def update(kind: str, name: str, status: int, message: str, /, **content: Any) -> Bad:
    """A change."""
    return Bad(f"{kind}, {name}", "PATCH", f"{kind}s/{IDS[kind]}", status, message, {kind: content})


def missing(kind: str) -> list[Bad]:
    """Whatever one may do with something that does not exist."""
    text = f"Could not find {kind}: none."
    body = {kind: {"description": "x"}}
    return [
        Bad(f"no {kind}: {method}", method, f"{kind}s/none", 404, text, content)
        for method, content in (("GET", None), ("PATCH", body), ("DELETE", None))
    ]


def without(kind: str, field: str) -> Bad:
    """A create that lacks a field."""
    content = {name: value for name, value in RIGHT[kind].items() if name != field}
    text = f"Invalid input: Object missing required field '{field}'."
    return Bad(f"new {kind} without {field}", "POST", f"{kind}s", 400, text, {kind: content})


URL: Final = "Cannot create an endpoint with an invalid URL: "
BAD: Final = (
    *(one for kind in IDS for one in missing(kind)),
    *(Bad(f"{method} {kind} without its key", method, target, 400,
          f"Invalid input: '{kind}' is a required property.", {"name": "new"})
      for kind, id_ in IDS.items()
      for method, target in (("POST", f"{kind}s"), ("PATCH", f"{kind}s/{id_}"))),
    *(Bad(f"{method} {kind} beside another", method, target, 400,
          "Invalid input: unknown key 'x' in the body.", {kind: RIGHT[kind], "x": 1})
      for kind, id_ in IDS.items()
      for method, target in (("POST", f"{kind}s"), ("PATCH", f"{kind}s/{id_}"))),
    *(Bad(f"{method} {kind} of text", method, target, 400,
          "Invalid input: Expected 'object', got 'str'.", {kind: "x"})
      for kind, id_ in IDS.items()
      for method, target in (("POST", f"{kind}s"), ("PATCH", f"{kind}s/{id_}"))),
    *(Bad(f"{method} {kind} without a body", method, target, 400, "The request needs a body.")
      for kind, id_ in IDS.items()
      for method, target in (("POST", f"{kind}s"), ("PATCH", f"{kind}s/{id_}"))),
    *(update(kind, "no change", 400, "Invalid input: there is nothing to change.") for kind in IDS),
    *(update(kind, "another id", 400, "Cannot change ID", id="x", description="x") for kind in IDS),
    without("role", "name"),
    without("service", "type"),
    without("endpoint", "service_id"),
    without("endpoint", "interface"),
    without("endpoint", "url"),

    *wrong("role", "name of a number", "Expected 'str', got 'int'", name=1),
    *wrong("role", "name of null", "Expected 'str', got 'null'", name=None),
    *wrong("role", "empty name", "Expected 'str' of length >= 1", name=""),
    *wrong("role", "long name", "Expected 'str' of length <= 255", name="n" * 256),
    *wrong("role", "name of blanks", r"Expected 'str' matching regex '\\S'", name="  "),
    *wrong("role", "description of a list", "Expected 'str | null', got 'array'", description=[]),
    *wrong("role", "domain of a number", "Expected 'str | null', got 'int'", domain_id=1),
    *wrong("role", "empty domain", "Expected 'str' of length >= 1", domain_id=""),
    *wrong("role", "options of text", "Expected 'object', got 'str'", options="x"),
    Bad("role, unknown option", "PATCH", f"roles/{ROLE}", 400,
        "Invalid input: Object contains unknown field 'x' - at 'role.options'.",
        {"role": {"options": {"x": 1}}}),
    Bad("role, immutable by a word", "POST", "roles", 400,
        "Invalid input: Expected 'bool | null', got 'str' - at 'role.options.immutable'.",
        {"role": {"name": "new", "options": {"immutable": "true"}}}),
    create("role", "that is there", 409, "Conflict occurred attempting to store role - "
           "Duplicate entry found with name member.", name=" member "),
    create("role", "unknown domain", 404, "Could not find domain: none.", domain_id="none"),
    update("role", "that is there", 409, "Conflict occurred attempting to store role - "
           "Duplicate entry found with name member.", name="member"),
    update("role", "a domain", 400, "Update of `domain_id` is not allowed.", domain_id=STONE),
    Bad("role, wrong method", "PUT", f"roles/{ROLE}", 405,
        "The method PUT is not allowed for this resource.", {}),

    *wrong("region", "description of a number", "Expected 'str | null', got 'int'", description=1),
    *wrong("region", "long description", "Expected 'str' of length <= 255", description="d" * 256),
    *wrong("region", "parent of a number", "Expected 'str | null', got 'int'", parent_region_id=1),
    *wrong("region", "empty parent", "Expected 'str' of length >= 1", parent_region_id=""),
    *wrong("region", "parent with a slash",
           f"Expected 'str' matching regex '{NAME}'", parent_region_id="a/b"),
    create("region", "id of a number", 400,
           "Invalid input: Expected 'str | null', got 'int' - at 'region.id'.", id=1),
    create("region", "long id", 400,
           "Invalid input: Expected 'str' of length <= 255 - at 'region.id'.", id="r" * 256),
    create("region", "id with a slash", 400,
           r"Invalid input: Expected 'str' matching regex '^[^/]*\\Z' - at 'region.id'.", id="a/b"),
    create("region", "that is there", 409,
           "Conflict occurred attempting to store region - Duplicate ID, RegionOne.", id="RegionOne"),
    create("region", "unknown parent", 404, "Could not find region: none.", parent_region_id="none"),
    create("region", "in itself", 400,
           "The specified parent region new would create a circular region hierarchy.",
           parent_region_id="new"),
    update("region", "unknown parent", 404, "Could not find region: none.", parent_region_id="none"),
    Bad("region, two ids", "PUT", "regions/new", 400, 'Conflicting region IDs specified: "new" != "other"',
        {"region": {"id": "other"}}),
    Bad("region, in use", "DELETE", "regions/RegionOne", 403,
        "Unable to delete region RegionOne because it or its child regions have associated endpoints."),

    *wrong("service", "type of a number", "Expected 'str', got 'int'", type=1),
    *wrong("service", "empty type", "Expected 'str' of length >= 1", type=""),
    *wrong("service", "long type", "Expected 'str' of length <= 255", type="t" * 256),
    *wrong("service", "empty name", "Expected 'str' of length >= 1", name=""),
    *wrong("service", "long name", "Expected 'str' of length <= 255", name="n" * 256),
    *wrong("service", "enabled by a word", "Expected 'bool', got 'str'", enabled="true"),
    *wrong("service", "enabled by a number", "Expected 'bool', got 'int'", enabled=1),
    *wrong("service", "description of a list", "Expected 'str | null', got 'array'", description=[]),

    *wrong("endpoint", "interface", "Invalid enum value 'inside'", interface="inside"),
    *wrong("endpoint", "interface of null", "Expected 'str', got 'null'", interface=None),
    *wrong("endpoint", "url of a number", "Expected 'str', got 'int'", url=1),
    *wrong("endpoint", "long url", "Expected 'str' of length <= 225", url="http://" + "u" * 219),
    *wrong("endpoint", "no url", r"Expected 'str' matching regex '^[a-zA-Z0-9+.-]+:.+\\Z'", url="example"),
    *wrong("endpoint", "enabled by a word", "Expected 'bool', got 'str'", enabled="yes"),
    *wrong("endpoint", "service of a number", "Expected 'str', got 'int'", service_id=1),
    *wrong("endpoint", "region of a number", "Expected 'str | null', got 'int'", region=1),
    *wrong("endpoint", "empty region", "Expected 'str' of length >= 1", region_id=""),
    *(one for url in ("http://x/$(user_id)s", "http://x/$(project_id)", "http://x/%(tenant_id)d",
                      "http://x/{base}", "http://x/$(nothing)s")
      for one in (create("endpoint", url, 400, f"{URL}{url}.", url=url),
                  update("endpoint", url, 400, f"{URL}{url}.", url=url))),
    *(one for field, value, text in (("service_id", "none", "Could not find service: none."),
                                     ("region_id", "none", "Could not find region: none."))
      for one in (create("endpoint", f"unknown {field}", 400, text, **{field: value}),
                  update("endpoint", f"unknown {field}", 400, text, **{field: value}))),
    create("endpoint", "new region, unknown service", 400, "Could not find service: none.",
           region="new", service_id="none"),
    *(Bad(f"grants, wrong method {method}", method, "role_assignments", 405,
          f"The method {method} is not allowed for this resource.", {})
      for method in ("POST", "DELETE")),
)  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def still(
    deployment: Deployment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Cloud]:
    """One cloud for all of these requests: after each of them nothing has changed."""
    async with running(deployment, tmp_path_factory.mktemp("still")) as cloud:
        role = await make(cloud.admin, "role", name="digger")
        service = await make(cloud.admin, "service", type="dns")
        await cloud.sql("UPDATE roles SET id = :new WHERE id = :old", new=ROLE, old=role["id"])
        await cloud.sql(
            "UPDATE services SET id = :new WHERE id = :old", new=SERVICE, old=service["id"]
        )
        endpoint = await make(cloud.admin, "endpoint", **RIGHT["endpoint"])
        await cloud.sql(
            "UPDATE endpoints SET id = :new WHERE id = :old", new=ENDPOINT, old=endpoint["id"]
        )
        yield cloud


@pytest.mark.parametrize("bad", BAD, ids=[bad.name for bad in BAD])
async def test_is_refused(still: Cloud, bad: Bad) -> None:
    before = await still.rows(*TABLES)
    answered = await refusal(still.admin, bad.method, bad.target, bad.body)
    assert answered == (bad.status, bad.message)
    assert await still.rows(*TABLES) == before


@pytest.mark.parametrize("value", [10**30, 1e300, "\U0001f9ca" * 300, [[[]]], {"a": {"b": None}}])
async def test_what_is_set_beside_the_known_fields_is_kept(still: Cloud, value: Any) -> None:
    for kind, right in RIGHT.items():
        new = right | {"the key": value, "extra": value}
        if kind in ("role", "region"):
            new |= {"name": f"{value!r}"[:60], "id": ""}
        reply = await still.admin.request("POST", f"{IDENTITY}/{kind}s", {kind: new})
        made = reply.json[kind]
        assert (made["the key"], made["extra"]) == (value, value)
        shown = await still.admin.get(f"{IDENTITY}/{kind}s/{made['id']}")
        assert shown == {kind: made}
