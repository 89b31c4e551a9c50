"""Hosts as network namespaces on a switch of their own, and the cable of each, which can be pulled.

Nothing of this can be seen on the machine's own network: the switch is in a namespace too, with one of
the addresses, and is a host like the others. It needs root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from tests.guard import Guard

NETWORK: Final = "10.77.0.{}"
_MAC: Final = "02:00:0a:4d:00:{:02x}"
_SWITCH: Final = 0
"""Its place among the hosts."""


def why_not() -> str | None:
    """Why there can be no hosts on this machine; None if there can."""
    if os.geteuid() != 0:
        return "hosts are network namespaces, and only root makes them: run the tests as root"
    if shutil.which("ip") is None:
        return "ip was not found: apt-get install iproute2"
    done = subprocess.run(["unshare", "--net", "true"], check=False, capture_output=True, text=True)
    return None if done.returncode == 0 else f"no network namespaces here: {done.stderr.strip()}"


class Host:
    """One namespace: an address that the others reach, and a loopback of its own."""

    def __init__(self, prefix: str, number: int) -> None:
        """``number`` makes its name and address; :class:`Hosts` makes the namespace."""
        self.name: Final = f"{prefix}-{number}"
        self.address: Final = NETWORK.format(number + 1)
        self.mac: Final = _MAC.format(number + 1)
        self.cable: Final = f"cable{number}"
        """The end of its cable that is at the switch."""

    @property
    def under(self) -> Sequence[str]:
        """What to put before a command so that it runs on this host."""
        return ("nsenter", f"--net=/run/netns/{self.name}", "--")

    def run(self, *command: str) -> str:
        """What ``command`` prints on this host; raises :class:`subprocess.CalledProcessError`."""
        return subprocess.run(
            [*self.under, *command], check=True, capture_output=True, text=True
        ).stdout


class Hosts:
    """Some hosts that reach each other; at the end of ``with`` they are gone.

    What runs on them must have ended before: a namespace lives as long as its last process.
    """

    def __init__(self, number: int) -> None:
        """Make ``number`` hosts and the switch, for which ``why_not`` must be None."""
        prefix = f"pumice-{uuid.uuid4().hex[:8]}"
        every = [Host(prefix, place) for place in range(number + 1)]
        self.switch: Final = every[_SWITCH]
        self.hosts: Final = tuple(every[_SWITCH + 1 :])
        self._guard: Final = Guard()
        try:
            for host in every:
                _ip("netns", "add", host.name)
                self._guard.run("ip", "netns", "delete", host.name)
                _ip("-n", host.name, "link", "set", "dev", "lo", "up")
            _on(self.switch, "link", "add", "dev", "eth0", "type", "bridge")
            for host in self.hosts:
                _on(
                    self.switch, "link", "add", "dev", host.cable, "type", "veth",
                    "peer", "name", "eth0", "netns", host.name,
                )  # fmt: skip
                _on(self.switch, "link", "set", "dev", host.cable, "up")
                self.join(host)
            for host in every:
                _connect(host, every)
        except BaseException:
            self.close()
            raise

    def cut(self, host: Host) -> None:
        """From now on nothing that ``host`` sends or is sent arrives, and nobody is told.

        Its cable leaves the bridge, and both ends stay up. A link that is down would be seen by the
        host (no carrier: routes go, a program that listens to netlink knows), and nothing of that
        happens when the fault is elsewhere in the network. ``tc ... netem loss 100%`` is as silent,
        but needs a module that small kernels lack, and once for each direction. The hosts know each
        other's hardware address for good, so a cut is not told by an ARP that fails ("no route to
        host" after three seconds) either: what is sent is simply never answered.
        """
        _on(self.switch, "link", "set", "dev", host.cable, "nomaster")

    def join(self, host: Host) -> None:
        """End :meth:`cut`: what is sent again arrives."""
        _on(self.switch, "link", "set", "dev", host.cable, "master", "eth0")

    def close(self) -> None:
        """Remove the hosts."""
        self._guard.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _connect(host: Host, every: Sequence[Host]) -> None:
    """Give the host's interface its addresses, and those of all the others."""
    _on(host, "link", "set", "dev", "eth0", "address", host.mac, "up")
    _on(host, "address", "add", f"{host.address}/24", "dev", "eth0")
    for other in every:
        if other is not host:
            _on(
                host, "neighbour", "add", other.address, "lladdr", other.mac,
                "dev", "eth0", "nud", "permanent",
            )  # fmt: skip


def _on(host: Host, *arguments: str) -> None:
    _ip("-n", host.name, *arguments)


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr}"
