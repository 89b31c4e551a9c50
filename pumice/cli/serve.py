"""``pumice serve``. It imports what serving needs and nothing else: its start is measured."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer
from typer.core import TyperCommand

from pumice.cli.options import Config, StateDir
from pumice.errors import UsageError
from pumice.model.roles import ROLES, Role
from pumice.state_dir import choose_path

DEBUG_PORT: Final = 5678
"""Where editors look for debugpy unless they are told otherwise."""


class ServeCommand(TyperCommand):
    """``serve``, whose ``--debug`` may be followed by a port or not; typer has no such option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse ``args``, with the usual port where none follows."""
        given = list(args)
        if "--debug" in given:
            after = given.index("--debug") + 1
            if not "".join(given[after : after + 1]).isdigit():
                given.insert(after, str(DEBUG_PORT))
        return super().parse_args(ctx, given)


def serve(
    state_dir: StateDir = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="The address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="The port to listen on; 0 takes a free one.")
    ] = 8776,
    config: Config = None,
    role: Annotated[
        str,
        typer.Option(
            metavar="ROLES",
            help="What this process does, separated by commas; less than all needs PostgreSQL.",
        ),
    ] = ",".join(sorted(ROLES)),
    tls_cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The certificate, to serve HTTPS.")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The certificate's private key.")
    ] = None,
    log_format: Annotated[
        Literal["text", "json"], typer.Option(help="How the log on standard error is written.")
    ] = "text",
    debug: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65_535,
            metavar="[PORT]",
            show_default=f"off; {DEBUG_PORT} without a port",
            help="Open debugpy on this port of loopback; 0 takes a free one.",
        ),
    ] = None,
) -> None:
    """Serve until SIGTERM or SIGINT. A first start creates the state directory."""
    from pumice import logs, serving
    from pumice.api.server import Listen

    path = choose_path(state_dir, os.environ)
    roles = _roles(role)
    _check_tls(tls_cert, tls_key)
    logs.configure(log_format, debug=False)
    listen = Listen(host, port, tls_cert, tls_key)
    if debug is None:
        serving.run(serving.serve(path, config, listen, _announce, roles=roles))
        return
    from pumice.debug.debugger import open_debugger

    debugger = open_debugger(debug)

    def announce(identity_url: str) -> None:
        _announce(identity_url)
        _announce_debugger(debugger.target.host, debugger.target.port)

    serving.run(serving.serve(path, config, listen, announce, debugger, roles))


def _roles(text: str) -> frozenset[Role]:
    """The roles that ``text`` names. Raises :class:`UsageError`."""
    wanted = {one.strip() for one in text.split(",")}
    unknown = sorted(wanted - ROLES)
    if unknown:
        raise UsageError(f"--role: {unknown[0]!r} is none of {', '.join(sorted(ROLES))}.")
    return frozenset(role for role in ROLES if role in wanted)


def _announce(identity_url: str) -> None:
    """Scripts wait for this line."""
    print(f"Pumice ready: {identity_url}", flush=True)


def _announce_debugger(host: str, port: int) -> None:
    """So do those that start editors."""
    told = "`pumice debug config --write` in your editor's folder, then attach"
    print(f"Debugger ready: {host}:{port}; {told}", flush=True)


def _check_tls(cert: Path | None, key: Path | None) -> None:
    """Raises :class:`UsageError` unless there is neither, or a certificate with its key."""
    if cert is None and key is None:
        return
    import ssl

    if cert is None or key is None:
        raise UsageError("--tls-cert and --tls-key are needed together.")
    try:
        # No password: nobody is there to type it when a server starts.
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(cert, key, password="")
    except OSError as error:  # An SSLError is one.
        reason = error.strerror or error
        raise UsageError(f"{cert} and {key} are no certificate with its key: {reason}.") from error
