"""SIGTERM ends a debugged server within seconds, with status 0, whatever stands still in it."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.debug.dap import Editor
from tests.debug.debugged import ROOT, Debugged, Place

SECONDS = 6.0

PLACES = {
    "a request": Place("pumice/services/volumes.py", "VolumeService.create"),
    "the core": Place("pumice/services/volumes.py", "accept_volume"),
    "a driver": Place("pumice/drivers/file.py", "FileDriver.create_volume"),
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
def test_sigterm_while_a_thread_is_stopped(
    tmp_path: Path, elsewhere: ThreadPoolExecutor, place: Place
) -> None:
    with Debugged(tmp_path) as served:
        with Editor(served.debug_port) as editor:
            editor.attach()
            editor.stop_at(ROOT / place.file, place.line())
            elsewhere.submit(served.try_to_create)
            editor.stopped()
            began = time.monotonic()
            assert served.stop() == 0
            assert time.monotonic() - began < SECONDS
        assert "Traceback" not in served.log.read_text()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", served.debug_port), 1)
    with Debugged(tmp_path) as again:
        again.answers()


def test_sigterm_while_nobody_is_attached(tmp_path: Path) -> None:
    with Debugged(tmp_path) as served:
        served.answers()
        assert served.stop() == 0
    assert "Traceback" not in served.log.read_text()
