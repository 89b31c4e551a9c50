"""An answer leaves when what it says is on disk, as the kernel saw it."""

from __future__ import annotations

import pytest

from tests.clients.strace import Call
from tests.clients.traced import Traced


def wal_writes(calls: list[Call]) -> list[Call]:
    return [call for call in calls if call.name == "pwrite64" and call.file.endswith(".db-wal")]


def wal_syncs(calls: list[Call]) -> list[Call]:
    return [
        call
        for call in calls
        if call.name in ("fdatasync", "fsync")
        and call.file.endswith(".db-wal")
        and call.result == 0
    ]


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_202_leaves_after_its_commit_is_on_disk(traced: Traced, method: str) -> None:
    exchange = traced.exchange(method, 202)
    came, left = exchange.request.ended, exchange.answer[0].began
    written = [call for call in wal_writes(traced.calls) if came < call.began < left]
    assert written, "the request wrote nothing to the log"
    assert [
        sync
        for sync in wal_syncs(traced.calls)
        if written[-1].ended < sync.began and sync.ended < left
    ]


def test_volume_is_on_disk_before_the_database_says_so(traced: Traced) -> None:
    came = traced.exchange("POST", 202).request.ended
    refused = traced.exchange("POST", 413).request.began
    meanwhile = [call for call in traced.calls if came < call.began < refused]
    synced = [call for call in meanwhile if call.name == "fsync" and call.result == 0]
    (file,) = [call for call in synced if call.file.endswith(f"volume-{traced.volume_id}.raw")]
    (folder,) = [call for call in synced if file.file.startswith(f"{call.file}/")]
    accepted = wal_syncs(meanwhile)[0].ended
    available = [call for call in wal_writes(meanwhile) if call.began > accepted]
    assert available[0].began > max(file.ended, folder.ended)
