"""``pumice operation list | show | retry | abandon``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from pumice.cli import output
from pumice.cli.clouds import Asked
from pumice.cli.options import Cloud, Insecure, Json, OperationId, StateDir
from pumice.cli.output import Column
from pumice.cli.source import SERVICE, Wanted, checked_id, log_in, open_source
from pumice.cli.ways import way
from pumice.errors import UsageError

Status = Literal["running", "stuck", "done", "undone", "abandoned"]

operation = typer.Typer(help="Operations: the work that requests started.", no_args_is_help=True)


@operation.command("list")
def list_operations(
    status: Annotated[Status | None, typer.Option(help="Only those of this status.")] = None,
    resource: Annotated[
        str | None, typer.Option(metavar="ID", help="Only those of this volume.")
    ] = None,
    stuck: Annotated[
        bool, typer.Option("--stuck", help="Only those that need a person: --status stuck.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")] = 50,
    as_json: Json = False,
    cloud: Cloud = None,
    state_dir: StateDir = None,
    insecure: Insecure = False,
) -> None:
    """List operations, newest first."""
    if stuck and status not in (None, "stuck"):
        raise UsageError(f"--stuck and --status {status} contradict each other.")
    wanted = Wanted("stuck" if stuck else status, resource and checked_id(resource), limit)
    found = open_source(Asked(cloud, state_dir, insecure)).operations(wanted)
    if as_json:
        output.show_json(found)
        return
    columns = (
        Column("ID", whole=True),
        Column("Operation"),
        Column("Status"),
        Column("Step"),
        Column("Resource"),
        Column("Began", whole=True),
        Column("Error"),
    )
    rows = [
        (
            one["id"],
            one["name"],
            one["status"],
            one["step"],
            one["resource_id"],
            output.time(one["created_at"]),
            one["error"],
        )
        for one in found
    ]
    output.show_table(columns, rows, "No operations.")


@operation.command("show")
def show_operation(
    operation_id: OperationId,
    as_json: Json = False,
    cloud: Cloud = None,
    state_dir: StateDir = None,
    insecure: Insecure = False,
) -> None:
    """Show an operation with its log, and its way once it has ended."""
    wanted = checked_id(operation_id)
    _show(open_source(Asked(cloud, state_dir, insecure)).operation(wanted), as_json=as_json)


@operation.command("retry")
def retry_operation(
    operation_id: OperationId,
    as_json: Json = False,
    cloud: Cloud = None,
    state_dir: StateDir = None,
    insecure: Insecure = False,
) -> None:
    """Run a stuck or waiting operation now."""
    path = f"/operations/{checked_id(operation_id)}/retry"
    retried = log_in(Asked(cloud, state_dir, insecure)).post(SERVICE, path)["operation"]
    if as_json:
        output.show_json(retried)
        return
    output.say(f"Operation {operation_id} is tried again; its status is {retried['status']}.")


@operation.command("abandon")
def abandon_operation(
    operation_id: OperationId,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
    cloud: Cloud = None,
    state_dir: StateDir = None,
    insecure: Insecure = False,
) -> None:
    """Give an operation up: its resource shows its error, and nothing of it is tried again."""
    path = f"/operations/{checked_id(operation_id)}"
    session = log_in(Asked(cloud, state_dir, insecure))
    if not yes:
        found = session.get(SERVICE, path)["operation"]
        what = f"{found['name']} of {found['resource_type']} {found['resource_id']}"
        question = f"Give up {what}, which is {found['status']}?"
        if not output.confirmed(question):
            raise typer.Abort
    abandoned = session.post(SERVICE, f"{path}/abandon")["operation"]
    if as_json:
        output.show_json(abandoned)
        return
    output.say(f"Operation {operation_id} was given up.")


def _show(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        output.show_json(found)
        return
    facts = [
        (name.replace("_", " ").capitalize(), output.time(value) if name.endswith("_at") else value)
        for name, value in found.items()
        if name not in ("log", "trace") and value is not None
    ]
    output.draw(output.facts(facts))
    columns = (
        Column("At", whole=True),
        Column("Attempt", right=True),
        Column("Step"),
        Column("Event"),
        Column("What"),
    )
    rows = [
        (output.time(one["at"]), one["attempt"], one["step"], one["event"], _data(one["data"]))
        for one in found["log"]
    ]
    output.say("")
    output.show_table(columns, rows, "Nothing is in its log.")
    if found["trace"]:
        output.say("")
        output.draw(way(found["trace"]))


def _data(data: dict[str, Any]) -> str:
    """The result of a step, or its error; verdicts are for ``pumice why``."""
    return ", ".join(
        f"{name} {value}"
        for name, value in data.items()
        if isinstance(value, str | int | float) and value not in ("", None)
    )
