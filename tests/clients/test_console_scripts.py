"""The clients as programs of their own: a few commands, each in a new process."""

from __future__ import annotations

import json
import subprocess
import sysconfig
from pathlib import Path

import pytest

from tests.clients.served import Served
from tests.clients.shells import Shell, settled

SCRIPTS = Path(sysconfig.get_path("scripts"))
COMMAND_SECONDS = 60


def run(pumice: Served, script: str, *arguments: str, status: int = 0) -> str:
    """What one of the scripts prints, run as a user would after ``. openrc``."""
    openrc = pumice.state_dir / "openrc"
    done = subprocess.run(
        ["sh", "-c", '. "$0" && exec "$@"', openrc, SCRIPTS / script, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("cinder list", "Volume Type"),
        ("cinder summary --all-tenants", "total_size"),
        ("cinder type-default", "__DEFAULT__"),
        ("cinder absolute-limits", "maxTotalVolumes"),
        ("cinder get-capabilities pumice@bulk", "thin_provisioning"),
        ("openstack token issue", "gAAAA"),
        ("openstack catalog list", "block-storage"),
        ("openstack role assignment list --names", "admin@Default"),
        ("nova flavor-list --extra-specs", "m1.xlarge"),
    ],
)
def test_command(pumice: Served, command: str, expected: str) -> None:
    assert expected in run(pumice, *command.split())


def test_volume_of_a_program(pumice: Served, cinder: Shell, name: str) -> None:
    made = run(pumice, "openstack", "volume", "create", "--size", "1", name, "-f", "json")
    assert json.loads(made)["name"] == name
    run(pumice, "cinder", "metadata", name, "set", "a=b")
    shown = run(pumice, "cinder", "show", name)
    assert json.loads(made)["id"] in shown
    assert "a : b" in shown
    assert settled(lambda: cinder("show", name).properties["status"]) == "available"
    run(pumice, "cinder", "delete", name)


@pytest.mark.parametrize(
    ("create", "delete"),
    [
        ("nova flavor-create {} auto 64 1 1", "nova flavor-delete {}"),
        ("openstack project create {}", "openstack project delete {}"),
    ],
)
def test_what_a_program_makes(pumice: Served, name: str, create: str, delete: str) -> None:
    assert name in run(pumice, *create.format(name).split())
    run(pumice, *delete.format(name).split())


def test_failure_of_a_program(pumice: Served) -> None:
    printed = run(pumice, "cinder", "show", "none", status=1)
    assert printed.endswith("ERROR: No volume with a name or ID of 'none' exists.\n")
