"""Regions of the catalog, which may lie in each other."""

from __future__ import annotations

from pumice.context import Context
from pumice.errors import Conflict, Forbidden, InvalidInput
from pumice.model.identity import Region, RegionQuery
from pumice.services.updates import Changes, updated
from pumice.store import regions as rows
from pumice.store.txn import Txn


def list_regions(txn: Txn, _context: Context, query: RegionQuery) -> list[Region]:
    """Query: the regions of ``query``, by id."""
    return rows.select(txn, query)


def find_region(txn: Txn, _context: Context, region_id: str) -> Region:
    """Query: one region. Raises :class:`pumice.errors.NotFound`."""
    return rows.get(txn, region_id)


def create_region(txn: Txn, _context: Context, region: Region) -> Region:
    """Unit: make a region.

    Raises :class:`pumice.errors.NotFound` for an unknown parent, :class:`Conflict` if the id is taken.
    """
    _check_circle(txn, region)
    if not rows.insert(txn, region):
        raise Conflict(f"Conflict occurred attempting to store region - Duplicate ID, {region.id}.")
    return region


def update_region(txn: Txn, _context: Context, region_id: str, changes: Changes) -> Region:
    """Unit: change a region.

    Raises :class:`pumice.errors.NotFound`, also for an unknown parent, and :class:`InvalidInput` if it would
    lie in itself.
    """
    region = updated(rows.get(txn, region_id), changes)
    _check_circle(txn, region)
    rows.update(txn, region)
    return region


def _check_circle(txn: Txn, region: Region) -> None:
    """Raise :class:`InvalidInput` if one of the regions around ``region`` is itself."""
    above = region.parent_region_id
    while above is not None:
        if above == region.id:
            raise InvalidInput(
                f"The specified parent region {region.parent_region_id} would create a circular "
                "region hierarchy."
            )
        above = rows.get(txn, above).parent_region_id


def delete_region(txn: Txn, _context: Context, region_id: str) -> None:
    """Unit: remove a region.

    Raises :class:`pumice.errors.NotFound`, and :class:`Forbidden` if an endpoint or another region is in it.
    """
    rows.get(txn, region_id)
    if rows.is_used(txn, region_id):
        raise Forbidden(
            f"Unable to delete region {region_id} because it or its child regions have associated "
            "endpoints."
        )
    rows.remove(txn, region_id)
