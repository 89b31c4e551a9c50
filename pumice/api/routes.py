"""Every API that one process serves, and every policy in them."""

from __future__ import annotations

from typing import Final

from pumice.api.app import Api
from pumice.api.compute_v2 import routes as compute_v2
from pumice.api.identity_v3 import routes as identity_v3
from pumice.api.policy import Policy, Rules, compile_rules
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


def rules() -> Rules:
    """The policies, compiled."""
    return compile_rules(policies())
