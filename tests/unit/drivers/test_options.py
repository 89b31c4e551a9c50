"""Options are checked against what the driver declares."""

from __future__ import annotations

from pathlib import Path

import pytest

from pumice.drivers.options import BackendConfig, Option, checked
from pumice.errors import SettingsError

DECLARED = (Option("file_directory", "<state_dir>", "Where."), Option("speed", "1", "How fast."))


def _config(**options: str) -> BackendConfig:
    return BackendConfig("b1", "b", options, Path("/nowhere"))


def test_declared_options_pass() -> None:
    assert checked(_config(speed="2"), DECLARED) == {"speed": "2"}


def test_unknown_option_is_refused_with_the_nearest_and_all() -> None:
    with pytest.raises(SettingsError) as caught:
        checked(_config(file_dirctory="/srv"), DECLARED)
    assert caught.value.public == (
        "[b1] file_dirctory: no such option; did you mean file_directory?"
        " The driver has: file_directory, speed."
    )


def test_driver_without_options_says_so() -> None:
    with pytest.raises(SettingsError, match=r"no such option\. The driver has: none\."):
        checked(_config(speed="2"), ())
