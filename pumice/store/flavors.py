"""Rows of ``flavors`` and ``flavor_access``."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec.structs import asdict

from pumice.errors import Conflict, InvalidInput, NotFound
from pumice.model.flavor import Flavor, FlavorQuery
from pumice.store.locking import locking
from pumice.store.texts import literal, lowered
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
ON CONFLICT DO NOTHING
"""
_ID_TAKEN: Final = "SELECT 1 FROM flavors WHERE id = :id"


def insert(txn: Txn, flavor: Flavor) -> None:
    """Add a flavor. Raises :class:`Conflict` if its id or name is taken."""
    specs = _encode_specs(flavor.extra_specs)
    if txn.change(_INSERT, {**asdict(flavor), "extra_specs": specs}):
        return
    if txn.one(_ID_TAKEN, {"id": flavor.id}):
        raise Conflict(f"Flavor with ID {flavor.id} already exists.")
    raise Conflict(f"Flavor with name {flavor.name} already exists.")


def _encode_specs(specs: dict[str, str]) -> str:
    return msgspec.json.encode(specs).decode()


_UPDATE: Final = """
UPDATE flavors SET description = :description, extra_specs = :extra_specs WHERE id = :id
"""


def update(txn: Txn, flavor: Flavor) -> None:
    """Write the description and the extra specs; nothing else of a flavor ever changes."""
    specs = _encode_specs(flavor.extra_specs)
    txn.change(_UPDATE, {"id": flavor.id, "description": flavor.description, "extra_specs": specs})


_LOCK: Final = locking("SELECT 1 FROM flavors WHERE id = :id", "UPDATE")


def lock(txn: Txn, flavor_id: str) -> None:
    """Let nobody else change the flavor, or who may use it, until this transaction ends."""
    txn.one(_LOCK[txn.engine], {"id": flavor_id})


_DELETE_ACCESS: Final = "DELETE FROM flavor_access WHERE flavor_id = :id"
_DELETE: Final = "DELETE FROM flavors WHERE id = :id"


def delete(txn: Txn, flavor_id: str) -> None:
    """Remove a flavor and its list of projects. Raises :class:`NotFound`."""
    lock(txn, flavor_id)
    txn.change(_DELETE_ACCESS, {"id": flavor_id})
    if not txn.change(_DELETE, {"id": flavor_id}):
        raise NotFound(f"Flavor {flavor_id} could not be found.")


_GRANT: Final = """
INSERT INTO flavor_access (flavor_id, project_id) VALUES (:flavor_id, :project_id)
ON CONFLICT (flavor_id, project_id) DO NOTHING
"""


def grant(txn: Txn, flavor_id: str, project_id: str) -> bool:
    """Let a project use a flavor that is not public; False if it may already."""
    return txn.change(_GRANT, {"flavor_id": flavor_id, "project_id": project_id}) > 0


_REVOKE: Final = """
DELETE FROM flavor_access WHERE flavor_id = :flavor_id AND project_id = :project_id
"""


def revoke(txn: Txn, flavor_id: str, project_id: str) -> bool:
    """Take that back; False if the project had no access."""
    return txn.change(_REVOKE, {"flavor_id": flavor_id, "project_id": project_id}) > 0


_PROJECTS: Final = """
SELECT project_id FROM flavor_access WHERE flavor_id = :flavor_id ORDER BY project_id
"""


def projects(txn: Txn, flavor_id: str) -> list[str]:
    """The ids of the projects on a flavor's list."""
    return [row[0] for row in txn.all(_PROJECTS, {"flavor_id": flavor_id})]


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
    if query.name is not None:
        where.append("lower(name) LIKE :name ESCAPE '!'")
    if query.is_public is not None:
        where.append(_ALLOWED if query.is_public else "is_public = FALSE")
    parameters: dict[str, Any] = {
        "project_id": project_id,
        "name": f"%{literal(lowered(query.name or ''), '!')}%",
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
