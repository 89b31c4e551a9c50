"""``pumice serve``. It imports what serving needs and nothing else: its start is measured."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from pumice.cli.options import Config, StateDir
from pumice.errors import UsageError
from pumice.state_dir import choose_path


def serve(
    state_dir: StateDir = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="The address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="The port to listen on; 0 takes a free one.")
    ] = 8776,
    config: Config = None,
    tls_cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The certificate, to serve HTTPS.")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The certificate's private key.")
    ] = None,
    log_format: Annotated[
        Literal["text", "json"], typer.Option(help="How the log on standard error is written.")
    ] = "text",
) -> None:
    """Serve until SIGTERM or SIGINT. A first start creates the state directory."""
    from pumice import logs, process
    from pumice.api.server import Listen

    path = choose_path(state_dir, os.environ)
    _check_tls(tls_cert, tls_key)
    logs.configure(log_format, debug=False)
    listen = Listen(host, port, tls_cert, tls_key)
    process.run(process.serve(path, config, listen, _announce))


def _announce(identity_url: str) -> None:
    """Scripts wait for this line."""
    print(f"Pumice ready: {identity_url}", flush=True)


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
