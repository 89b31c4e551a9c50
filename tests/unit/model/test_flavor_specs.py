"""The extra specs of flavors: two patterns take what Nova's take, and not a minute for a wrong value."""

from __future__ import annotations

import itertools
import re
import time
from typing import Final

import pytest

from pumice.model.flavor_specs import wrong_spec

# Of Nova 34, with the characters that its patterns tell apart.
NOVA: Final = [
    ("hw:cpu_dedicated_mask", r"\^?\d+((-\d+)?(,\^?\d+(-\d+)?)?)*", "^1-,"),
    ("pci_passthrough:alias", r"[^:]+:\d+(?:\s*,\s*[^:]+:\d+)*", "a:1, "),
]


@pytest.mark.parametrize(("name", "pattern", "alphabet"), NOVA)
def test_takes_what_nova_takes(name: str, pattern: str, alphabet: str) -> None:
    nova = re.compile(pattern, re.ASCII)
    for length in range(8):
        for characters in itertools.product(alphabet, repeat=length):
            value = "".join(characters)
            assert (wrong_spec(name, value) is None) is bool(nova.fullmatch(value)), value


@pytest.mark.parametrize(
    ("name", "first", "more"),
    [("hw:cpu_dedicated_mask", "1", ",1-1"), ("pci_passthrough:alias", "a:1", ",   a:1")],
)
def test_a_wrong_value_is_refused_at_once(name: str, first: str, more: str) -> None:
    for count in (8, 13, 36):  # Nova's patterns need 0.2 s or more for 13, and years for 36.
        started = time.perf_counter()
        assert wrong_spec(name, first + more * count + "x") is not None
        assert time.perf_counter() - started < 0.1
