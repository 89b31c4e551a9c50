"""Who asks, for which project, under which request id: what every unit and handler is told."""

from __future__ import annotations

from msgspec import Struct

from pumice.trace import Trace


class Context(Struct, frozen=True):
    """One caller's request. Made by the API edge from a validated token, or by a process for itself.

    ``scope`` is ``project``, ``domain``, ``system`` or ``unscoped``; ``project_id`` and ``domain_id``
    are set accordingly. ``roles`` holds names, implied ones included. ``now_us`` is the time of the
    request in UTC microseconds: units take it from here, because a unit may run more than once.
    """

    request_id: str
    global_request_id: str | None
    user_id: str
    user_domain_id: str
    scope: str
    project_id: str | None
    domain_id: str | None
    roles: frozenset[str]
    now_us: int
    trace: Trace
    project_domain_id: str | None = None
    """Of ``project_id``."""

    @property
    def is_admin(self) -> bool:
        """Cinder's ``is_admin``: the role admin, whatever the scope."""
        return "admin" in self.roles
