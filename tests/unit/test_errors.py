"""What errors say."""

from __future__ import annotations

import pytest

from pumice.errors import did_you_mean


@pytest.mark.parametrize(
    ("name", "end"), [("flie", "; did you mean file?"), ("zzz", "."), ("", ".")]
)
def test_nearest_name_ends_the_sentence(name: str, end: str) -> None:
    assert did_you_mean(name, ["file", "memory"]) == end
