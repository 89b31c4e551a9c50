"""``pumice identity``: passwords and token keys, also of a Pumice that nobody can log in to any more."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias
from urllib.parse import quote

import typer

from pumice.cli import output
from pumice.cli.clouds import OS_AUTH_URL, Asked, find_cloud, state_dir_of, state_dir_with
from pumice.cli.options import Cloud, Config, Insecure, Json, StateDir
from pumice.errors import NotFound, UsageError

if TYPE_CHECKING:
    from pumice.cli.client import Session

IDENTITY: Final = "identity"
PUMICE: Final = "pumice"
UNAUTHORIZED: Final = 401
NOT_FOUND: Final = 404

identity = typer.Typer(help="Passwords and token keys.", no_args_is_help=True)
user = typer.Typer(help="Users.", no_args_is_help=True)
identity.add_typer(user, name="user")


Place: TypeAlias = "Session | Path"
"""Where a command does its work: in a server, or in the state directory of one that is stopped."""


@user.command("set-password")
def set_password(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The user's name.")],
    domain: Annotated[
        str, typer.Option("--domain", metavar="NAME", help="The user's domain, by name or id.")
    ] = "default",
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    as_json: Json = False,
    cloud: Cloud = None,
    state_dir: StateDir = None,
    config: Config = None,
    insecure: Insecure = False,
) -> None:
    """Change a user's password; all tokens that he has end.

    While no server answers, the database of the state directory is changed: so a lost password of the
    administrator can be replaced. On PostgreSQL that is done beside servers, too. The clouds.yaml and
    openrc of the state directory get the administrator's new one.
    """
    from pumice import offline

    for text in (name, domain):
        _refuse_unless_text(text)
    asked = Asked(cloud, state_dir, insecure)
    place = _place(asked)
    password = _line_of_stdin() if password_stdin else _typed_twice()
    if isinstance(place, Path):
        changed = offline.set_password(place, config, name, domain, password)
        owner = {"id": changed.id, "name": changed.name, "domain_id": changed.domain_id}
    else:
        owner = _set_over_http(place, name, domain, password)
        used = find_cloud(asked, os.environ, Path.cwd())
        path = state_dir_of(asked, os.environ) or state_dir_with(used, asked, os.environ)
        kept = path and offline.keep_password_of(owner["name"], owner["domain_id"], path, password)
        if kept and used.origin == OS_AUTH_URL:
            output.note(
                f"OS_PASSWORD of this shell is the old one: . {shlex.quote(str(path))}/openrc"
            )
    if as_json:
        output.show_json(owner)
    else:
        output.say(
            f"The password of {owner['name']} is changed; the tokens from before have ended."
        )


@identity.command("rotate-keys")
def rotate_keys(
    as_json: Json = False,
    cloud: Cloud = None,
    state_dir: StateDir = None,
    insecure: Insecure = False,
) -> None:
    """Let a new key sign tokens, in the server if one answers. Tokens from before stay valid.

    Those of the key before the last one end, so wait for as long as a token lives before the next time.
    """
    from pumice import offline

    place = _place(Asked(cloud, state_dir, insecure))
    if isinstance(place, Path):
        numbers = list(offline.find_rows(place).rotate_keys())
    else:
        numbers = place.post(PUMICE, "/identity/rotate-keys")["token_keys"]["numbers"]
    if as_json:
        output.show_json({"primary": max(numbers), "numbers": numbers})
    else:
        output.say(f"Key {max(numbers)} signs tokens now; {len(numbers)} keys are in use.")


def _place(asked: Asked) -> Place:
    """A session with the server that the person means, else his state directory.

    Raises :class:`UsageError`, and what a login raises where that is no way.
    """
    from pumice import offline
    from pumice.cli.client import Refused, Session, Unreachable

    path = state_dir_of(asked, os.environ)
    try:
        session = Session.log_in(find_cloud(asked, os.environ, Path.cwd()))
    except Unreachable as error:
        if path is None:
            hint = "With --state-dir, one that nobody serves can be changed."
            raise Unreachable(f"{error.public} {hint}") from error
        return _itself(path, error.public)
    except Refused as error:
        if path is None or error.status != UNAUTHORIZED:
            raise
        if offline.find_rows(path).is_shared:
            return _itself(path, error.public)
        hint = "If the password is lost, stop the server and say this again."
        raise Refused(f"{error.public} {hint}", error.status) from error
    except UsageError:
        if path is None or not offline.has_database(path):
            raise
        return path  # Without its clouds.yaml nobody can log in, and that may be why this is said.
    return session


def _itself(path: Path, reason: str) -> Path:
    """``path``, whose database is changed without a server; the person is told."""
    from pumice import offline

    rows = offline.find_rows(path)
    output.note(f"{reason} This changes {rows.name if rows.is_shared else path} itself.")
    return path


def _set_over_http(session: Session, name: str, domain: str, password: str) -> dict[str, Any]:
    """The user as he is after the change.

    Raises what the session raises, and :class:`NotFound` if there is no such user.
    """
    query = {"name": name, "domain_id": _domain_id(session, domain)}
    users = session.get(IDENTITY, "/users", query)["users"]
    if not users:
        raise NotFound(f"There is no user {name} in the domain {domain}.")
    path = f"/users/{users[0]['id']}"
    user = session.patch(IDENTITY, path, {"user": {"password": password}})["user"]
    return {key: user[key] for key in ("id", "name", "domain_id")}


def _domain_id(session: Session, domain: str) -> str:
    """The id of the domain of this id, else of this name."""
    from pumice.cli.client import Refused

    try:
        session.get(IDENTITY, f"/domains/{quote(domain, safe='')}")
    except Refused as error:
        if error.status != NOT_FOUND:
            raise
        named = session.get(IDENTITY, "/domains", {"name": domain})["domains"]
        if not named:
            raise NotFound(f"There is no domain {domain}.") from error
        return str(named[0]["id"])
    return domain


def _refuse_unless_text(given: str) -> None:
    """Raise :class:`UsageError` for bytes of the command line that are no UTF-8: no name has them."""
    try:
        given.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{given!r} is not UTF-8 text.") from None


def _typed_twice() -> str:
    """A new password from the terminal, which does not show it."""
    import getpass

    if not sys.stdin.isatty():
        raise UsageError("Nobody is there to type a password; --password-stdin reads it.")
    password = _usable(getpass.getpass("New password: "))
    if getpass.getpass("Once more: ") != password:
        raise UsageError("These were two different passwords; nothing was changed.")
    return password


def _line_of_stdin() -> str:
    return _usable(sys.stdin.readline().removesuffix("\n"))


def _usable(password: str) -> str:
    if not password:
        raise UsageError("The password is empty; nothing was changed.")
    if not password.isprintable():
        raise UsageError("The password holds a character that cannot be printed.")
    return password
