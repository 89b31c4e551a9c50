"""The repository as the tidy rules see it: paths and texts, nothing that git or the tools made."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]

# Everything else that begins with a dot belongs to git, to an editor or to a tool.
_HIDDEN_BUT_OURS: Final = (".ci", ".gitignore")
_MADE_BY_TOOLS: Final = ("__pycache__", "dist")


def read_repository(root: Path = ROOT) -> dict[str, str]:
    """Each text file's path below ``root``, with slashes, and its text."""
    return {path.relative_to(root).as_posix(): path.read_text("utf-8") for path in _files(root)}


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if _ours(name))
        yield from (Path(folder, name) for name in sorted(names) if _ours(name))


def _ours(name: str) -> bool:
    if name.endswith((".egg-info", ".pyc", ".png")) or name in _MADE_BY_TOOLS:
        return False
    return not name.startswith(".") or name in _HIDDEN_BUT_OURS
