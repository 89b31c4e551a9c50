"""Wrong requests: each has its exact answer, and none of them changes anything.

Texts are compared whole; one that ends in three dots is the beginning of what a library said.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import pytest
import pytest_asyncio

from tests.api.client import Reply
from tests.api.cloud import MOUNTAIN, OCEAN, Cloud, login, running
from tests.api.deployment import Deployment

pytestmark = pytest.mark.asyncio(loop_scope="module")

VOLUMES: Final = "/volume/v3/volumes"
TYPES: Final = "/volume/v3/types"
LOGIN: Final = "/identity/v3/auth/tokens"
FLAVORS: Final = "/compute/v2.1/flavors"
NOBODY_HAS: Final = "00000000-0000-0000-0000-000000000000"

CINDER_NAMES: Final = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    406: "computeFault",
    409: "conflictingRequest",
    413: "overLimit",
    415: "badMediaType",
    501: "notImplemented",
}
KEYSTONE_TITLES: Final = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Request Entity Too Large",
}

NO_PATH: Final = "The resource could not be found."
NO_TOKEN: Final = "The request you have made requires authentication."
NO_PARENT: Final = "Could not find token."
NO_INTEGER: Final = "limit param must be an integer"
NO_DIRECTION: Final = "Invalid input received: Unknown sort direction, must be 'desc' or 'asc'."
NO_TYPE: Final = "Unsupported Content-Type; use application/json."


class Bad(NamedTuple):
    """A request, by a member unless ``token`` is another one, and what it is answered."""

    name: str
    method: str
    target: str
    status: int
    message: str
    body: Any = None
    headers: Mapping[str, str] = MappingProxyType({})


def volume(
    name: str, message: str, status: int = 400, version: str = "3.71", /, **body: Any
) -> Bad:
    """A create; ``body`` is the volume's content beside a right size."""
    headers = {"OpenStack-API-Version": f"volume {version}"}
    return Bad(name, "POST", VOLUMES, status, message, {"volume": {"size": 1} | body}, headers)


def raw(name: str, message: str, body: bytes) -> Bad:
    """A create with these bytes."""
    return Bad(name, "POST", VOLUMES, 400, message, body)


def listing(name: str, query: str, message: str, status: int = 400, version: str = "3.71") -> Bad:
    """A list of volumes."""
    headers = {"OpenStack-API-Version": f"volume {version}"}
    return Bad(name, "GET", f"{VOLUMES}?{query}", status, message, headers=headers)


def version(name: str, header: str, message: str, status: int = 400) -> Bad:
    """A list of volumes with this header."""
    return Bad(name, "GET", VOLUMES, status, message, headers={"OpenStack-API-Version": header})


def identity(name: str, message: str, body: Any, status: int = 400) -> Bad:
    """A login."""
    return Bad(name, "POST", LOGIN, status, message, body)


def path(name: str, target: str, status: int = 404, message: str = NO_PATH) -> Bad:
    return Bad(name, "GET", target, status, message)


def token(name: str, text: str) -> Bad:
    return Bad(name, "GET", VOLUMES, 401, NO_TOKEN, headers={"X-Auth-Token": text})


def _format(text: str) -> str:
    return f"API Version String {text!r} is of invalid format. Must be of format MajorNum.MinorNum."


def _range(text: str) -> str:
    return f"Version {text} is not supported by the API. Minimum is 3.0 and maximum is 3.71."


def _number(name: str, shown: str, reason: str) -> str:
    return f"Invalid input for query parameter {name}: {shown} is not {reason}."


def _maybe(name: str) -> str:
    return f"Value 'maybe' for '{name}' is not a boolean."


def _field(where: str, reason: str) -> str:
    return f"Invalid input: {reason} - at 'volume{where}'."


def _auth(**identity: Any) -> Any:
    return {"auth": {"identity": identity}}


def _scoped(scope: Any) -> Any:
    return login("mona", scope)


def _half(missing: str, kind: str) -> str:
    return (
        f"Expecting to find {missing} in {kind}. The server could not comply with the request since it "
        "is either malformed or otherwise incorrect. The client is assumed to be in error."
    )


SIZE_1: Final = "Invalid input: 'volume.size' must be a whole number of at least 1."
NOT_INT: Final = "is not an integer"
TOO_LONG: Final = f"'{'n' * 56}... has 256 characters, more than 255"

TOKENS: Final = (
    token("empty token", ""),
    token("token of blanks", "   "),
    token("token that is none", "gAAAAA-no-token"),
    token("token in latin-1", "gAAAA\xe9\xff\xa0"),
    token("token of 100,000 characters", "g" * 100_000),
    token("token with a line break", "gAAAA\r\nX-Roles: admin"),
    # A second header beside the right one.
    Bad("two tokens", "GET", VOLUMES, 401, NO_TOKEN, headers={"x-auth-token": "a"}),
)

VERSIONS: Final = (
    version("version above the range", "volume 3.72", _range("3.72"), 406),
    version("version of another major", "volume 4.0", _range("4.0"), 406),
    version("version below the range", "volume 2.99", _range("2.99"), 406),
    version("version of many digits", "volume 3.999999999", _range("3.999999999"), 406),
    version("version of far too many digits", "volume 3.9999999999", _format("3.9999999999")),
    version("version without minor", "volume 3", _format("3")),
    version("version with a leading zero", "volume 3.01", _format("3.01")),
    version("version of letters", "volume three", _format("three")),
    version("version missing", "volume", _format("")),
    version("version of three words", "volume 3.1 3.2", _format("3.1 3.2")),
    version("version with unicode digits", "volume 3.\xb2", _format("3.\xb2")),
    version("bad element in a list", "compute 2.1, volume x", _format("x")),
    version(
        "no element for volumes",
        "compute 2.1,identity 3.0",
        "The OpenStack-API-Version header 'compute 2.1,identity 3.0' names no volume version.",
    ),
    version(
        "empty version header",
        "",
        "The OpenStack-API-Version header '' names no volume version.",
    ),
    Bad(
        "compute version above the range", "GET", FLAVORS, 406,
        "Version 2.105 is not supported by the API. Minimum is 2.1 and maximum is 2.104.",
        headers={"OpenStack-API-Version": "compute 2.105"},
    ),
    Bad(
        "older compute header", "GET", FLAVORS, 400, _format("2.x"),
        headers={"X-OpenStack-Nova-API-Version": "2.x"},
    ),
)  # fmt: skip

PATHS: Final = (
    path("nothing there", "/volume/v3/nothing"),
    path("nothing below a volume", f"{VOLUMES}/{NOBODY_HAS}/nothing"),
    path("another version", "/volume/v2/volumes"),
    path("a project alone", f"/volume/v3/{MOUNTAIN}"),
    path("a project of strange characters", "/volume/v3/ABC/volumes"),
    path("a project twice", f"/volume/v3/{MOUNTAIN}/{MOUNTAIN}/volumes"),
    path("two slashes at the beginning", "//volume/v3/volumes"),
    path("two slashes within", "/volume//v3/volumes"),
    path("two slashes at the end", "/volume/v3/volumes//"),
    path("a slash at the end", "/volume/v3/volumes/"),
    path("a slash at the end of a project's", f"/volume/v3/{MOUNTAIN}/volumes/"),
    path("a step up", "/volume/v3/../v3/volumes"),
    path("an encoded step up", "/volume/v3/%2e%2e/v3/volumes"),
    path("an encoded slash", f"{VOLUMES}/{NOBODY_HAS}%2Fnothing"),
    path("a very long path", f"{VOLUMES}/{'a' * 3000}"),
    path("a very deep path", "/volume/v3" + "/a" * 900),
    path("upper case", "/VOLUME/V3/VOLUMES"),
    path("a route of a later version", "/volume/v3/messages"),
    path("an id that is none", f"{VOLUMES}/42", message="Volume 42 could not be found."),
    path("an id with NUL", f"{VOLUMES}/a%00b"),
    path("an id that is no UTF-8", f"{VOLUMES}/%ff", message="Volume \ufffd could not be found."),
    path("SQL", f"{VOLUMES}/'%20OR%201=1", message="Volume ' OR 1=1 could not be found."),
    path("a volume nobody has", f"{VOLUMES}/{NOBODY_HAS}",
         message=f"Volume {NOBODY_HAS} could not be found."),
    path("a type by its name", f"{TYPES}/__DEFAULT__",
         message="Volume type __DEFAULT__ could not be found."),
    path("an extra spec nobody set", f"{TYPES}/default/extra_specs/x",
         message="Volume Type default has no extra specs with key x."),
    path("an operation nobody has", "/pumice/v1/operations/x",
         message="Operation x could not be found."),
    path("why of nothing", "/pumice/v1/why/x",
         message="Nothing is known of x: it is no volume, operation or request."),
    path("a flavor nobody has", f"{FLAVORS}/x", message="Flavor x could not be found."),
    path("another project in the path", f"/volume/v3/{OCEAN}/volumes", 400,
         "Malformed request url: the project is not the token's."),
    path("another project for compute", f"/compute/v2.1/{OCEAN}/flavors", 400,
         "Malformed request url: the project is not the token's."),
    path("another user", "/identity/v3/users/x", 403,
         "You are not authorized to perform the requested action: identity:get_user."),
    path("the subject token is missing", LOGIN, 400,
         "The request needs the header X-Subject-Token."),
    Bad("a subject token that is none", "GET", LOGIN, 404, "Could not find token.",
        headers={"X-Subject-Token": "gAAAA"}),
    Bad("an unknown root", "GET", "/favicon.ico", 404, NO_PATH, headers={"X-Auth-Token": ""}),
)  # fmt: skip

METHODS: Final = tuple(
    Bad(f"{method} {target}", method, target, 405, text)
    for method, target in (
        ("PATCH", VOLUMES),
        ("OPTIONS", VOLUMES),
        ("POST", f"{VOLUMES}/{NOBODY_HAS}"),
        ("POST", "/volume/v3"),
        ("DELETE", "/healthz"),
        ("PUT", LOGIN),
        ("BREW", VOLUMES),
    )
    for text in (f"The method {method} is not allowed for this resource.",)
)

QUERIES: Final = (
    listing("negative limit", "limit=-1", "limit param must be positive"),
    listing("limit of letters", "limit=x", NO_INTEGER),
    listing("empty limit", "limit=", NO_INTEGER),
    listing("limit with underscore", "limit=1_0", NO_INTEGER),
    listing("limit of 30 digits", f"limit={'9' * 30}", NO_INTEGER),
    listing("limit in other digits", "limit=%D9%A3", NO_INTEGER),
    listing("negative offset", "offset=-1", _number("offset", "-1", "in the range 0 to 2147483647")),
    listing(
        "offset too large", "offset=2147483648",
        _number("offset", "2147483648", "in the range 0 to 2147483647"),
    ),
    listing("unknown marker", "marker=x", "Volume x could not be found.", 404),
    listing("empty marker", "marker=", "Volume  could not be found.", 404),
    listing("unknown sort key", "sort_key=secret", "Invalid input received: Invalid sort key 'secret'."),
    listing("unknown key to sort", "sort=secret:asc", "Invalid input received: Invalid sort key 'secret'."),
    listing(
        "unknown direction", "sort_key=name&sort_dir=up",
        NO_DIRECTION,
    ),
    listing(
        "direction of three parts", "sort=name:asc:desc",
        NO_DIRECTION,
    ),
    listing(
        "both forms of sorting", "sort=name&sort_key=name",
        "The 'sort_key' and 'sort_dir' parameters are deprecated and cannot be used with the 'sort' "
        "parameter.",
    ),
    listing("unknown filter", "color=red", "Invalid filters color are found in query options."),
    listing("administrators' filter", "host=x", "Invalid filters host are found in query options."),
    listing("like filter too early", "name~=x", "Invalid filters name~ are found in query options.",
            version="3.33"),
    listing("count too early", "with_count=1",
            "Invalid filters with_count are found in query options.", version="3.44"),
    listing("bootable maybe", "bootable=maybe", "Invalid input received: 'bootable = maybe'"),
    listing("with_count maybe", "with_count=maybe", _maybe("with_count")),
    listing("no UTF-8", "name=%ff", "The query string is not valid UTF-8 or has too many fields."),
    listing("half a surrogate pair", "name=%ED%A0%80",
            "The query string is not valid UTF-8 or has too many fields."),
    listing("201 fields", "&".join(["name=x"] * 201),
            "The query string is not valid UTF-8 or has too many fields."),
    listing("NUL", "name=%00", "The query string holds a NUL character."),
    listing("not percent-encoded", "name=\xe9", "The query string must be percent-encoded."),
    Bad("cascade maybe", "DELETE", f"{VOLUMES}/{NOBODY_HAS}?cascade=maybe", 400,
        _maybe("cascade")),
    Bad("force by a member", "DELETE", f"{VOLUMES}/{NOBODY_HAS}?force=1", 403,
        "Policy doesn't allow volume:force_delete to be performed.",
        headers={"OpenStack-API-Version": "volume 3.23"}),
    Bad("delete of nothing", "DELETE", f"{VOLUMES}/{NOBODY_HAS}", 404,
        f"Volume {NOBODY_HAS} could not be found."),
    Bad("unknown type filter", "GET", f"{TYPES}?color=red", 400,
        "Invalid filters color are found in query options.",
        headers={"OpenStack-API-Version": "volume 3.52"}),
    Bad("type marker", "GET", f"{TYPES}?marker=x", 404, "Volume type x could not be found."),
    *(
        Bad(f"extra specs filter {text}", "GET", f"{TYPES}?extra_specs={text}", 400,
            "The filter extra_specs is not a dictionary of strings.",
            headers={"OpenStack-API-Version": "volume 3.52"})
        for text in ("x", "[]", "{[]:1}", "{", "(" * 500, "open('x')", "%7B'a':'b'")
    ),
    Bad("extra specs filter of 4,817 digits", "GET", f"{TYPES}?extra_specs={{'a':0x{'f' * 4000}}}", 400,
        "The filter extra_specs is not a dictionary of strings.",
        headers={"OpenStack-API-Version": "volume 3.52"}),
    Bad("message marker", "GET", "/volume/v3/messages?marker=x", 404, "Message x could not be found.",
        headers={"OpenStack-API-Version": "volume 3.5"}),
    Bad("flavor limit", "GET", f"{FLAVORS}?limit=x", 400,
        "Invalid limit filter: 'x' is not an integer."),
    Bad("flavor memory", "GET", f"{FLAVORS}?minRam=-1", 400,
        "Invalid minRam filter: -1 is not in the range 0 to 2147483647."),
    Bad("flavor marker", "GET", f"{FLAVORS}?marker=x", 400, "marker [x] not found"),
    Bad("flavor sort", "GET", f"{FLAVORS}?sort_key=x", 400, "Flavors cannot be sorted by 'x'."),
    Bad("flavor direction", "GET", f"{FLAVORS}?sort_dir=x", 400,
        "Unknown sort direction 'x', must be 'desc' or 'asc'."),
    Bad("flavor visibility", "GET", f"{FLAVORS}?is_public=x", 400, "Invalid is_public filter [x]"),
    Bad("unknown flavor parameter", "GET", f"{FLAVORS}?color=red", 400,
        "Additional query parameters are not allowed: 'color'.",
        headers={"OpenStack-API-Version": "compute 2.75"}),
    Bad("operation status", "GET", "/pumice/v1/operations?status=lost", 400,
        "Unknown status 'lost'; there are running, stuck, done, undone, abandoned."),
    Bad("operation limit", "GET", "/pumice/v1/operations?limit=0", 400,
        "Invalid input for query parameter limit: 0 is not in the range 1 to 2147483647."),
    Bad("event marker", "GET", "/pumice/v1/events?marker=x", 404, "Event x could not be found."),
)  # fmt: skip

BODIES: Final = (
    raw("no body", "The request needs a body.", b""),
    raw("no JSON", "Malformed request body: Expecting value: line 1 column 1 (char 0)", b"x"),
    raw("half an object", "Malformed request body: ...", b'{"volume": {"size": 1}'),
    raw("two objects", "Malformed request body: Extra data...", b'{"volume": {"size": 1}}{}'),
    raw("byte order mark", "Malformed request body: ...", b'\xef\xbb\xbf{"volume": {"size": 1}}'),
    raw("UTF-16", "Malformed request body: ...", '{"volume": {"size": 1}}'.encode("utf-16")),
    raw("no UTF-8", "Malformed request body: 'utf-8' codec can't decode byte 0xff...", b'{"\xff": 1}'),
    raw("a list", "The body must be a JSON object.", b"[]"),
    raw("null", "The body must be a JSON object.", b"null"),
    raw("another wrapper", "Invalid input: 'volume' is a required property.", b'{"vol": {"size": 1}}'),
    raw("a stranger beside the wrapper", "Invalid input: unknown key 'x' in the body.",
        b'{"volume": {"size": 1}, "x": 1}'),
    raw("a volume that is a list", "Invalid input: Expected 'object', got 'array'.", b'{"volume": []}'),
    raw("a volume that is null", "Invalid input: Expected 'object', got 'null'.", b'{"volume": null}'),
    raw("NaN", "Malformed request body: NaN is not JSON", b'{"volume": {"size": NaN}}'),
    raw("infinity", "Malformed request body: -Infinity is not JSON", b'{"volume": {"size": -Infinity}}'),
    raw("a key twice", "Malformed request body: the key 'size' stands twice in one object",
        b'{"volume": {"size": 1, "size": 2}}'),
    raw("5,000 digits", "Malformed request body: Exceeds the limit...",
        b'{"volume": {"size": ' + b"9" * 5000 + b"}}"),
    raw("half a surrogate pair", "Malformed request body: 'utf-8' codec can't encode character '\\ud800'...",
        b'{"volume": {"size": 1, "name": "\\ud800"}}'),
    raw("NUL", "The body holds a NUL character.", b'{"volume": {"size": 1, "name": "a\\u0000"}}'),
    raw("NUL itself", "Malformed request body: Invalid control character...",
        b'{"volume": {"size": 1, "name": "\0"}}'),
    raw("61 arrays", "The body is nested more than 60 deep.", b"[" * 61 + b"]" * 61),
    raw("50,000 arrays", "The body is nested more than 60 deep.", b"[" * 50_000),
    raw("50,000 objects", "The body is nested more than 60 deep.", b'{"a":' * 20_000),
    Bad("a body that is too large", "POST", VOLUMES, 413, "The body is larger than 114688 bytes.",
        b" " * 114_689),
    Bad("an announced body that is too large", "POST", VOLUMES, 413,
        "The body is larger than 114688 bytes.", b"{}", {"Content-Length": "999999"}),
    Bad("a form", "POST", VOLUMES, 415, NO_TYPE, b"volume=1",
        {"Content-Type": "application/x-www-form-urlencoded"}),
    Bad("text", "POST", VOLUMES, 415, NO_TYPE, b"{}", {"Content-Type": "text/plain; charset=utf-8"}),
    Bad("an empty type", "POST", VOLUMES, 415, NO_TYPE, b"{}", {"Content-Type": ""}),
    volume("size 0", SIZE_1, size=0),
    volume("size of digits 0", SIZE_1, size="0"),
    volume("no size", SIZE_1, size=None),
    volume("size -1", _field(".size", "-1 is not in the range 0 to 2147483647"), size=-1),
    volume("size of no digits", _field(".size", f"'' {NOT_INT}"), size=""),
    volume("size 1.5", _field(".size", f"1.5 {NOT_INT}"), size=1.5),
    volume("size 1.0", _field(".size", f"1.0 {NOT_INT}"), size=1.0),
    volume("size 1x", _field(".size", f"'1x' {NOT_INT}"), size="1x"),
    volume("size with a blank", _field(".size", f"' 1' {NOT_INT}"), size=" 1"),
    volume("size in other digits", _field(".size", f"'\u0661' {NOT_INT}"), size="\u0661"),
    volume("size true", _field(".size", f"True {NOT_INT}"), size=True),
    volume("size that is a list", _field(".size", f"[1] {NOT_INT}"), size=[1]),
    volume("size too large", _field(".size", "2147483648 is not in the range 0 to 2147483647"), size=2**31),
    volume("size of 30 digits", _field(".size", f"{'9' * 30} is not in the range 0 to 2147483647"),
           size=int("9" * 30)),
    volume("name of 256", _field(".name", TOO_LONG), name="n" * 256),
    volume("name that is a number", _field(".name", "1 is not a string"), name=1),
    volume("older name of 256", _field(".display_name", TOO_LONG),
           display_name="n" * 256),
    volume("description of 256", _field(".description", TOO_LONG),
           description="n" * 256),
    volume("metadata that is a list", _field(".metadata", "[] is not an object"), metadata=[]),
    volume("metadata of numbers",
           _field(".metadata", "the value of 'a' is not a string of at most 255 characters"),
           metadata={"a": 1}),
    volume("metadata with an empty key",
           _field(".metadata", "the key '' is not 1 to 255 of a-z A-Z 0-9 - _ : . / and blank"),
           metadata={"": "x"}),
    volume("metadata with a strange key",
           _field(".metadata", "the key 'ü' is not 1 to 255 of a-z A-Z 0-9 - _ : . / and blank"),
           metadata={"\xfc": "x"}),
    volume("metadata of 1,001 items", "A volume's metadata may have at most 1000 items.", 413,
           metadata={str(number): "" for number in range(1001)}),
    volume("unknown key, strict", "Invalid input: Object contains unknown field 'x'.",
           400, "3.53", x=1),
    volume("unknown type", "Volume type x could not be found.", 404, volume_type="x"),
    volume("type that is a number", _field(".volume_type", "1 is not a string"), volume_type=1),
    volume("unknown zone", "Availability zone 'x' is invalid.", availability_zone="x"),
    volume("empty zone", "Availability zone '' is invalid.", availability_zone=""),
    volume("multiattach", "multiattach is a property of the volume type.", multiattach="on"),
    volume("multiattach maybe", _field(".multiattach", "'maybe' is not a boolean"), multiattach="maybe"),
    volume("snapshot that is no UUID", _field(".snapshot_id", "'x' is not a UUID"), snapshot_id="x"),
    volume("unknown snapshot", f"Snapshot {NOBODY_HAS} could not be found.", 404, snapshot_id=NOBODY_HAS),
    volume("unknown backup", f"Backup {NOBODY_HAS} could not be found.", 404, "3.47", backup_id=NOBODY_HAS),
    volume("unknown group", "Group x could not be found.", 404, "3.13", group_id="x"),
    volume("unknown image", "Invalid image identifier or unable to access requested image.", imageRef="x"),
    volume("another volume", "Creating a volume from another volume is not implemented.", 501,
           source_volid=NOBODY_HAS),
    volume("two sources",
           "Only one of 'snapshot_id', 'source_volid', 'imageRef' and 'backup_id' may be given.",
           snapshot_id=NOBODY_HAS, source_volid=NOBODY_HAS),
    Bad("type by a member", "POST", TYPES, 403,
        "Policy doesn't allow volume_extension:type_create to be performed.",
        {"volume_type": {"name": "x"}}),
)  # fmt: skip

LOGINS: Final = (
    identity("unknown user", NO_TOKEN, login("nobody"), 401),
    identity("wrong password", NO_TOKEN, login("mona", password="wrong"), 401),
    identity("unknown scope", NO_TOKEN, _scoped({"project": {"id": "x"}}), 401),
    identity("a scope of others", NO_TOKEN, _scoped({"project": {"id": OCEAN}}), 401),
    identity("unknown method", NO_TOKEN, _auth(methods=["totp"], totp={}), 401),
    identity("a method too many", NO_TOKEN, _auth(methods=["password", "totp"]), 401),
    identity("password of 5,000", NO_TOKEN, login("mona", password="p" * 5000), 401),
    identity("token that is none", NO_PARENT, _auth(methods=["token"], token={"id": "x"}), 404),
    identity("token in latin-1", NO_PARENT, _auth(methods=["token"], token={"id": "\xe9"}), 404),
    identity("no method", "Expecting to find password or token in identity.", _auth(methods=[])),
    identity("methods missing", "Invalid input: Object missing required field 'methods' - at "
             "'auth.identity'.", _auth()),
    identity("method that is text", "Invalid input: Expected 'array', got 'str' - at "
             "'auth.identity.methods'.", _auth(methods="password")),
    identity("password missing", "Expecting to find password in identity.", _auth(methods=["password"])),
    identity("token missing", "Expecting to find token in identity.", _auth(methods=["token"])),
    identity("user without password", "Expecting to find password in user.",
             _auth(methods=["password"], password={"user": {"id": "x"}})),
    identity("password that is a number", "Invalid input: Expected 'str | null', got 'int' - at "
             "'auth.identity.password.user.password'.",
             _auth(methods=["password"], password={"user": {"id": "x", "password": 1}})),
    identity("user without domain", _half("domain", "user"),
             _auth(methods=["password"], password={"user": {"name": "x", "password": "x"}})),
    identity("user of no name", _half("id", "user"),
             _auth(methods=["password"], password={"user": {"password": "x"}})),
    identity("half a scope", _half("domain", "project"), _scoped({"project": {"name": "mountain"}})),
    identity("empty project", _half("id", "project"), _scoped({"project": {}})),
    identity("empty domain", _half("id", "domain"), _scoped({"domain": {}})),
    identity("two scopes", "Invalid input for field 'scope': exactly one of project, domain and system.",
             _scoped({"project": {"id": MOUNTAIN}, "domain": {"id": "default"}})),
    identity("empty scope", "Invalid input for field 'scope': exactly one of project, domain and system.",
             _scoped({})),
    identity("scope of text", "Invalid input for field 'scope': it must be an object or 'unscoped'.",
             _scoped("all")),
    identity("not all of the system", "Invalid input for field 'scope.system.all': it must be true.",
             _scoped({"system": {"all": False}})),
    identity("trust", "Trusts are not supported.", _scoped({"OS-TRUST:trust": {"id": "x"}}), 403),
    identity("no wrapper", "Invalid input: 'auth' is a required property.", {"identity": {}}),
    identity("no object", "The body must be a JSON object.", b"[]"),
    identity("no JSON", "Malformed request body: ...", b"{"),
    identity("deep", "The body is nested more than 60 deep.", b"[" * 1000),
    identity("large", "The body is larger than 114688 bytes.", b"{" * 114_689, 413),
    Bad("a form", "POST", LOGIN, 400, NO_TYPE, b"x=1", {"Content-Type": "text/plain"}),
)  # fmt: skip

ADMINS: Final = (
    Bad("type without name", "POST", TYPES, 400,
        "Invalid input: Object missing required field 'name'.", {"volume_type": {}}),
    Bad("type of blank name", "POST", TYPES, 400,
        "Invalid input: 'volume_type.name' must have 1 to 255 characters.", {"volume_type": {"name": " "}}),
    Bad("type with a stranger", "POST", TYPES, 400,
        "Invalid input: Object contains unknown field 'x'.",
        {"volume_type": {"name": "x", "x": 1}}),
    Bad("type with a strange spec", "POST", TYPES, 400,
        "Invalid input: 'a b' is not the name of an extra spec.",
        {"volume_type": {"name": "x", "extra_specs": {"a b": "c"}}}),
    Bad("type with a long spec", "POST", TYPES, 400,
        "Invalid input: the extra spec a has more than 255 characters.",
        {"volume_type": {"name": "x", "extra_specs": {"a": "c" * 256}}}),
    Bad("type that is public maybe", "POST", TYPES, 400,
        "Invalid input: 'maybe' is not a boolean - at 'volume_type.os-volume-type-access:is_public'.",
        {"volume_type": {"name": "x", "os-volume-type-access:is_public": "maybe"}}),
    Bad("type that is there", "POST", TYPES, 409, "Volume Type __DEFAULT__ already exists.",
        {"volume_type": {"name": "__DEFAULT__"}}),
    Bad("two specs for one", "PUT", f"{TYPES}/default/extra_specs/a", 400,
        "Request body and URI mismatch: the body must hold just the key in the URI.", {"a": "1", "b": "2"}),
    Bad("spec of a number", "PUT", f"{TYPES}/default/extra_specs/a", 400,
        "Invalid input: Expected 'str | null', got 'int' - at 'body.content[...]'.", {"a": 1}),
    Bad("specs of an unknown type", "POST", f"{TYPES}/x/extra_specs", 404,
        "Volume type x could not be found.", {"extra_specs": {"a": "b"}}),
    Bad("specs with a stranger", "POST", f"{TYPES}/default/extra_specs", 400,
        "Invalid input: Object contains unknown field 'x'.", {"extra_specs": {}, "x": 1}),
    Bad("delete of a spec nobody set", "DELETE", f"{TYPES}/default/extra_specs/x", 404,
        "Volume Type ..."),
    Bad("visibility of types", "GET", f"{TYPES}?is_public=maybe", 400, "Invalid is_public filter [maybe]"),
    Bad("unknown pool filter", "GET", "/volume/v3/scheduler-stats/get_pools?color=red", 400,
        "Invalid filters color are found in query options.",
        headers={"OpenStack-API-Version": "volume 3.31"}),
    Bad("pools of an unknown type", "GET", "/volume/v3/scheduler-stats/get_pools?volume_type=x", 404,
        "Volume type x could not be found.", headers={"OpenStack-API-Version": "volume 3.35"}),
    Bad("project limit", "GET", "/identity/v3/projects?limit=0", 400,
        "Invalid input for query parameter limit: 0 is not in the range 1 to 2147483647."),
    Bad("project marker", "GET", "/identity/v3/projects?marker=x", 404, "Marker x could not be found."),
    Bad("project enabled maybe", "GET", "/identity/v3/projects?enabled=maybe", 400,
        "Invalid input for query parameter enabled: 'maybe' is not a boolean."),
    Bad("unknown project", "GET", "/identity/v3/projects/x", 404, "Could not find project: x."),
    Bad("retry of nothing", "POST", "/pumice/v1/operations/x/retry", 404, "Operation x could not be found."),
    Bad("end of nothing", "POST", "/pumice/v1/operations/x/abandon", 404, "Operation x could not be found."),
    Bad("way of nothing", "GET", "/pumice/v1/traces/x", 404,
        "Nothing is known of x: it is no volume, operation or request."),
)  # fmt: skip

BY_MEMBERS: Final = (*TOKENS, *VERSIONS, *PATHS, *METHODS, *QUERIES, *BODIES, *LOGINS)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def still(
    deployment: Deployment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Cloud]:
    """One cloud for all of these requests: after each of them nothing has changed."""
    async with running(deployment, tmp_path_factory.mktemp("still")) as cloud:
        yield cloud


@pytest.mark.parametrize(
    "bad", BY_MEMBERS, ids=[f"{bad.name}: {bad.target[:40]}" for bad in BY_MEMBERS]
)
async def test_by_a_member(still: Cloud, bad: Bad) -> None:
    await is_refused(still, bad, await still.content(), str(still.member.token))


@pytest.mark.parametrize("bad", ADMINS, ids=[bad.name for bad in ADMINS])
async def test_by_an_administrator(still: Cloud, bad: Bad) -> None:
    await is_refused(still, bad, await still.content(), str(still.admin.token))


async def is_refused(cloud: Cloud, bad: Bad, before: dict[str, Any], token_text: str) -> None:
    """The request has its exact answer, and what can be changed is as ``before``."""
    headers = {"X-Auth-Token": token_text, **bad.headers}
    reply = await cloud.nobody.request(bad.method, bad.target, bad.body, headers=headers)
    assert reply.status == bad.status, reply.body
    _is_fault(reply, bad)
    assert reply.headers["x-openstack-request-id"].startswith("req-")
    assert await cloud.content() == before


def _is_fault(reply: Reply, bad: Bad) -> None:
    """The fault of the API the request was for, and nothing beside it."""
    content = json.loads(reply.body)
    if bad.target.startswith("/identity"):
        name, wanted = "error", {"code": bad.status, "title": KEYSTONE_TITLES[bad.status]}
    else:
        name, wanted = CINDER_NAMES[bad.status], {"code": bad.status}
    assert list(content) == [name]
    message = content[name].pop("message")
    assert content[name] == wanted
    if bad.message.endswith("...") and message != bad.message:
        message = message[: len(bad.message) - 3] + "..."
    assert message == bad.message
