"""Which cloud a command speaks to: ``clouds.yaml`` and ``OS_*``, as OpenStack's clients read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from pumice.errors import UsageError
from pumice.state_dir import choose_path

STATE_DIR_CLOUD: Final = "pumice"
"""The cloud in the ``clouds.yaml`` of a state directory."""

OS_AUTH_URL: Final = "OS_AUTH_URL"
"""The origin of a cloud that the environment's variables describe."""

_AUTH: Final = (
    "username",
    "user_id",
    "password",
    "token",
    "user_domain_id",
    "user_domain_name",
    "project_id",
    "project_name",
    "project_domain_id",
    "project_domain_name",
    "domain_id",
    "domain_name",
    "system_scope",
)


class Asked(NamedTuple):
    """What the person said on the command line."""

    cloud: str | None
    state_dir: Path | None
    insecure: bool = False


class Cloud(NamedTuple):
    """Where to log in, and as whom.

    ``origin`` says where this was read. ``auth`` has the keys of ``auth`` in clouds.yaml. ``state_dir``
    is the state directory which named the cloud: its database may be read while no server answers.
    """

    origin: str
    auth_url: str
    auth: Mapping[str, str]
    region: str | None = None
    interface: str = "public"
    verify: bool = True
    cacert: str | None = None
    state_dir: Path | None = None


def find_cloud(asked: Asked, environ: Mapping[str, str], working_dir: Path) -> Cloud:
    """The cloud that the person means. Raises :class:`UsageError`.

    It is that of ``--cloud``, ``--state-dir``, ``OS_CLOUD``, ``OS_AUTH_URL`` or the default state
    directory, whichever comes first in this order.
    """
    name = asked.cloud
    if name is None and asked.state_dir is None:
        name = environ.get("OS_CLOUD") or None
        if name is None and environ.get("OS_AUTH_URL"):
            return _checked(_from_environment(environ), insecure=asked.insecure)
    if name is None:
        found = _of_state_dir(choose_path(asked.state_dir, environ))
    else:
        found = _named(name, asked, environ, working_dir)
    return _checked(found, insecure=asked.insecure)


def state_dir_of(asked: Asked, environ: Mapping[str, str]) -> Path | None:
    """The state directory that the person means, with or without clouds in it; None for another cloud.

    Raises :class:`UsageError` if nothing says where it is.
    """
    if asked.cloud is not None:
        return None
    if asked.state_dir is None and (environ.get("OS_CLOUD") or environ.get("OS_AUTH_URL")):
        return None
    return choose_path(asked.state_dir, environ)


def state_dir_with(cloud: Cloud, asked: Asked, environ: Mapping[str, str]) -> Path | None:
    """The state directory whose own ``clouds.yaml`` logs in as ``cloud`` does; None if there is none.

    So it is found too where its ``openrc`` or its ``clouds.yaml`` was the way to the cloud.
    """
    try:
        path = choose_path(asked.state_dir, environ)
        own = _of_state_dir(path)
    except UsageError:
        return None
    same = own.auth_url == cloud.auth_url and own.auth.get("password") == cloud.auth.get("password")
    return path if same else None


def _from_environment(environ: Mapping[str, str]) -> Cloud:
    auth = {key: environ.get(f"OS_{key.upper()}", "") for key in _AUTH}
    return Cloud(
        OS_AUTH_URL,
        environ[OS_AUTH_URL],
        {key: text for key, text in auth.items() if text},
        region=environ.get("OS_REGION_NAME") or None,
        interface=environ.get("OS_INTERFACE") or "public",
        cacert=environ.get("OS_CACERT") or None,
    )


def _of_state_dir(path: Path) -> Cloud:
    file = path / "clouds.yaml"
    if not file.exists():
        raise UsageError(
            f"No cloud was named, and there is none in {path}: start one with `pumice serve`,"
            " or name one with --cloud, OS_CLOUD or --state-dir."
        )
    clouds = _read(file)
    if STATE_DIR_CLOUD not in clouds:
        raise UsageError(f"{file} has no cloud {STATE_DIR_CLOUD}.")
    found = _parsed(file, STATE_DIR_CLOUD, clouds[STATE_DIR_CLOUD])
    return found._replace(state_dir=path)


def _named(name: str, asked: Asked, environ: Mapping[str, str], working_dir: Path) -> Cloud:
    for file in _usual_places(environ, working_dir):
        if file.exists():
            clouds = _read(file)
            secure = file.with_name(f"secure{file.suffix}")
            secrets = _read(secure) if secure.exists() else {}
            if name in clouds:
                return _parsed(file, name, _merged(clouds[name], secrets.get(name)))
    path = choose_path(asked.state_dir, environ)
    if name == STATE_DIR_CLOUD and (path / "clouds.yaml").exists():
        return _of_state_dir(path)
    raise UsageError(f"No clouds.yaml has a cloud {name!r}.")


def _usual_places(environ: Mapping[str, str], working_dir: Path) -> Iterator[Path]:
    """Where openstacksdk looks, in its order."""
    if environ.get("OS_CLIENT_CONFIG_FILE"):
        yield Path(environ["OS_CLIENT_CONFIG_FILE"])
    home = Path(environ.get("HOME") or "/")
    user = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    for folder in (working_dir, user / "openstack", Path("/etc/openstack")):
        yield folder / "clouds.yaml"
        yield folder / "clouds.yml"


def _read(file: Path) -> dict[str, Any]:
    """The clouds of a file, by name."""
    import yaml

    try:
        content = yaml.safe_load(file.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not UTF-8 text.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise UsageError(f"{file}{line} is not YAML.") from error
    clouds = content.get("clouds") if isinstance(content, dict) else None
    if not isinstance(clouds, dict):
        raise UsageError(f"{file} has no clouds.")
    return clouds


def _merged(cloud: Any, secrets: Any) -> Any:
    """A cloud with what ``secure.yaml`` adds to it."""
    if not isinstance(cloud, dict) or not isinstance(secrets, dict):
        return cloud
    auth = {**(cloud.get("auth") or {}), **(secrets.get("auth") or {})}
    return {**cloud, **secrets, "auth": auth}


def _parsed(file: Path, name: str, cloud: Any) -> Cloud:
    origin = f"the cloud {name} in {file}"
    auth = cloud.get("auth") if isinstance(cloud, dict) else None
    if not isinstance(auth, dict) or not isinstance(auth.get("auth_url"), str):
        raise UsageError(f"{file}: the cloud {name} has no auth with an auth_url.")
    region, cacert = cloud.get("region_name"), cloud.get("cacert")
    return Cloud(
        origin,
        auth["auth_url"],
        # Digits without quotes are a number in YAML, and a name or a password here.
        {key: str(auth[key]) for key in _AUTH if auth.get(key) is not None},
        region=None if region is None else str(region),
        interface=str(cloud.get("interface") or "public"),
        verify=cloud.get("verify") is not False,
        cacert=None if cacert is None else str(Path(str(cacert)).expanduser()),
    )


def _checked(cloud: Cloud, *, insecure: bool) -> Cloud:
    """``cloud`` if one can log in with it. Raises :class:`UsageError`."""
    if not cloud.auth_url.startswith(("http://", "https://")):
        raise UsageError(f"The auth_url {cloud.auth_url!r} of {cloud.origin} is no http(s) URL.")
    has_user = "username" in cloud.auth or "user_id" in cloud.auth
    if "token" not in cloud.auth and not (has_user and "password" in cloud.auth):
        raise UsageError(f"There is neither a user with a password nor a token in {cloud.origin}.")
    return cloud._replace(verify=False) if insecure else cloud
