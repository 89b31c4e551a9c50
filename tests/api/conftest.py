"""The cloud that most tests of the API talk to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.cloud import Cloud, running


@pytest.fixture
async def cloud(tmp_path: Path) -> AsyncIterator[Cloud]:
    """A Pumice of its own for each test."""
    async with running(tmp_path) as cloud:
        yield cloud
