"""``pumice db``: the database, with a server or without."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import asdict

from pumice.cli import output
from pumice.cli.options import Config, Json, StateDir
from pumice.cli.output import Column
from pumice.settings.connection import HIDDEN
from pumice.state_dir import choose_path

db = typer.Typer(help="The database.", no_args_is_help=True)


@db.command("version")
def show_version(state_dir: StateDir = None, config: Config = None, as_json: Json = False) -> None:
    """Show the version of the database's schema, and the one that this Pumice needs."""
    from pumice import offline

    versions = offline.find_rows(choose_path(state_dir, os.environ), config).versions()
    if as_json:
        output.show_json({"found": versions.found, "needed": versions.needed})
    elif versions.found == versions.needed:
        output.say(f"The schema is {versions.found}, as this Pumice needs it.")
    else:
        output.say(f"The schema is {versions.found}; this Pumice needs {versions.needed}.")


@db.command("upgrade")
def upgrade(state_dir: StateDir = None, config: Config = None, as_json: Json = False) -> None:
    """Bring the database to the schema of this Pumice; `pumice serve` does it at its start too."""
    from pumice import offline

    versions = offline.find_rows(choose_path(state_dir, os.environ), config).upgrade()
    if as_json:
        output.show_json({"found": versions.found, "needed": versions.needed})
    elif versions.found == versions.needed:
        output.say(f"The schema is {versions.needed} already.")
    else:
        output.say(f"The schema was upgraded from {versions.found} to {versions.needed}.")


@db.command("check")
def check(state_dir: StateDir = None, config: Config = None, as_json: Json = False) -> None:
    """Compare quota, capacity, states and each backend's volumes with the rows; change nothing.

    The exit status is 1 if there are findings.
    """
    from pumice import offline

    checked = offline.check_database(choose_path(state_dir, os.environ), config)
    for backend_host in checked.volatile:
        output.note(f"{backend_host} keeps volumes in the server's memory: they were not compared.")
    for backend_host in checked.elsewhere:
        output.note(f"{backend_host} is not in these settings: its volumes were not compared.")
    if as_json:
        output.show_json([asdict(found) for found in checked.findings])
    else:
        rows = [(found.kind, found.subject, found.sentence) for found in checked.findings]
        columns = (Column("Finding"), Column("Of", whole=True), Column("What"))
        output.show_table(columns, rows, "No findings.")
    if checked.findings:
        raise typer.Exit(1)


@db.command("backup")
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write the copy.")],
    state_dir: StateDir = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite FILE.")] = False,
    as_json: Json = False,
) -> None:
    """Copy the database to FILE, also while it is served; the volumes' bytes and the keys are not in it."""
    from pumice import offline

    with output.progress("Copying the database") as progress:
        rows = offline.find_rows(choose_path(state_dir, os.environ))
        rows.backup(file, progress=progress, overwrite=force)
    size_bytes = file.stat().st_size
    if as_json:
        output.show_json({"file": str(file), "size_bytes": size_bytes})
    else:
        output.say(f"{file} is a sound copy, of {size_bytes / 2**20:.1f} MiB.")


@db.command("restore")
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A copy that db backup made.")],
    state_dir: StateDir = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Put the copy FILE in the database's place. Nobody may serve it; what it was is kept beside it."""
    from pumice import offline

    path = choose_path(state_dir, os.environ)
    rows = offline.find_rows(path)
    if not (yes or rows.is_shared) and not output.confirmed(
        f"Replace the database in {path} by {file}?"
    ):
        raise typer.Abort
    with output.progress("Restoring the database") as progress:
        kept = rows.restore(file, progress=progress)
    if as_json:
        output.show_json({"kept": str(kept) if kept else None})
        return
    if kept is not None:
        output.say(f"The database that was there is kept as {kept}.")
    output.say("Restored: passwords and revoked tokens are those of the copy, too.")
    output.say("`pumice db check` tells what the backends hold that it does not know of.")


@db.command("copy")
def copy(
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="URL",
            show_default="`connection` in [database] of the settings",
            help="The PostgreSQL database; everybody on this machine sees a password in it.",
        ),
    ] = None,
    state_dir: StateDir = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Copy a SQLite database that nobody serves to an empty one on PostgreSQL: all of it, or nothing.

    The token keys go along, so tokens stay valid. The old database stays as it is.
    """
    from pumice import offline

    path = choose_path(state_dir, os.environ)
    with output.progress("Copying the rows") as progress:
        copied = offline.copy_database(path, config, to, progress=progress)
    if as_json:
        output.show_json(
            {"rows": copied.rows, "connection": copied.connection}
            | {"key_file": str(copied.key_file), "is_configured": copied.is_configured}
        )
        return
    output.say(f"{sum(copied.rows.values())} rows are in {copied.target} now.")
    if not copied.is_configured:
        output.say(f"Before you start `pumice serve`, let {copied.conf} say:")
        output.say("[database]")
        output.say(f"connection = {copied.connection}")
        if HIDDEN in copied.connection:
            output.say(f"with the password instead of {HIDDEN}.")
    output.say(f"Each host that serves it needs a copy of {copied.key_file}.")
