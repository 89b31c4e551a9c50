"""Everything a simulation replaces: clock, ids, randomness, sleep, threads, files, commands, crash points.

Production code gets one :class:`Seams` from :mod:`pumice.process`; nothing else in Pumice reads the
clock, draws a random number, starts a thread or touches a volume's file. Timers and ``await`` run on the
asyncio loop, which a simulation replaces as a whole (virtual time).
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from pumice.files import Files, RealFiles
from pumice.threads import Executor, ThreadExecutor

T = TypeVar("T")


class Clock(Protocol):
    """Wall time for people, monotonic time for durations."""

    def now_us(self) -> int:
        """UTC now, in microseconds since 1970."""

    def monotonic_ns(self) -> int:
        """A clock that never goes back, in nanoseconds."""


class Ids(Protocol):
    """Identifiers and secrets."""

    def volume_side(self) -> str:
        """A new UUIDv7 with dashes: rows made later sort later."""

    def identity_side(self) -> str:
        """A new random id of 32 hex digits."""

    def secret(self, nbytes: int) -> bytes:
        """Bytes nobody can guess."""


class CrashPoints(Protocol):
    """Named places where a test may end the process."""

    def __call__(self, name: str) -> None:
        """Do nothing, or end this process as kill -9 would."""


class SystemClock:
    """The machine's clocks."""

    def now_us(self) -> int:
        """UTC now, in microseconds since 1970."""
        return time.time_ns() // 1000

    def monotonic_ns(self) -> int:
        """Nanoseconds of CLOCK_MONOTONIC."""
        return time.monotonic_ns()


class SyncedClock:
    """The time of a server that several processes share, kept between two looks by the monotonic clock.

    A wall clock that is wrong, or jumps, changes nothing: leases and heartbeats of all processes are told
    by one clock.
    """

    def __init__(self, own: Clock) -> None:
        """Until the first :meth:`sync` it is ``own`` time."""
        self._own = own
        self._ahead_us = own.now_us() - own.monotonic_ns() // 1000

    def sync(self, now_us: int, monotonic_ns: int) -> None:
        """It was ``now_us`` on the server when the own monotonic clock showed ``monotonic_ns``."""
        self._ahead_us = now_us - monotonic_ns // 1000

    def now_us(self) -> int:
        """UTC now as the server has it, in microseconds since 1970."""
        return self._ahead_us + self._own.monotonic_ns() // 1000

    def monotonic_ns(self) -> int:
        """The own clock that never goes back, in nanoseconds."""
        return self._own.monotonic_ns()


class SystemIds:
    """Ids from the kernel's random numbers."""

    def volume_side(self) -> str:
        """UUIDv7 (RFC 9562): 48 bits of milliseconds, 74 random bits."""
        millis = time.time_ns() // 1_000_000
        return uuid7_text(millis, os.urandom(10))

    def identity_side(self) -> str:
        """32 random hex digits, in the form of a UUIDv4 as Keystone makes them."""
        return secrets.token_hex(16)

    def secret(self, nbytes: int) -> bytes:
        """Random bytes of the kernel."""
        return os.urandom(nbytes)


def uuid7_text(millis: int, random: bytes) -> str:
    """The text of a UUIDv7 for ``millis`` since 1970 and ten ``random`` bytes (RFC 9562, 5.7)."""
    tail = int.from_bytes(random)
    head = (millis & 0xFFFF_FFFF_FFFF) << 16 | 0x7000 | (tail >> 62 & 0x0FFF)
    low = 0x8000_0000_0000_0000 | (tail & 0x3FFF_FFFF_FFFF_FFFF)
    digits = f"{head:016x}{low:016x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def no_crash(name: str) -> None:
    """The crash points of a real process: none."""


@dataclass(frozen=True, slots=True)
class Seams:
    """The world as one value. :func:`real` makes the real one."""

    clock: Clock
    ids: Ids
    random: Callable[[], float]
    """A number in [0, 1), for jitter and chance; never for secrets."""
    sleep: Callable[[float], Awaitable[None]]
    executor: Executor
    files: Files
    crash_point: CrashPoints


def real() -> Seams:
    """The machine's own clock, ids, threads and files."""
    return Seams(
        clock=SystemClock(),
        ids=SystemIds(),
        random=secrets.SystemRandom().random,
        sleep=asyncio.sleep,
        executor=ThreadExecutor(),
        files=RealFiles(),
        crash_point=no_crash,
    )
