"""Every API that one process serves, and every policy in them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from pumice.api.app import Api
from pumice.api.compute_v2 import routes as compute_v2
from pumice.api.identity_v3 import routes as identity_v3
from pumice.api.policy import ALIASES, Policy, Rules, compile_rules
from pumice.api.pumice_v1 import routes as pumice_v1
from pumice.api.volume_v3 import routes as volume_v3

APIS: Final[tuple[Api, ...]] = (
    *pumice_v1.APIS,
    *identity_v3.APIS,
    *volume_v3.APIS,
    *compute_v2.APIS,
)


def policies() -> list[Policy]:
    """Every policy that a route names, once, by name."""
    routes = [route for api in APIS for route in api.routes]
    named = {
        policy.name: policy
        for route in routes
        for policy in (route.policy, *route.further)
        if policy is not None
    }
    return [named[name] for name in sorted(named)]


class EffectivePolicy(NamedTuple):
    """A policy or an alias as it holds: ``default`` is its own rule, ``routes`` are those it guards."""

    name: str
    rule: str
    default: str
    description: str
    routes: tuple[str, ...]


def effective_policies(overrides: Mapping[str, str]) -> list[EffectivePolicy]:
    """Every policy by name, then the aliases that rules refer to, the ``overrides``' own included.

    Raises :class:`pumice.errors.SettingsError` for a rule that is not understood.
    """
    compile_rules(policies(), overrides=overrides)
    guarded: dict[str, list[str]] = {}
    for api in APIS:
        for route in api.routes:
            for policy in filter(None, (route.policy, *route.further)):
                where = "/".join(("", *api.mount)) + route.path.rstrip("/")
                action = f" {route.action}" if route.action else ""
                guarded.setdefault(policy.name, []).append(f"{route.method} {where}{action}")
    found = [
        EffectivePolicy(
            one.name,
            overrides.get(one.name, one.rule),
            one.rule,
            one.description,
            tuple(guarded[one.name]),
        )
        for one in policies()
    ]
    known = {one.name for one in found}
    aliases = {**ALIASES, **{name: "" for name in overrides if name not in known | {*ALIASES}}}
    return found + [
        EffectivePolicy(name, overrides.get(name, rule), rule, "", ())
        for name, rule in sorted(aliases.items())
    ]


def rules(overrides: Mapping[str, str] = MappingProxyType({})) -> Rules:
    """The policies, compiled; ``overrides`` are those of a policy file.

    Raises :class:`pumice.errors.SettingsError`, as :func:`pumice.api.policy.compile_rules`.
    """
    return compile_rules(policies(), overrides=overrides)
