"""``volume.delete``: from status ``deleting`` to no row, no bytes and no quota."""

from __future__ import annotations

from msgspec import Struct

from pumice.drivers.contract import VolumeSpec
from pumice.model.message import Action, Detail, failure_of
from pumice.operations.definition import (
    Failure,
    Local,
    LocalStep,
    Operation,
    Remote,
    RemoteStep,
    Result,
)
from pumice.store import events, messages, pools, quotas, volumes


class VolumeDelete(Struct, frozen=True):
    """The volume as it was when the delete was accepted."""

    volume_id: str
    project_id: str
    name: str
    size_gib: int
    volume_type_id: str
    host: str
    provider_location: str | None


Step = LocalStep[VolumeDelete]


def deprovision(call: RemoteStep[VolumeDelete]) -> Result:
    """Remove the volume from its backend; a repeat finds nothing, which is success."""
    params = call.params
    call.driver.delete_volume(
        VolumeSpec(params.volume_id, params.size_gib, params.name, {}, params.provider_location)
    )
    return {}


def finish(step: Step) -> Result:
    """Remove the row and give quota and capacity back, all at once."""
    params = step.params
    volumes.transition(step.txn, params.volume_id, "delete_done", step.now_us)
    project_id = params.project_id
    quotas.subtract_volume(step.txn, project_id, params.volume_type_id, params.size_gib)
    released = pools.release(step.txn, params.host, params.size_gib)
    view = step.tools.pools
    step.txn.after_commit(lambda: view.adjust(params.host, *released))
    events.insert(
        step.txn,
        step.record.id,
        "volume.delete",
        project_id,
        params.volume_id,
        params.size_gib,
        step.now_us,
    )
    return {}


def failed(step: Step, _failure: Failure) -> None:
    """``error_deleting``, and a message to the user; quota and capacity stay taken, as the bytes do."""
    volumes.transition(step.txn, step.params.volume_id, "delete_failed", step.now_us)
    action, words = Action.DELETE_VOLUME_FROM_BACKEND, "The driver failed."
    message = failure_of(step.record, action, Detail.UNKNOWN_ERROR, step.now_us, words)
    messages.insert(step.txn, message)


VOLUME_DELETE = Operation(
    "volume.delete",
    1,
    VolumeDelete,
    "volume",
    steps=(
        Remote("deprovision", deprovision, at=lambda params, _: params.host),
        Local("finish", finish),
    ),
    failed=failed,
)
