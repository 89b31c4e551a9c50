"""The log levels of this process, which an administrator may change while it runs."""

from __future__ import annotations

import logging
from typing import Final

from pumice.errors import InvalidInput

LEVELS: Final = ("ERROR", "WARNING", "INFO", "DEBUG")
"""What a logger may be set to: from nearly nothing to everything."""

_OURS: Final = "pumice"


def log_levels(prefix: str) -> dict[str, str]:
    """The effective level of each logger of Pumice whose name begins with ``prefix``, by name."""
    return {
        logger.name: logging.getLevelName(logger.getEffectiveLevel()) for logger in _loggers(prefix)
    }


def set_log_levels(prefix: str, level: str) -> None:
    """Set each of these loggers to ``level``, in any case, until the process ends.

    Raises :class:`InvalidInput` for a word that is no level.
    """
    if level.upper() not in LEVELS:
        raise InvalidInput(f"Invalid input received: {level} is not a valid log level.")
    for logger in _loggers(prefix):
        logger.setLevel(level.upper())


def _loggers(prefix: str) -> list[logging.Logger]:
    """In the order of their names; those of libraries are not ours to show."""
    # A copy: another thread may import a module, and its logger with it, meanwhile.
    known = logging.root.manager.loggerDict.copy()
    names = sorted(
        name
        for name, logger in known.items()
        if isinstance(logger, logging.Logger)
        and (name == _OURS or name.startswith(f"{_OURS}."))
        and name.startswith(prefix)
    )
    return [logging.getLogger(name) for name in names]
