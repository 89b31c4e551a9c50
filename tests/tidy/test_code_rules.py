"""Every Python file keeps the rules of the house; and each rule can fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.tidy import code_rules
from tests.tidy.code_rules import CODE_RULES, Finding
from tests.tidy.repository import read_repository

Rule = Callable[[str, str], Iterator[Finding]]


def long_function(lines: int) -> str:
    docstring = '    """First.\n\n    Last.\n    """\n'
    return "def f() -> None:\n" + docstring + "    g()\n" * (lines - 1)


BAD: tuple[tuple[Rule, str], ...] = (
    (code_rules.file_length, "a = 1\n" * 601),
    (code_rules.function_length, long_function(71)),
    (code_rules.function_length, "class A:\n    async def f():\n" + "        g()\n" * 70),
    (code_rules.module_docstring, ""),
    (code_rules.module_docstring, "import os\n"),
    (code_rules.banned_names, "print('x')"),
    (code_rules.banned_names, "import time\nnow = time.time"),
    (code_rules.banned_names, "import time as t\nt.monotonic_ns()"),
    (code_rules.banned_names, "from time import time as now\nnow()"),
    (code_rules.banned_names, "from time import sleep\nsleep(1)"),
    (code_rules.banned_names, "import datetime\ndatetime.datetime.now(datetime.UTC)"),
    (code_rules.banned_names, "from datetime import UTC, datetime\ndatetime.now(UTC)"),
    (code_rules.banned_names, "import random\nrandom.random()"),
    (code_rules.banned_names, "def f():\n    from uuid import uuid4\n    uuid4()"),
    (code_rules.banned_names, "import secrets\nsecrets.token_hex(16)"),
    (code_rules.banned_names, "import os\nos.urandom(16)"),
    (code_rules.banned_names, "import asyncio\nasyncio.to_thread(f)"),
    (code_rules.banned_names, "from threading import Thread\nThread(target=f).start()"),
    (code_rules.banned_names, "loop().run_in_executor(None, f)"),
    (code_rules.banned_names, "import subprocess\nsubprocess.run(['true'])"),
    (code_rules.banned_names, "with open('x') as file: ..."),
    (code_rules.banned_names, "import os.path\nos.unlink('x')"),
    (code_rules.banned_names, "(folder / 'x').write_text('y')"),
)
GOOD: tuple[tuple[Rule, str], ...] = (
    (code_rules.file_length, "a = 1\n" * 600),
    (code_rules.function_length, long_function(70)),
    (code_rules.module_docstring, '"""What lives here."""\n'),
    (code_rules.banned_names, "import secrets\nsecrets.compare_digest(a, b)"),
    (code_rules.banned_names, "import uuid\nuuid.UUID(text)"),
    (code_rules.banned_names, "import threading\nlock = threading.Lock()"),
    (code_rules.banned_names, "clock.time()\nseams.random()\nstore.open()"),
    (code_rules.banned_names, "import time\ntime.perf_counter_ns()"),
)


@pytest.mark.parametrize("rule", CODE_RULES)
def test_every_file_keeps_the_rule(rule: Rule) -> None:
    files = {path: text for path, text in read_repository().items() if path.endswith(".py")}
    findings = [
        f"{path}:{line}: {what}" for path, text in files.items() for line, what in rule(path, text)
    ]
    assert files
    assert not findings, "\n".join(findings)


@pytest.mark.parametrize(("rule", "text"), BAD)
def test_the_rule_finds_what_breaks_it(rule: Rule, text: str) -> None:
    assert list(rule("pumice/services/example.py", text))


@pytest.mark.parametrize(("rule", "text"), GOOD)
def test_the_rule_lets_pass_what_keeps_it(rule: Rule, text: str) -> None:
    assert list(rule("pumice/services/example.py", text)) == []


@pytest.mark.parametrize("path", ["pumice/seams.py", "pumice/drivers/suite/suite.py", "tests/a.py"])
def test_a_banned_name_is_free_in_its_place_and_in_tests(path: str) -> None:
    assert list(code_rules.banned_names(path, "import time\ntime.time()")) == []


def test_every_rule_has_a_case_that_breaks_it() -> None:
    assert {rule for rule, _ in BAD} == set(CODE_RULES)
