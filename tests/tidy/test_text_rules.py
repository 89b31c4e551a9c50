"""Documents, lock files and the tree keep the rules of the house; and each rule can fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pytest

from tests.tidy import text_rules
from tests.tidy.repository import read_repository
from tests.tidy.text_rules import TEXT_RULES

Rule = Callable[[Mapping[str, str]], Iterator[str]]

LATER = "\x54ODO"  # Written so that this line is no finding itself.
HASH = "    --hash=sha256:00ff\n"
PIN = "a==1 \\\n" + HASH


def locks(build: str, runtime: str, test: str, dev: str) -> dict[str, str]:
    names = ("build", "runtime", "test", "dev")
    texts = (build, runtime, test, dev)
    return {f"requirements/{name}.txt": text for name, text in zip(names, texts, strict=True)}


BAD: tuple[tuple[Rule, Mapping[str, str]], ...] = (
    (text_rules.no_leftovers, {"pumice/a.py": f"# {LATER}: later"}),
    (text_rules.no_leftovers, {"README.md": f"Works, {LATER}."}),
    (text_rules.packages_are_packages, {"pumice/a/b.py": ""}),
    (text_rules.unit_tests_mirror_the_package, {"tests/unit/a/test_b.py": "", "pumice/b.py": ""}),
    (text_rules.unit_tests_mirror_the_package, {"tests/unit/test_b.py": "", "pumice/b.txt": ""}),
    (text_rules.links_resolve, {"docs/a.md": "[b](b.md)", "b.md": ""}),
    (text_rules.links_resolve, {"a.md": "[b](b.md#two)", "b.md": "# One"}),
    (text_rules.links_resolve, {"a.md": "# One\n[here](#two)"}),
    (text_rules.make_targets_exist, {"README.md": "Run `make fly`.", "Makefile": "run:\n"}),
    (text_rules.make_targets_exist, {"README.md": "```\nmake fly\n```", "Makefile": "run:\n"}),
    (text_rules.locks_are_exact, {"requirements/a.txt": "a>=1 \\\n" + HASH}),
    (text_rules.locks_are_exact, {"requirements/a.txt": "a==1\n"}),
    (text_rules.locks_are_exact, {"requirements/a.txt": "--find-links /srv\n" + PIN}),
    (text_rules.locks_are_exact, {"requirements/a.txt": "# from https://example.org\n" + PIN}),
    (text_rules.locks_are_exact, {"requirements/a.txt": "a @ file:///srv/a.whl \\\n" + HASH}),
    (text_rules.locks_agree, locks("", PIN, "", "")),
    (text_rules.locks_agree, locks("", PIN, PIN.replace("1", "2"), PIN)),
    (text_rules.locks_agree, locks(PIN, "", "", "")),
)
GOOD: tuple[tuple[Rule, Mapping[str, str]], ...] = (
    (text_rules.no_leftovers, {"pumice/a.py": f"{LATER}S = 3"}),
    (text_rules.packages_are_packages, {"pumice/a/b.py": "", "pumice/a/__init__.py": ""}),
    (text_rules.unit_tests_mirror_the_package, {"tests/unit/a/test_b.py": "", "pumice/a/b.py": ""}),
    (text_rules.unit_tests_mirror_the_package, {"tests/unit/b/test_c.py": "", "pumice/b.py": ""}),
    (
        text_rules.unit_tests_mirror_the_package,
        {"tests/unit/test_b.py": "", "pumice/b/__init__.py": ""},
    ),
    (text_rules.links_resolve, {"docs/a.md": "[b](../b.md#so-it-is)", "b.md": "## So it *is*"}),
    (text_rules.links_resolve, {"a.md": "[d](docs) `[x](y)` [w](https://w.org)", "docs/b": ""}),
    (text_rules.make_targets_exist, {"README.md": "make sure; `make run`", "Makefile": "run: a\n"}),
    (text_rules.locks_are_exact, {"requirements/a.txt": "# by uv\n" + PIN + "    # via b\n"}),
    (text_rules.locks_agree, locks("", PIN, PIN, PIN)),
)


@pytest.mark.parametrize("rule", TEXT_RULES)
def test_the_repository_keeps_the_rule(rule: Rule) -> None:
    findings = list(rule(read_repository()))
    assert not findings, "\n".join(findings)


@pytest.mark.parametrize(("rule", "repository"), BAD)
def test_the_rule_finds_what_breaks_it(rule: Rule, repository: Mapping[str, str]) -> None:
    assert list(rule(repository))


@pytest.mark.parametrize(("rule", "repository"), GOOD)
def test_the_rule_lets_pass_what_keeps_it(rule: Rule, repository: Mapping[str, str]) -> None:
    assert list(rule(repository)) == []


def test_every_rule_has_a_case_that_breaks_it() -> None:
    assert {rule for rule, _ in BAD} == set(TEXT_RULES)
