"""What handlers may use, put together by :mod:`pumice.process`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, TypeVarTuple

from pumice.api.policy import Rules
from pumice.scheduler.view import PoolsView
from pumice.seams import Seams
from pumice.services.catalog import CatalogService
from pumice.services.generation import Generation
from pumice.services.keys import TokenKeys
from pumice.services.operations import OperationService
from pumice.services.passwords import PasswordChecks
from pumice.services.tokens import TokenService
from pumice.services.volumes import VolumeService
from pumice.settings import Settings
from pumice.trace import Trace

T = TypeVar("T")
A = TypeVarTuple("A")

TRACES_KEPT = 1000


class Units(Protocol):
    """Runs units; the store without its queries."""

    async def write(
        self, unit: Callable[[Any, *A], T], *arguments: *A, trace: Trace | None = None
    ) -> T:
        """Run ``unit(txn, *arguments)`` in a transaction of its own."""

    async def read(self, query: Callable[[Any, *A], T], *arguments: *A) -> T:
        """Run ``query(txn, *arguments)`` on what is committed."""


@dataclass(frozen=True, slots=True)
class DebugTarget:
    """Where a debugger may attach to this process, and to which files.

    ``root`` is the folder of the package as it was started; ``files`` has the SHA-256 of each Python file
    below it, in hexadecimal, by its path with slashes.
    """

    host: str
    port: int
    root: str
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Services:
    """The services of this process; ``traces`` is the ring of recent requests, newest last."""

    settings: Settings
    seams: Seams
    units: Units
    rules: Rules
    generation: Generation
    passwords: PasswordChecks
    keys: TokenKeys
    tokens: TokenService
    catalog: CatalogService
    volumes: VolumeService
    operations: OperationService
    pools: PoolsView
    debugger: DebugTarget | None = None
    """What an editor may attach to; None unless this process was started to be debugged."""
    traces: deque[Trace] = field(default_factory=lambda: deque(maxlen=TRACES_KEPT))
