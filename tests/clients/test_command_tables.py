"""No command of a client is forgotten: a test runs it, or it waits for a feature that has a name."""

from __future__ import annotations

import configparser
from functools import cache
from pathlib import Path

import pytest

from tests.clients import commands

HERE = Path(__file__).parent
CLIENTS = ("cinder", "openstack", "nova", "block_storage", "identity", "compute")


@cache
def not_built() -> dict[str, dict[str, str]]:
    """By client, the feature that each command waits for, as ``not_built.ini`` has it."""
    table = configparser.ConfigParser()
    table.read_string((HERE / "not_built.ini").read_text())
    waiting: dict[str, dict[str, str]] = {client: {} for client in CLIENTS}
    for feature in table.sections():
        for client, names in table[feature].items():
            for name in " ".join(names.split()).split(", "):
                assert name not in waiting[client], f"{name} waits for two features"
                waiting[client][name] = feature
    return waiting


@cache
def exercised() -> dict[str, set[str]]:
    """By client, the commands that the tests of this folder run."""
    installed = commands.installed()
    found: dict[str, set[str]] = {client: set() for client in CLIENTS}
    for file in HERE.glob("test_*.py"):
        for client, names in commands.exercised(file.read_text(), installed).items():
            found[client] |= names
    return found


@pytest.mark.parametrize("client", CLIENTS)
def test_each_command_is_run_or_waits(client: str) -> None:
    neither = commands.installed()[client] - exercised()[client] - not_built()[client].keys()
    assert not neither, f"{sorted(neither)}: write a test, or name the feature in not_built.ini"


@pytest.mark.parametrize("client", CLIENTS)
def test_what_waits_is_not_run(client: str) -> None:
    both = exercised()[client] & not_built()[client].keys()
    assert not both, f"{sorted(both)} are built: take them out of not_built.ini"


@pytest.mark.parametrize("client", CLIENTS)
def test_what_waits_exists(client: str) -> None:
    gone = not_built()[client].keys() - commands.installed()[client]
    assert not gone, f"the client has no {sorted(gone)}: take them out of not_built.ini"


@pytest.mark.parametrize(
    ("source", "client", "found"),
    [
        ('cinder("list")', "cinder", {"list"}),
        ('latest(cinder, "list", "--limit", "1")', "cinder", {"list"}),
        ('cinder("--os-volume-api-version", "3.71", "list")', "cinder", {"list"}),
        ('cinder(*at, "list", *more)', "cinder", {"list"}),
        ('cinder("show", "list")', "cinder", {"show"}),
        ('cinder("show", name, "list")', "cinder", {"show"}),
        ('cinder("list", status=1)', "cinder", set()),
        ('cinder("none")', "cinder", set()),
        ('other("list")', "cinder", set()),
        ('openstack("volume", "type", "list", name)', "openstack", {"volume type list"}),
        ('openstack("volume", kind, "list")', "openstack", set()),
        ('as_user(pumice, name)("token", "issue")', "openstack", {"token issue"}),
        ("volumes.types()", "block_storage", {"types"}),
        ("cloud.block_storage.types()", "block_storage", {"types"}),
        ("volumes.types", "block_storage", set()),
        ("cloud.identity.types()", "block_storage", set()),
        ("with pytest.raises(ValueError):\n    volumes.types()", "block_storage", set()),
    ],
)
def test_what_a_source_runs(source: str, client: str, found: set[str]) -> None:
    assert commands.exercised(source, commands.installed())[client] == found
