"""``pumice config show | policies``: what holds, and where it was set."""

from __future__ import annotations

import json
import os
from typing import Annotated

import typer

from pumice import settings
from pumice.cli import output
from pumice.cli.options import Config, Json, StateDir
from pumice.cli.output import Column
from pumice.state_dir import choose_path, chosen_config

config = typer.Typer(help="Settings.", no_args_is_help=True)


@config.command("show")
def show(config: Config = None, state_dir: StateDir = None, as_json: Json = False) -> None:
    """Show each effective value, and where it came from."""
    path = config or chosen_config(choose_path(state_dir, os.environ), None)
    rows = settings.render(settings.load(path))
    if as_json:
        output.show_json([row._asdict() for row in rows])
        return
    columns = (Column("Section"), Column("Option"), Column("Value"), Column("Set in"))
    output.draw(
        output.table(
            columns,
            ((row.section, row.name, settings.as_text(row.value), row.origin) for row in rows),
        )
    )


@config.command("policies")
def show_policies(
    config: Config = None,
    state_dir: StateDir = None,
    sample: Annotated[
        bool,
        typer.Option("--sample", help="Print a policy.yaml with every default, commented out."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Show who may do what: each policy with its rule, and whether policy.yaml has changed it."""
    from pumice import offline

    found = offline.effective_policies(choose_path(state_dir, os.environ), config)
    if as_json:
        output.show_json([one._asdict() for one in found])
    elif sample:
        for one in found:
            for line in (one.description or "Other rules refer to it.", *one.routes):
                output.say(f"# {line}")
            output.say(f"#{json.dumps(one.name)}: {json.dumps(one.default)}")
            output.say("")
    else:
        columns = (Column("Policy", whole=True), Column("Rule"), Column("Instead of"))
        rows = [
            (one.name, one.rule, one.default if one.rule != one.default else None) for one in found
        ]
        output.draw(output.table(columns, rows))
