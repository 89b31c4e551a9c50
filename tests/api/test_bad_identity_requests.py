"""Wrong requests about domains, projects, users and groups: their exact answers, and nothing changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final, NamedTuple

import pytest
import pytest_asyncio

from tests.api.cloud import MOUNTAIN, STONE, Cloud, running
from tests.api.deployment import Deployment
from tests.api.identity import IDENTITY, make, refusal, taken

pytestmark = pytest.mark.asyncio(loop_scope="module")

TABLES: Final = ("domains", "projects", "users", "groups", "group_members", "role_assignments")
USER: Final = "e" * 32
GROUP: Final = "f" * 32


class Bad(NamedTuple):
    """A request of an administrator, and what it is answered."""

    name: str
    method: str
    target: str
    status: int
    message: str
    body: Any = None


def wrong(name: str, reason: str, /, **content: Any) -> list[Bad]:
    """A field that no create and no change of any of the four takes; ``reason`` with ``KIND``."""
    found = []
    for kind, id_ in (("domain", STONE), ("project", MOUNTAIN), ("user", USER), ("group", GROUP)):
        if kind == "group" and not {"name", "description", "domain_id"} & content.keys():
            continue
        message = f"Invalid input: {reason.replace('KIND', kind)}."
        new = {kind: {"name": "new"} | content}
        found += [
            Bad(f"new {kind}, {name}", "POST", f"{kind}s", 400, message, new),
            Bad(f"{kind}, {name}", "PATCH", f"{kind}s/{id_}", 400, message, {kind: content}),
        ]
    return found


def create(kind: str, name: str, status: int, message: str, /, **content: Any) -> Bad:
    """A create; ``content`` stands beside a right name."""
    body = {kind: {"name": "new"} | content}
    return Bad(f"new {kind}, {name}", "POST", f"{kind}s", status, message, body)


def update(kind: str, id_: str, name: str, status: int, message: str, /, **content: Any) -> Bad:
    """A change."""
    target = f"{kind}s/{id_}"
    return Bad(f"{kind}, {name}", "PATCH", target, status, message, {kind: content})


def missing(kind: str) -> list[Bad]:
    """Whatever one may do with something that does not exist."""
    target, message = f"{kind}s/none", f"Could not find {kind}: none."
    return [
        Bad(f"no {kind}", "GET", target, 404, message),
        Bad(f"no {kind} to change", "PATCH", target, 404, message, {kind: {"name": "new"}}),
        Bad(f"no {kind} to remove", "DELETE", target, 404, message),
    ]


def tags(name: str, message: str, value: Any) -> list[Bad]:
    """Tags that a project cannot have, given in each way; the path to them is named in ``message``."""
    return [
        Bad(f"new project, {name}", "POST", "projects", 400, message.replace("AT", "project.tags"),
            {"project": {"name": "new", "tags": value}}),
        Bad(f"project, {name}", "PATCH", f"projects/{MOUNTAIN}", 400, message.replace("AT", "project.tags"),
            {"project": {"tags": value}}),
        Bad(f"tags, {name}", "PUT", f"projects/{MOUNTAIN}/tags", 400, message.replace("AT", "body.tags"),
            {"tags": value}),
    ]  # fmt: skip


TWICE: Final = "Invalid input for field 'tags': a tag stands there twice."
NO_PROJECT: Final = "Could not find project: none."
FIXED: Final = "Cannot change Domain ID"
PASSWORD_FIELD: Final = "at 'user.password'"

BAD: Final = (
    *missing("domain"), *missing("project"), *missing("user"), *missing("group"),
    *wrong("name of a number", "Expected 'str', got 'int' - at 'KIND.name'", name=1),
    *wrong("name of null", "Expected 'str', got 'null' - at 'KIND.name'", name=None),
    *wrong("empty name", "Expected 'str' of length >= 1 - at 'KIND.name'", name=""),
    *wrong("blank name", r"Expected 'str' matching regex '\\S' - at 'KIND.name'", name=" \t "),
    *wrong("description of a list", "Expected 'str | null', got 'array' - at 'KIND.description'",
           description=[]),
    *wrong("enabled by a word", "Expected 'bool', got 'str' - at 'KIND.enabled'", enabled="true"),
    *wrong("enabled by a number", "Expected 'bool', got 'int' - at 'KIND.enabled'", enabled=1),
    *wrong("enabled by null", "Expected 'bool', got 'null' - at 'KIND.enabled'", enabled=None),
    *wrong("options of text", "Expected 'object', got 'str' - at 'KIND.options'", options="immutable"),
    *wrong("unknown option", "Object contains unknown field 'x' - at 'KIND.options'", options={"x": True}),
    *(create(kind, "long name", 400, f"Invalid input: Expected 'str' of length <= {size} - at '{kind}.name'.",
             name="é" * (size + 1))
      for kind, size in (("domain", 64), ("project", 64), ("user", 255), ("group", 255))),
    *(Bad(f"new {kind} without a name", "POST", f"{kind}s", 400,
          "Invalid input: Object missing required field 'name'.", {kind: {}})
      for kind in ("domain", "project", "user", "group")),
    *(Bad(f"new {kind} of text", "POST", f"{kind}s", 400,
          "Invalid input: Expected 'object', got 'str'.", {kind: "new"})
      for kind in ("domain", "project", "user", "group")),
    *(Bad(f"new {kind} in no wrapper", "POST", f"{kind}s", 400,
          f"Invalid input: '{kind}' is a required property.", {"name": "new"})
      for kind in ("domain", "project", "user", "group")),
    *(Bad(f"new {kind} beside another", "POST", f"{kind}s", 400,
          "Invalid input: unknown key 'x' in the body.", {kind: {"name": "new"}, "x": 1})
      for kind in ("domain", "project", "user", "group")),
    *(Bad(f"new {kind} without a body", "POST", f"{kind}s", 400, "The request needs a body.")
      for kind in ("domain", "project", "user", "group")),
    *(create(kind, "domain of blanks", 400,
             f"Invalid input: Expected 'str' matching regex '^[a-zA-Z0-9-]+\\\\Z' - at '{kind}.domain_id'.",
             domain_id=" ")
      for kind in ("project", "user", "group")),
    *(create(kind, "long domain", 400,
             f"Invalid input: Expected 'str' of length <= 64 - at '{kind}.domain_id'.", domain_id="d" * 65)
      for kind in ("project", "user", "group")),
    *(update(kind, id_, "no change", 400, "Invalid input: there is nothing to change.")
      for kind, id_ in (("domain", STONE), ("project", MOUNTAIN), ("user", USER), ("group", GROUP))),
    *(update(kind, id_, "another id", 400, "Cannot change ID", id="x", name="new")
      for kind, id_ in (("domain", STONE), ("project", MOUNTAIN), ("user", USER), ("group", GROUP))),
    *(update(kind, id_, "another domain", 400, FIXED, domain_id=STONE)
      for kind, id_ in (("project", MOUNTAIN), ("user", USER), ("group", GROUP))),
    *(Bad(f"{kind}s, limit", "GET", f"{kind}s?limit=x", 400,
          "Invalid input for query parameter limit: 'x' is not an integer.")
      for kind in ("domain", "project", "user", "group")),
    *(Bad(f"{kind}s, marker", "GET", f"{kind}s?marker=x", 404, "Marker x could not be found.")
      for kind in ("domain", "project", "user", "group")),

    create("domain", "that is there", *taken("domain", "Stone"), name=" Stone "),
    update("domain", "default", "that is there", *taken("domain", "Stone"), name="Stone"),
    create("domain", "no id", 400, "The field 'explicit_domain_id' must be a UUID without dashes.",
           explicit_domain_id="A" * 32),
    create("domain", "id of a number", 400,
           "Invalid input: Expected 'str | null', got 'int' - at 'domain.explicit_domain_id'.",
           explicit_domain_id=7),
    Bad("domain, enabled", "DELETE", f"domains/{STONE}", 403,
        "Cannot delete a domain that is enabled, please disable it first."),

    create("project", "unknown domain", 400, "Could not find domain: none.", domain_id="none"),
    create("project", "unknown parent", 400, "Could not find project: none.", parent_id="none"),
    create("project", "parent of another domain", 400,
           "Cannot create project, since it specifies its domain_id " + STONE +
           ", but specifies a parent in a different domain (default).", domain_id=STONE, parent_id=MOUNTAIN),
    create("project", "below another domain", 400,
           "Cannot create project, since it specifies its domain_id default"
           f", but specifies a parent in a different domain ({STONE}).",
           domain_id="default", parent_id=STONE),
    create("project", "domain in a domain", 400, "only root projects are allowed to act as domains.",
           is_domain=True, domain_id="default"),
    create("project", "domain below a project", 400, "only root projects are allowed to act as domains.",
           is_domain=True, parent_id=MOUNTAIN),
    create("project", "domain maybe", 400,
           "Invalid input: Expected 'bool', got 'str' - at 'project.is_domain'.",
           is_domain="yes"),
    create("project", "domain that is there", *taken("domain", "Stone"),
           is_domain=True, name="Stone"),
    *(update("project", MOUNTAIN, f"parent {other}", 403, "Update of `parent_id` is not allowed.",
             parent_id=other)
      for other in (STONE, None)),
    update("project", MOUNTAIN, "no domain", 400, FIXED, domain_id=None),
    update("project", MOUNTAIN, "a domain", 400, "Update of `is_domain` is not allowed.", is_domain=True),
    Bad("project, family maybe", "GET", f"projects/{MOUNTAIN}?parents_as_ids=maybe", 400,
        "Invalid input for query parameter parents_as_ids: 'maybe' is not a boolean."),
    Bad("projects, domain maybe", "GET", "projects?is_domain=maybe", 400,
        "Invalid input for query parameter is_domain: 'maybe' is not a boolean."),
    Bad("projects, many tags", "GET", "projects?not-tags-any=" + "," * 80, 400,
        "Invalid input for query parameter not-tags-any: no more than 80 tags."),
    *tags("of text", "Invalid input: Expected 'array', got 'str' - at 'AT'.", "a"),
    *tags("of a number", "Invalid input: Expected 'str', got 'int' - at 'AT[0]'.", [1]),
    *tags("empty", "Invalid input: Expected 'str' of length >= 1 - at 'AT[0]'.", [""]),
    *tags("long", "Invalid input: Expected 'str' of length <= 255 - at 'AT[0]'.", ["a" * 256]),
    *tags("with a comma",
          r"Invalid input: Expected 'str' matching regex '^[^,/]*[^,/\\s][^,/]*\\Z' - at 'AT[0]'.", ["a,b"]),
    *tags("with a slash",
          r"Invalid input: Expected 'str' matching regex '^[^,/]*[^,/\\s][^,/]*\\Z' - at 'AT[0]'.", ["a/b"]),
    *tags("twice", TWICE, ["a", "b", "a"]),
    *tags("twice but for blanks", TWICE, ["a", " a"]),
    *tags("too many", "Invalid input: Expected 'array' of length <= 80 - at 'AT'.",
          [str(number) for number in range(81)]),
    Bad("tags without tags", "PUT", f"projects/{MOUNTAIN}/tags", 400,
        "Invalid input: Object missing required field 'tags'.", {}),
    Bad("tags with more", "PUT", f"projects/{MOUNTAIN}/tags", 400,
        "Invalid input: Object contains unknown field 'x'.", {"tags": [], "x": 1}),
    Bad("tag with a comma", "PUT", f"projects/{MOUNTAIN}/tags/a,b", 400,
        r"Invalid input for field 'tag': Expected `str` matching regex '^[^,/]*[^,/\\s][^,/]*\\Z'."),
    Bad("long tag", "PUT", f"projects/{MOUNTAIN}/tags/{'a' * 256}", 400,
        "Invalid input for field 'tag': Expected `str` of length <= 255."),
    Bad("tag nobody set", "DELETE", f"projects/{MOUNTAIN}/tags/a", 404, "Could not find project tag: a."),
    *(Bad(f"tag of no project: {method}", method, "projects/none/tags/a", 404, NO_PROJECT)
      for method in ("GET", "PUT", "DELETE")),
    *(Bad(f"tags of no project: {method}", method, "projects/none/tags", 404, NO_PROJECT,
          {"tags": []} if method == "PUT" else None)
      for method in ("GET", "PUT", "DELETE")),

    create("user", "unknown domain", 404, "Could not find domain: none.", domain_id="none"),
    create("user", "that is there", *taken("user", "mona", "default"), name="mona"),
    create("user", "password of a number", 400,
           f"Invalid input: Expected 'str | null', got 'int' - {PASSWORD_FIELD}.",
           password=1),
    create("user", "long password", 400,
           f"Invalid input: Expected 'str' of length <= 4096 - {PASSWORD_FIELD}.",
           password="p" * 4097),
    create("user", "email of a number", 400,
           "Invalid input: Expected 'str | null', got 'int' - at 'user.email'.",
           email=1),
    create("user", "default project of a list", 400,
           "Invalid input: Expected 'str | null', got 'array' - at 'user.default_project_id'.",
           default_project_id=[]),
    create("user", "federation", 400, "Invalid input: Expected 'array' of length <= 0 - at 'user.federated'.",
           federated=[{"idp_id": "x"}]),
    create("user", "option by a word", 400,
           "Invalid input: Expected 'bool | null', got 'str' - at 'user.options.lock_password'.",
           options={"lock_password": "true"}),
    create("user", "rules of text", 400,
           "Invalid input: Expected 'array | null', got 'str' - at 'user.options.multi_factor_auth_rules'.",
           options={"multi_factor_auth_rules": "password"}),
    create("user", "empty rule", 400,
           "Invalid input: Expected 'array' of length >= 1 - at 'user.options.multi_factor_auth_rules[0]'.",
           options={"multi_factor_auth_rules": [[]]}),
    create("user", "rule twice", 400,
           "Invalid input: A rule, or a method in a rule, stands there twice - at 'user.options'.",
           options={"multi_factor_auth_rules": [["a"], ["a"]]}),
    create("user", "method twice", 400,
           "Invalid input: A rule, or a method in a rule, stands there twice - at 'user.options'.",
           options={"multi_factor_auth_rules": [["a", "a"]]}),
    update("user", USER, "that is there", *taken("user", "mona", "default"), name="mona"),
    update("user", USER, "domain of null", 400,
           "Invalid input: Expected 'str', got 'null' - at 'user.domain_id'.",
           domain_id=None),
    *(Bad(f"password, {name}", "POST", f"users/{USER}/password", status, message, {"user": content})
      for name, status, message, content in (
          ("wrong", 401, "The request you have made requires authentication.",
           {"original_password": "x", "password": "y"}),
          ("no old one", 400, "Invalid input: Object missing required field 'original_password'.",
           {"password": "y"}),
          ("no new one", 400, "Invalid input: Object missing required field 'password'.",
           {"original_password": "x"}),
          ("new one of null", 400, f"Invalid input: Expected 'str', got 'null' - {PASSWORD_FIELD}.",
           {"original_password": "x", "password": None}),
          ("with more", 400, "Invalid input: Object contains unknown field 'x'.",
           {"original_password": "x", "password": "y", "x": 1}),
      )),
    Bad("password of nobody", "POST", "users/none/password", 401,
        "The request you have made requires authentication.",
        {"user": {"original_password": "x", "password": "y"}}),
    Bad("password, GET", "GET", f"users/{USER}/password", 405,
        "The method GET is not allowed for this resource."),
    Bad("projects of nobody", "GET", "users/none/projects", 404, "Could not find user: none."),
    Bad("groups of nobody", "GET", "users/none/groups", 404, "Could not find user: none."),
    Bad("tokens of nobody", "DELETE", "users/none/tokens", 404, "Could not find user: none."),

    create("group", "unknown domain", 404, "Could not find domain: none.", domain_id="none"),
    create("group", "that is there", *taken("group", "diggers", "default"), name="diggers"),
    *(Bad(f"{method}, nobody in a group", method, f"groups/{GROUP}/users/none", 404,
          "Could not find user: none.")
      for method in ("GET", "PUT", "DELETE")),
    *(Bad(f"{method}, in no group", method, f"groups/none/users/{USER}", 404,
          "Could not find group: none.")
      for method in ("GET", "PUT", "DELETE")),
    *(Bad(f"{method}, no member", method, f"groups/{GROUP}/users/{USER}", 404,
          f"User '{USER}' not found in group '{GROUP}'.")
      for method in ("GET", "DELETE")),
    Bad("members of no group", "GET", "groups/none/users", 404, "Could not find group: none."),
)  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def still(
    deployment: Deployment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Cloud]:
    """One cloud for all of these requests: after each of them nothing has changed."""
    async with running(deployment, tmp_path_factory.mktemp("still")) as cloud:
        user = await make(cloud.admin, "user", name="ada", password="right")
        group = await make(cloud.admin, "group", name="diggers")
        await cloud.sql("UPDATE users SET id = :new WHERE id = :old", new=USER, old=user["id"])
        await cloud.sql("UPDATE groups SET id = :new WHERE id = :old", new=GROUP, old=group["id"])
        yield cloud


@pytest.mark.parametrize("bad", BAD, ids=[bad.name for bad in BAD])
async def test_is_refused(still: Cloud, bad: Bad) -> None:
    before = await still.rows(*TABLES)
    answered = await refusal(still.admin, bad.method, bad.target, bad.body)
    assert answered == (bad.status, bad.message)
    assert await still.rows(*TABLES) == before


@pytest.mark.parametrize(
    "value", [10**30, -(2**63), 1e300, "\U0001f9ca" * 300, [[[]]], {"a": {"b": None}}, ""]
)
async def test_what_is_set_beside_the_known_fields_is_kept(still: Cloud, value: Any) -> None:
    for kind in ("domain", "project", "user", "group"):
        body = {kind: {"name": f"kept {value!r}"[:60], "the key": value, "extra": value}}
        reply = await still.admin.request("POST", f"{IDENTITY}/{kind}s", body)
        made = reply.json[kind]
        assert (made["the key"], made["extra"]) == (value, value)
        shown = await still.admin.get(f"{IDENTITY}/{kind}s/{made['id']}")
        assert shown == {kind: made}
