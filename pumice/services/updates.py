"""What the changes of domains, projects, users, groups and roles have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from pumice.errors import Conflict, Forbidden, InvalidInput

T = TypeVar("T", bound=Struct)

Changes = Mapping[str, Any]
"""Fields with their new values; whoever decoded the request has checked their types."""


def updated(thing: T, changes: Changes) -> T:
    """``thing`` as it is after ``changes``.

    ``options`` and ``extra`` are added to what is there; an option that is None ends.
    """
    fields = {name: value for name, value in changes.items() if name in thing.__struct_fields__}
    for name in {"options", "extra"} & fields.keys():
        fields[name] = getattr(thing, name) | fields[name]
    if "options" in fields:
        fields["options"] = without_none(fields["options"])
    return msgspec.structs.replace(thing, **fields)


def without_none(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that have a value."""
    return {name: value for name, value in options.items() if value is not None}


def check_mutable(kind: str, thing: Any, changes: Changes | None) -> None:
    """Raise :class:`Forbidden` if ``thing`` is immutable; ``changes`` None means its removal.

    The one change that is allowed is to take ``options.immutable`` back, and nothing besides.
    """
    if not thing.options.get("immutable"):
        return
    if changes is None:
        deed = "delete"
    elif changes.keys() == {"options"} and changes["options"].get("immutable", True) in (
        False,
        None,
    ):
        return
    else:
        deed = "update"
    raise Forbidden(
        f"Unable to {deed} immutable {kind} resource: `{thing.id}. "
        'Set resource option "immutable" to false first.'
    )


def check_domain_stays(thing: Any, changes: Changes) -> None:
    """Raise :class:`InvalidInput` if ``changes`` would move ``thing`` to another domain."""
    if changes.get("domain_id", thing.domain_id) != thing.domain_id:
        raise InvalidInput("Cannot change Domain ID")


def name_taken(kind: str, name: str, domain_id: str | None = None) -> Conflict:
    """The error for a name that another one of the domain has."""
    place = f" at domain ID {domain_id}" if domain_id else ""
    return Conflict(
        f"Conflict occurred attempting to store {kind} - "
        f"Duplicate entry found with name {name}{place}."
    )
