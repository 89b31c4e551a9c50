"""``pumice demo``, the first thing that a newcomer runs."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pumice.cli import demo, main

DEMO = (sys.executable, "-m", "pumice", "demo")


@pytest.fixture
def temporary(tmp_path: Path) -> dict[str, str]:
    """An environment in which temporary folders are made in ``tmp_path``."""
    return {**os.environ, "TMPDIR": str(tmp_path)}


def test_it_ends_with_the_volume_available_and_the_flow_printed(
    temporary: dict[str, str], tmp_path: Path
) -> None:
    done = subprocess.run(
        DEMO, env=temporary, capture_output=True, text=True, timeout=110, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "$ cinder create 1 --display-name firstvol --volume-type FCVolumeType\n" in done.stdout
    assert re.search(r"\| status +\| available ", done.stdout)
    assert re.search(r"\| os-vol-host-attr:host +\| pumice@ssd#fast ", done.stdout)
    assert re.search(r"provision +pumice/operations/volume_create\.py:[0-9]+ ", done.stdout)
    assert "extra spec volume_backend_name requires 'fast', the pool has 'scratch'" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_stopped_on_the_way_it_leaves_nothing(temporary: dict[str, str], tmp_path: Path) -> None:
    with subprocess.Popen(DEMO, env=temporary, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = next(line for line in process.stdout if line.startswith("Pumice ready: "))
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert line
    assert process.returncode == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []


def test_without_the_client_it_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("cinder") is None
    assert main(["demo"]) == 1
    told = f"Error: The cinder client is missing: `make demo` brings it, and so does `{tmp_path}"
    assert capsys.readouterr().err.startswith(told)


def test_what_the_client_says_when_it_fails_is_told() -> None:
    client = demo.Cinder(sys.executable, {})
    with pytest.raises(demo.DemoFailed, match=r"`cinder -c` failed: No such volume\."):
        client.run("-c", "raise SystemExit('No such volume.')")
