"""The check before all others: is the pool in service at all? It cannot be configured away."""

from __future__ import annotations

from typing import Final

from pumice.model.backend import PlacementRequest, Pool, Verdict


class ServiceFilter:
    """Passes pools that are up, enabled, not frozen, and were not tried in vain by this request."""

    name: Final = "ServiceFilter"

    def check(self, pool: Pool, request: PlacementRequest) -> Verdict:
        """See :meth:`pumice.scheduler.contract.Filter.check`."""
        refusal = _refusal(pool, request)
        return Verdict(pool.host, self.name, refusal is None, refusal or "up and enabled")


def _refusal(pool: Pool, request: PlacementRequest) -> str | None:
    if not pool.up:
        return "backend is down"
    if not pool.enabled:
        because = f": {pool.disabled_reason}" if pool.disabled_reason else ""
        return f"service is disabled{because}"
    if pool.frozen:
        return "backend is frozen"
    if pool.host in request.excluded:
        return "already tried in this request and failed"
    return None
