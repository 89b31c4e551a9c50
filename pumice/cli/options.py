"""The options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_PLACES = "$PUMICE_STATE_DIR, else $XDG_STATE_HOME/pumice"

StateDir = Annotated[
    Path | None,
    typer.Option(
        "--state-dir", metavar="DIR", show_default=_PLACES, help="The state directory of a Pumice."
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        show_default="pumice.conf in the state directory",
        help="The file with the settings.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Cloud = Annotated[
    str | None,
    typer.Option(
        "--cloud",
        metavar="NAME",
        show_default="as OS_* says, else that of the state directory",
        help="The cloud of this name in clouds.yaml.",
    ),
]
Insecure = Annotated[
    bool, typer.Option("--insecure", help="Do not verify the server's TLS certificate.")
]
OperationId = Annotated[str, typer.Argument(metavar="ID", help="The id of an operation.")]
