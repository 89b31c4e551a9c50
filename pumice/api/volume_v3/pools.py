"""``/scheduler-stats/get_pools``: the scheduler's view of the backends' pools."""

from __future__ import annotations

from typing import Any, Final

from pumice.api.query import boolean, single_values
from pumice.api.request import Request
from pumice.api.route import Route
from pumice.api.views import time_text
from pumice.api.volume_v3 import policies, versions
from pumice.errors import InvalidInput, VolumeTypeNotFound
from pumice.model.backend import Pool
from pumice.scheduler.figures import figures

_NOT_SHOWN: Final = {"host", "backend_id", "availability_zone", "capabilities"}
_FILTERS: Final = {"name": versions.POOL_FILTER, "volume_type": versions.POOL_TYPE_FILTER}


async def get_pools(request: Request) -> dict[str, Any]:
    """Every pool, by name; with ``detail`` all that is known of it."""
    given = single_values(request)
    with_detail = boolean(given, "detail")
    filters = {key for key, since in _FILTERS.items() if since <= request.microversion}
    unknown = given.keys() - {"detail"} - filters
    if unknown and request.microversion >= versions.RESOURCE_FILTERS:
        raise InvalidInput(f"Invalid filters {min(unknown)} are found in query options.")
    name = given.get("name") if "name" in filters else None
    able = None
    if "volume_type" in filters and "volume_type" in given:
        able = await request.services.volumes.pools_for(request.context, given["volume_type"])
    # In one order, whichever process answers: each has learnt of them in an order of its own.
    pools = sorted(request.services.pools.pools(), key=lambda pool: pool.host)
    return {
        "pools": [
            {"name": pool.host, "capabilities": capabilities(request, pool)}
            if with_detail
            else {"name": pool.host}
            for pool in pools
            if name in (None, pool.host) and (able is None or pool.host in able)
        ]
    }


def capabilities(request: Request, pool: Pool) -> dict[str, Any]:
    """What the driver reported, with the figures that Pumice keeps itself in Cinder's names."""
    shown = {
        "max_over_subscription_ratio": str(pool.max_over_subscription_ratio),
        "backend_state": "up" if pool.up else "down",
        "timestamp": time_text(request.context.now_us),
    }
    own = {key: value for key, value in figures(pool).items() if key not in _NOT_SHOWN}
    return {"filter_function": None, "goodness_function": None} | own | shown


ROUTES: Final = (
    Route(
        "GET",
        "/scheduler-stats/get_pools",
        get_pools,
        policies.POOLS,
        raises=(VolumeTypeNotFound,),
    ),
)
