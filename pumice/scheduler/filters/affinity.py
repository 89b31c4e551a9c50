"""Together with, or apart from, volumes that the client named (hints ``same_host``, ``different_host``)."""

from __future__ import annotations

from typing import Final

from pumice.model.backend import PlacementRequest, Pool, Verdict


class SameBackendFilter:
    """Passes pools that hold one of the volumes of the hint ``same_host``; without the hint, all."""

    name: Final = "SameBackendFilter"

    def check(self, pool: Pool, request: PlacementRequest) -> Verdict:
        """See :meth:`pumice.scheduler.contract.Filter.check`."""
        wanted = request.hints.same_host
        passed = wanted is None or pool.host in wanted
        return Verdict(pool.host, self.name, passed, _reason("same_host", wanted))


class DifferentBackendFilter:
    """Passes pools that hold none of the volumes of the hint ``different_host``."""

    name: Final = "DifferentBackendFilter"

    def check(self, pool: Pool, request: PlacementRequest) -> Verdict:
        """See :meth:`pumice.scheduler.contract.Filter.check`."""
        unwanted = request.hints.different_host
        passed = unwanted is None or pool.host not in unwanted
        return Verdict(pool.host, self.name, passed, _reason("different_host", unwanted))


def _reason(hint: str, hosts: tuple[str, ...] | None) -> str:
    if hosts is None:
        return f"no hint {hint}"
    return f"hint {hint}: the volumes are on {', '.join(hosts) or 'no pool'}"
