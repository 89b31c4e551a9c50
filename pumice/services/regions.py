"""Regions of the catalog: list and show."""

from __future__ import annotations

from pumice.context import Context
from pumice.model.identity import Region, RegionQuery
from pumice.store import regions as rows
from pumice.store.txn import Txn


def list_regions(txn: Txn, _context: Context, query: RegionQuery) -> list[Region]:
    """Query: the regions of ``query``, by id."""
    return rows.select(txn, query)


def find_region(txn: Txn, _context: Context, region_id: str) -> Region:
    """Query: one region. Raises :class:`pumice.errors.NotFound`."""
    return rows.get(txn, region_id)
