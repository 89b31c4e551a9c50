"""``pumice debug config``: the configuration with which an editor attaches to a debugged Pumice."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple
from urllib.parse import urlsplit

import typer

import pumice
from pumice.cli import output
from pumice.cli.clouds import Asked, find_cloud
from pumice.cli.options import Cloud, Insecure, Json, StateDir
from pumice.cli.source import log_in
from pumice.errors import UsageError

PACKAGE: Final = "pumice"
NAME: Final = "Pumice: attach"
LAUNCH_JSON: Final = Path(".vscode", "launch.json")
SHOWN: Final = 10
"""So many paths of files are told to a person; ``--json`` has them all."""

debug = typer.Typer(help="Put the cloud under a debugger.", no_args_is_help=True)


class Match(NamedTuple):
    """A folder of this machine against the server's files, whose paths stand in the lists."""

    root: Path
    identical: list[str]
    differing: list[str]
    missing: list[str]


class Attach(NamedTuple):
    """Where to attach, and which folder here is which one there."""

    host: str
    port: int
    local_root: str
    remote_root: str

    @property
    def mappings(self) -> list[dict[str, str]]:
        """As debugpy wants them."""
        return [{"localRoot": self.local_root, "remoteRoot": self.remote_root}]


@debug.command("config")
def show_config(
    editor: Annotated[
        Literal["vscode", "pycharm", "dap"], typer.Option(help="Whose configuration.")
    ] = "vscode",
    write: Annotated[
        bool, typer.Option("--write", help=f"Write it to {LAUNCH_JSON} (VS Code only).")
    ] = False,
    as_json: Json = False,
    cloud: Cloud = None,
    state_dir: StateDir = None,
    insecure: Insecure = False,
) -> None:
    """Print or write how an editor attaches to a server that was started with --debug.

    Which folder here is the server's is found by comparing the files with the server's own.
    """
    if write and editor != "vscode":
        raise UsageError(f"--write knows {LAUNCH_JSON} only; what {editor} needs is printed.")
    asked = Asked(cloud, state_dir, insecure)
    target = log_in(asked).get("pumice", "/debug")["debug"]
    here = Path.cwd()
    match = best_match(target["files"], (here / PACKAGE, Path(pumice.__file__).parent))
    local = _within_workspace(match.root, here) if editor == "vscode" else str(match.root)
    attach = Attach(target["host"], target["port"], local, target["root"])
    made = CONFIGURATIONS[editor](attach)
    if write:
        write_launch_json(here / LAUNCH_JSON, made)
    if as_json:
        output.show_json(
            {"configuration": made, "local_root": str(match.root), "remote_root": target["root"]}
            | {"identical": match.identical, "differing": match.differing}
            | {"missing": match.missing, "written": str(here / LAUNCH_JSON) if write else None}
        )
        return
    _tell(match, urlsplit(find_cloud(asked, os.environ, here).auth_url).hostname, target["port"])
    if write:
        output.say(f"{LAUNCH_JSON} has the configuration {NAME!r} now: start it in VS Code.")
    elif editor == "pycharm":
        for line in _pycharm_steps(attach):
            output.say(line)
    else:
        output.show_json(made)


def best_match(files: Mapping[str, str], folders: Iterable[Path]) -> Match:
    """The one of ``folders`` that has most of the server's ``files`` (hashes by path).

    Raises :class:`UsageError` if none of them has any.
    """
    found = max((_compare(folder, files) for folder in folders), key=lambda one: len(one.identical))
    if not found.identical:
        raise UsageError(
            f"No file in {found.root} is as the server has it: run this where its version is."
        )
    return found


def _compare(root: Path, files: Mapping[str, str]) -> Match:
    from pumice.debug.debugger import file_hashes

    here = file_hashes(root)
    return Match(
        root,
        [path for path in files if here.get(path) == files[path]],
        [path for path in files if here.get(path, files[path]) != files[path]],
        [path for path in files if path not in here],
    )


def _within_workspace(root: Path, workspace: Path) -> str:
    """``root`` as VS Code writes it, so that others can use the file too."""
    if root.is_relative_to(workspace):
        return f"${{workspaceFolder}}/{root.relative_to(workspace).as_posix()}"
    return str(root)


def _vscode(attach: Attach) -> dict[str, Any]:
    """An entry of ``launch.json``."""
    return {
        "name": NAME,
        "type": "debugpy",
        "request": "attach",
        "connect": {"host": attach.host, "port": attach.port},
        "pathMappings": attach.mappings,
        "justMyCode": False,  # An installed Pumice lies among the libraries, which are not "my code".
    }


def _pycharm(attach: Attach) -> dict[str, Any]:
    """What to fill in; its own file format for this is not documented."""
    return {
        "Remote address": f"{attach.host}:{attach.port}",
        "Local root path": attach.local_root,
        "Remote root path": attach.remote_root,
    }


def _dap(attach: Attach) -> dict[str, Any]:
    """Where to connect, and the request to send between ``initialize`` and ``configurationDone``."""
    arguments = {"name": NAME, "pathMappings": attach.mappings, "justMyCode": False}
    return {
        "host": attach.host,
        "port": attach.port,
        "request": {"command": "attach", "arguments": arguments},
    }


CONFIGURATIONS: Final = {"vscode": _vscode, "pycharm": _pycharm, "dap": _dap}


def _pycharm_steps(attach: Attach) -> list[str]:
    """What a person does in PyCharm."""
    return [
        "In PyCharm 2025.3 or newer (not 'Python Debug Server', which waits to be called):",
        "1. Run | Edit Configurations | Add New Configuration | Attach to DAP.",
        "2. Fill in:",
        *(f"   {name}: {value}" for name, value in _pycharm(attach).items()),
        "3. Start it with Debug.",
    ]


def _tell(match: Match, server: str | None, port: int) -> None:
    """Tell a person what was compared, and how to reach a debugger on another machine."""
    output.note(f"{len(match.identical)} files in {match.root} are as the server has them.")
    for paths, what in (
        (match.differing, "differ from the server's; breakpoints there will be off"),
        (match.missing, "are missing here"),
    ):
        if paths:
            more = "" if len(paths) <= SHOWN else f" and {len(paths) - SHOWN} more"
            output.note(f"Warning: {', '.join(paths[:SHOWN])}{more} {what}.")
    if server not in (None, "localhost", "127.0.0.1", "::1"):
        output.note(f"The debugger is on {server}: ssh -N -L {port}:127.0.0.1:{port} {server}")


def write_launch_json(file: Path, entry: Mapping[str, Any]) -> None:
    """Put ``entry`` into VS Code's ``file``, in place of the one of its name if there is one.

    Raises :class:`UsageError` for a file with comments, which would be lost, or of another form.
    """
    content: Any = {"version": "0.2.0", "configurations": []}
    if file.exists():
        try:
            content = json.loads(file.read_text("utf-8"))
        except ValueError as error:
            raise UsageError(
                f"{file} is not plain JSON, and its comments would be lost:"
                " add by hand what is printed without --write."
            ) from error
    entries = content.setdefault("configurations", []) if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise UsageError(f"{file} has no list of configurations.")
    names = [one.get("name") if isinstance(one, dict) else None for one in entries]
    where = names.index(entry["name"]) if entry["name"] in names else len(entries)
    entries[where : where + 1] = [entry]
    file.parent.mkdir(exist_ok=True)
    written = file.with_name(f"{file.name}.new")
    written.write_text(json.dumps(content, indent=4, ensure_ascii=False) + "\n", "utf-8")
    written.replace(file)
