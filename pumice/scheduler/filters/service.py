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
    if reason := closed(pool.enabled, pool.disabled_reason, pool.frozen):
        return reason
    if pool.host in request.excluded:
        return "already tried in this request and failed"
    return None


def closed(enabled: bool, disabled_reason: str | None, frozen: bool) -> str | None:  # noqa: FBT001 - three columns of a row
    """Why an administrator lets a backend take no new volumes, if he does not."""
    if not enabled:
        because = f": {disabled_reason}" if disabled_reason else ""
        return f"service is disabled{because}"
    return "backend is frozen" if frozen else None
