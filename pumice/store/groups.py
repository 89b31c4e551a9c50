"""Rows of ``groups`` and ``group_members``."""

from __future__ import annotations

from typing import Final

from pumice.errors import NotFound
from pumice.model.identity import Group, GroupQuery
from pumice.store.json_columns import decode_object, parameters
from pumice.store.listing import Condition, matching, page
from pumice.store.txn import Row, Txn

_SELECT: Final = "SELECT id, domain_id, name, description, extra, created_at FROM groups"


def _group(row: Row) -> Group:
    id_, domain_id, name, description, extra, created_at = row
    return Group(id_, domain_id, name, description, decode_object(extra), created_at)


_INSERT: Final = """
INSERT INTO groups (id, domain_id, name, description, extra, created_at)
VALUES (:id, :domain_id, :name, :description, :extra, :created_at)
"""


def insert(txn: Txn, group: Group) -> None:
    """Add a group; its id, and its name in the domain, must be new."""
    txn.change(_INSERT, parameters(group))


_UPDATE: Final = """
UPDATE groups SET name = :name, description = :description, extra = :extra WHERE id = :id
"""


def update(txn: Txn, group: Group) -> None:
    """Let the group be as it is here; no other in its domain may have its name."""
    txn.change(_UPDATE, parameters(group))


_REMOVE_MEMBERS: Final = "DELETE FROM group_members WHERE group_id = :id"
_REMOVE: Final = "DELETE FROM groups WHERE id = :id"


def remove(txn: Txn, group_id: str) -> None:
    """Remove a group; its members are in it no more."""
    txn.change(_REMOVE_MEMBERS, {"id": group_id})
    txn.change(_REMOVE, {"id": group_id})


_GET: Final = f"{_SELECT} WHERE id = :id"


def get(txn: Txn, group_id: str) -> Group:
    """The group. Raises :class:`NotFound`."""
    row = txn.one(_GET, {"id": group_id})
    if row is None:
        raise NotFound(f"Could not find group: {group_id}.")
    return _group(row)


_FIND_NAMED: Final = f"{_SELECT} WHERE domain_id = :domain_id AND name = :name"


def find_named(txn: Txn, domain_id: str, name: str) -> Group | None:
    """The domain's group of this name, or None."""
    row = txn.one(_FIND_NAMED, {"domain_id": domain_id, "name": name})
    return None if row is None else _group(row)


def select(txn: Txn, query: GroupQuery, conditions: tuple[Condition, ...] = ()) -> list[Group]:
    """The page of ``query``. Raises :class:`NotFound` for an unknown marker."""
    filters = {"name": query.name, "domain_id": query.domain_id}
    bounds = (query.limit, query.marker)
    conditions = (*conditions, *matching(query.matches))
    rows = page(txn, _SELECT, "groups", filters, bounds, conditions)
    return [_group(row) for row in rows]


_OF_USER: Final = "id IN (SELECT group_id FROM group_members WHERE user_id = :user_id)"


def of_user(txn: Txn, user_id: str, query: GroupQuery) -> list[Group]:
    """Those of ``query`` that the user is in."""
    return select(txn, query, ((_OF_USER, {"user_id": user_id}),))


_ADD_MEMBER: Final = """
INSERT INTO group_members (group_id, user_id) VALUES (:group_id, :user_id)
ON CONFLICT (group_id, user_id) DO NOTHING
"""


def add_member(txn: Txn, group_id: str, user_id: str) -> None:
    """Put the user in the group; no change if he is in it."""
    txn.change(_ADD_MEMBER, {"group_id": group_id, "user_id": user_id})


_IS_MEMBER: Final = """
SELECT 1 FROM group_members WHERE group_id = :group_id AND user_id = :user_id
"""


def is_member(txn: Txn, group_id: str, user_id: str) -> bool:
    """Whether the user is in the group."""
    return txn.one(_IS_MEMBER, {"group_id": group_id, "user_id": user_id}) is not None


_REMOVE_MEMBER: Final = """
DELETE FROM group_members WHERE group_id = :group_id AND user_id = :user_id
"""


def remove_member(txn: Txn, group_id: str, user_id: str) -> bool:
    """Take the user out of the group; False if he is not in it."""
    return txn.change(_REMOVE_MEMBER, {"group_id": group_id, "user_id": user_id}) > 0


_LEAVE_ALL: Final = "DELETE FROM group_members WHERE user_id = :user_id"


def leave_all(txn: Txn, user_id: str) -> None:
    """Take the user out of every group."""
    txn.change(_LEAVE_ALL, {"user_id": user_id})
