"""Wrong requests that would change one volume: each has its exact answer, and none changes anything."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
import pytest_asyncio

from tests.api.cloud import Cloud, running
from tests.api.deployment import Deployment
from tests.api.test_bad_requests import NO_TYPE, NOBODY_HAS, Bad, is_refused

pytestmark = pytest.mark.asyncio(loop_scope="module")

HERE: Final = "HERE"
"""In targets and texts: the id of the volume that is there."""
VOLUME: Final = f"/volume/v3/volumes/{HERE}"
METADATA: Final = f"{VOLUME}/metadata"
OTHER: Final = f"/volume/v3/volumes/{NOBODY_HAS}"
GONE: Final = f"Volume {NOBODY_HAS} could not be found."
LONG: Final = "n" * 256
LONG_SHOWN: Final = f"'{'n' * 56}... has 256 characters, more than 255"
KEY_RULE: Final = "is not 1 to 255 of a-z A-Z 0-9 - _ : . / and blank"
MANY: Final = {str(number): "" for number in range(1001)}
TOO_MANY: Final = "A volume's metadata may have at most 1000 items."
NO_SUCH: Final = "There is no such action: "


def update(name: str, message: str, version: str = "3.71", /, **changes: Any) -> Bad:
    """An update with this content."""
    headers = {"OpenStack-API-Version": f"volume {version}"}
    return Bad(name, "PUT", VOLUME, 400, message, {"volume": changes}, headers)


def metadata(name: str, message: str, content: Any) -> Bad:
    """New metadata."""
    return Bad(name, "POST", METADATA, 400, message, {"metadata": content})


def item(name: str, message: str, content: Any, key: str = "a") -> Bad:
    """One item of metadata."""
    return Bad(name, "PUT", f"{METADATA}/{key}", 400, message, {"meta": content})


def action(name: str, message: str, body: Any, status: int = 400, target: str = VOLUME) -> Bad:
    """An action; ``body`` is the whole body."""
    return Bad(name, "POST", f"{target}/action", status, message, body)


def reset(name: str, message: str, **statuses: Any) -> Bad:
    """An administrator's word."""
    return action(name, message, {"os-reset_status": statuses})


def _at(where: str, reason: str) -> str:
    return f"Invalid input: {reason} - at '{where}'."


def _unknown(field: str) -> str:
    return f"Invalid input: Object contains unknown field '{field}'."


def _missing(field: str) -> str:
    return f"Invalid input: Object missing required field '{field}'."


def _forbidden(policy: str) -> str:
    return f"Policy doesn't allow {policy} to be performed."


UPDATES: Final = (
    update("a stranger", _unknown("size"), size=2),
    update("a stranger, early", _unknown("size"), "3.0", size=2),
    update("a status", _unknown("status"), name="n", status="error"),
    update("nothing", "Invalid input: 'volume' must have a name, a description or metadata."),
    update("a number for a name", _at("volume.name", "1 is not a string"), name=1),
    update("a long name", _at("volume.name", LONG_SHOWN), name=LONG),
    update("a long old name", _at("volume.display_name", LONG_SHOWN), display_name=LONG),
    update("a long description", _at("volume.description", LONG_SHOWN), description=LONG),
    update(
        "a long old description",
        _at("volume.display_description", LONG_SHOWN),
        display_description=LONG,
    ),
    update("no metadata", _at("volume.metadata", "None is not an object"), metadata=None),
    update("a list for metadata", _at("volume.metadata", "[] is not an object"), metadata=[]),
    update(
        "a number in metadata",
        _at("volume.metadata", "the value of 'a' is not a string of at most 255 characters"),
        metadata={"a": 1},
    ),
    update("a strange key", _at("volume.metadata", f"the key 'ä' {KEY_RULE}"), metadata={"ä": ""}),
    Bad("too much metadata", "PUT", VOLUME, 413, TOO_MANY, {"volume": {"metadata": MANY}}),
    Bad("no wrapper", "PUT", VOLUME, 400, "Invalid input: 'volume' is a required property.", {}),
    Bad("beside the wrapper", "PUT", VOLUME, 400, "Invalid input: unknown key 'x' in the body.",
        {"volume": {"name": "n"}, "x": 1}),
    Bad("no object", "PUT", VOLUME, 400, "Invalid input: Expected 'object', got 'null'.",
        {"volume": None}),
    Bad("no body", "PUT", VOLUME, 400, "The request needs a body."),
    Bad("a volume nobody has", "PUT", OTHER, 404, GONE, {"volume": {"name": "n"}}),
    Bad("a form", "PUT", VOLUME, 415, NO_TYPE, b"x=1", {"Content-Type": "text/plain"}),
)  # fmt: skip

ITEMS: Final = (
    metadata("a text for metadata", _at("body.metadata", "'x' is not an object"), "x"),
    metadata("none for metadata", _at("body.metadata", "None is not an object"), None),
    metadata("an empty key", _at("body.metadata", f"the key '' {KEY_RULE}"), {"": "v"}),
    metadata("a key of strange characters", _at("body.metadata", f"the key 'a=b' {KEY_RULE}"), {"a=b": ""}),
    metadata("a key with a line break", _at("body.metadata", f"the key 'a\\n' {KEY_RULE}"), {"a\n": ""}),
    metadata("a long key", _at("body.metadata", f"the key '{'n' * 56}... {KEY_RULE}"), {LONG: ""}),
    metadata("a long value",
             _at("body.metadata", "the value of 'a' is not a string of at most 255 characters"),
             {"a": LONG}),
    metadata("none for a value",
             _at("body.metadata", "the value of 'a' is not a string of at most 255 characters"),
             {"a": None}),
    Bad("too many items", "POST", METADATA, 413, TOO_MANY, {"metadata": MANY}),
    Bad("too many new items", "PUT", METADATA, 413, TOO_MANY, {"metadata": MANY}),
    Bad("no metadata", "POST", METADATA, 400, _missing("metadata"), {}),
    Bad("the other word", "POST", METADATA, 400, _unknown("meta"), {"meta": {}, "metadata": {}}),
    Bad("no new metadata", "PUT", METADATA, 400, _missing("metadata"), {}),
    Bad("nothing new", "PUT", METADATA, 400, "The request needs a body."),
    Bad("metadata of nothing", "POST", f"{OTHER}/metadata", 404, GONE, {"metadata": {}}),
    Bad("new metadata of nothing", "PUT", f"{OTHER}/metadata", 404, GONE, {"metadata": {}}),
    Bad("an item of nothing", "DELETE", f"{OTHER}/metadata/a", 404, GONE),
    Bad("an item that is not there", "DELETE", f"{METADATA}/z", 404,
        f"Volume {HERE} has no metadata with key z."),
    Bad("a look at it", "GET", f"{METADATA}/z", 404, f"Volume {HERE} has no metadata with key z."),
    Bad("a key below a key", "DELETE", f"{METADATA}/a/b", 404, "The resource could not be found."),
    item("another key", "Request body and URI mismatch", {"b": "1"}),
    item("two keys", "Invalid input: 'meta' must hold exactly one item.", {"a": "1", "b": "2"}),
    item("no key", "Invalid input: 'meta' must hold exactly one item.", {}),
    item("a number for an item",
         _at("body.meta", "the value of 'a' is not a string of at most 255 characters"), {"a": 1}),
    Bad("no item", "PUT", f"{METADATA}/a", 400, _missing("meta"), {}),
)  # fmt: skip

ACTIONS: Final = (
    action("an unknown action", f"{NO_SUCH}'os-explode'.", {"os-explode": None}),
    *(
        action(f"an action that is not there yet: {name}", f"{NO_SUCH}'{name}'.", {name: {}})
        for name in (
            "os-attach",
            "os-begin_detaching",
            "os-detach",
            "os-extend",
            "os-force_detach",
            "os-initialize_connection",
            "os-migrate_volume",
            "os-reimage",
            "os-reserve",
            "os-retype",
            "os-unmanage",
            "os-volume_upload_image",
            "revert",
        )
    ),
    action("no action", "The body of an action must hold exactly one key, its name.", {}),
    action("two actions", "The body of an action must hold exactly one key, its name.",
           {"os-set_bootable": {"bootable": True}, "os-force_delete": None}),
    action("bootable maybe", _at("os-set_bootable.bootable", "'maybe' is not a boolean"),
           {"os-set_bootable": {"bootable": "maybe"}}),
    action("bootable none", _at("os-set_bootable.bootable", "None is not a boolean"),
           {"os-set_bootable": {"bootable": None}}),
    action("bootable missing", _missing("bootable"), {"os-set_bootable": {}}),
    action("bootable and more", _unknown("x"), {"os-set_bootable": {"bootable": True, "x": 1}}),
    action("bootable of nothing", GONE, {"os-set_bootable": {"bootable": True}}, 404, OTHER),
    action("read only maybe", _at("os-update_readonly_flag.readonly", "2 is not a boolean"),
           {"os-update_readonly_flag": {"readonly": 2}}),
    action("read only missing", _missing("readonly"), {"os-update_readonly_flag": {}}),
    action("read only of nothing", GONE, {"os-update_readonly_flag": {"readonly": True}}, 404, OTHER),
    action("image metadata missing", _missing("metadata"), {"os-set_image_metadata": {}}),
    action("image metadata of a list", _at("os-set_image_metadata.metadata", "[] is not an object"),
           {"os-set_image_metadata": {"metadata": []}}),
    action("a large image metadatum",
           _at("os-set_image_metadata.metadata",
               "the value of 'a' is not a string of at most 65535 bytes"),
           {"os-set_image_metadata": {"metadata": {"a": "v" * 65_536}}}),
    action("an image metadatum of many bytes",
           _at("os-set_image_metadata.metadata",
               "the value of 'a' is not a string of at most 65535 bytes"),
           f'{{"os-set_image_metadata": {{"metadata": {{"a": "{"ü" * 32_768}"}}}}}}'.encode()),
    action("a strange key of image metadata",
           _at("os-set_image_metadata.metadata", f"the key 'a=b' {KEY_RULE}"),
           {"os-set_image_metadata": {"metadata": {"a=b": ""}}}),
    action("image metadata of nothing", GONE, {"os-set_image_metadata": {"metadata": {}}}, 404, OTHER),
    action("a look at the image metadata of nothing", GONE, {"os-show_image_metadata": None}, 404, OTHER),
    action("no key of image metadata", _missing("key"), {"os-unset_image_metadata": {}}),
    action("an empty key of image metadata",
           _at("os-unset_image_metadata.key", "Expected 'str' of length >= 1"),
           {"os-unset_image_metadata": {"key": ""}}),
    action("a long key of image metadata",
           _at("os-unset_image_metadata.key", "Expected 'str' of length <= 255"),
           {"os-unset_image_metadata": {"key": LONG}}),
    action("a key of image metadata that is not there",
           f"Glance metadata for volume/snapshot {HERE} cannot be found.",
           {"os-unset_image_metadata": {"key": "z"}}, 404),
    action("a reset by a member", _forbidden("volume_extension:volume_admin_actions:reset_status"),
           {"os-reset_status": {"status": "error"}}, 403),
    action("a forced removal by a member",
           _forbidden("volume_extension:volume_admin_actions:force_delete"),
           {"os-force_delete": None}, 403),
    Bad("encryption of nothing", "GET", f"{OTHER}/encryption", 404, GONE),
    Bad("a cipher", "GET", f"{VOLUME}/encryption/cipher", 404,
        f"Volume {HERE} has no encryption item cipher."),
)  # fmt: skip

NOT_GIVEN: Final = "Must specify 'status', 'attach_status' or 'migration_status' for update."

ADMINS: Final = (
    reset("no status", NOT_GIVEN),
    reset("empty statuses", NOT_GIVEN, status="", attach_status=None),
    reset("an unknown status", "Volume status: gone is invalid, valid statuses are: creating, ...",
          status="gone"),
    reset("a status that only an operation gives", "Cannot reset-state to deleting", status="Deleting"),
    reset("a use that is not there",
          "Cannot reset-state to in-use because volume does not have any attachments.", status="in-use"),
    reset("an unknown attach status",
          "Volume attach status: reserved is invalid, valid statuses are: attached, detached.",
          attach_status="reserved"),
    reset("an unknown migration status",
          "Volume migration status: deleting is invalid, valid statuses are: migrating, error, success, "
          "completing, none, starting.", migration_status="deleting"),
    reset("a right and a wrong status",
          "Volume attach status: x is invalid, valid statuses are: attached, detached.",
          status="error", attach_status="x"),
    reset("a number for a status",
          "Invalid input: Expected 'str | null', got 'int' - at 'os-reset_status.status'.", status=1),
    reset("a stranger", _unknown("x"), status="error", x=1),
    action("text for statuses",
           "Invalid input: Expected 'object', got 'str'.",
           {"os-reset_status": "error"}),
    action("a reset of nothing", GONE, {"os-reset_status": {"status": "error"}}, 404, OTHER),
    action("a forced removal of nothing", GONE, {"os-force_delete": None}, 404, OTHER),
)  # fmt: skip

BY_MEMBERS: Final = (*UPDATES, *ITEMS, *ACTIONS)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def still(
    deployment: Deployment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Cloud, str]]:
    """One cloud for all of these requests, with one volume at rest, and its id."""
    async with running(deployment, tmp_path_factory.mktemp("still")) as cloud:
        volume = await cloud.member.create_volume(name="name", metadata={"a": "1"})
        await cloud.settled()
        yield cloud, volume["id"]


@pytest.mark.parametrize("bad", BY_MEMBERS, ids=[f"{bad.method} {bad.name}" for bad in BY_MEMBERS])
async def test_by_a_member(still: tuple[Cloud, str], bad: Bad) -> None:
    cloud, volume_id = still
    here = _here(bad, volume_id)
    await is_refused(cloud, here, await cloud.content(), str(cloud.member.token))


@pytest.mark.parametrize("bad", ADMINS, ids=[bad.name for bad in ADMINS])
async def test_by_an_administrator(still: tuple[Cloud, str], bad: Bad) -> None:
    cloud, volume_id = still
    here = _here(bad, volume_id)
    await is_refused(cloud, here, await cloud.content(), str(cloud.admin.token))


def _here(bad: Bad, volume_id: str) -> Bad:
    return bad._replace(
        target=bad.target.replace(HERE, volume_id), message=bad.message.replace(HERE, volume_id)
    )
