"""Which zone a new volume must be in."""

from __future__ import annotations

import pytest

from pumice.errors import InvalidInput
from pumice.services.zones import ZoneRules, zone_for

SERVED = {"nova", "az1", "az2"}
STRICT = ZoneRules("nova", fallback=False)
LENIENT = ZoneRules("nova", fallback=True)
ELSEWHERE = ZoneRules("mars", fallback=False)


def specs(zones: str | None) -> dict[str, str | None]:
    return {} if zones is None else {"RESKEY:availability_zones": zones}


@pytest.mark.parametrize(
    ("wanted", "of_type", "rules", "zone"),
    [
        (None, None, STRICT, "nova"),
        (None, None, ELSEWHERE, None),
        (None, "az1,az2", STRICT, None),
        ("az1", None, STRICT, "az1"),
        ("az1", "az1,mars", STRICT, "az1"),
        ("mars", None, LENIENT, "nova"),
        ("az2", "az1,nova", LENIENT, "nova"),
    ],
)
def test_zone(wanted: str | None, of_type: str | None, rules: ZoneRules, zone: str | None) -> None:
    assert zone_for(wanted, specs(of_type), SERVED, rules) == zone


@pytest.mark.parametrize(
    ("wanted", "of_type", "text"),
    [
        ("mars", None, "Availability zone 'mars' is invalid."),
        ("az2", "az1", "Availability zone 'az2' is invalid."),
        ("", None, "Availability zone '' is invalid."),
        (None, "mars,venus",
         "Volume type is only supported in these availability zones: ['mars', 'venus']"),
    ],
)  # fmt: skip
def test_no_zone(wanted: str | None, of_type: str | None, text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        zone_for(wanted, specs(of_type), SERVED, STRICT)
    assert caught.value.public == text
