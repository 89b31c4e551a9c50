"""``pumice config policies``: who may do what, and a file to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pumice.api.policy_file import read_policy_file
from pumice.settings import template

Run = Any


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pumice.conf").write_text(template())
    monkeypatch.setenv("PUMICE_STATE_DIR", str(tmp_path))
    return tmp_path


def test_what_holds_and_what_was_changed(run: Run, folder: Path) -> None:
    (folder / "policy.yaml").write_text('"volume:delete": "role:admin"\n')
    lines = run("config", "policies").out.splitlines()
    (changed,) = [line.split() for line in lines if line.startswith("volume:delete ")]
    assert changed == ["volume:delete", "role:admin", "rule:xena_system_admin_or_project_member"]
    found = {one["name"]: one for one in run("config", "policies", "--json").json}
    assert found["volume:delete"]["rule"] == "role:admin"
    assert found["volume:delete"]["routes"] == ["DELETE /volume/v3/volumes/{volume_id}"]
    assert found["volume:get"]["rule"] == found["volume:get"]["default"]


def test_the_sample_is_a_policy_file_of_the_defaults(run: Run, folder: Path) -> None:
    found = run("config", "policies", "--json").json
    sample = run("config", "policies", "--sample").out
    path = folder / "policy.yaml"
    path.write_text(sample)
    assert read_policy_file(path) == {}
    path.write_text("".join(f"{line[1:]}\n" for line in sample.splitlines() if line[:2] == '#"'))
    assert read_policy_file(path) == {one["name"]: one["default"] for one in found}
    assert run("config", "policies", "--json").json == found


def test_a_mistake_is_one_sentence(run: Run, folder: Path) -> None:
    (folder / "policy.yaml").write_text('"volume:delet": "role:admin"\n')
    refused = run("config", "policies")
    sentence = (
        "There is no policy volume:delet, and no rule refers to it; did you mean volume:delete?"
    )
    assert (refused.status, refused.err) == (2, f"Error: {sentence}\n")
