"""Drivers are found by name: shipped ones first, then those of installed packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from pumice.drivers.file import FileDriver
from pumice.drivers.memory import MemoryDriver
from pumice.drivers.registry import SHIPPED, load_driver
from pumice.errors import SettingsError

PLUGIN = """
from pumice.drivers.memory import MemoryDriver
from pumice.drivers.options import Option

class Good(MemoryDriver):
    pass

class Greedy(MemoryDriver):
    OPTIONS = tuple(Option(f"option{number}", "", "One of many.") for number in range(11))

class NoDriver:
    def create_volume(self, volume):
        pass
"""

ENTRY_POINTS = """
[pumice.drivers]
good = acme_storage:Good
greedy = acme_storage:Greedy
none = acme_storage:NoDriver
absent = acme_storage:Missing
gone = acme_uninstalled:Driver
memory = acme_storage:Good
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package of somebody else, as pip would have put it there."""
    (tmp_path / "acme_storage.py").write_text(PLUGIN)
    information = tmp_path / "acme_storage-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.parametrize(("name", "driver"), [("file", FileDriver), ("memory", MemoryDriver)])
def test_shipped_drivers_are_found(name: str, driver: type) -> None:
    assert load_driver(name) is driver


def test_every_shipped_driver_is_a_driver() -> None:
    for name in SHIPPED:
        assert load_driver(name).OPTIONS


@pytest.mark.usefixtures("installed")
def test_installed_driver_is_found() -> None:
    found = load_driver("good")
    assert (found.__module__, found.__name__) == ("acme_storage", "Good")


@pytest.mark.usefixtures("installed")
def test_shipped_name_cannot_be_taken_over() -> None:
    assert load_driver("memory") is MemoryDriver


@pytest.mark.usefixtures("installed")
def test_unknown_name_tells_the_nearest_and_all() -> None:
    with pytest.raises(SettingsError) as caught:
        load_driver("memroy")
    assert "no such driver; did you mean memory?" in caught.value.public
    for name in ("file", "memory", "good"):
        assert name in caught.value.public.partition("There are: ")[2]


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("none", "is no driver: it has no from_settings, check_for_setup_error"),
        ("greedy", "declares more than 2 options"),
        ("absent", "acme_storage:Missing cannot be imported"),
        ("gone", "acme_uninstalled:Driver cannot be imported"),
    ],
)
def test_what_is_no_driver_is_refused(name: str, why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        load_driver(name)
