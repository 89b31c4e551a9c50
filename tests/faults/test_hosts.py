"""A host that is cut off hears nothing, is told nothing, and goes on where it was when it is back."""

from __future__ import annotations

import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.conftest import NOT_PROVEN
from tests.faults.hosts import Host, Hosts, why_not

LISTEN = """
import socket, sys
with socket.create_server((sys.argv[1], 7777)) as server:
    print("ready", flush=True)
    while True:
        client, _ = server.accept()
        for line in client.makefile():
            print(line, end="", flush=True)
"""
SAY = """
import socket, sys
with socket.create_connection((sys.argv[1], 7777)) as server:
    for line in sys.stdin:
        server.sendall(line.encode())
"""
CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], 7777), timeout=float(sys.argv[2]))
except OSError as error:
    print(type(error).__name__)
else:
    print("connected")
"""
SILENCE_SECONDS = 0.5
"""Nothing is expected: whatever the machine does meanwhile, a test cannot fail because this is short."""


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    if reason := why_not():
        pytest.skip(f"{NOT_PROVEN}{reason}")
    with Hosts(2) as hosts:
        yield hosts


@contextmanager
def python(host: Host, program: str, argument: str) -> Iterator[subprocess.Popen[str]]:
    """A program that runs on ``host``."""
    command = [*host.under, sys.executable, "-c", program, argument]
    with subprocess.Popen(
        command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def say(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdin is not None
    print(word, file=process.stdin, flush=True)


def hear(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip()


def test_a_host_that_is_cut_off_is_silent_until_it_is_back(hosts: Hosts) -> None:
    one, two = hosts.hosts
    with ExitStack() as running:
        listener = running.enter_context(python(two, LISTEN, two.address))
        assert hear(listener) == "ready"
        speaker = running.enter_context(python(one, SAY, two.address))
        say(speaker, "before")
        assert hear(listener) == "before"

        hosts.cut(one)
        say(speaker, "meanwhile")
        assert listener.stdout is not None
        assert select.select([listener.stdout], [], [], SILENCE_SECONDS)[0] == []
        assert speaker.poll() is None
        assert "LOWER_UP" in one.run("ip", "link", "show", "dev", "eth0")

        hosts.join(one)
        assert hear(listener) == "meanwhile"


@pytest.mark.parametrize("place", [0, 1])
def test_only_who_is_cut_off_reaches_nobody(hosts: Hosts, place: int) -> None:
    target, other = hosts.hosts[place], hosts.hosts[1 - place]
    with python(target, LISTEN, target.address) as listener:
        assert hear(listener) == "ready"
        connect = [sys.executable, "-c", CONNECT, target.address]
        in_vain, for_sure = [*connect, f"{SILENCE_SECONDS}"], [*connect, "60"]
        hosts.cut(other)
        assert other.run(*in_vain) == "TimeoutError\n"
        assert hosts.switch.run(*for_sure) == "connected\n"
        hosts.cut(target)
        assert hosts.switch.run(*in_vain) == "TimeoutError\n"
        hosts.join(other)
        assert other.run(*in_vain) == "TimeoutError\n"
        hosts.join(target)
        assert other.run(*for_sure) == "connected\n"


def test_nothing_is_left_of_closed_hosts(hosts: Hosts) -> None:
    names = {host.name for host in (hosts.switch, *hosts.hosts)}
    folder = Path("/run/netns")
    assert names <= {path.name for path in folder.iterdir()}
    hosts.close()
    assert not names & {path.name for path in folder.iterdir()}
