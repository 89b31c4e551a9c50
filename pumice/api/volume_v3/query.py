"""What only lists of the volume API need of a query: values in Python's writing, and pages cut in memory."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable
from typing import Any, Final, TypeVar

from pumice.api.query import Page
from pumice.errors import PumiceError

T = TypeVar("T", bound=Any)

_LITERALS: Final = ("[", "(", "{", "'", '"')


def sliced(
    items: list[T], paging: Page, bound: int, strange: Callable[[str], PumiceError]
) -> tuple[list[T], bool]:
    """One page of a list that is whole in memory, and whether another follows.

    Such a list takes a limit of 0 for the server's ``bound``, as in Cinder. Raises what ``strange``
    makes of a marker that is not in the list.
    """
    if paging.marker is not None:
        ids = [item.id for item in items]
        if paging.marker not in ids:
            raise strange(paging.marker)
        items = items[ids.index(paging.marker) + 1 :]
    size = min(paging.limit or bound, bound)
    stop = paging.offset + size
    return items[paging.offset : stop], len(items) > stop


def literal(text: str) -> Any:
    """A value that a client wrote as Python does: a list, a dictionary or a string; else ``text``."""
    if not text.startswith(_LITERALS):
        return text
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of what a client wrote nobody shall be warned.
        try:
            found = ast.literal_eval(text)
            str(found)  # Whoever compares it does: not so with an integer beyond 4,300 digits.
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return text
    return found
