"""The command ``pumice``: its groups, and what a mistake or a failure looks like.

Exit status: 0, it was done; 1, it failed, or a check has findings; 2, a person must first mend
something: the command line, the settings, the state directory. An error is one sentence on standard
error. Only a defect of Pumice shows a traceback.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, TextIO

import typer

import pumice
from pumice.cli.config import config
from pumice.cli.db import db
from pumice.cli.debug import debug
from pumice.cli.demo import demo
from pumice.cli.hosts import backend, host, process, service
from pumice.cli.identity import identity
from pumice.cli.operations import operation
from pumice.cli.output import printable
from pumice.cli.serve import ServeCommand, serve
from pumice.cli.ways import trace, why
from pumice.errors import PumiceError, UsageError

FAILED = 1
MISTAKE = 2

app = typer.Typer(
    help="Pumice: block storage as a service in one small process.",
    epilog="`pumice COMMAND --help` explains a command.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command(cls=ServeCommand)(serve)
app.command()(demo)
app.add_typer(config, name="config")
app.add_typer(db, name="db")
app.add_typer(debug, name="debug")
app.add_typer(process, name="process")
app.add_typer(host, name="host")
app.add_typer(service, name="service")
app.add_typer(backend, name="backend")
app.add_typer(operation, name="operation")
app.add_typer(identity, name="identity")
app.command()(why)
app.command()(trace)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"pumice {pumice.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    del version


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, that of this process unless ``arguments`` are given; the exit status."""
    _never_fail_on_a_character(sys.stdout)
    command = typer.main.get_command(app)
    try:
        status = command.main(arguments, prog_name="pumice", standalone_mode=False)
    except typer.TyperException as error:
        text = error.format_message()
        if "\n" in text:  # `pumice` or `pumice db` alone: the text is the help.
            print(text, file=sys.stderr)
            return error.exit_code
        return _fail(text, error.exit_code)
    except typer.Abort:
        return _fail("Nothing was done.", FAILED)
    except PumiceError as error:
        # A detail of several lines is what a tool said; the first sentence tells what to do.
        told = error.public if "\n" in error.detail else str(error)
        return _fail(told, MISTAKE if isinstance(error, UsageError) else FAILED)
    return status if isinstance(status, int) else 0


def _fail(sentence: str, status: int) -> int:
    print(f"Error: {printable(sentence)}", file=sys.stderr)
    return status


def _never_fail_on_a_character(stream: TextIO) -> None:
    """A volume's name may hold what the terminal's encoding lacks."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")
