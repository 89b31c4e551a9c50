"""The parts of Tempest that are run, from ``groups.toml``, and which tests those are."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

FILE: Final = Path(__file__).with_name("groups.toml")


class Group(NamedTuple):
    """A part of Tempest: the tests in the package ``under`` whose further name matches ``include``.

    ``not_built`` has, for each feature that is not there, what needs it: tests, classes or modules by
    their further names. ``services`` are those that Tempest is told of; it skips what needs another one.
    """

    name: str
    under: str
    include: str
    services: Sequence[str]
    not_built: Mapping[str, Sequence[str]]


class Selection(NamedTuple):
    """The tests of one group: ``run`` as Tempest lists them, ``left_out`` by name with the feature."""

    group: Group
    run: Sequence[str]
    left_out: Mapping[str, str]

    @property
    def names(self) -> list[str]:
        """The plain names of the tests to run."""
        return [plain(test) for test in self.run]


class StaleEntry(Exception):
    """An entry of ``not_built`` names no test."""


def read_groups(file: Path = FILE) -> tuple[Group, ...]:
    """The groups of a file, in its order."""
    return tuple(Group(**group) for group in tomllib.loads(file.read_text())["group"])


def plain(test_id: str) -> str:
    """A test's name without its attributes: ``a.B.test_c[id-1,smoke]`` is ``a.B.test_c``."""
    return test_id.partition("[")[0]


def select(
    group: Group, listed: Sequence[str], pattern: str = "", *, all_of_it: bool = False
) -> Selection:
    """The tests of ``group`` among those that Tempest has, as far as ``pattern`` is found in them.

    ``all_of_it`` runs what is not built, too. Raises :class:`StaleEntry` if a name of ``not_built``
    stands for no test of the group: then the list does not say what is true.
    """
    members = re.compile(rf"{re.escape(group.under)}\.({group.include})")
    tests = [test for test in listed if members.match(test)]
    left_out = dict(_left_out(group, [plain(test) for test in tests]))
    wanted = [test for test in tests if re.search(pattern, test)]
    if all_of_it:
        return Selection(group, wanted, {})
    return Selection(
        group,
        [test for test in wanted if plain(test) not in left_out],
        {plain(test): left_out[plain(test)] for test in wanted if plain(test) in left_out},
    )


def _left_out(group: Group, tests: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each test that is left out, with the feature that it needs."""
    for feature, names in group.not_built.items():
        for name in names:
            covered = [test for test in tests if f"{test}.".startswith(f"{group.under}.{name}.")]
            if not covered:
                raise StaleEntry(f"{group.name}: Tempest has no {name} (not built: {feature}).")
            yield from ((test, feature) for test in covered)
