"""Does the driver itself want the volume? Its ``filter_function``, if it reports one, says so."""

from __future__ import annotations

from typing import Final

from pumice.model.backend import PlacementRequest, Pool, Verdict
from pumice.scheduler.formula import evaluated


class DriverFilter:
    """Passes pools whose formula comes to something true, and those without one."""

    name: Final = "DriverFilter"

    def check(self, pool: Pool, request: PlacementRequest) -> Verdict:
        """See :meth:`pumice.scheduler.contract.Filter.check`."""
        passed, reason = _judge(pool, request)
        return Verdict(pool.host, self.name, passed, reason)


def _judge(pool: Pool, request: PlacementRequest) -> tuple[bool, str]:
    text = pool.capabilities.get("filter_function")
    if text is None:
        return True, "the driver has no filter_function"
    try:
        found = evaluated(str(text), pool, request)
    except ValueError as error:
        return False, f"filter_function {text!r} fails ({error})"
    return bool(found), f"filter_function {text!r} is {found!r}"
