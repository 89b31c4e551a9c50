"""``pumice host list`` and ``why`` name what an administrator set on a service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


def test_why_a_host_is_not_used(
    serve: Any, connect: Any, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUMICE_STATE_DIR", str(tmp_path))
    with serve(tmp_path) as server:
        client = connect(server)
        client.services.disable_log_reason("pumice@file", "cinder-volume", "New disks.")
        client.services.freeze_host("pumice@file")
        for command in ("host", "service"):
            scheduler, backend = run(command, "list").out.splitlines()[2:]
            assert backend.rstrip().endswith("New disks., frozen")
            assert "disabled" not in scheduler
        state = {
            one["host_name"]: one["service-state"] for one in run("host", "list", "--json").json
        }
        assert state == {"pumice": "enabled", "pumice@file": "disabled"}

        volume = client.volumes.create(1)
        why = run("why", volume.id).out
        assert "service is disabled: New disks." in why

        client.services.disable("pumice@file", "cinder-volume")
        assert run("host", "list").out.splitlines()[3].rstrip().endswith("disabled, frozen")
        client.services.thaw_host("pumice@file")
        client.services.enable("pumice@file", "cinder-volume")
        assert "disabled" not in run("host", "list").out
