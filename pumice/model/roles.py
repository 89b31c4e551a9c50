"""What a serving process may do; one does everything, several on one database may share it."""

from __future__ import annotations

from typing import Final, Literal, get_args

Role = Literal["api", "scheduler", "volume"]

ROLES: Final[frozenset[Role]] = frozenset(get_args(Role))
