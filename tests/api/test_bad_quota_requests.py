"""Wrong requests for types, access, default types, quotas and limits, by an administrator unless told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
import pytest_asyncio

from tests.api.cloud import MOUNTAIN, OCEAN, Cloud, running
from tests.api.deployment import Deployment
from tests.api.test_bad_requests import Bad, is_refused

pytestmark = pytest.mark.asyncio(loop_scope="module")

TYPES: Final = "/volume/v3/types"
PRIVATE: Final = f"{TYPES}/PRIVATE"
"""The private type's id is put in the place of the word."""
QUOTA: Final = f"/volume/v3/os-quota-sets/{MOUNTAIN}"
CLASS: Final = "/volume/v3/os-quota-class-sets/default"
DEFAULT_TYPE: Final = f"/volume/v3/default-types/{MOUNTAIN}"
NO_TYPE: Final = "Volume type x could not be found."
FORBIDDEN: Final = "Policy doesn't allow {} to be performed."
NOTHING_TO_DO: Final = "Specify volume type name, description, is_public or a combination thereof."
NO_NAME: Final = "Invalid input: 'volume_type.name' must have 1 to 255 characters."
IS_PUBLIC: Final = "os-volume-type-access:is_public"
SINCE: Final = {"OpenStack-API-Version": "volume 3.62"}


def change(
    name: str, message: str, content: Any, status: int = 400, type_id: str = "default"
) -> Bad:
    """An update of a type."""
    return Bad(name, "PUT", f"{TYPES}/{type_id}", status, message, {"volume_type": content})


def act(name: str, message: str, body: Any, status: int = 400, target: str = PRIVATE) -> Bad:
    """An action on a type."""
    return Bad(name, "POST", f"{target}/action", status, message, body)


def quota(name: str, message: str, content: Any) -> Bad:
    return Bad(name, "PUT", QUOTA, 400, message, {"quota_set": content})


def quota_class(name: str, message: str, content: Any) -> Bad:
    return Bad(name, "PUT", CLASS, 400, message, {"quota_class_set": content})


def default_type(name: str, message: str, content: Any) -> Bad:
    return Bad(name, "PUT", DEFAULT_TYPE, 400, message, {"default_type": content}, SINCE)


def _limit(value: str, reason: str, where: str = "quota_set.volumes") -> str:
    return f"Invalid input: {value} is not {reason} - at '{where}'."


RANGE: Final = "in the range -1 to 2147483647"

CHANGES: Final = (
    change("nothing to change", NOTHING_TO_DO, {}),
    change("everything null", NOTHING_TO_DO, {"name": None, "description": None, "is_public": None}),
    change("empty name", NO_NAME, {"name": ""}),
    change("name of blanks", NO_NAME, {"name": "  "}),
    change("long name", NO_NAME, {"name": "n" * 256}),
    change("long description", "Invalid input: 'volume_type.description' has more than 255 characters.",
           {"description": "n" * 256}),
    change("name of a number", "Invalid input: Expected 'str | null', got 'int' - at 'volume_type.name'.",
           {"name": 1}),
    change("public maybe", "Invalid input: 'maybe' is not a boolean - at 'volume_type.is_public'.",
           {"is_public": "maybe"}),
    change("specs with the rest", "Invalid input: Object contains unknown field 'extra_specs'.",
           {"extra_specs": {"a": "b"}}),
    change("no object", "Invalid input: Expected 'object', got 'str'.", "x"),
    change("unknown type", NO_TYPE, {"name": "y"}, 404, "x"),
    change("a type by its name", "Volume type hidden could not be found.", {"name": "y"}, 404, "hidden"),
    change("the default by that word", "Volume type default could not be found.", {"name": "y"}, 404),
    change("name that is taken", "Volume Type __DEFAULT__ already exists.", {"name": "__DEFAULT__"}, 409,
           "PRIVATE"),
    Bad("no wrapper", "PUT", f"{TYPES}/x", 400, "Invalid input: 'volume_type' is a required property.",
        {"name": "y"}),
    Bad("something beside the wrapper", "PUT", f"{TYPES}/x", 400,
        "Invalid input: unknown key 'x' in the body.", {"volume_type": {"name": "y"}, "x": 1}),
    Bad("delete of an unknown type", "DELETE", f"{TYPES}/x", 404, NO_TYPE),
    Bad("encryption of an unknown type", "GET", f"{TYPES}/x/encryption", 404, NO_TYPE),
    Bad("encryption cannot be set", "POST", f"{TYPES}/x/encryption", 405,
        "The method POST is not allowed for this resource.", {"encryption": {"provider": "luks"}}),
)  # fmt: skip

ACCESS: Final = (
    act("no action", "The body of an action must hold exactly one key, its name.", {}),
    act("two actions", "The body of an action must hold exactly one key, its name.",
        {"addProjectAccess": {"project": "x"}, "removeProjectAccess": {"project": "x"}}),
    act("unknown action", "There is no such action: 'x'.", {"x": {}}),
    act("access of nobody", "Invalid input: Object missing required field 'project'.",
        {"addProjectAccess": {}}),
    act("access of null", "Invalid input: Expected 'object', got 'null'.",
        {"addProjectAccess": None}),
    act("access of an empty project", "Invalid input: 'addProjectAccess.project' must not be empty.",
        {"addProjectAccess": {"project": ""}}),
    act("no access of an empty project", "Invalid input: 'removeProjectAccess.project' must not be empty.",
        {"removeProjectAccess": {"project": ""}}),
    act("access of a long project",
        f"Invalid input: '{'p' * 56}... has 256 characters, more than 255 - at 'addProjectAccess.project'.",
        {"addProjectAccess": {"project": "p" * 256}}),
    act("access of a number", "Invalid input: 1 is not a string - at 'removeProjectAccess.project'.",
        {"removeProjectAccess": {"project": 1}}),
    act("access with a stranger",
        "Invalid input: Object contains unknown field 'x'.",
        {"addProjectAccess": {"project": "p", "x": 1}}),
    act("access to an unknown type", NO_TYPE, {"addProjectAccess": {"project": "p"}}, 404, f"{TYPES}/x"),
    act("no access to an unknown type", NO_TYPE, {"removeProjectAccess": {"project": "p"}}, 404,
        f"{TYPES}/x"),
    act("access that nobody has",
        "Volume type access not found for PRIVATE / p combination.",
        {"removeProjectAccess": {"project": "p"}}, 404),
    Bad("who has access to an unknown type", "GET", f"{TYPES}/x/os-volume-type-access", 404, NO_TYPE),
)  # fmt: skip

DEFAULT_TYPES: Final = (
    default_type("no type", "Invalid input: Object missing required field 'volume_type'.",
                 {}),
    default_type("empty type", "Invalid input: 'default_type.volume_type' must not be empty.",
                 {"volume_type": " "}),
    default_type("null type", "Invalid input: None is not a string - at 'default_type.volume_type'.",
                 {"volume_type": None}),
    default_type("unknown default type", NO_TYPE, {"volume_type": "x"}),
    default_type("default type with a stranger",
                 "Invalid input: Object contains unknown field 'x'.",
                 {"volume_type": "hidden", "x": 1}),
    Bad("default type of an unknown project", "PUT", "/volume/v3/default-types/x", 404,
        "Project with id x not found.", {"default_type": {"volume_type": "__DEFAULT__"}}, SINCE),
    Bad("what is the default of an unknown project", "GET", "/volume/v3/default-types/x", 404,
        "Project with id x not found.", headers=SINCE),
    Bad("default that is not set", "GET", DEFAULT_TYPE, 404,
        f"Default type for project {MOUNTAIN} not found.", headers=SINCE),
    Bad("default types below 3.62", "GET", "/volume/v3/default-types", 404,
        "The resource could not be found."),
)  # fmt: skip

QUOTAS: Final = (
    quota("no limit", "Invalid input: 'quota_set' must hold at least one limit.", {}),
    quota("a list of limits", "Invalid input: Expected 'object', got 'array' - at 'quota_set.content'.", []),
    quota("unknown limit", "Bad key(s) in quota set: x", {"x": 1}),
    quota("unknown limits beside a known one", "Bad key(s) in quota set: a, b",
          {"b": 1, "volumes": 1, "a": 1}),
    quota("limit of an unknown type", "Bad key(s) in quota set: volumes_x", {"volumes_x": 1}),
    quota("limit of a type's id", "Bad key(s) in quota set: volumes:PRIVATE", {"volumes:PRIVATE": 1}),
    quota("backups of a type", "Bad key(s) in quota set: backups_hidden", {"backups_hidden": 1}),
    quota("low limit", _limit("-2", RANGE), {"volumes": -2}),
    quota("high limit", _limit("2147483648", RANGE), {"volumes": 2**31}),
    quota("limit of a word", _limit("'x'", "an integer"), {"volumes": "x"}),
    quota("limit of blanks", _limit("' '", "an integer"), {"volumes": " "}),
    quota("limit of a fraction", _limit("1.5", "an integer"), {"volumes": 1.5}),
    quota("limit of a truth", _limit("True", "an integer"), {"volumes": True}),
    quota("limit of null", _limit("None", "an integer"), {"volumes": None}),
    quota("limit of 30 digits", _limit(f"'{'9' * 30}'", "an integer"), {"volumes": "9" * 30}),
    quota("limit of a list", _limit("[]", "an integer"), {"volumes": []}),
    Bad("quota without its wrapper", "PUT", QUOTA, 400,
        "Invalid input: 'quota_set' is a required property.", {"volumes": 1}),
    Bad("something beside the quota", "PUT", QUOTA, 400, "Invalid input: unknown key 'force' in the body.",
        {"quota_set": {"volumes": 1}, "force": True}),
    Bad("quota of a long project", "PUT", f"/volume/v3/os-quota-sets/{'p' * 256}", 400,
        "The id of a project has 256 characters, more than 255.", {"quota_set": {"volumes": 1}}),
    Bad("usage maybe", "GET", f"{QUOTA}?usage=maybe", 400,
        "Value 'maybe' for 'usage' is not a boolean."),
    quota_class("unknown limit of a class", "Bad key(s) in quota class set: id, x", {"x": 1, "id": 1}),
    quota_class("low limit of a class", _limit("-2", RANGE, "quota_class_set.groups"), {"groups": -2}),
    quota_class("word for a limit of a class", _limit("'x'", "an integer", "quota_class_set.groups"),
                {"groups": "x"}),
    quota_class("class that is no object",
                "Invalid input: Expected 'object', got 'null' - at 'quota_class_set.content'.", None),
    Bad("class of a long name", "PUT", f"/volume/v3/os-quota-class-sets/{'c' * 256}", 400,
        "The name of a quota class has 256 characters, more than 255.", {"quota_class_set": {"volumes": 1}}),
)  # fmt: skip


def refused(name: str, method: str, target: str, policy: str, body: Any = None) -> Bad:
    """What a member may not."""
    return Bad(name, method, target, 403, FORBIDDEN.format(policy), body, SINCE)


BY_MEMBERS: Final = (
    refused("change of a type", "PUT", f"{TYPES}/x", "volume_extension:type_update",
            {"volume_type": {"name": "y"}}),
    refused("encryption", "GET", f"{TYPES}/x/encryption", "volume_extension:volume_type_encryption:get"),
    refused("access", "POST", f"{TYPES}/x/action", "volume_extension:volume_type_access:addProjectAccess",
            {"addProjectAccess": {"project": "p"}}),
    refused("another's quota", "GET", f"/volume/v3/os-quota-sets/{OCEAN}", "volume_extension:quotas:show"),
    refused("another's default quota", "GET", f"/volume/v3/os-quota-sets/{OCEAN}/defaults",
            "volume_extension:quotas:show"),
    refused("a bad key of quota", "PUT", QUOTA, "volume_extension:quotas:update", {"quota_set": {"x": 1}}),
    refused("end of quota", "DELETE", QUOTA, "volume_extension:quotas:delete"),
    refused("quota class", "GET", CLASS, "volume_extension:quota_classes:get"),
    refused("own default type", "PUT", DEFAULT_TYPE, "volume_extension:default_set_or_update",
            {"default_type": {"volume_type": "x"}}),
    Bad("private type", "GET", PRIVATE, 404, "Volume type PRIVATE could not be found."),
    Bad("specs of a private type", "GET", f"{PRIVATE}/extra_specs", 404,
        "Volume type PRIVATE could not be found."),
    Bad("volume of a private type", "POST", "/volume/v3/volumes", 404,
        "Volume type hidden could not be found.",
        {"volume": {"size": 1, "volume_type": "hidden"}}),
)  # fmt: skip

BY_ADMINISTRATORS: Final = (*CHANGES, *ACCESS, *DEFAULT_TYPES, *QUOTAS)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def still(
    deployment: Deployment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Cloud, str]]:
    """One cloud for all of these requests, with the id of its private type."""
    async with running(deployment, tmp_path_factory.mktemp("still")) as cloud:
        body = {"volume_type": {"name": "hidden", IS_PUBLIC: False}}
        reply = await cloud.admin.request("POST", TYPES, body)
        yield cloud, reply.json["volume_type"]["id"]


@pytest.mark.parametrize("bad", BY_ADMINISTRATORS, ids=[bad.name for bad in BY_ADMINISTRATORS])
async def test_by_an_administrator(still: tuple[Cloud, str], bad: Bad) -> None:
    cloud, type_id = still
    await is_refused(cloud, _with_id(bad, type_id), await cloud.content(), str(cloud.admin.token))


@pytest.mark.parametrize("bad", BY_MEMBERS, ids=[bad.name for bad in BY_MEMBERS])
async def test_by_a_member(still: tuple[Cloud, str], bad: Bad) -> None:
    cloud, type_id = still
    await is_refused(cloud, _with_id(bad, type_id), await cloud.content(), str(cloud.member.token))


def _with_id(bad: Bad, type_id: str) -> Bad:
    return bad._replace(
        target=bad.target.replace("PRIVATE", type_id),
        message=bad.message.replace("PRIVATE", type_id),
        body={
            wrapper: {key.replace("PRIVATE", type_id): value for key, value in content.items()}
            if isinstance(content, dict)
            else content
            for wrapper, content in bad.body.items()
        }
        if bad.body
        else bad.body,
    )
