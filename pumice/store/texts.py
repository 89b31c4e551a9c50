"""Texts of a client's as statements compare them: the same on both databases."""

from __future__ import annotations

import string
from typing import Final

_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def lowered(text: str) -> str:
    """``text`` as ``lower`` makes it of a column: only ASCII's letters have a lower case there.

    Not in SQL, where PostgreSQL would lower a parameter by the rules of the database's language.
    """
    return text.translate(_LOWER)


def literal(text: str, escape: str) -> str:
    """``text`` as a part of a pattern of LIKE that means nothing but itself."""
    for character in (escape, "%", "_"):
        text = text.replace(character, f"{escape}{character}")
    return text
