"""The commands that the installed clients have, and those that a test's source runs."""

from __future__ import annotations

import ast
import importlib.metadata
import inspect
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

SHELLS: Final = MappingProxyType(
    {
        "cinder": "cinder",
        "latest": "cinder",
        "nova": "nova",
        "openstack": "openstack",
        "openstack_": "openstack",
        "as_user": "openstack",
    }
)
"""What tests call to run a command (or to get what they call), and its client."""

PROXIES: Final = MappingProxyType(
    {
        "block_storage": "block_storage",
        "volumes": "block_storage",
        "identity": "identity",
        "compute": "compute",
    }
)
"""What tests call the proxies of openstacksdk, and the proxy."""

_PROXY_CLASSES: Final = MappingProxyType(
    {
        "block_storage": "openstack.block_storage.v3._proxy:Proxy",
        "identity": "openstack.identity.v3._proxy:Proxy",
        "compute": "openstack.compute.v2._proxy:Proxy",
    }
)
_OPENSTACK_GROUPS: Final = ("openstack.common", "openstack.identity.v3", "openstack.volume.v3")


def installed() -> dict[str, frozenset[str]]:
    """By client, all that it can do with block storage, identity and flavors.

    A command of a shell is its words (``volume type list``), one of a proxy the method's name. Those
    of ``openstack`` are its own: what plugins add is not about Pumice.
    """
    found = {
        "cinder": _actions("cinderclient.v3.shell"),
        "nova": {name for name in _actions("novaclient.v2.shell") if name.startswith("flavor-")},
        "openstack": set(_openstack_commands()),
        **{client: _methods(name) for client, name in _PROXY_CLASSES.items()},
    }
    found["compute"] = {name for name in found["compute"] if "flavor" in name}
    return {client: frozenset(commands) for client, commands in found.items()}


def _actions(module: str) -> set[str]:
    """The commands of a shell that finds its functions by their names."""
    names = vars(pkgutil.resolve_name(module))
    return {name[3:].replace("_", "-") for name in names if name.startswith("do_")}


def _openstack_commands() -> Iterator[str]:
    entry_points = importlib.metadata.distribution("python-openstackclient").entry_points
    for group in _OPENSTACK_GROUPS:
        yield from (one.name.replace("_", " ") for one in entry_points.select(group=group))
    for one in entry_points.select(group="openstack.compute.v2"):
        if one.name.startswith("flavor_"):
            yield one.name.replace("_", " ")


def _methods(name: str) -> set[str]:
    """The methods that a proxy does not merely inherit."""
    own = vars(pkgutil.resolve_name(name)).items()
    return {method for method, what in own if inspect.isfunction(what) and method[0] != "_"}


def exercised(source: str, commands: Mapping[str, Iterable[str]]) -> dict[str, set[str]]:
    """By client, those of ``commands`` that a module of tests runs, and that are not refused.

    It is the source that is read: a command counts if its words stand in the call.
    """
    found: dict[str, set[str]] = {client: set() for client in commands}
    known = {client: frozenset(names) for client, names in commands.items()}
    for call in _calls(ast.parse(source)):
        client, words = _run(call)
        if client in known:
            # `volume type list` is not `volume`: the longest command that the words begin with.
            runs = (" ".join(words[:length]) for length in range(len(words), 0, -1))
            if run := next((one for one in runs if one in known[client]), None):
                found[client].add(run)
    return found


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    """Every call under ``node`` that is not expected to fail."""
    if isinstance(node, ast.With) and any(
        "pytest.raises" in ast.unparse(one) for one in node.items
    ):
        return
    if isinstance(node, ast.Call) and all(one.arg != "status" for one in node.keywords):
        yield node
    for child in ast.iter_child_nodes(node):
        yield from _calls(child)


def _run(call: ast.Call) -> tuple[str | None, list[str]]:
    """The client that is called, if any, and the words of the command."""
    function = call.func
    if isinstance(function, ast.Attribute):
        return PROXIES.get(_last_name(function.value)), [function.attr]
    if isinstance(function, ast.Call):  # as_user(...)("token", "issue")
        function = function.func
    return SHELLS.get(_last_name(function)), list(_words(call.args))


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _words(arguments: list[ast.expr]) -> Iterator[str]:
    """The words that a call begins with, after names (of the shell, of options) and ``--os-...``."""
    rest = iter(arguments)
    begun = False
    for argument in rest:
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            if not begun and argument.value.startswith("--os-"):
                next(rest, None)
                continue
            begun = True
            yield argument.value
        elif begun:
            return
