"""``pumice why`` and ``pumice trace``: why something is as it is, and the way it took."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pumice.cli import output
from pumice.cli.clouds import Asked
from pumice.cli.options import Cloud, Insecure, Json, StateDir
from pumice.cli.output import Column
from pumice.cli.source import checked_id, open_source

if TYPE_CHECKING:
    from rich.table import Table

Reference = Annotated[
    str, typer.Argument(metavar="ID", help="The id of a volume, an operation or a request.")
]


def why(
    reference: Reference,
    as_json: Json = False,
    cloud: Cloud = None,
    state_dir: StateDir = None,
    insecure: Insecure = False,
) -> None:
    """Explain a volume, an operation or a request: placement, waits and failures."""
    wanted = checked_id(reference)
    found = open_source(Asked(cloud, state_dir, insecure)).why(wanted)
    if as_json:
        output.show_json(found)
        return
    show_why(found)


def trace(
    reference: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="The id of a volume, an operation or a request."),
    ] = None,
    as_json: Json = False,
    cloud: Cloud = None,
    state_dir: StateDir = None,
    insecure: Insecure = False,
) -> None:
    """Show the way of a request through the code; without ID, list the newest requests."""
    wanted = None if reference is None else checked_id(reference)
    source = open_source(Asked(cloud, state_dir, insecure))
    if wanted is None:
        _list(source.traces(), as_json=as_json)
        return
    found = source.trace(wanted)
    if as_json:
        output.show_json(found)
        return
    show_trace(found)


def show_why(found: dict[str, Any]) -> None:
    """Print an explanation for a person: sentences, then what each filter said."""
    for sentence in found["sentences"]:
        output.say(sentence)
    if found["verdicts"]:
        output.say("")
        output.draw(_verdicts(found["verdicts"]))


def show_trace(found: dict[str, Any]) -> None:
    """Print a way for a person: what it was, then its spans."""
    output.say(f"{found['title']}, {output.time(found['began_at'])} UTC, {found['request_id']}")
    output.say("")
    output.draw(way(found))


def _list(traces: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        output.show_json(traces)
        return
    columns = (
        Column("Request", whole=True),
        Column("Began", whole=True),
        Column("Took", right=True, whole=True),
        Column("Title"),
    )
    rows = [
        (
            one["request_id"],
            output.time(one["began_at"]),
            output.milliseconds(one["duration_us"]),
            one["title"],
        )
        for one in traces
    ]
    output.show_table(columns, rows, "No way is recorded.")


def _verdicts(found: list[dict[str, Any]]) -> Table:
    """What each filter of the scheduler said about each pool."""
    columns = (Column("Pool"), Column("Filter"), Column("Verdict"), Column("Reason"))
    return output.table(
        columns,
        (
            (one["host"], one["filter"], "passed" if one["passed"] else "refused", one["reason"])
            for one in found
        ),
    )


def way(found: dict[str, Any]) -> Table:
    """The spans of a way in the order of their start; what ran inside another is indented."""
    columns = (
        Column("Start", right=True, whole=True),
        Column("Took", right=True, whole=True),
        Column("Layer"),
        Column("Function"),
        Column("Where"),
        Column("Note"),
    )
    return output.table(
        columns,
        (
            (
                output.milliseconds(span["start_us"]),
                output.milliseconds(span["duration_us"]),
                span["layer"],
                "  " * depth + str(span["name"]),
                f"{span['file']}:{span['line']}",
                span["note"],
            )
            for depth, span in _nested(found["spans"])
        ),
    )


def _nested(spans: list[dict[str, Any]]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each span with the number of spans that it ran inside of."""
    ends: list[int] = []
    for span in spans:
        end = span["start_us"] + span["duration_us"]
        while ends and (ends[-1] < end or ends[-1] <= span["start_us"]):
            ends.pop()
        yield len(ends), span
        ends.append(end)
