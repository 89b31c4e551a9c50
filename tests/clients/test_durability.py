"""An answer leaves when what it says is committed, as the kernel saw it.

On SQLite that is on disk, in Pumice's own log; PostgreSQL puts it there before it says that it has committed.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clients.strace import Call
from tests.clients.traced import Traced

on_sqlite = pytest.mark.only_on(
    "sqlite", reason="the log of the database is a file of Pumice's own"
)
on_postgresql = pytest.mark.only_on(
    "postgresql", "postgresql-4", reason="elsewhere there is no server that says what it committed"
)

COMMITTED = r"COMMIT\0Z\0\0\0\5I"
"""How the server's answer to COMMIT ends; postgresql.org/docs/current/protocol-message-formats.html."""


def wal_writes(calls: list[Call]) -> list[Call]:
    return [call for call in calls if call.name == "pwrite64" and call.file.endswith(".db-wal")]


def wal_syncs(calls: list[Call]) -> list[Call]:
    return [call for call in synced(calls) if call.file.endswith(".db-wal")]


def synced(calls: list[Call]) -> list[Call]:
    return [call for call in calls if call.name in ("fdatasync", "fsync") and call.result == 0]


def volume_synced(traced: Traced) -> int:
    """When the volume's file was on disk, and then its name in its folder."""
    (file,) = [call for call in synced(traced.made) if call.file.endswith(traced.file)]
    folder = file.file.rpartition("/")[0]
    named = [call for call in synced(traced.made) if call.file == folder]
    after = [call.ended for call in named if call.began > file.ended]
    assert after, "the folder was not put on disk"
    return after[0]


def asked(calls: list[Call], statement: str) -> Iterator[Call]:
    """The calls that sent ``statement`` to the server of the database."""
    return (call for call in calls if call.name == "sendto" and rf"\0{statement}" in call.arguments)


def committed(calls: list[Call], statement: Call) -> Call:
    """The call that brought the server's word that what ``statement`` changed is committed."""
    return next(
        call
        for call in calls
        if call.name == "recvfrom"
        and call.file == statement.file
        and call.began > statement.ended
        and COMMITTED in call.arguments
    )


@on_sqlite
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


@pytest.mark.everywhere
@on_postgresql
@pytest.mark.parametrize(
    ("method", "statement"),
    [("POST", r"\nINSERT INTO volumes "), ("DELETE", "UPDATE volumes SET status = ")],
)
def test_202_leaves_after_the_server_has_committed(
    traced: Traced, method: str, statement: str
) -> None:
    exchange = traced.exchange(method, 202)
    came, left = exchange.request.ended, exchange.answer[0].began
    (change,) = [call for call in asked(traced.calls, statement) if came < call.began < left]
    assert committed(traced.calls, change).ended < left


@on_sqlite
def test_volume_is_on_disk_before_the_database_says_so(traced: Traced) -> None:
    came = traced.exchange("POST", 202).request.ended
    refused = traced.exchange("POST", 413).request.began
    meanwhile = [call for call in traced.calls if came < call.began < refused]
    accepted = wal_syncs(meanwhile)[0].ended
    available = [call for call in wal_writes(meanwhile) if call.began > accepted]
    assert available[0].began > volume_synced(traced)


@pytest.mark.everywhere
@on_postgresql
def test_volume_is_on_disk_before_the_server_hears_of_it(traced: Traced) -> None:
    (available,) = asked(traced.made, r"\nUPDATE volumes SET status = 'available'")
    assert available.began > volume_synced(traced)
