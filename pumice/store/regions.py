"""Rows of ``regions``."""

from __future__ import annotations

from typing import Final

from pumice.errors import NotFound
from pumice.model.identity import Region, RegionQuery
from pumice.store.json_columns import decode_object, parameters
from pumice.store.listing import filtered
from pumice.store.txn import Row, Txn

_SELECT: Final = "SELECT id, description, parent_region_id, extra FROM regions"


def _region(row: Row) -> Region:
    id_, description, parent_region_id, extra = row
    return Region(id_, description, parent_region_id, decode_object(extra))


_INSERT: Final = """
INSERT INTO regions (id, description, parent_region_id, extra)
VALUES (:id, :description, :parent_region_id, :extra)
ON CONFLICT (id) DO NOTHING
"""


def insert(txn: Txn, region: Region) -> bool:
    """Add a region; False, and no change, if there is one of that id."""
    return txn.change(_INSERT, parameters(region)) > 0


_UPDATE: Final = """
UPDATE regions SET description = :description, parent_region_id = :parent_region_id, extra = :extra
WHERE id = :id
"""


def update(txn: Txn, region: Region) -> None:
    """Let the region be as it is here."""
    txn.change(_UPDATE, parameters(region))


_REMOVE: Final = "DELETE FROM regions WHERE id = :id"


def remove(txn: Txn, region_id: str) -> None:
    """Remove a region in which nothing is."""
    txn.change(_REMOVE, {"id": region_id})


_GET: Final = f"{_SELECT} WHERE id = :id"


def get(txn: Txn, region_id: str) -> Region:
    """The region. Raises :class:`NotFound`."""
    row = txn.one(_GET, {"id": region_id})
    if row is None:
        raise NotFound(f"Could not find region: {region_id}.")
    return _region(row)


_IS_USED: Final = """
SELECT 1 FROM endpoints WHERE region_id = :id
UNION ALL SELECT 1 FROM regions WHERE parent_region_id = :id
"""


def is_used(txn: Txn, region_id: str) -> bool:
    """Whether an endpoint or another region is in the region."""
    return txn.one(_IS_USED, {"id": region_id}) is not None


def select(txn: Txn, query: RegionQuery) -> list[Region]:
    """The regions of ``query``, by id."""
    filters = {"parent_region_id": query.parent_region_id}
    return [_region(row) for row in filtered(txn, _SELECT, filters, "id")]
