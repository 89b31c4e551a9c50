"""``volume.create``: from a row in status ``creating`` to a volume on a backend.

Read from top to bottom, this is the flow. The row, the quota, the operation, the first step and "provision
started" are one transaction (the API's own); the driver's work follows; the last step is the second.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from pumice.drivers.contract import VolumeSpec
from pumice.errors import NoValidBackend
from pumice.model.backend import NO_HINTS, Hints, PlacementRequest, Ranking, Verdict
from pumice.model.message import Action, Detail, failure_of
from pumice.model.operation import LogEntry
from pumice.operations.definition import (
    Failure,
    Local,
    LocalStep,
    Operation,
    Remote,
    RemoteStep,
    Result,
    Tools,
    backend_of,
)
from pumice.scheduler.filters.capacity import CapacityFilter
from pumice.scheduler.filters.service import ServiceFilter, closed
from pumice.store import backends, events, messages, pools, volumes

MAX_VERDICTS_STORED = 50


class VolumeCreate(Struct, frozen=True, omit_defaults=True):
    """Everything the operation needs after a crash: no request body, no token.

    Version 1 had no hints.
    """

    volume_id: str
    name: str
    size_gib: int
    volume_type_name: str
    extra_specs: dict[str, str | None]
    availability_zone: str | None
    hints: Hints = NO_HINTS


Step = LocalStep[VolumeCreate]
RemoteCall = RemoteStep[VolumeCreate]


def rank(tools: Tools, params: VolumeCreate, log: Sequence[LogEntry]) -> Ranking:
    """Rank the backends on the in-memory view, leaving out those that already failed."""
    tried = tuple(
        entry.data["host"] for entry in log if entry.step == "place" and entry.event == "done"
    )
    request = PlacementRequest(
        params.volume_id,
        params.size_gib,
        params.volume_type_name,
        params.extra_specs,
        params.availability_zone,
        tried,
        hints=params.hints,
    )
    return tools.scheduler.rank(request, tools.pools.matching(request))


def place(step: Step) -> Result:
    """Claim capacity on the best backend that still has it; a lost claim takes the next."""
    ranking: Ranking = step.prepared
    verdicts = list(ranking.verdicts)
    fit = len(ranking.candidates)
    for candidate in ranking.candidates:
        claimed = pools.claim(step.txn, candidate.host, step.params.size_gib, candidate.ceiling_gib)
        if claimed is not None:
            volumes.set_host(
                step.txn,
                step.params.volume_id,
                candidate.host,
                step.now_us,
                candidate.availability_zone,
            )
            _tell_view(step, candidate.host, claimed)
            return {
                "host": candidate.host,
                "note": f"{candidate.host}, {fit} of {_pools(verdicts)} pools fit",
                "weight": candidate.weight,
                "scheduler": ranking.scheduler,
                "verdicts": msgspec.to_builtins(verdicts[:MAX_VERDICTS_STORED]),
            }
        verdicts = [*_without(verdicts, candidate.host), _lost(step, candidate.host)]
    why = msgspec.to_builtins(verdicts[:MAX_VERDICTS_STORED])
    raise NoValidBackend(f"No valid backend was found: {_summary(verdicts)}.", why)


def _lost(step: Step, host: str) -> Verdict:
    """Why the claim of a pool was lost that had passed: what was seen of it is older than the database."""
    backend = backends.get(step.txn, backend_of(host))
    reason = closed(backend.enabled, backend.disabled_reason, backend.frozen)
    if reason is None:
        return Verdict(
            host, CapacityFilter.name, passed=False, reason="taken by other volumes in the meantime"
        )
    return Verdict(host, ServiceFilter.name, passed=False, reason=reason)


def _without(verdicts: Sequence[Verdict], host: str) -> list[Verdict]:
    return [one for one in verdicts if one.host != host]


def unplace(step: Step) -> None:
    """Give the claimed capacity back."""
    host = step.results["place"]["host"]
    released = pools.release(step.txn, host, step.params.size_gib)
    volumes.set_host(step.txn, step.params.volume_id, None, step.now_us)
    _tell_view(step, host, released)


def provision(call: RemoteCall) -> Result:
    """Make the volume. A repeat finds the volume that it already made."""
    created = call.driver.create_volume(_spec(call.params))
    return {"provider_location": created.provider_location}


def unprovision(call: RemoteCall) -> None:
    """Remove what may have been made; nothing there is success."""
    call.driver.delete_volume(_spec(call.params))


def finish(step: Step) -> Result:
    """``available``, with its location and its usage event."""
    location = step.results["provision"]["provider_location"]
    volumes.finish_create(step.txn, step.params.volume_id, location, step.now_us)
    events.insert(
        step.txn,
        step.record.id,
        "volume.create",
        step.record.project_id,
        step.params.volume_id,
        step.params.size_gib,
        step.now_us,
    )
    return {}


def failed(step: Step, failure: Failure) -> None:
    """``error``, and a message to the user; the quota stays taken until the volume is deleted."""
    volumes.transition(step.txn, step.params.volume_id, "create_failed", step.now_us)
    # What a driver says may name what only administrators know: `pumice why` has it.
    action, detail, words = Action.CREATE_VOLUME_FROM_BACKEND, Detail.DRIVER_FAILED_CREATE, None
    if failure.kind == NoValidBackend.__name__:
        action, detail = Action.SCHEDULE_ALLOCATE_VOLUME, Detail.NO_BACKEND_AVAILABLE
        words = failure.public
    messages.insert(step.txn, failure_of(step.record, action, detail, step.now_us, words))


VOLUME_CREATE = Operation(
    "volume.create",
    2,
    VolumeCreate,
    "volume",
    steps=(
        Local("place", place, undo=unplace, prepare=rank),
        Remote("provision", provision, undo=unprovision, at=lambda _, done: _placed_at(done)),
        Local("finish", finish),
    ),
    failed=failed,
    elsewhere=True,
)


def _placed_at(results: Mapping[str, Result]) -> str:
    host: str = results["place"]["host"]
    return host


def _spec(params: VolumeCreate) -> VolumeSpec:
    return VolumeSpec(params.volume_id, params.size_gib, params.name, params.extra_specs, None)


def _tell_view(step: Step, host: str, allocated: tuple[int, int]) -> None:
    """Let the scheduler's view follow the commit."""
    view = step.tools.pools
    step.txn.after_commit(lambda: view.adjust(host, *allocated))


def _pools(verdicts: Sequence[Verdict]) -> int:
    return len({verdict.host for verdict in verdicts})


def _summary(verdicts: Sequence[Verdict]) -> str:
    """How many pools each filter refused; which ones is for administrators (``pumice why``)."""
    refused = Counter(verdict.filter for verdict in verdicts if not verdict.passed)
    pools = _pools(verdicts)
    clauses = [f"{name} refused {count} of {pools} pools" for name, count in refused.items()]
    return ", ".join(clauses) or "there are no backends"
