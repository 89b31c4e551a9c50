"""Rows of ``flavors`` and ``flavor_access``."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec.structs import asdict

from pumice.errors import InvalidInput, NotFound
from pumice.model.flavor import Flavor, FlavorQuery
from pumice.store.txn import Row, Txn

_SELECT: Final = """
SELECT id, name, description, ram_mib, vcpus, disk_gib, ephemeral_gib, swap_mib, rxtx_factor,
    is_public, extra_specs
FROM flavors
"""
_decode_specs: Final = msgspec.json.Decoder(dict[str, str]).decode


def _flavor(row: Row) -> Flavor:
    id_, name, description, ram, vcpus, disk, ephemeral, swap, rxtx, is_public, specs = row
    return Flavor(
        id_,
        name,
        description,
        ram,
        vcpus,
        disk,
        ephemeral,
        swap,
        rxtx,
        bool(is_public),
        _decode_specs(specs),
    )


_INSERT: Final = """
INSERT INTO flavors (id, name, description, ram_mib, vcpus, disk_gib, ephemeral_gib, swap_mib,
    rxtx_factor, is_public, extra_specs)
VALUES (:id, :name, :description, :ram_mib, :vcpus, :disk_gib, :ephemeral_gib, :swap_mib,
    :rxtx_factor, :is_public, :extra_specs)
"""


def insert(txn: Txn, flavor: Flavor) -> None:
    """Add a flavor; its id and name must be new."""
    specs = msgspec.json.encode(flavor.extra_specs).decode()
    txn.change(_INSERT, {**asdict(flavor), "extra_specs": specs})


_GRANT: Final = """
INSERT INTO flavor_access (flavor_id, project_id) VALUES (:flavor_id, :project_id)
ON CONFLICT (flavor_id, project_id) DO NOTHING
"""


def grant(txn: Txn, flavor_id: str, project_id: str) -> None:
    """Let a project use a flavor that is not public."""
    txn.change(_GRANT, {"flavor_id": flavor_id, "project_id": project_id})


_ANY: Final = "SELECT 1 FROM flavors LIMIT 1"


def exist(txn: Txn) -> bool:
    """Whether there is a flavor at all."""
    return txn.one(_ANY) is not None


# Public, or on the project's list.
_ALLOWED: Final = """(is_public = TRUE OR EXISTS (SELECT 1 FROM flavor_access a
    WHERE a.flavor_id = flavors.id AND a.project_id = :project_id))"""

_GET: Final = f"{_SELECT} WHERE id = :id AND (:all = TRUE OR {_ALLOWED})"


def get(txn: Txn, flavor_id: str, project_id: str | None, *, hidden: bool) -> Flavor:
    """The flavor, if ``project_id`` may use it or ``hidden`` ones may be seen. Raises NotFound."""
    row = txn.one(_GET, {"id": flavor_id, "project_id": project_id, "all": hidden})
    if row is None:
        raise NotFound(f"Flavor {flavor_id} could not be found.")
    return _flavor(row)


# Nova's names of what flavors may be sorted by. By what no flavors differ in, the id alone sorts.
# NULL sorts as the empty text, so that a page can begin after it.
SORT_COLUMNS: Final = {
    "created_at": "id",
    "description": "COALESCE(description, '')",
    "disabled": "id",
    "ephemeral_gb": "ephemeral_gib",
    "flavorid": "id",
    "id": "id",
    "is_public": "is_public",
    "memory_mb": "ram_mib",
    "name": "name",
    "root_gb": "disk_gib",
    "rxtx_factor": "rxtx_factor",
    "swap": "swap_mib",
    "updated_at": "id",
    "vcpu_weight": "id",
    "vcpus": "vcpus",
}


def select(txn: Txn, query: FlavorQuery, project_id: str | None) -> list[Flavor]:
    """The page of ``query`` as ``project_id`` sees it.

    Raises :class:`InvalidInput` for a marker that is no flavor of the list.
    """
    column = SORT_COLUMNS[query.sort_key]
    where = ["ram_mib >= :min_ram", "disk_gib >= :min_disk"]
    if query.is_public is not None:
        where.append(_ALLOWED if query.is_public else "is_public = FALSE")
    parameters: dict[str, Any] = {
        "project_id": project_id,
        "min_ram": query.min_ram_mib,
        "min_disk": query.min_disk_gib,
        "limit": query.limit,
        "marker": query.marker,
    }
    if query.marker is not None:
        seen = " AND ".join([*where, "id = :marker"])
        last = txn.one(f"SELECT {column} FROM flavors WHERE {seen}", parameters)
        if last is None:
            raise InvalidInput(f"marker [{query.marker}] not found")
        sign = "<" if query.descending else ">"
        where.append(f"({column}, id) {sign} (:last, :marker)")
        parameters["last"] = last[0]
    way = "DESC" if query.descending else "ASC"
    bound = "" if query.limit is None else "LIMIT :limit"
    rows = txn.all(
        f"{_SELECT} WHERE {' AND '.join(where)} ORDER BY {column} {way}, id {way} {bound}",
        parameters,
    )
    return [_flavor(row) for row in rows]
