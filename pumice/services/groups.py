"""Groups and who is in them. What a group may do counts for a member's tokens as long as he is one."""

from __future__ import annotations

from pumice.context import Context
from pumice.errors import NotFound
from pumice.model.identity import Group, GroupQuery, User, UserQuery
from pumice.services.domains import in_own_domain
from pumice.services.updates import Changes, check_domain_stays, name_taken, updated
from pumice.store import assignments, domains, users
from pumice.store import groups as rows
from pumice.store.txn import Txn


def list_groups(txn: Txn, context: Context, query: GroupQuery) -> list[Group]:
    """Query: the page of ``query``; of a domain's token, only its domain's.

    Raises :class:`NotFound` for an unknown marker.
    """
    own = in_own_domain(context, query)
    return [] if own is None else rows.select(txn, own)


def find_group(txn: Txn, _context: Context, group_id: str) -> Group:
    """Query: one group. Raises :class:`NotFound`."""
    return rows.get(txn, group_id)


def create_group(txn: Txn, _context: Context, group: Group) -> Group:
    """Unit: make a group.

    Raises :class:`NotFound` for an unknown domain, :class:`pumice.errors.Conflict` if the name is taken.
    """
    domains.get(txn, group.domain_id)
    _check_name(txn, group)
    rows.insert(txn, group)
    return group


def update_group(txn: Txn, _context: Context, group_id: str, changes: Changes) -> Group:
    """Unit: change a group.

    Raises :class:`NotFound`, :class:`pumice.errors.InvalidInput` if it would move to another domain and
    :class:`pumice.errors.Conflict` if the name is taken.
    """
    group = rows.get(txn, group_id)
    check_domain_stays(group, changes)
    group = updated(group, changes)
    _check_name(txn, group)
    rows.update(txn, group)
    return group


def _check_name(txn: Txn, group: Group) -> None:
    other = rows.find_named(txn, group.domain_id, group.name)
    if other is not None and other.id != group.id:
        raise name_taken("group", group.name, group.domain_id)


def delete_group(txn: Txn, _context: Context, group_id: str) -> None:
    """Unit: remove a group and its roles; its users stay. Raises :class:`NotFound`."""
    rows.get(txn, group_id)
    assignments.remove_of_actor(txn, "group", group_id)
    rows.remove(txn, group_id)


def list_members(txn: Txn, context: Context, query: UserQuery, group_id: str) -> list[User]:
    """Query: those of ``query`` who are in the group; of a domain's token, only its domain's.

    Raises :class:`NotFound` for an unknown group or marker.
    """
    rows.get(txn, group_id)
    own = in_own_domain(context, query)
    return [] if own is None else users.in_group(txn, group_id, own)


def list_groups_of_user(txn: Txn, context: Context, query: GroupQuery, user_id: str) -> list[Group]:
    """Query: those of ``query`` that the user is in; of a domain's token, only its domain's.

    Raises :class:`NotFound` for an unknown user or marker.
    """
    users.get(txn, user_id)
    own = in_own_domain(context, query)
    return [] if own is None else rows.of_user(txn, user_id, own)


def check_member(txn: Txn, _context: Context, group_id: str, user_id: str) -> None:
    """Query: nothing, if the user is in the group. Raises :class:`NotFound` if not."""
    _check_both(txn, group_id, user_id)
    if not rows.is_member(txn, group_id, user_id):
        raise _no_member(group_id, user_id)


def add_member(txn: Txn, _context: Context, group_id: str, user_id: str) -> None:
    """Unit: put a user in a group, whatever his domain; no change if he is in it.

    Raises :class:`NotFound` for an unknown group or user.
    """
    _check_both(txn, group_id, user_id)
    rows.add_member(txn, group_id, user_id)


def remove_member(txn: Txn, _context: Context, group_id: str, user_id: str) -> None:
    """Unit: take a user out of a group. Raises :class:`NotFound`, also if he is not in it."""
    _check_both(txn, group_id, user_id)
    if not rows.remove_member(txn, group_id, user_id):
        raise _no_member(group_id, user_id)


def _check_both(txn: Txn, group_id: str, user_id: str) -> None:
    rows.get(txn, group_id)
    users.get(txn, user_id)


def _no_member(group_id: str, user_id: str) -> NotFound:
    return NotFound(f"User '{user_id}' not found in group '{group_id}'.")
