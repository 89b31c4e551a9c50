"""Flavors: created, described, specified, given to projects and deleted; what is refused, and why."""

from __future__ import annotations

from typing import Any, Final, cast

import pytest

from pumice.model.flavor_specs import wrong_spec
from tests.api.client import Reply
from tests.api.cloud import MOUNTAIN, OCEAN, Caller, Cloud

FLAVORS: Final = "/compute/v2.1/flavors"
TAKEN: Final = f"Flavor access already exists for flavor hidden and project {MOUNTAIN} combination."
LARGE: Final = {"name": "large", "ram": 4096, "vcpus": 2, "disk": 40}


async def send(
    who: Caller, method: str, path: str, body: Any = None, minor: int | str = 1
) -> Reply:
    headers = {"OpenStack-API-Version": f"compute 2.{minor}"}
    return await who.request(method, FLAVORS + path, body, headers=headers)


async def create(cloud: Cloud, minor: int = 1, **fields: Any) -> dict[str, Any]:
    """The flavor as its create is answered."""
    reply = await send(cloud.admin, "POST", "", {"flavor": LARGE | fields}, minor)
    assert reply.status == 200, reply.body
    made: dict[str, Any] = reply.json["flavor"]
    return made


async def private(cloud: Cloud, *projects: str) -> str:
    """The id of a flavor that only ``projects`` may use."""
    made = await create(cloud, id="hidden", **{"os-flavor-access:is_public": False})
    for project in projects:
        body = {"addTenantAccess": {"tenant": project}}
        assert (await send(cloud.admin, "POST", "/hidden/action", body)).status == 200
    return str(made["id"])


async def test_what_is_created_is_shown(cloud: Cloud) -> None:
    made = await create(
        cloud,
        54,
        id="x 1",
        swap="512",
        rxtx_factor="1.5",
        **{"OS-FLV-EXT-DATA:ephemeral": 3, "os-flavor-access:is_public": "yes"},
    )
    assert made | {"links": None} == {
        "id": "x 1",
        "name": "large",
        "ram": 4096,
        "vcpus": 2,
        "disk": 40,
        "swap": 512,
        "rxtx_factor": 1.5,
        "OS-FLV-EXT-DATA:ephemeral": 3,
        "OS-FLV-DISABLED:disabled": False,
        "os-flavor-access:is_public": True,
        "links": None,
    }
    assert (await send(cloud.member, "GET", "/x%201", None, 54)).json == {"flavor": made}


async def test_defaults(cloud: Cloud) -> None:
    made = await create(cloud, 61)
    assert (made["swap"], made["rxtx_factor"], made["OS-FLV-EXT-DATA:ephemeral"]) == ("", 1.0, 0)
    assert (made["os-flavor-access:is_public"], made["extra_specs"]) == (True, {})
    assert made["description"] is None
    assert len(made["id"]) == 36
    assert (await create(cloud, id=7, name="other"))["id"] == "7"


async def test_name_and_id_are_taken(cloud: Cloud) -> None:
    await create(cloud, id="l")
    for fields, message in (
        ({"id": "l", "name": "other"}, "Flavor with ID l already exists."),
        ({"id": "m"}, "Flavor with name large already exists."),
    ):
        reply = await send(cloud.admin, "POST", "", {"flavor": LARGE | fields})
        fault = {"conflictingRequest": {"code": 409, "message": message}}
        assert (reply.status, reply.json) == (409, fault)


async def test_description(cloud: Cloud) -> None:
    made = await create(cloud, 55, id="d", description="first\nline")
    assert made["description"] == "first\nline"
    body = {"flavor": {"description": "now"}}
    assert (await send(cloud.admin, "PUT", "/d", body, 54)).status == 404
    changed = await send(cloud.admin, "PUT", "/d", body, 55)
    assert (changed.status, changed.json["flavor"]["description"]) == (200, "now")
    changed = await send(cloud.admin, "PUT", "/d", {"flavor": {"description": None}}, 61)
    assert changed.json == {"flavor": made | {"description": None, "extra_specs": {}}}
    assert (await send(cloud.admin, "PUT", "/none", body, 55)).status == 404


async def test_delete(cloud: Cloud) -> None:
    await private(cloud, MOUNTAIN)
    assert (await send(cloud.admin, "DELETE", "/hidden")).status == 202
    assert (await send(cloud.admin, "DELETE", "/hidden")).status == 404
    assert (await send(cloud.admin, "GET", "/hidden")).status == 404
    await private(cloud)
    access = await send(cloud.admin, "GET", "/hidden/os-flavor-access")
    assert access.json == {"flavor_access": []}


async def test_name_filter(cloud: Cloud) -> None:
    await create(cloud, id="p", name="100%_x")
    for query, wanted in (("name=m1.", 5), ("name=%25_", 1), ("name=none", 0), ("", 6)):
        found = await send(cloud.member, "GET", f"?{query}", None, 102)
        assert len(found.json["flavors"]) == wanted, query
    assert len((await send(cloud.member, "GET", "?name=none")).json["flavors"]) == 6
    assert (await send(cloud.member, "GET", "?name=none", None, 101)).status == 400


class TestExtraSpecs:
    @pytest.mark.everywhere
    async def test_added_changed_and_removed(self, cloud: Cloud) -> None:
        specs = "/1/os-extra_specs"
        body = {"extra_specs": {"hw:cpu_policy": "shared", "n": 1, "f": 0.5}}
        reply = await send(cloud.admin, "POST", specs, body)
        assert (reply.status, reply.json) == (200, body)
        shown = (await send(cloud.reader, "GET", specs)).json["extra_specs"]
        assert shown == {"hw:cpu_policy": "shared", "n": "1", "f": "0.5"}
        reply = await send(cloud.admin, "PUT", f"{specs}/n", {"n": "2"})
        assert (reply.status, reply.json) == (200, {"n": "2"})
        assert (await send(cloud.admin, "DELETE", f"{specs}/f")).status == 200
        assert (await send(cloud.admin, "DELETE", f"{specs}/f")).status == 404
        flavor = (await send(cloud.member, "GET", "/1", None, 61)).json["flavor"]
        assert flavor["extra_specs"] == {"hw:cpu_policy": "shared", "n": "2"}

    async def test_unknown_flavor(self, cloud: Cloud) -> None:
        for method, path, body in (
            ("POST", "/x/os-extra_specs", {"extra_specs": {"a": "b"}}),
            ("PUT", "/x/os-extra_specs/a", {"a": "b"}),
            ("DELETE", "/x/os-extra_specs/a", None),
            ("GET", "/x/os-extra_specs", None),
        ):
            reply = await send(cloud.admin, method, path, body)
            message = "Flavor x could not be found."
            assert reply.json == {"itemNotFound": {"code": 404, "message": message}}

    async def test_values_are_checked_from_2_86(self, cloud: Cloud) -> None:
        body = {"extra_specs": {"hw:numa_nodes": "foo"}}
        assert (await send(cloud.admin, "POST", "/1/os-extra_specs", body, 85)).status == 200
        reply = await send(cloud.admin, "POST", "/1/os-extra_specs", body, 86)
        message = "Validation failed; 'foo' is not a valid integer value."
        assert reply.json == {"badRequest": {"code": 400, "message": message}}


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("hw:numa_nodes", ["1", " 2"], ["0", "x", "", "1.5", "9" * 30]),
        ("hw:redirected_usb_ports", ["0", "15"], ["16", "-1"]),
        ("hw:cpu_policy", ["dedicated", "mixed"], ["Dedicated", ""]),
        ("hw:cpu_realtime", ["yes", "0", "True"], ["maybe", "2"]),
        ("hw:numa_cpus.3", ["0", "0-3,^1", "^2"], ["a", "-"]),
        ("hw:numa_mem.0", ["512"], ["0"]),
        ("hw:mem_page_size", ["large", "2MB", "1GiB", "4"], ["big"]),
        ("hw:pmem", ["4GB,SMALL", "x"], ["a b", ""]),
        ("resources:VCPU", ["4"], ["x"]),
        ("resources1:CUSTOM_GPU", ["0"], ["x"]),
        ("trait:HW_CPU_X86_AVX", ["required", "forbidden"], ["maybe"]),
        ("trait_a-1:CUSTOM_X", ["required"], ["yes"]),
        ("quota:cpu_shares_level", ["custom"], ["much"]),
        ("quota:disk_read_iops_sec", ["0"], ["-1"]),
        ("pci_passthrough:alias", ["gpu:1", "a:1, b:2"], ["gpu", "gpu:x"]),
        ("capabilities:cpu_info:topology:cores", ["anything"], []),
        ("capabilities:vcpus", ["> 4"], []),
        ("aggregate_instance_extra_specs:x", ["y"], []),
        ("custom:x", ["anything"], []),
        ("plain", ["anything"], []),
        ("hw:numa_cpu.0", [], ["1"]),
        ("resources:NOTHING", [], ["1"]),
        ("trait:lower", [], ["required"]),
        ("quota:none", [], ["1"]),
        ("capabilities:none", [], ["1"]),
    ],
)
def test_what_nova_knows(name: str, right: list[str], wrong: list[str]) -> None:
    assert [value for value in right if wrong_spec(name, value) is not None] == []
    assert [value for value in wrong if wrong_spec(name, value) is None] == []


class TestAccess:
    @pytest.mark.everywhere
    async def test_those_on_the_list_see_it(self, cloud: Cloud) -> None:
        await private(cloud, MOUNTAIN)
        assert (await send(cloud.member, "GET", "/hidden")).status == 200
        assert (await send(cloud.stranger, "GET", "/hidden")).status == 404
        access = (await send(cloud.admin, "GET", "/hidden/os-flavor-access")).json
        wanted = [{"flavor_id": "hidden", "tenant_id": MOUNTAIN}]
        assert access == {"flavor_access": wanted}
        body = {"removeTenantAccess": {"tenant": MOUNTAIN}}
        reply = await send(cloud.admin, "POST", "/hidden/action", body)
        assert (reply.status, reply.json) == (200, {"flavor_access": []})
        assert (await send(cloud.member, "GET", "/hidden")).status == 404

    async def test_refusals(self, cloud: Cloud) -> None:
        await private(cloud, MOUNTAIN)
        add, remove = "addTenantAccess", "removeTenantAccess"
        for path, action, tenant, minor, status, message in (
            ("/hidden", add, MOUNTAIN, 1, 409, TAKEN),
            ("/hidden", remove, OCEAN, 1, 404,
             f"Flavor access not found for hidden / {OCEAN} combination."),
            ("/hidden", add, "nobody", 1, 400, "Project ID nobody is not a valid project."),
            ("/hidden", remove, "nobody", 1, 404,
             "Flavor access not found for hidden / nobody combination."),
            ("/1", add, OCEAN, 7, 409, "Can not add access to a public flavor."),
            ("/none", add, OCEAN, 1, 404, "Flavor none could not be found."),
            ("/none", remove, OCEAN, 1, 404, "Flavor none could not be found."),
        ):  # fmt: skip
            reply = await send(
                cloud.admin, "POST", f"{path}/action", {action: {"tenant": tenant}}, minor
            )
            (fault,) = reply.json.values()
            assert (reply.status, fault["message"]) == (status, message)
        reply = await send(cloud.admin, "POST", "/1/action", {add: {"tenant": OCEAN}}, 6)
        assert reply.status == 200
        public = await send(cloud.admin, "GET", "/1/os-flavor-access")
        text = "Access list not available for public flavors."
        assert (public.status, public.json["itemNotFound"]["message"]) == (404, text)


@pytest.mark.parametrize("who", ["member", "reader", "service", "system reader", "stranger"])
async def test_only_administrators_change_flavors(cloud: Cloud, who: str) -> None:
    caller = await cloud.log_in(who)
    for method, path, body in (
        ("POST", "", {"flavor": LARGE}),
        ("PUT", "/1", {"flavor": {"description": None}}),
        ("DELETE", "/1", None),
        ("POST", "/1/os-extra_specs", {"extra_specs": {"a": "b"}}),
        ("PUT", "/1/os-extra_specs/a", {"a": "b"}),
        ("DELETE", "/1/os-extra_specs/a", None),
        ("GET", "/1/os-flavor-access", None),
        ("POST", "/1/action", {"addTenantAccess": {"tenant": MOUNTAIN}}),
        ("POST", "/1/action", {"removeTenantAccess": {"tenant": MOUNTAIN}}),
    ):
        assert (await send(caller, method, path, body, 55)).status == 403, (method, path)


BAD_FLAVORS: Final = {
    "no content": {},
    "not an object": {"flavor": "large"},
    "a sibling": {"flavor": LARGE, "other": 1},
    "an unknown key": {"flavor": LARGE | {"color": "red"}},
    "a description too early": {"flavor": LARGE | {"description": "x"}},
    **{
        f"{key} is {str(value)[:12]!r}": {"flavor": LARGE | {key: value}}
        for key, values in {
            "name": ["", " ", " x", "x ", "x" * 256, 1, None, "a\nb", ["x"]],
            "id": ["", " x", "x ", "x" * 256, "a/b", "\u00e9", True, ["x"], "a\n"],
            "ram": [0, -1, "0", "x", "", 1.5, None, 2**31, True, "9" * 30],
            "vcpus": [0, "-1", None, [1]],
            "disk": [-1, "x", None, {}],
            "swap": [-1, None, "1.0"],
            "OS-FLV-EXT-DATA:ephemeral": [-1, "a"],
            "rxtx_factor": [0, -1, "x", "0", "1e3", None, 4e38, "9" * 50],
            "os-flavor-access:is_public": ["maybe", 2, None],
        }.items()
        for value in cast("list[Any]", values)
    },
    **{
        f"without {key}": {"flavor": {name: LARGE[name] for name in LARGE if name != key}}
        for key in LARGE
    },
}


@pytest.mark.parametrize("body", BAD_FLAVORS.values(), ids=BAD_FLAVORS.keys())
async def test_bad_creates(cloud: Cloud, body: Any) -> None:
    reply = await send(cloud.admin, "POST", "", body)
    assert reply.status == 400, reply.body
    assert reply.json["badRequest"]["code"] == 400
    assert len((await send(cloud.admin, "GET", "?is_public=none")).json["flavors"]) == 5


@pytest.mark.parametrize(
    ("method", "path", "body", "minor"),
    [
        ("POST", "", {"flavor": LARGE | {"rxtx_factor": 1.0}}, 102),
        ("POST", "", {"flavor": LARGE | {"description": "x" * 65536}}, 55),
        ("POST", "", {"flavor": LARGE | {"description": "\x07"}}, 55),
        ("POST", "", {"flavor": LARGE | {"description": 1}}, 55),
        ("PUT", "/1", {"flavor": {}}, 55),
        ("PUT", "/1", {"flavor": {"description": "x", "name": "y"}}, 55),
        ("PUT", "/1", {"flavor": {"description": 1}}, 55),
        ("POST", "/1/os-extra_specs", {}, 1),
        ("POST", "/1/os-extra_specs", {"extra_specs": None}, 1),
        ("POST", "/1/os-extra_specs", {"extra_specs": {"a/b": "c"}}, 1),
        ("POST", "/1/os-extra_specs", {"extra_specs": {"": "c"}}, 1),
        ("POST", "/1/os-extra_specs", {"extra_specs": {"a" * 256: "c"}}, 1),
        ("POST", "/1/os-extra_specs", {"extra_specs": {"a": "c" * 256}}, 1),
        ("POST", "/1/os-extra_specs", {"extra_specs": {"a": None}}, 1),
        ("POST", "/1/os-extra_specs", {"extra_specs": {"a": True}}, 1),
        ("POST", "/1/os-extra_specs", {"extra_specs": {"a": 10**300}}, 1),
        ("PUT", "/1/os-extra_specs/a", {"b": "c"}, 1),
        ("PUT", "/1/os-extra_specs/a", {"a": "b", "c": "d"}, 1),
        ("PUT", "/1/os-extra_specs/a", {}, 1),
        ("POST", "/1/action", {}, 1),
        ("POST", "/1/action", {"addTenantAccess": {"tenant": "x"}, "more": 1}, 1),
        ("POST", "/1/action", {"addTenantAccess": {}}, 1),
        ("POST", "/1/action", {"addTenantAccess": {"tenant": ""}}, 1),
        ("POST", "/1/action", {"addTenantAccess": {"tenant": "x" * 256}}, 1),
        ("POST", "/1/action", {"addTenantAccess": {"tenant": 1}}, 1),
        ("POST", "/1/action", {"removeTenantAccess": {"tenant": None}}, 1),
        ("POST", "/1/action", {"resize": None}, 1),
    ],
)
async def test_bad_requests(cloud: Cloud, method: str, path: str, body: Any, minor: int) -> None:
    reply = await send(cloud.admin, method, path, body, minor)
    assert reply.status == 400, reply.body
    assert (await send(cloud.member, "GET", "/1", None, 61)).json["flavor"]["extra_specs"] == {}
