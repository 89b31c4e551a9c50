"""Keeps the scheduler's view of the pools near what all processes together report and place."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from pumice.model.backend import Pool
from pumice.scheduler.view import PoolsView
from pumice.store import pools as rows
from pumice.store.contract import Store

_decode = msgspec.json.Decoder(Pool).decode


class PoolsFollower:
    """Reads the pools of a database that other processes write to as well."""

    def __init__(self, store: Store, view: PoolsView, down_seconds: int) -> None:
        """Pools of processes that were not heard of for ``down_seconds`` are down."""
        self._store = store
        self._view = view
        self._down_us = down_seconds * 1_000_000
        self._decoded: dict[str, tuple[str, Pool]] = {}

    async def follow(self, now_us: int) -> None:
        """Let the view be as the database is now."""
        reported = await self._store.read(rows.reported, now_us - self._down_us)
        decoded: dict[str, tuple[str, Pool]] = {}
        for one in reported:
            known = self._decoded.get(one.host)
            pool = known[1] if known and known[0] == one.report else _decode(one.report)
            decoded[one.host] = one.report, pool
            self._view.replace(
                replace(
                    pool,
                    up=one.up,
                    enabled=one.enabled,
                    disabled_reason=one.disabled_reason,
                    frozen=one.frozen,
                )
            )
            # What was placed there since the report counts as the driver will count it.
            self._view.adjust(one.host, one.allocated_gib, one.volume_count)
        for host in self._decoded.keys() - decoded.keys():
            self._view.remove(host)
        self._decoded = decoded
