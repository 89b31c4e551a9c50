"""Tempest, unmodified, in its own environment: its configuration, its list of tests, a run of it."""

from __future__ import annotations

import configparser
import json
import os
import subprocess
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import IO, Final, NamedTuple
from uuid import uuid4

from conformance.cloud import BACKENDS, Cloud
from conformance.outcomes import Event
from conformance.processes import child, plain_environment

ASK_SECONDS: Final = 120
ALL_TESTS: Final = r"^tempest\.api\."

_SERVICES: Final = ("cinder", "glance", "horizon", "neutron", "nova", "swift")
_READER: Final = Path(__file__).with_name("stream.py")

# The same for every cloud. Pumice is done before Tempest asks: whoever waits for half a minute waits
# in vain. What "feature-enabled" grants and Pumice does not have is left out in groups.py, by name.
_SETTINGS: Final[Mapping[str, Mapping[str, object]]] = {
    "DEFAULT": {"debug": True, "use_stderr": False},
    "auth": {
        "use_dynamic_credentials": True,
        "create_isolated_networks": False,
        "admin_system": "all",
    },
    "identity": {
        "auth_version": "v3",
        "region": "RegionOne",
        "v3_endpoint_type": "public",
        "user_unique_last_password_count": 0,
    },
    "identity-feature-enabled": {
        "access_rules": True,
        "application_credentials": True,
        "security_compliance": True,
        "trust": True,
    },
    "enforce_scope": {"keystone": True, "cinder": True},
    "compute": {
        "region": "RegionOne",
        "min_microversion": "2.1",
        "max_microversion": "latest",
    },
    "volume": {
        "catalog_type": "block-storage",
        "region": "RegionOne",
        "min_microversion": "3.0",
        "max_microversion": "latest",
        "build_timeout": 30,
        "build_interval": 1,
        "backend_names": ",".join(BACKENDS),
    },
    "volume-feature-enabled": {
        "backup": True,
        "manage_snapshot": True,
        "manage_volume": True,
        "multi_backend": True,
    },
}


class TempestFailed(Exception):
    """Tempest could not be asked, or did not answer."""


class Facts(NamedTuple):
    """What Tempest must be told of a cloud and cannot find out."""

    flavors: tuple[str, str]
    vendor_name: str
    storage_protocol: str


def prepare(cloud: Cloud) -> Facts:
    """Make what Tempest needs and a fresh cloud has not; what it must know."""
    # When it cleans up after a class with a network, Tempest looks for security groups. Nothing is at
    # this address, and with 404 it is content; without an address it is not.
    network = {"type": "network", "name": "none", "enabled": True}
    service = cloud.ask("identity", "/services", {"service": network})["service"]
    address = {
        "service_id": service["id"],
        "interface": "public",
        "region_id": "RegionOne",
        "url": f"{cloud.base}/no-network",
    }
    cloud.ask("identity", "/endpoints", {"endpoint": address})
    flavors = cloud.ask("compute", "/flavors")["flavors"]
    pools = cloud.ask("block-storage", "/scheduler-stats/get_pools?detail=true")["pools"]
    reported = pools[0]["capabilities"]
    return Facts(
        (flavors[0]["id"], flavors[1]["id"]),
        reported["vendor_name"],
        reported["storage_protocol"],
    )


class Tempest:
    """Tempest of the environment ``venv``, working in ``folder``."""

    def __init__(self, venv: Path, folder: Path, concurrency: int) -> None:
        self._bin = venv.absolute() / "bin"
        self._folder = folder
        self._concurrency = concurrency
        self._conf = folder / "tempest.conf"

    def configure(self, cloud: Cloud, facts: Facts, services: Sequence[str]) -> None:
        """Write ``tempest.conf`` for a cloud, of which Tempest sees these services."""
        conf = configparser.ConfigParser(interpolation=None, default_section="none")
        conf.read_dict(_SETTINGS)
        auth = cloud.auth
        conf.read_dict(
            {
                "DEFAULT": {"log_file": self._folder / "tempest.log"},
                "oslo_concurrency": {"lock_path": self._folder / "locks"},
                "auth": {
                    "admin_username": auth["username"],
                    "admin_password": auth["password"],
                    "admin_project_name": auth["project_name"],
                    "admin_domain_name": "Default",
                },
                "identity": {"uri_v3": auth["auth_url"]},
                "service_available": {name: name in services for name in _SERVICES},
                "compute": {
                    "flavor_ref": facts.flavors[0],
                    "flavor_ref_alt": facts.flavors[1],
                    "image_ref": uuid4(),
                    "image_ref_alt": uuid4(),
                },
                "volume": {
                    "vendor_name": facts.vendor_name,
                    "storage_protocol": facts.storage_protocol,
                },
            }
        )
        with self._conf.open("w") as file:
            conf.write(file)

    def tests(self) -> list[str]:
        """The ids of all tests that it has, in order. Raises :class:`TempestFailed`."""
        self._ask(f"{self._bin / 'stestr'}", "init")
        listed = self._ask(*self._command(), "--list-tests", "--regex", ALL_TESTS)
        return sorted(line for line in listed.splitlines() if line.startswith("tempest."))

    def run(self, name: str, tests: Sequence[str]) -> Generator[Event, None, None]:
        """Run these tests, and tell as each one ends; closed, it stops. ``name`` is that of the log."""
        chosen = self._folder / f"{name}.tests"
        chosen.write_text("".join(f"{test}\n" for test in tests))
        options = ["--concurrency", f"{self._concurrency}", "--subunit", "--load-list", f"{chosen}"]
        command = [*self._command(), *options]
        # -P: what lies beside the reader is ours, not Tempest's.
        reader = [f"{self._bin / 'python'}", "-P", f"{_READER}"]
        environment = self._environment()
        with (
            (self._folder / f"{name}.log").open("w") as log,
            child(command, environment, log.fileno(), folder=self._folder) as tempest,
            child(reader, environment, log.fileno(), source=_output(tempest).fileno()) as told,
        ):
            yield from (Event.of(json.loads(line)) for line in _output(told))

    def _ask(self, *command: str) -> str:
        """What a short command prints. Raises :class:`TempestFailed`."""
        said = self._folder / "ask.log"
        with (
            said.open("w") as log,
            child(command, self._environment(), log.fileno(), folder=self._folder) as process,
        ):
            try:
                output, _ = process.communicate(timeout=ASK_SECONDS)
            except subprocess.TimeoutExpired:
                raise TempestFailed(f"`{' '.join(command)}` took over {ASK_SECONDS} s.") from None
        if process.returncode != 0:
            lines = (said.read_text(errors="replace").strip() or "it did not say why").splitlines()
            raise TempestFailed(f"`{' '.join(command)}` failed: {lines[-1]}")
        return output.decode()

    def _command(self) -> list[str]:
        return [f"{self._bin / 'tempest'}", "run", "--config-file", f"{self._conf}"]

    def _environment(self) -> dict[str, str]:
        """Its workers find the configuration, and themselves, by the environment."""
        return plain_environment() | {
            "PATH": f"{self._bin}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "TEMPEST_CONFIG_DIR": f"{self._conf.parent}",
            "TEMPEST_CONFIG": self._conf.name,
            "OS_TEST_TIMEOUT": "300",
            # What its workers leave behind when they are ended goes with the folder.
            "TMPDIR": f"{self._folder}",
        }


def _output(process: subprocess.Popen[bytes]) -> IO[bytes]:
    assert process.stdout is not None, "it was started with a pipe"
    return process.stdout
