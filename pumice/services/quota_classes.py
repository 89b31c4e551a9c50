"""Quota classes: limits under a name.

Those of the class ``default`` hold for every project that has no limit of its own. Other classes can be
set and read, and nothing asks for them, as in Cinder.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec.structs import asdict

from pumice.context import Context
from pumice.services.quotas import UNLIMITED, QuotaDefaults, require_known, resources_by_name
from pumice.store import quota_classes as rows
from pumice.store.txn import Txn

DEFAULT: Final = rows.DEFAULT


def show_quota_class(
    txn: Txn, context: Context, name: str, defaults: QuotaDefaults
) -> dict[str, int]:
    """Query: the limits of a class; what it does not set is as in the class ``default``."""
    limits = asdict(defaults) | rows.limits(txn, DEFAULT) | rows.limits(txn, name)
    return {
        shown: limits.get(resource, UNLIMITED)
        for shown, resource in resources_by_name(txn, context).items()
    }


def update_quota_class(
    txn: Txn, context: Context, name: str, wanted: Mapping[str, int], defaults: QuotaDefaults
) -> dict[str, int]:
    """Unit: set limits of a class. Those of ``default`` hold at once, also below what a project uses.

    Raises :class:`pumice.errors.InvalidInput` for an unknown name.
    """
    resources = resources_by_name(txn, context)
    require_known(wanted, resources, "quota class set")
    for shown, limit in wanted.items():
        rows.set_limit(txn, name, resources[shown], limit)
    return show_quota_class(txn, context, name, defaults)
