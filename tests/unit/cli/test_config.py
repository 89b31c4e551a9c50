"""``pumice config show``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pumice.cli import main

CONF = "[DEFAULT]\nenabled_backends = gold\nquota_volumes = 7\n[gold]\nvolume_driver = memory\n"

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    path = tmp_path / "pumice.conf"
    path.write_text(CONF)
    return path


def test_each_value_and_where_it_was_set(capsys: Captured, conf: Path) -> None:
    assert main(["config", "show", "--config", str(conf)]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["DEFAULT", "quota_volumes", "7", f"{conf}:3"] in lines
    assert ["DEFAULT", "quota_gigabytes", "1000", "default"] in lines
    assert ["gold", "volume_driver", "memory", f"{conf}:5"] in lines


def test_for_programs(capsys: Captured, conf: Path) -> None:
    assert main(["config", "show", "--state-dir", str(conf.parent), "--json"]) == 0
    rows = {(row["section"], row["name"]): row for row in json.loads(capsys.readouterr().out)}
    assert rows["DEFAULT", "enabled_backends"]["value"] == ["gold"]
    assert rows["DEFAULT", "quota_volumes"]["origin"] == f"{conf}:3"
    assert rows["DEFAULT", "public_endpoint"]["value"] is None
    assert rows["gold", "volume_driver"]["help"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[DEFAULT]\nquota = \xff\n", ":2: the file is not UTF-8 text."),
        (b"[DEFAULT]\nquota_volume = 3\n", ":2: unknown option quota_volume; did you mean"),
    ],
)
def test_what_is_wrong_with_the_file(
    capsys: Captured, conf: Path, content: bytes, told: str
) -> None:
    conf.write_bytes(content)
    assert main(["config", "show", "--config", str(conf)]) == 2
    assert f"Error: {conf}{told}" in capsys.readouterr().err
