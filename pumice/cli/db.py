"""``pumice db version | upgrade | check | backup | restore``: the database, with a server or without."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import asdict

from pumice.cli import output
from pumice.cli.options import Config, Json, StateDir
from pumice.cli.output import Column
from pumice.state_dir import choose_path

db = typer.Typer(help="The database.", no_args_is_help=True)


@db.command("version")
def show_version(state_dir: StateDir = None, as_json: Json = False) -> None:
    """Show the version of the database's schema, and the one that this Pumice needs."""
    from pumice import offline

    versions = offline.database_versions(choose_path(state_dir, os.environ))
    if as_json:
        output.show_json({"found": versions.found, "needed": versions.needed})
    elif versions.found == versions.needed:
        output.say(f"The schema is {versions.found}, as this Pumice needs it.")
    else:
        output.say(f"The schema is {versions.found}; this Pumice needs {versions.needed}.")


@db.command("upgrade")
def upgrade(state_dir: StateDir = None, as_json: Json = False) -> None:
    """Bring the database to the schema of this Pumice; `pumice serve` does it at its start too."""
    from pumice import offline

    versions = offline.upgrade_database(choose_path(state_dir, os.environ))
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
        offline.backup_database(
            choose_path(state_dir, os.environ), file, progress=progress, overwrite=force
        )
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
    if not yes and not output.confirmed(f"Replace the database in {path} by {file}?"):
        raise typer.Abort
    with output.progress("Restoring the database") as progress:
        kept = offline.restore_database(path, file, progress=progress)
    if as_json:
        output.show_json({"kept": str(kept) if kept else None})
        return
    if kept is not None:
        output.say(f"The database that was there is kept as {kept}.")
    output.say("Restored: passwords and revoked tokens are those of the copy, too.")
    output.say("`pumice db check` tells what the backends hold that it does not know of.")
