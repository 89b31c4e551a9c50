"""A real storm over a Pumice with a planted defect: the judge must find it, and call it by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.planted import DEFECTS, served_with
from tests.crash.scenarios import SCENARIOS, Plan
from tests.crash.storm import REST_SECONDS, kind_of

SOON = 2.0
"""What is stuck for so long, in a storm so short, will be for ever."""


@pytest.mark.parametrize("defect", DEFECTS)
async def test_a_defect_is_found(tmp_path: Path, defect: str) -> None:
    _, found_as = DEFECTS[defect]
    lines: list[str] = []
    verdict = await SCENARIOS["kill"](
        Plan(
            tmp_path,
            seed=1,
            tell=lines.append,
            count=3,
            short=True,
            rest_seconds=SOON if found_as == "stuck" else REST_SECONDS,
            program=served_with(defect),
        )
    )
    print("\n".join(lines), verdict, sep="\n")
    assert found_as in {kind_of(text) for text in verdict.wrong}
