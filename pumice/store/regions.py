"""Rows of ``regions``."""

from __future__ import annotations

from typing import Final

from msgspec.structs import asdict

from pumice.errors import NotFound
from pumice.model.identity import Region, RegionQuery
from pumice.store.listing import filtered
from pumice.store.txn import Txn

_SELECT: Final = "SELECT id, description, parent_region_id FROM regions"

_INSERT: Final = """
INSERT INTO regions (id, description, parent_region_id)
VALUES (:id, :description, :parent_region_id)
ON CONFLICT (id) DO NOTHING
"""


def insert(txn: Txn, region: Region) -> bool:
    """Add a region; False, and no change, if there is one of that id."""
    return txn.change(_INSERT, asdict(region)) > 0


_GET: Final = f"{_SELECT} WHERE id = :id"


def get(txn: Txn, region_id: str) -> Region:
    """The region. Raises :class:`NotFound`."""
    row = txn.one(_GET, {"id": region_id})
    if row is None:
        raise NotFound(f"Could not find region: {region_id}.")
    return Region(*row)


def select(txn: Txn, query: RegionQuery) -> list[Region]:
    """The regions of ``query``, by id."""
    filters = {"parent_region_id": query.parent_region_id}
    return [Region(*row) for row in filtered(txn, _SELECT, filters, "id")]
