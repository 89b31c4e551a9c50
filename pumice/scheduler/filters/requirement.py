"""The grammar of extra specs: which capability a key means, and which values a text accepts.

A requirement's first word is its operator, the next word its operand:

============================  ==================================================================
``text``                      the capability is exactly this text (no operator: the whole text)
``= n``, ``>= n``             the number is at least n
``<= n``, ``== n``, ``!= n``  the number is so
``s== t`` and ``s!=`` ``s<``  the text is so (``s<=``, ``s>``, ``s>=`` too)
``<in> t``                    the capability contains t
``<is> t``                    both are true, or neither (1, t, true, on, y, yes are true)
``<or> a <or> b``             the capability is exactly one of these texts
null                          the capability is null
============================  ==================================================================

An operator without operand, or with values that it cannot compare, accepts nothing.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from msgspec import Struct

_KNOWN_REQUIREMENTS: Final = 1024
"""How many parsed requirements are remembered: volume types are few, placements many."""

_MISSING: Final = object()

_PROTOCOLS: Final = (
    ("iSCSI", "iscsi"),
    ("FC", "fc", "fibre_channel"),
    ("NFS", "nfs"),
    ("NVMe-oF", "NVMeOF", "nvmeof"),
)
_SPELLINGS: Final = {name: names for names in _PROTOCOLS for name in names}

_TRUE: Final = frozenset({"1", "t", "true", "on", "y", "yes"})

_Compare = Callable[[Any, Any], bool]


def _as_numbers(compare: _Compare) -> _Compare:
    return lambda value, operand: compare(float(value), float(operand))


def _same_truth(value: Any, operand: Any) -> bool:
    return _truth(value) is _truth(operand)


def _truth(value: object) -> bool:
    return str(value).strip().lower() in _TRUE


_OPERATORS: Final[Mapping[str, _Compare]] = {
    "=": _as_numbers(operator.ge),
    ">=": _as_numbers(operator.ge),
    "<=": _as_numbers(operator.le),
    "==": _as_numbers(operator.eq),
    "!=": _as_numbers(operator.ne),
    "s==": operator.eq,
    "s!=": operator.ne,
    "s>": operator.gt,
    "s>=": operator.ge,
    "s<": operator.lt,
    "s<=": operator.le,
    "<in>": operator.contains,
    "<is>": _same_truth,
}


class Requirement(Struct, frozen=True):
    """What one extra spec asks for: the path of the capability, and what it must be.

    ``exact`` is the one text that is accepted, None when the requirement is of another form.
    """

    path: tuple[str, ...]
    exact: str | None
    accepts: Callable[[Any], bool]

    def found(self, capabilities: Mapping[str, Any]) -> tuple[bool, object]:
        """Whether the capabilities have the path's end, and what stands there."""
        value: object = capabilities
        for name in self.path:
            value = value.get(name, _MISSING) if isinstance(value, Mapping) else _MISSING
        return value is not _MISSING, None if value is _MISSING else value

    def satisfied_by(self, value: object) -> bool:
        """Whether ``value``, or one of its elements if it is a list, is accepted.

        A storage protocol counts under each of its spellings.
        """
        if self.exact is not None and value == self.exact:  # By far the most frequent case.
            return True
        values = value if isinstance(value, list) else [value]
        if self.path == ("storage_protocol",):
            values = [name for value in values for name in _spellings(value)]
        return any(map(self.accepts, values))


@lru_cache(maxsize=_KNOWN_REQUIREMENTS)
def requirement(key: str, text: str | None) -> Requirement | None:
    """What the extra spec ``key = text`` asks for; None: nothing that concerns capabilities.

    ``capabilities:a:b`` means b within a; another scope is somebody else's; a key without scope
    names the capability itself.
    """
    scope, *path = key.split(":")
    if path and scope != "capabilities":
        return None
    exact, accepts = _acceptance(text)
    return Requirement(tuple(path or [scope]), exact, accepts)


def _acceptance(text: str | None) -> tuple[str | None, Callable[[Any], bool]]:
    if text is None:
        return None, lambda value: value is None
    word, *operands = text.split() or [""]
    if word == "<or>":
        choices = tuple(operands[::2])  # Between them stands the word <or> again.
        return None, lambda value: value in choices
    compare = _OPERATORS.get(word)
    if compare is None:
        return text, lambda value: bool(value == text)
    if not operands:
        return None, lambda _: False
    return None, lambda value: _compared(compare, value, operands[0])


def _compared(compare: _Compare, value: object, operand: str) -> bool:
    if value is None:
        return False
    try:
        return compare(value, operand)
    except (TypeError, ValueError, OverflowError):  # Not of a kind that this operator compares.
        return False


def _spellings(protocol: object) -> tuple[object, ...]:
    return _SPELLINGS.get(protocol, (protocol,)) if isinstance(protocol, str) else (protocol,)
