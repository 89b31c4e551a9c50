"""``policy.yaml``: what an administrator lets people do instead of the defaults, in oslo.policy's syntax.

A mapping of names to rules, as Cinder, Keystone and Nova read it; one file for all of them, since their names
differ. It is read once, at the start.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from pumice.errors import SettingsError

MAX_BYTES: Final = 1024 * 1024


def read_policy_file(path: Path) -> dict[str, str]:
    """The rules of ``path`` by name. Raises :class:`SettingsError`, one sentence with the place."""
    import yaml  # noqa: PLC0415 - 15 ms that only those pay who have such a file

    try:
        node = yaml.compose(_read(path), Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "it is not YAML"
        raise _wrong(path, mark, problem) from error
    except RecursionError as error:
        raise SettingsError(f"{path} is nested too deep.") from error
    if node is None or _is_null(node):
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise _wrong(path, node.start_mark, "expected lines of a name, a colon and a rule")
    rules: dict[str, str] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _wrong(path, key.start_mark, "expected the name of a rule")
        if key.value in rules:
            raise _wrong(path, key.start_mark, f"the rule {key.value} stands twice")
        # oslo.policy: an empty list is an empty rule, which is always true.
        is_empty_list = isinstance(value, yaml.SequenceNode) and not value.value
        if not (isinstance(value, yaml.ScalarNode) or is_empty_list):
            raise _wrong(path, value.start_mark, f"the rule of {key.value} is not a text")
        rules[key.value] = "" if is_empty_list or _is_null(value) else value.value
    return rules


def _read(path: Path) -> str:
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            # Who opens a pipe waits for somebody to write to it.
            raise SettingsError(f"{path} is no file.")
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise SettingsError(f"{path} is larger than {MAX_BYTES} bytes.")
        return raw.decode()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8.") from error


def _is_null(node: Any) -> bool:
    return bool(node.tag == "tag:yaml.org,2002:null")


def _wrong(path: Path, mark: Any, problem: str) -> SettingsError:
    """An error with its place: ``mark`` is PyYAML's, None if it does not say."""
    line = f":{mark.line + 1}" if mark else ""
    return SettingsError(f"{path}{line}: {problem}.")
