"""``pumice config show``: what holds, and where it was set."""

from __future__ import annotations

import os

import typer

from pumice import settings
from pumice.cli import output
from pumice.cli.options import Config, Json, StateDir
from pumice.cli.output import Column
from pumice.state_dir import choose_path

config = typer.Typer(help="Settings.", no_args_is_help=True)


@config.command("show")
def show(config: Config = None, state_dir: StateDir = None, as_json: Json = False) -> None:
    """Show each effective value, and where it came from."""
    path = config or choose_path(state_dir, os.environ) / "pumice.conf"
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
