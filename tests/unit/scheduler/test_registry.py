"""Schedulers from names: shipped ones, those of packages, and sentences about wrong ones."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from pumice.errors import SettingsError
from pumice.model.backend import PlacementRequest, Pool, Verdict
from pumice.scheduler.chance import ChanceScheduler
from pumice.scheduler.registry import (
    FILTERS,
    WEIGHERS,
    Ingredients,
    Installed,
    entry_points_of,
    make_scheduler,
)
from pumice.scheduler.select import FilterScheduler
from pumice.scheduler.simple import SimpleScheduler

DEFAULT_FILTERS: Final = ("AvailabilityZoneFilter", "CapacityFilter", "CapabilitiesFilter")
DEFAULT_WEIGHERS: Final = ("CapacityWeigher",)
PARTS: Final = Ingredients(lambda: 0.5)


class EvenFilter:
    """A filter as a package brings it."""

    name: Final = "EvenFilter"

    def check(self, pool: Pool, request: PlacementRequest) -> Verdict:
        even = request.size_gib % 2 == 0
        return Verdict(pool.host, self.name, even, f"{request.size_gib} GiB")


class NamedWeigher:
    """A weigher as a package brings it, last in the alphabet first."""

    name: Final = "NamedWeigher"
    multiplier: Final = 1.0

    def raw(self, pools: Sequence[Pool], request: PlacementRequest) -> Sequence[float]:
        del request
        return [float(ord(pool.host[0])) for pool in pools]


class NeedsAnArgument:
    def __init__(self, argument: str) -> None:
        self.name = argument


class HasOnlyAName:
    name: Final = "HasOnlyAName"


def installed(**names: str) -> Installed:
    """Entry points of every group: the name, and the class in this file that it means."""
    return lambda _group: {name: f"{__name__}:{target}" for name, target in names.items()}


def none_installed(_group: str) -> Mapping[str, str]:
    return {}


def refusal(
    driver: str, filters: Sequence[str], weighers: Sequence[str], found: Installed
) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        make_scheduler(driver, filters, weighers, PARTS, found)
    return caught.value


def test_filter() -> None:
    made = make_scheduler("filter", DEFAULT_FILTERS, DEFAULT_WEIGHERS, PARTS, none_installed)
    assert isinstance(made, FilterScheduler)
    assert (made.name, made.filters) == ("filter", ("ServiceFilter", *DEFAULT_FILTERS))


def test_simple_looks_at_no_list() -> None:
    made = make_scheduler("simple", ["Nonsense"], ["Nonsense"], PARTS, none_installed)
    assert isinstance(made, SimpleScheduler)
    assert (made.name, made.filters) == ("simple", ("ServiceFilter", *DEFAULT_FILTERS))


def test_chance_has_the_filters_and_no_weighers() -> None:
    made = make_scheduler("chance", ["CapacityFilter"], ["Nonsense"], PARTS, none_installed)
    assert isinstance(made, ChanceScheduler)
    assert (made.name, made.filters) == ("chance", ("ServiceFilter", "CapacityFilter"))


def test_the_multiplier_of_the_settings_counts(
    pool: Callable[..., Pool], request_for: Callable[..., PlacementRequest]
) -> None:
    pools = [pool("large", free_gib=90.0), pool("small", free_gib=20.0)]
    for multiplier, best in ((2.0, "large"), (-1.0, "small")):
        parts = Ingredients(float, multiplier)
        made = make_scheduler("filter", [], ["CapacityWeigher"], parts, none_installed)
        first = made.rank(request_for(), pools).candidates[0]
        assert (first.host, first.weight) == (best, max(multiplier, 0.0))


INSTALLED: Final = """
class EvenFilter:
    name = "EvenFilter"

    def check(self, pool, request):
        from pumice.model.backend import Verdict
        return Verdict(pool.host, self.name, request.size_gib % 2 == 0, f"{request.size_gib} GiB")


class LastWeigher:
    name = "LastWeigher"
    multiplier = 1.0

    def raw(self, pools, request):
        return [float(number) for number, _ in enumerate(pools)]
"""


def test_an_installed_distribution_is_found(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pool: Callable[..., Pool],
    request_for: Callable[..., PlacementRequest],
) -> None:
    """A package as pip leaves it: the module, and a .dist-info with its entry points."""
    (tmp_path / "even_pumice.py").write_text(INSTALLED)
    info = tmp_path / "even_pumice-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: even-pumice\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        f"[{FILTERS.group}]\nEvenFilter = even_pumice:EvenFilter\n"
        f"[{WEIGHERS.group}]\nLastWeigher = even_pumice:LastWeigher\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "even_pumice", raising=False)
    made = make_scheduler("filter", ["EvenFilter", "CapacityFilter"], ["LastWeigher"], PARTS)
    ranking = made.rank(request_for(), [pool("a"), pool("b")])
    assert [each.host for each in ranking.candidates] == ["b", "a"]
    refused = made.rank(request_for(size_gib=7), [pool("a")])
    assert [(one.filter, one.reason) for one in refused.verdicts if not one.passed] == [
        ("EvenFilter", "7 GiB")
    ]
    monkeypatch.delitem(sys.modules, "even_pumice")


def test_what_packages_bring_is_used(
    pool: Callable[..., Pool], request_for: Callable[..., PlacementRequest]
) -> None:
    found = installed(EvenFilter="EvenFilter", NamedWeigher="NamedWeigher")
    made = make_scheduler("filter", ["EvenFilter"], ["NamedWeigher"], PARTS, found)
    pools = [pool("a"), pool("c"), pool("b")]
    assert [each.host for each in made.rank(request_for(), pools).candidates] == ["c", "b", "a"]
    assert made.rank(request_for(size_gib=7), pools).candidates == ()


def test_a_package_cannot_take_a_shipped_name() -> None:
    found = installed(CapacityFilter="EvenFilter")
    made = make_scheduler("filter", ["CapacityFilter"], [], PARTS, found)
    assert made.filters == ("ServiceFilter", "CapacityFilter")


@pytest.mark.parametrize(
    ("driver", "filters", "weighers", "sentence"),
    [
        pytest.param(
            "filtre",
            [],
            [],
            "scheduler_driver = filtre: no such scheduler; did you mean filter?"
            " There are: filter, chance, simple.",
            id="driver",
        ),
        pytest.param(
            "filter",
            ["CapacityFilter", "CapabilityFilter"],
            [],
            "scheduler_default_filters: CapabilityFilter: no such filter;"
            " did you mean CapabilitiesFilter? There are: AvailabilityZoneFilter,"
            " CapabilitiesFilter, CapacityFilter, DifferentBackendFilter, DriverFilter, EvenFilter,"
            " JsonFilter, SameBackendFilter.",
            id="filter",
        ),
        pytest.param(
            "filter",
            [],
            ["xyz"],
            "scheduler_default_weighers: xyz: no such weigher."
            " There are: AllocatedCapacityWeigher, CapacityWeigher, ChanceWeigher, EvenFilter,"
            " GoodnessWeigher, VolumeNumberWeigher.",
            id="weigher, nothing near",
        ),
        pytest.param(
            "filter",
            ["CapacityFilter", "CapacityFilter"],
            [],
            "scheduler_default_filters names a filter twice.",
            id="twice",
        ),
    ],
)
def test_a_wrong_name(driver: str, filters: list[str], weighers: list[str], sentence: str) -> None:
    found = installed(EvenFilter="EvenFilter")
    assert refusal(driver, filters, weighers, found).public == sentence


@pytest.mark.parametrize(
    ("target", "end"),
    [
        ("Nowhere", "cannot be loaded."),
        ("NeedsAnArgument", "cannot be loaded."),
        ("HasOnlyAName", "is no filter: no check."),
        ("EvenFilter", "calls itself EvenFilter."),
    ],
)
def test_a_wrong_class(target: str, end: str) -> None:
    error = refusal("filter", ["Mine"], [], installed(Mine=target))
    assert error.public == f"scheduler_default_filters: Mine: {__name__}:{target} {end}"
    assert bool(error.detail) is (end == "cannot be loaded.")


def test_a_module_that_is_missing() -> None:
    error = refusal("filter", [], ["Mine"], lambda _group: {"Mine": "no_such_module:Mine"})
    assert error.public == "scheduler_default_weighers: Mine: no_such_module:Mine cannot be loaded."
    assert "no_such_module" in error.detail


@pytest.mark.parametrize("kind", [FILTERS, WEIGHERS])
def test_the_shipped_names_are_declared_as_entry_points(kind: Any) -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    assert project["project"]["entry-points"][kind.group] == dict(kind.shipped)


def test_every_shipped_name_can_be_loaded() -> None:
    made = make_scheduler(
        "filter", list(FILTERS.shipped), list(WEIGHERS.shipped), PARTS, none_installed
    )
    assert made.filters == ("ServiceFilter", *FILTERS.shipped)


def test_the_entry_points_of_real_packages_are_found() -> None:
    assert "pytest" in entry_points_of("console_scripts")
    assert entry_points_of("pumice.no.such.group") == {}


def test_the_defaults_do_not_load_the_reader_of_entry_points() -> None:
    code = (
        "import sys\n"
        "from pumice.scheduler.registry import Ingredients, make_scheduler\n"
        f"make_scheduler('filter', {DEFAULT_FILTERS}, {DEFAULT_WEIGHERS}, Ingredients(float))\n"
        "sys.exit('importlib.metadata' in sys.modules)"
    )
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
