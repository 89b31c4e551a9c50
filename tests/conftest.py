"""What holds for every test: nothing of the person who runs it, and no clock on examples."""

from __future__ import annotations

import os
from collections.abc import Iterator

import hypothesis
import pytest

# The machine may be busy: how long an example takes says nothing about the code.
hypothesis.settings.register_profile("pumice", deadline=None, print_blob=True)
hypothesis.settings.load_profile("pumice")


@pytest.fixture(scope="session", autouse=True)
def a_stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests, and the programs they start, find an empty home and no cloud in the environment."""
    with pytest.MonkeyPatch.context() as environment:
        for name in os.environ:
            if name.startswith(("OS_", "PUMICE_", "XDG_")):
                environment.delenv(name)
        environment.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        yield
