"""``pumice process list``, ``host list``, ``service list`` and ``backend list``: who serves what."""

from __future__ import annotations

from typing import Any, Final

import typer

from pumice.cli import output
from pumice.cli.clouds import Asked
from pumice.cli.options import Cloud, Insecure, Json, StateDir
from pumice.cli.output import Column
from pumice.cli.source import SERVICE, log_in

VOLUME: Final = "block-storage"

process = typer.Typer(help="Processes that serve.", no_args_is_help=True)
host = typer.Typer(help="Hosts that serve.", no_args_is_help=True)
service = typer.Typer(help="Services of the processes.", no_args_is_help=True)
backend = typer.Typer(help="Backends that keep volumes.", no_args_is_help=True)


@process.command("list")
def list_processes(
    as_json: Json = False,
    cloud: Cloud = None,
    state_dir: StateDir = None,
    insecure: Insecure = False,
) -> None:
    """List each process: what it does, whether it lives, and how it finds each backend that it serves."""
    session = log_in(Asked(cloud, state_dir, insecure))
    processes = session.get(SERVICE, "/processes")["processes"]
    if as_json:
        output.show_json(processes)
        return
    columns = (
        Column("Host"),
        Column("Process", right=True),
        Column("Roles"),
        Column("State"),
        Column("Started"),
        Column("Heard of"),
        Column("Serves"),
    )
    rows = [
        (
            one["host"],
            one["pid"],
            ",".join(one["roles"]),
            one["state"],
            output.time(one["started_at"]),
            output.time(one["updated_at"]),
            ", ".join(_served(backend) for backend in one["backends"]),
        )
        for one in processes
    ]
    output.show_table(columns, rows, "No processes.")


def _served(backend: dict[str, Any]) -> str:
    if backend["state"] == "up":
        return str(backend["host"])
    return f"{backend['host']} (down: {backend['reason']})"


@host.command("list")
def list_hosts(
    as_json: Json = False,
    cloud: Cloud = None,
    state_dir: StateDir = None,
    insecure: Insecure = False,
) -> None:
    """List each host and service, when it was last heard of, and why it may not be used."""
    session = log_in(Asked(cloud, state_dir, insecure))
    if as_json:
        output.show_json(session.get(VOLUME, "/os-hosts")["hosts"])
        return
    columns = (
        Column("Host"),
        Column("Service"),
        Column("Zone"),
        Column("Status"),
        Column("State"),
        Column("Heard of"),
        Column("Not used because"),
    )
    rows = [
        (
            one["host"],
            one["binary"],
            one["zone"],
            one["status"],
            one["state"],
            output.time(one["updated_at"]),
            _unused(one),
        )
        for one in session.get(VOLUME, "/os-services")["services"]
    ]
    output.show_table(columns, rows, "No hosts.")


def _unused(service: dict[str, Any]) -> str | None:
    """Why an administrator keeps volumes away from a service, if so."""
    reasons = []
    if service["status"] == "disabled":
        reasons.append(service["disabled_reason"] or "disabled")
    if service.get("frozen"):
        reasons.append("frozen")
    return ", ".join(reasons) or None


@service.command("list")
def list_services(
    as_json: Json = False,
    cloud: Cloud = None,
    state_dir: StateDir = None,
    insecure: Insecure = False,
) -> None:
    """List each service, whether it may be used and whether it lives."""
    session = log_in(Asked(cloud, state_dir, insecure))
    services = session.get(VOLUME, "/os-services")["services"]
    if as_json:
        output.show_json(services)
        return
    columns = (
        Column("Service"),
        Column("Host"),
        Column("Zone"),
        Column("Status"),
        Column("State"),
        Column("Backend"),
        Column("Heard of"),
        Column("Not used because"),
    )
    rows = [
        (
            one["binary"],
            one["host"],
            one["zone"],
            one["status"],
            one["state"],
            one.get("backend_state"),
            output.time(one["updated_at"]),
            _unused(one),
        )
        for one in services
    ]
    output.show_table(columns, rows, "No services.")


@backend.command("list")
def list_backends(
    as_json: Json = False,
    cloud: Cloud = None,
    state_dir: StateDir = None,
    insecure: Insecure = False,
) -> None:
    """List each pool of each backend: its health, and its room in GiB."""
    session = log_in(Asked(cloud, state_dir, insecure))
    pools = session.get(VOLUME, "/scheduler-stats/get_pools", {"detail": "true"})["pools"]
    if as_json:
        output.show_json(pools)
        return
    columns = (
        Column("Pool"),
        Column("Backend name"),
        Column("Protocol"),
        Column("State"),
        Column("Total GiB", right=True),
        Column("Free GiB", right=True),
        Column("Allocated GiB", right=True),
        Column("Provisioned GiB", right=True),
        Column("Volumes", right=True),
    )
    rows = [_pool(one["name"], one["capabilities"]) for one in pools]
    output.show_table(columns, rows, "No backends.")


def _pool(name: str, capabilities: dict[str, Any]) -> tuple[object, ...]:
    return (
        name,
        capabilities.get("volume_backend_name"),
        capabilities.get("storage_protocol"),
        capabilities.get("backend_state"),
        *(
            _gib(capabilities.get(f"{key}_capacity_gb"))
            for key in ("total", "free", "allocated", "provisioned")
        ),
        capabilities.get("total_volumes"),
    )


def _gib(value: object) -> object:
    """A number with one digit of fraction at most; a word (``infinite``) as it is."""
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, int | float) else value
