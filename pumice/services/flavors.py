"""Flavors: what they are, their extra specs, and who may use one that is not public."""

from __future__ import annotations

from typing import Final

import msgspec

from pumice.context import Context
from pumice.errors import Conflict, InvalidInput, NotFound
from pumice.model.flavor import Flavor, FlavorQuery
from pumice.store import flavors as rows
from pumice.store import projects
from pumice.store.txn import Txn

SORT_KEYS: Final = frozenset(rows.SORT_COLUMNS)
"""What lists of flavors may be sorted by."""


def list_flavors(txn: Txn, context: Context, query: FlavorQuery) -> list[Flavor]:
    """Query: the page of ``query``; whoever is no administrator gets what his project may use.

    Raises :class:`InvalidInput` for an unknown sort key or marker.
    """
    if query.sort_key not in SORT_KEYS:
        raise InvalidInput(f"Flavors cannot be sorted by {query.sort_key!r}.")
    if not context.is_admin:
        query = msgspec.structs.replace(query, is_public=True)
    return rows.select(txn, query, context.project_id)


def find_flavor(txn: Txn, context: Context, flavor_id: str) -> Flavor:
    """Query: one flavor. Raises :class:`pumice.errors.NotFound`, also for a hidden one."""
    return rows.get(txn, flavor_id, context.project_id, hidden=context.is_admin)


def create_flavor(txn: Txn, flavor: Flavor) -> Flavor:
    """Unit: add a flavor. Raises :class:`Conflict` if its id or name is taken."""
    rows.insert(txn, flavor)
    return flavor


def describe_flavor(txn: Txn, context: Context, flavor_id: str, description: str | None) -> Flavor:
    """Unit: change the description. Raises :class:`NotFound`."""
    rows.lock(txn, flavor_id)
    flavor = msgspec.structs.replace(find_flavor(txn, context, flavor_id), description=description)
    rows.update(txn, flavor)
    return flavor


def delete_flavor(txn: Txn, flavor_id: str) -> None:
    """Unit: remove a flavor. Raises :class:`NotFound`."""
    rows.delete(txn, flavor_id)


def set_extra_specs(
    txn: Txn, context: Context, flavor_id: str, specs: dict[str, str]
) -> dict[str, str]:
    """Unit: add or replace extra specs; those that were given. Raises :class:`NotFound`."""
    rows.lock(txn, flavor_id)
    flavor = find_flavor(txn, context, flavor_id)
    rows.update(txn, msgspec.structs.replace(flavor, extra_specs={**flavor.extra_specs, **specs}))
    return specs


def delete_extra_spec(txn: Txn, context: Context, flavor_id: str, key: str) -> None:
    """Unit: remove one extra spec. Raises :class:`NotFound` for the flavor or the key."""
    rows.lock(txn, flavor_id)
    flavor = find_flavor(txn, context, flavor_id)
    specs = dict(flavor.extra_specs)
    if key not in specs:
        raise NotFound(f"Flavor {flavor_id} has no extra specs with key {key}.")
    del specs[key]
    rows.update(txn, msgspec.structs.replace(flavor, extra_specs=specs))


def list_access(txn: Txn, context: Context, flavor_id: str) -> list[str]:
    """Query: the ids of the projects that may use a flavor.

    Raises :class:`NotFound`, also for a public flavor, which has no such list.
    """
    if find_flavor(txn, context, flavor_id).is_public:
        raise NotFound("Access list not available for public flavors.")
    return rows.projects(txn, flavor_id)


def grant_access(
    txn: Txn,
    context: Context,
    flavor_id: str,
    project_id: str,
    refuse_public: bool,  # noqa: FBT001 - a unit's arguments are positional
) -> list[str]:
    """Unit: let a project use a flavor; who may now.

    Raises :class:`InvalidInput` for no project, :class:`NotFound` for no flavor, and :class:`Conflict` if
    the project may already or, with ``refuse_public``, if everybody may.
    """
    if not projects.hold(txn, project_id):
        raise InvalidInput(f"Project ID {project_id} is not a valid project.")
    if find_flavor(txn, context, flavor_id).is_public and refuse_public:
        raise Conflict("Can not add access to a public flavor.")
    if not rows.grant(txn, flavor_id, project_id):
        raise Conflict(
            f"Flavor access already exists for flavor {flavor_id} and project {project_id} combination."
        )
    return rows.projects(txn, flavor_id)


def revoke_access(txn: Txn, context: Context, flavor_id: str, project_id: str) -> list[str]:
    """Unit: take that back, whether or not the project exists; who may now. Raises :class:`NotFound`."""
    find_flavor(txn, context, flavor_id)
    if not rows.revoke(txn, flavor_id, project_id):
        raise NotFound(f"Flavor access not found for {flavor_id} / {project_id} combination.")
    return rows.projects(txn, flavor_id)
