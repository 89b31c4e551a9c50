"""The language of filter_function and goodness_function, and the two that use it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pumice.model.backend import PlacementRequest, Pool
from pumice.scheduler.filters.driver import DriverFilter
from pumice.scheduler.formula import evaluated
from pumice.scheduler.weighers.goodness import GoodnessWeigher


@pytest.fixture
def value(
    pool: Callable[..., Pool], request_for: Callable[..., PlacementRequest]
) -> Callable[[str], Any]:
    one = pool(capabilities={"free_capacity_gb": 40, "tier": "ssd", "text": "12"}, allocated_gib=5)
    asked = request_for(extra_specs={"color": "red"})
    return lambda text: evaluated(text, one, asked)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("10 - 4 - 3", 3),
        ("8 / 2 / 2", 2.0),
        ("2 ^ 3 ^ 2", 512.0),
        ("-2 ^ 2", -4.0),
        ("2 ^ -1", 0.5),
        ("1.5 * 2", 3.0),
        ("1 < 2 < 3", True),
        ("1 < 3 < 2", False),
        ("3 <> 3", False),
        ("3 != 4 and 2 >= 2", True),
        ("not 1 == 2", False),
        ("not (1 == 2)", True),
        ("!0", True),
        ("1 == 2 || 2 == 2", True),
        ("1 > 2 ? 10 : 20", 20),
        ("1 < 2 ? 1 / 4 : 1 / 0", 0.25),
        ("1 < 2 ? 3 < 4 ? 5 : 6 : 7", 5),
        ("max(1, 5, 3) + min(4, 2) + abs(-3)", 10),
        ("max(4)", 4),
        ("stats.free_capacity_gb - stats.allocated_capacity_gb", 35),
        ("capabilities.tier == 'ssd'", True),
        ('capabilities.tier == "hdd"', False),
        ("capabilities.text + 1", 13),
        ("extra.color == red", True),
        ("volume.size * 2", 20),
        ("'and'", "and"),
    ],
)
def test_values(value: Callable[[str], Any], text: str, wanted: object) -> None:
    found = value(text)
    assert (found, type(found)) == (wanted, type(wanted))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "an operand is missing"),
        ("1 +", "an operand is missing"),
        ("1 2", "'2' is not expected here"),
        ("(1", "')' is expected before ''"),
        ("1 ? 2", "':' is expected before ''"),
        ("* 2", "'*' is no operand"),
        ("1 @ 2", "'@ 2' is not understood"),
        ("max 1, 2", "'(' is expected before '1'"),
        ("stats.nothing", "KeyError: 'nothing'"),
        ("nowhere.to_be", "KeyError: 'nowhere'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("9 ^ 9 ^ 9 ^ 9", "OverflowError: math range error"),
        ("capabilities.tier < 3", "TypeError: ..."),
        ("(" * 5000, "RecursionError: ..."),
    ],
)
def test_what_is_wrong_is_told(value: Callable[[str], Any], text: str, why: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared below
        value(text)
    assert str(caught.value).startswith(why.removesuffix("..."))
    assert why.endswith("...") or str(caught.value) == why


@pytest.mark.parametrize(
    ("capabilities", "passed", "reason"),
    [
        ({}, True, "the driver has no filter_function"),
        ({"filter_function": "volume.size < 11"}, True,
         "filter_function 'volume.size < 11' is True"),
        ({"filter_function": "volume.size < 10"}, False,
         "filter_function 'volume.size < 10' is False"),
        ({"filter_function": "volume.size <"}, False,
         "filter_function 'volume.size <' fails (an operand is missing)"),
    ],
)  # fmt: skip
def test_driver_filter(
    pool: Callable[..., Pool],
    request_for: Callable[..., PlacementRequest],
    capabilities: dict[str, Any],
    passed: bool,
    reason: str,
) -> None:
    verdict = DriverFilter().check(pool(capabilities=capabilities), request_for())
    assert (verdict.passed, verdict.reason) == (passed, reason)


def test_goodness_weigher(
    pool: Callable[..., Pool], request_for: Callable[..., PlacementRequest]
) -> None:
    texts = ["volume.size * 5", "1 == 1", "1 == 2", "101", "-1", "'fine'", "1 /", None]
    pools = [pool(capabilities={"goodness_function": text} if text else {}) for text in texts]
    assert GoodnessWeigher().raw(pools, request_for()) == [50, 100, 0, 0, 0, 0, 0, 0]
