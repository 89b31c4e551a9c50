"""Processes and backends as services, in Cinder's words."""

from __future__ import annotations

from msgspec import Struct

from pumice.context import Context
from pumice.store import backends as rows
from pumice.store.txn import Txn


class ServiceState(Struct, frozen=True):
    """One service: a process's scheduler, or a backend's volume service. Times are UTC microseconds."""

    binary: str
    host: str
    zone: str
    enabled: bool
    up: bool
    """Its process was heard of within ``service_down_time``."""
    updated_at: int
    disabled_reason: str | None
    frozen: bool
    backend_up: bool
    backend_reason: str


def list_services(
    txn: Txn, context: Context, down_seconds: int, default_zone: str
) -> list[ServiceState]:
    """Query: one scheduler per process, then one volume service per backend."""
    oldest = context.now_us - down_seconds * 1_000_000
    processes = {process.id: process for process in rows.processes(txn)}
    states = {}
    for process in processes.values():
        alive = process.heartbeat_at >= oldest
        states["cinder-scheduler", process.host] = ServiceState(
            "cinder-scheduler",
            process.host,
            default_zone,
            enabled=True,
            up=alive,
            updated_at=process.heartbeat_at,
            disabled_reason=None,
            frozen=False,
            backend_up=alive,
            backend_reason="",
        )
    for backend in rows.select_all(txn):
        serving = processes.get(backend.process_id)
        heard = serving.heartbeat_at if serving else backend.updated_at
        states["cinder-volume", backend.host] = ServiceState(
            "cinder-volume",
            backend.host,
            backend.availability_zone,
            backend.enabled,
            heard >= oldest,
            heard,
            backend.disabled_reason,
            backend.frozen,
            backend.up,
            backend.reason,
        )
    return list(states.values())
