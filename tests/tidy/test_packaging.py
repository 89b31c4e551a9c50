"""What is installed is what the repository holds."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, Final
from zipfile import ZipFile

import pytest

from tests.tidy.repository import ROOT, read_repository
from tests.tidy.text_rules import pins

PROJECT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
ENTRY_POINTS: Final = tuple(
    EntryPoint(name, value, group)
    for group, entries in PROJECT["project"]["entry-points"].items()
    for name, value in entries.items()
)


@pytest.mark.parametrize("entry_point", ENTRY_POINTS, ids=lambda point: point.name)
def test_an_entry_point_leads_to_a_class_of_its_name(entry_point: EntryPoint) -> None:
    assert entry_point.load().__name__.lower().startswith(entry_point.name.lower())


@pytest.mark.parametrize(
    ("lock", "requirements"),
    [
        ("build", PROJECT["build-system"]["requires"]),
        ("runtime", PROJECT["project"]["dependencies"]),
        ("test", PROJECT["project"]["optional-dependencies"]["test"]),
        ("dev", PROJECT["project"]["optional-dependencies"]["dev"]),
    ],
)
def test_the_lock_has_what_the_project_requires(lock: str, requirements: list[str]) -> None:
    locked = pins(read_repository()[f"requirements/{lock}.txt"])
    names = [re.split(r"[<>=!~\[; ]", text)[0].lower().replace("_", "-") for text in requirements]
    assert [name for name in names if name not in locked] == [], "make lock"


def test_the_wheel_holds_every_file_of_the_package(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", f"{tmp_path}"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    packed = {name for name in ZipFile(wheel).namelist() if name.startswith("pumice/")}
    assert packed == {path for path in read_repository() if path.startswith("pumice/")}
