"""Rules for documents, lock files and the shape of the tree.

Each rule takes the repository as :func:`tests.tidy.repository.read_repository` gives it and yields
its findings as one sentence each.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Final

# Written so that this line is no finding itself.
_LEFTOVERS: Final = re.compile(r"\b(TO[D]O|FIX[M]E|X[X]X)\b")
_FENCED: Final = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_INLINE: Final = re.compile(r"`[^`\n]+`")
_LINK: Final = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")
_HEADING: Final = re.compile(r"^#+ +(.*?) *$", re.MULTILINE)
_TARGET: Final = re.compile(r"^([a-z]+):", re.MULTILINE)
_MAKE: Final = re.compile(r"\bmake ([a-z]+)")
_PIN: Final = re.compile(r"([a-z0-9.-]+)==([^ ]+)( ; [^\\]+)? \\\n((?: {4}--hash=.*\n)+)")


def no_leftovers(repository: Mapping[str, str]) -> Iterator[str]:
    """What is not done is an issue, or is not worth a word."""
    for path, text in repository.items():
        for number, line in enumerate(text.splitlines(), start=1):
            if found := _LEFTOVERS.search(line):
                yield f"{path}:{number}: {found[0]}: do it, or open an issue"


def packages_are_packages(repository: Mapping[str, str]) -> Iterator[str]:
    """A folder of ``pumice`` with code in it has an ``__init__.py`` (which has a docstring)."""
    folders = {posixpath.dirname(path) for path in repository if path.endswith(".py")}
    for folder in sorted(folders):
        if f"{folder}/".startswith("pumice/") and f"{folder}/__init__.py" not in repository:
            yield f"{folder}: say in an __init__.py what the package is for"


def unit_tests_mirror_the_package(repository: Mapping[str, str]) -> Iterator[str]:
    """``tests/unit/x/test_y.py`` tests the module or package ``pumice/x/y``.

    A module with more tests than one file holds has a folder: ``tests/unit/x/y/test_anything.py``.
    """
    modules = {path.removesuffix(".py").removesuffix("/__init__") for path in repository}
    for path in repository:
        file = PurePosixPath(path)
        if path.startswith("tests/unit/") and file.match("test_*.py"):
            folder = PurePosixPath("pumice", *file.parts[2:-1])
            subject = folder / file.stem.removeprefix("test_")
            if f"{subject}" not in modules and f"{folder}.py" not in repository:
                yield f"{path}: there is no {subject} to test"


def links_resolve(repository: Mapping[str, str]) -> Iterator[str]:
    """A link inside the repository leads to a file or folder, and to a heading if it names one."""
    folders = {f"{parent}" for path in repository for parent in PurePosixPath(path).parents}
    for path, text in _documents(repository):
        for link in _LINK.findall(_INLINE.sub("", _FENCED.sub("", text))):
            file, _, anchor = link.partition("#")
            if re.match(r"[a-z]+:", link):
                continue
            target = posixpath.normpath(posixpath.join(posixpath.dirname(path), file))
            target = target if file else path
            if target not in repository and target not in folders:
                yield f"{path}: {link} leads nowhere"
            elif anchor and anchor not in _anchors(repository.get(target, "")):
                yield f"{path}: {link} names a heading that is not there"


def make_targets_exist(repository: Mapping[str, str]) -> Iterator[str]:
    """What a document tells a reader to ``make`` can be made."""
    targets = set(_TARGET.findall(repository["Makefile"]))
    for path, text in _documents(repository):
        code = "\n".join(_FENCED.findall(text) + _INLINE.findall(_FENCED.sub("", text)))
        for target in _MAKE.findall(code):
            if target not in targets:
                yield f"{path}: the Makefile has no target {target}"


def locks_are_exact(repository: Mapping[str, str]) -> Iterator[str]:
    """A lock file holds exact versions with their hashes, and says nothing of where to get them."""
    for path, text in repository.items():
        if not path.startswith("requirements/"):
            continue
        rest = _PIN.sub("", text)
        for line in rest.splitlines():
            if not line.lstrip().startswith("#"):
                yield f"{path}: {line!r} is not a version with its hashes"
        if "://" in text or "/" in "".join(pin[2] for pin in _PIN.findall(text)):
            yield f"{path}: an address does not belong here"


def locks_agree(repository: Mapping[str, str]) -> Iterator[str]:
    """Each set of packages is part of the next, in the same versions."""
    sets = [pins(repository[f"requirements/{name}.txt"]) for name in ("runtime", "test", "dev")]
    sets = [pins(repository["requirements/build.txt"]), *sets]
    for smaller, larger in ((1, 2), (2, 3), (0, 3)):
        for name, version in sets[smaller].items():
            if sets[larger].get(name) != version:
                yield f"{name} {version}: the larger set has {sets[larger].get(name)}: make lock"


TEXT_RULES: Final = (
    no_leftovers,
    packages_are_packages,
    unit_tests_mirror_the_package,
    links_resolve,
    make_targets_exist,
    locks_are_exact,
    locks_agree,
)


def pins(lock: str) -> dict[str, str]:
    """Name and version of each package in a lock file."""
    return {pin[0]: pin[1] for pin in _PIN.findall(lock)}


def _documents(repository: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    return ((path, text) for path, text in repository.items() if path.endswith(".md"))


def _anchors(document: str) -> set[str]:
    """The names that a forge gives the headings: lower case, without marks, dashes for spaces."""
    headings = _HEADING.findall(_FENCED.sub("", document))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
