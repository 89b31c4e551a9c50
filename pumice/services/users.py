"""Users. A change of the password, or being disabled, ends all tokens that a user has."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from pumice.context import Context
from pumice.errors import InvalidInput, NotFound
from pumice.model.identity import User, UserQuery
from pumice.seams import Clock
from pumice.services.domains import in_own_domain
from pumice.services.scopes import Login, refused
from pumice.services.updates import Changes, check_domain_stays, name_taken, updated
from pumice.store import assignments, domains, groups
from pumice.store import users as rows
from pumice.store.txn import Txn

_SECOND_US: Final = 1_000_000


def list_users(txn: Txn, context: Context, query: UserQuery) -> list[User]:
    """Query: the page of ``query``; of a domain's token, only its domain's.

    Raises :class:`pumice.errors.NotFound` for an unknown marker.
    """
    own = in_own_domain(context, query)
    return [] if own is None else rows.select(txn, own)


def find_user(txn: Txn, _context: Context, user_id: str) -> User:
    """Query: one user. Raises :class:`pumice.errors.NotFound`."""
    return rows.get(txn, user_id)


def create_user(txn: Txn, _context: Context, user: User, password_hash: str | None) -> User:
    """Unit: make a user; without a hash nobody logs in as him.

    Raises :class:`pumice.errors.NotFound` for an unknown domain, :class:`InvalidInput` if the default
    project is a domain and :class:`pumice.errors.Conflict` if the name is taken.
    """
    domains.get(txn, user.domain_id)
    _check(txn, user)
    rows.insert(txn, user, password_hash)
    return user


def update_user(
    txn: Txn,
    _context: Context,
    user_id: str,
    changes: Changes,
    password_hash: str | UnsetType | None,
    clock: Clock,
) -> User:
    """Unit: change a user, and the password unless its new hash is ``UNSET``.

    Raises :class:`pumice.errors.NotFound`, :class:`InvalidInput` if he would move to another domain or
    the default project is a domain, and :class:`pumice.errors.Conflict` if the name is taken.
    """
    before = rows.get(txn, user_id)
    check_domain_stays(before, changes)
    user = updated(before, changes)
    if password_hash is not UNSET:
        rows.set_password_hash(txn, user_id, password_hash)
    if password_hash is not UNSET or (before.enabled and not user.enabled):
        user = _without_tokens(user, clock)
    _check(txn, user)
    rows.update(txn, user)
    return user


def _check(txn: Txn, user: User) -> None:
    project_id = user.default_project_id
    if project_id is not None and domains.find(txn, project_id) is not None:
        raise InvalidInput(f"User's default project ID cannot be a domain ID: {project_id}")
    other = rows.find_named(txn, user.domain_id, user.name)
    if other is not None and other.id != user.id:
        raise name_taken("user", user.name, user.domain_id)


def _without_tokens(user: User, clock: Clock) -> User:
    """``user``, whose tokens are void.

    The time is read within the unit, when nobody can log in any more by what was true before it: who did
    while a new password was hashed, or while this waited for its turn, has an older token.

    After a second change in one second it is a second later than after the first one, because who logged
    in between has a token of that second.
    """
    now_us = clock.now_us()
    this_second = now_us - now_us % _SECOND_US
    return msgspec.structs.replace(
        user, tokens_after=max(this_second, user.tokens_after + _SECOND_US)
    )


def change_password(txn: Txn, login: Login, password_hash: str, clock: Clock) -> None:
    """Unit: change the password of the user who has just proved to be ``login``.

    Raises :class:`pumice.errors.Unauthenticated` if he may not log in, or if his password is another one
    by now; :class:`InvalidInput` if he may not change it himself.
    """
    user = rows.find(txn, login.user_id)
    if user is None or rows.password_hash(txn, user.id) != login.password_hash:
        raise refused(f"The password of user {login.user_id} has just changed.")
    domain = domains.get(txn, user.domain_id)
    if not user.enabled or not domain.enabled:
        raise refused(f"User {user.id} or his domain is disabled.")
    if user.options.get("lock_password"):
        raise InvalidInput(
            "You cannot change your password at this time due to password policy disallowing password "
            "changes. Please contact your administrator to reset your password."
        )
    rows.set_password_hash(txn, user.id, password_hash)
    rows.update(txn, _without_tokens(user, clock))


def reset_password(txn: Txn, name: str, domain: str, password_hash: str, clock: Clock) -> User:
    """Unit: change a user's password for whoever may write the database; ``domain`` is an id or a name.

    Raises :class:`NotFound`.
    """
    home = domains.find(txn, domain) or domains.find_named(txn, domain)
    if home is None:
        raise NotFound(f"There is no domain {domain}.")
    user = rows.find_named(txn, home.id, name)
    if user is None:
        raise NotFound(f"There is no user {name} in the domain {domain}.")
    rows.set_password_hash(txn, user.id, password_hash)
    user = _without_tokens(user, clock)
    rows.update(txn, user)
    return user


def revoke_tokens(txn: Txn, _context: Context, user_id: str, clock: Clock) -> None:
    """Unit: end all tokens of a user. Raises :class:`pumice.errors.NotFound`."""
    rows.update(txn, _without_tokens(rows.get(txn, user_id), clock))


def delete_user(txn: Txn, _context: Context, user_id: str) -> None:
    """Unit: remove a user, from his groups too, with his roles. Raises :class:`pumice.errors.NotFound`."""
    rows.get(txn, user_id)
    groups.leave_all(txn, user_id)
    assignments.remove_of_actor(txn, "user", user_id)
    rows.remove(txn, user_id)
