"""A pool under the names that Cinder's users know: in queries, in a driver's formulas, in ``get_pools``."""

from __future__ import annotations

from typing import Any

from pumice.model.backend import Pool


def figures(pool: Pool) -> dict[str, Any]:
    """All that the driver reported, and what Pumice itself knows of the pool; capacities in GiB."""
    own = {
        "host": pool.host,
        "backend_id": pool.host,
        "availability_zone": pool.availability_zone,
        "allocated_capacity_gb": pool.allocated_gib,
        "provisioned_capacity_gb": pool.provisioned_gib,
        "reserved_percentage": pool.reserved_percentage,
        "max_over_subscription_ratio": pool.max_over_subscription_ratio,
        "capabilities": pool.capabilities,
    }
    return pool.capabilities | own
