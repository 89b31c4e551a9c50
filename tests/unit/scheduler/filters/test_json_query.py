"""The client's own query."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pumice.model.backend import Hints, PlacementRequest, Pool, Verdict
from pumice.scheduler.filters.json_query import JsonFilter


@pytest.fixture
def judged(
    pool: Callable[..., Pool], request_for: Callable[..., PlacementRequest]
) -> Callable[[str | None], Verdict]:
    capabilities = {"free_capacity_gb": 20, "tier": "ssd", "deep": {"er": 3}}
    one = pool(capabilities=capabilities, allocated_gib=5)
    return lambda query: JsonFilter().check(one, request_for(hints=Hints(query=query)))


@pytest.mark.parametrize(
    ("query", "passed"),
    [
        (None, True),
        ("", True),
        ("[]", True),
        ('["=", "$backend_id", "h@b#p"]', True),
        ('["=", "$tier", "hdd"]', False),
        ('["=", "$tier", "ssd", "ssd"]', True),
        ('["=", "$tier"]', False),
        ('["=", "$unknown", "ssd"]', False),
        ('[">=", "$free_capacity_gb", 20]', True),
        ('[">", "$free_capacity_gb", 20]', False),
        ('["<", 1, 2, 3]', True),
        ('["<=", 1, 2, 0]', False),
        ('["in", "$tier", "hdd", "ssd"]', True),
        ('["in", "$tier", "hdd"]', False),
        ('["=", "$capabilities.deep.er", 3]', True),
        ('["=", "$deep.er", 3]', True),
        ('["not", ["=", "$tier", "ssd"]]', False),
        ('["not", true, false]', True),
        ('["or", ["=", "$tier", "hdd"], ["=", "$allocated_capacity_gb", 5]]', True),
        ('["and", ["=", "$tier", "ssd"], [">", "$free_capacity_gb", 100]]', False),
        ('["and", []]', True),
    ],
)
def test_queries(judged: Callable[[str | None], Verdict], query: str, passed: bool) -> None:
    assert judged(query).passed is passed


def test_the_figures_are_told(judged: Callable[[str | None], Verdict]) -> None:
    verdict = judged('["and", ["=", "$tier", "ssd"], [">", "$free_capacity_gb", 100]]')
    assert verdict.reason == "the query does not hold: $tier is 'ssd', $free_capacity_gb is 20"


@pytest.mark.parametrize(
    "query",
    ["nonsense", "{}x", '{"=": 1}', '["~", 1]', "[[1]]", '["<", "$tier", 1]', '["=", "$tier.x", 1]',
     "7", "[" * 50_000],
)  # fmt: skip
def test_a_wrong_query_passes_none(judged: Callable[[str | None], Verdict], query: str) -> None:
    verdict = judged(query)
    assert not verdict.passed
    assert verdict.reason.startswith("the query is not understood (")
