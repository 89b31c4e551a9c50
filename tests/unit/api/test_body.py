"""Reading a body: what hostile bytes may cost, and what microversions make of its class."""

from __future__ import annotations

import json
import time
from typing import Any, ClassVar

import pytest
from msgspec import UNSET

from pumice.api.body import Body, decode, parse_json
from pumice.errors import InvalidInput


def test_a_key_twice_among_thousands_is_found_at_once() -> None:
    keys = [f'"{number:x}":1' for number in range(12_000)]
    raw = "{" + ",".join([*keys, '"last":1', '"last":2']) + "}"
    started = time.perf_counter()
    with pytest.raises(InvalidInput, match="the key 'last' stands twice in one object"):
        parse_json(raw.encode())
    assert time.perf_counter() - started < 0.5  # Looking each key up in the list of all: 1.5 s.
    assert len(json.loads(raw)) == 12_001


class Grown(Body):
    """A field that came at 10 and one that went after 20; strict from 30 on."""

    SINCE: ClassVar[dict[str, int]] = {"new": 10}
    UNTIL: ClassVar[dict[str, int]] = {"old": 20}
    STRICT_FROM = 30
    EXAMPLE: ClassVar[Any] = {}

    new: Any = UNSET
    old: Any = UNSET


def test_microversions_with_the_same_fields_share_a_class() -> None:
    by_class: dict[type[Grown], list[int]] = {}
    for microversion in range(100):
        by_class.setdefault(type(decode(Grown, {}, microversion)), []).append(microversion)
    edges = [(found[0], found[-1]) for found in by_class.values()]
    assert edges == [(0, 9), (10, 20), (21, 29), (30, 99)]
