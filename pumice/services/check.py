"""``pumice db check``: compares the rows with each other, and with what the backends hold.

What it finds is told, never mended: what an operation left behind is the reconciler's to remove, and
everything else is for a person to judge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, Protocol, TypeAlias

from msgspec import Struct

from pumice.store import check as rows
from pumice.store import operations
from pumice.store.check import PlacedVolume
from pumice.store.txn import Txn

Kind = Literal[
    "damaged_file",  # SQLite cannot trust the file; nothing else was looked at.
    "broken_reference",
    "quota_differs",
    "pool_differs",
    "metadata_differs",  # What lists are filtered by is not what they show.
    "no_operation",  # A volume in a passing status that nothing will lead out of it.
    "no_volume",  # The other way round.
    "undecided_operation",
    "log_gap",
    "bytes_missing",
    "leftover",  # Bytes that an operation of ours gave up; the reconciler will remove them.
    "stranger",  # Bytes that this database knows nothing of; nobody will touch them.
    "size_differs",
    "not_compared",  # No damage is known, and none can be ruled out.
]

PASSING: Final = ("creating", "deleting")
"""The statuses of a volume on which an operation must be under way."""
MAY_LACK_BYTES: Final = (*PASSING, "error_deleting")
"""Made not yet, or removed in part or whole; ``error`` is not among them: it has left its backend."""

MAX_OPERATIONS: Final = 10_000
"""Of one volume, newest first: how far back the one that made it is looked for."""


class Finding(Struct, frozen=True):
    """Something that should not be: which kind, about which id, in a sentence, with the numbers."""

    kind: Kind
    subject: str
    sentence: str
    numbers: dict[str, int] = {}


class Held(Protocol):
    """A volume that a backend lists (:class:`pumice.drivers.contract.Listed`)."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def size_gib(self) -> int:
        """Its size, rounded up."""


Contents: TypeAlias = Mapping[str, Sequence[Held] | str]
"""By ``host@backend``: what it holds, or one sentence that says why that is not known."""


def check(txn: Txn, contents: Contents, now_us: int) -> list[Finding]:
    """Query: everything that is wrong; a healthy database with its backends gives nothing.

    ``now_us`` (UTC) is when the listing of ``contents`` began, and ``txn`` must see a later state: what
    an operation changed since then, or may be changing now, is compared with nothing.
    """
    damages = rows.damages(txn)
    if damages:
        return [
            Finding("damaged_file", "database", f"The file is damaged: {one}") for one in damages
        ]
    return [*_rows(txn), *_backends(txn, contents, now_us)]


def began_on(txn: Txn, backend_host: str, volume_id: str) -> bool:
    """Whether the log shows that an operation started to make this volume on this very backend."""
    for record in operations.select(txn, resource_id=volume_id, limit=MAX_OPERATIONS):
        log = operations.log(txn, record.id)
        places = {
            entry.attempt: entry.data["host"].partition("#")[0]
            for entry in log
            if entry.step == "place" and entry.event == "done"
        }
        if any(
            entry.step == "provision"
            and entry.event == "started"
            and places.get(entry.attempt) == backend_host
            for entry in log
        ):
            return True
    return False


def _rows(txn: Txn) -> Iterator[Finding]:
    """What can be seen without the backends."""
    yield from _references(txn)
    yield from _quotas(txn)
    yield from _pools(txn)
    yield from _metadata(txn)
    yield from _operations(txn)


def _references(txn: Txn) -> Iterator[Finding]:
    for table, parent, count in rows.broken_references(txn):
        sentence = f"Rows of {table} refer to rows of {parent} that are not there: {count}."
        yield Finding("broken_reference", table, sentence, {"rows": count})


def _quotas(txn: Txn) -> Iterator[Finding]:
    for one in rows.quota_differences(txn):
        yield Finding(
            "quota_differs",
            one.project_id,
            f"Project {one.project_id} is charged {one.recorded} {one.resource}, "
            f"but its volumes add up to {one.counted}.",
            {"recorded": one.recorded, "counted": one.counted},
        )


def _pools(txn: Txn) -> Iterator[Finding]:
    for one in rows.pool_differences(txn):
        yield Finding(
            "pool_differs",
            one.host,
            f"Pool {one.host} has {one.recorded_gib} GiB allocated (volumes: {one.recorded_volumes}), "
            f"but what is placed there adds up to {one.counted_gib} GiB "
            f"(volumes: {one.counted_volumes}).",
            {
                "recorded_gib": one.recorded_gib,
                "counted_gib": one.counted_gib,
                "recorded_volumes": one.recorded_volumes,
                "counted_volumes": one.counted_volumes,
            },
        )


def _metadata(txn: Txn) -> Iterator[Finding]:
    for id_, shown, kept in rows.metadata_differences(txn):
        sentence = (
            f"Volume {id_} shows metadata by which no list finds it (items: {shown}), "
            f"and lists find it by some that it does not show (items: {kept})."
        )
        yield Finding("metadata_differs", id_, sentence, {"shown": shown, "kept": kept})


def _operations(txn: Txn) -> Iterator[Finding]:
    for status in PASSING:
        for volume in rows.without_operation(txn, status):
            sentence = f"Volume {volume.id} is {status}, and no operation is under way."
            yield Finding("no_operation", volume.id, sentence)
    for id_, name, volume_id in rows.without_volume(txn):
        sentence = f"Operation {id_} ({name}) is unfinished, but volume {volume_id} has no row."
        yield Finding("no_volume", id_, sentence)
    for id_, status, ended in rows.undecided(txn):
        sentence = f"Operation {id_} is {status}, but it has {'ended' if ended else 'not ended'}."
        yield Finding("undecided_operation", id_, sentence)
    for id_, lines, last in rows.log_gaps(txn):
        sentence = f"The log of operation {id_} has lines up to number {last}, but {lines} in all."
        yield Finding("log_gap", id_, sentence, {"lines": lines, "last": last})


def _backends(txn: Txn, contents: Contents, now_us: int) -> Iterator[Finding]:
    """The rows beside what the backends hold."""
    by_backend = rows.volumes_by_backend(txn)
    changing = rows.changed_since(txn, now_us)
    for backend_host in sorted({*by_backend, *contents}):
        content = contents.get(backend_host, "No backend of this name is enabled.")
        if isinstance(content, str):
            if count := by_backend.get(backend_host, 0):
                sentence = f"Volumes on {backend_host} were not compared, {count} in all: {content}"
                yield Finding("not_compared", backend_host, sentence, {"volumes": count})
            continue
        held = {one.id: one.size_gib for one in content if one.id not in changing}
        placed = {
            one.id: one for one in rows.placed_on(txn, backend_host) if one.id not in changing
        }
        for volume in placed.values():
            yield from _placed(backend_host, volume, held.get(volume.id))
        for volume_id in sorted(held.keys() - placed.keys()):
            yield _unplaced(txn, backend_host, volume_id, held[volume_id])


def _placed(backend_host: str, volume: PlacedVolume, held_gib: int | None) -> Iterator[Finding]:
    """A row beside the bytes, if there are any."""
    if held_gib is None:
        if volume.status not in MAY_LACK_BYTES:
            sentence = (
                f"Volume {volume.id} is {volume.status}, but {backend_host} does not hold it."
            )
            yield Finding("bytes_missing", volume.id, sentence, {"size_gib": volume.size_gib})
    elif held_gib != volume.size_gib:
        yield Finding(
            "size_differs",
            volume.id,
            f"Volume {volume.id} is {volume.size_gib} GiB, but {backend_host} holds {held_gib} GiB.",
            {"recorded_gib": volume.size_gib, "held_gib": held_gib},
        )


def _unplaced(txn: Txn, backend_host: str, volume_id: str, held_gib: int) -> Finding:
    """Bytes that no row claims: an operation's, or somebody else's."""
    what = f"{backend_host} holds {volume_id} ({held_gib} GiB), which no row places there"
    numbers = {"held_gib": held_gib}
    if began_on(txn, backend_host, volume_id):
        sentence = f"{what}: an operation gave it up, and it will be removed."
        return Finding("leftover", volume_id, sentence, numbers)
    sentence = f"{what}: no operation made it, and it will be left alone."
    return Finding("stranger", volume_id, sentence, numbers)
