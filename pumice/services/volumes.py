"""Volumes: create, list, show and delete."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

from pumice.context import Context
from pumice.errors import InvalidInput, InvalidState, VolumeNotFound
from pumice.model.backend import Ranking
from pumice.model.states import VOLUME_FIRST
from pumice.model.volume import Volume, VolumeQuery, VolumeType
from pumice.operations.definition import Tools
from pumice.operations.engine import Engine
from pumice.operations.volume_create import VOLUME_CREATE, VolumeCreate, rank
from pumice.operations.volume_delete import VOLUME_DELETE, VolumeDelete
from pumice.seams import Seams
from pumice.services import quotas
from pumice.services.idempotency import Once, once_only
from pumice.services.quotas import QuotaDefaults
from pumice.services.volume_types import find_volume_type
from pumice.settings import Settings
from pumice.store import operations as operation_rows
from pumice.store import quotas as quota_rows
from pumice.store import volumes as rows
from pumice.store.sqlite import SqliteStore
from pumice.store.txn import Txn
from pumice.trace import place

SORT_KEYS: Final = frozenset(rows.SORT_COLUMNS)
"""What lists of volumes may be sorted by."""
FILTER_KEYS: Final = frozenset(rows.FILTER_COLUMNS)
"""What lists of volumes may be filtered by."""


class NewVolume(Struct, frozen=True):
    """What a client asked for; ``volume_type`` is an id, a name, or None for the default."""

    name: str | None
    description: str | None
    size_gib: int
    volume_type: str | None
    availability_zone: str | None
    metadata: dict[str, str]


class Accept(Struct, frozen=True):
    """A volume about to be accepted: its row, its operation, and the backends ranked for it."""

    volume: Volume
    volume_type: VolumeType
    operation_id: str
    params: VolumeCreate
    ranking: Ranking
    quota: QuotaDefaults


class Accepted(Struct, frozen=True):
    """A volume as it was accepted, in status ``creating``, and the operation that makes it."""

    volume: Volume
    operation_id: str


class Remove(Struct, frozen=True):
    """A volume to be removed; ``force`` is an administrator's, from any status at rest."""

    volume_id: str
    operation_id: str
    force: bool


class _TypeChanged(Exception):
    """The volume type changed between the ranking and the unit: rank again."""


class VolumeService:
    """The use cases of volumes."""

    def __init__(
        self, store: SqliteStore, seams: Seams, engine: Engine, settings: Settings
    ) -> None:
        self._store = store
        self._seams = seams
        self._engine = engine
        self._settings = settings
        self._quota = QuotaDefaults.of(settings)

    async def create(
        self, context: Context, new: NewVolume, once: Once[Volume] | None = None
    ) -> Accepted:
        """Accept a volume: rank the backends, then one unit for quota, row, operation and claim.

        Raises :class:`pumice.errors.VolumeTypeNotFound`, :class:`InvalidInput` or
        :class:`pumice.errors.QuotaExceeded`. That no backend fits is no error here: the volume goes to
        status ``error`` with a message, as in Cinder.
        """
        if context.project_id is None:
            raise InvalidInput("A volume belongs to a project: use a token that is for one.")
        while True:
            accept = await self._prepare(context, new, context.project_id)
            try:
                accepted = await self._store.write(
                    once_only(once, accept_volume),
                    context,
                    accept,
                    self._engine,
                    trace=context.trace,
                )
            except _TypeChanged:
                continue
            return Accepted(accepted, accept.operation_id)

    async def _prepare(self, context: Context, new: NewVolume, project_id: str) -> Accept:
        """What the unit is given: the type as it is now, and the backends ranked for it."""
        reference = new.volume_type or self._settings.default_volume_type
        volume_type = await self._store.read(find_volume_type, context, reference)
        _check_size(new, volume_type)
        tools = self._engine.tools
        volume = Volume(
            id=self._seams.ids.volume_side(),
            project_id=project_id,
            user_id=context.user_id,
            name=new.name,
            description=new.description,
            size_gib=new.size_gib,
            status=VOLUME_FIRST,
            attach_status="detached",
            volume_type_id=volume_type.id,
            volume_type_name=volume_type.name,
            availability_zone=self._zone(tools, new.availability_zone),
            host=None,
            bootable=False,
            multiattach=volume_type.extra_specs.get("multiattach") == "<is> True",
            metadata=msgspec.json.encode(new.metadata).decode(),
            provider_location=None,
            created_at=context.now_us,
            updated_at=None,
        )
        params = VolumeCreate(
            volume.id,
            volume.name or "",
            volume.size_gib,
            volume_type.name,
            volume_type.extra_specs,
            new.availability_zone,
        )
        started = context.trace.start()
        ranking = rank(tools, params, ())
        context.trace.end(_RANK, started, _best(ranking))
        operation_id = self._seams.ids.volume_side()
        return Accept(volume, volume_type, operation_id, params, ranking, self._quota)

    async def delete(self, context: Context, volume_id: str, *, force: bool) -> str:
        """Accept the removal of a volume; the id of its operation.

        Raises :class:`VolumeNotFound` or :class:`InvalidState`.
        """
        remove = Remove(volume_id, self._seams.ids.volume_side(), force)
        await self._store.write(remove_volume, context, remove, self._engine, trace=context.trace)
        return remove.operation_id

    async def show(self, context: Context, volume_id: str) -> Volume:
        """One volume. Raises :class:`VolumeNotFound`."""
        return await self._store.read(find_volume, context, volume_id)

    async def list(self, query: VolumeQuery) -> list[Volume]:
        """One page of volumes."""
        return await self._store.read(rows.select, query)

    async def count(self, query: VolumeQuery) -> int:
        """How many volumes match, on all pages."""
        return await self._store.read(rows.count, query)

    async def pools_for(self, context: Context, reference: str) -> frozenset[str]:
        """The pools that could take a volume of this type, whatever its size, by ``host@backend#pool``.

        Raises :class:`pumice.errors.VolumeTypeNotFound`.
        """
        volume_type = await self._store.read(find_volume_type, context, reference)
        nothing = VolumeCreate("", "", 0, volume_type.name, volume_type.extra_specs, None)
        ranking = rank(self._engine.tools, nothing, ())
        return frozenset(candidate.host for candidate in ranking.candidates)

    def _zone(self, tools: Tools, wanted: str | None) -> str:
        """The availability zone of the row. Raises :class:`InvalidInput` for one nobody serves."""
        default = self._settings.storage_availability_zone
        if wanted is None:
            return default
        known = {pool.availability_zone for pool in tools.pools.pools()} | {default}
        if wanted not in known:
            raise InvalidInput(f"Availability zone '{wanted}' is invalid.")
        return wanted


def accept_volume(txn: Txn, context: Context, accept: Accept, engine: Engine) -> Volume:
    """Unit: quota, row, operation and the claim of the best backend, all or nothing.

    Raises :class:`_TypeChanged` if the backends were ranked for extra specs that are no longer the type's,
    and :class:`pumice.errors.VolumeTypeNotFound` if the type is gone.
    """
    volume = accept.volume
    if find_volume_type(txn, context, volume.volume_type_id) != accept.volume_type:
        raise _TypeChanged
    quotas.take_volume(
        txn,
        volume.project_id,
        volume.volume_type_id,
        volume.volume_type_name,
        volume.size_gib,
        accept.quota,
    )
    rows.insert(txn, volume)
    engine.begin(
        txn,
        context,
        VOLUME_CREATE,
        accept.operation_id,
        volume,
        accept.params,
        {"place": accept.ranking},
    )
    return volume


def remove_volume(txn: Txn, context: Context, remove: Remove, engine: Engine) -> None:
    """Unit: status ``deleting`` and the operation; a volume that no backend ever held goes at once."""
    volume = find_volume(txn, context, remove.volume_id)
    busy = operation_rows.unfinished_of(txn, volume.id)
    if busy is not None:
        raise InvalidState(
            f"Invalid volume: Volume {volume.id} is {volume.status}: operation {busy} is under way."
        )
    event = "force_delete_started" if remove.force else "delete_started"
    rows.transition(txn, volume.id, event, context.now_us)
    if volume.host is None:
        rows.transition(txn, volume.id, "delete_done", context.now_us)
        quota_rows.subtract_volume(txn, volume.project_id, volume.volume_type_id, volume.size_gib)
        return
    params = VolumeDelete(
        volume.id,
        volume.project_id,
        volume.name or "",
        volume.size_gib,
        volume.volume_type_id,
        volume.host,
        volume.provider_location,
    )
    engine.begin(txn, context, VOLUME_DELETE, remove.operation_id, volume, params, {})


def find_volume(txn: Txn, context: Context, volume_id: str) -> Volume:
    """The volume, if the caller may see it; another project's does not exist for a caller."""
    volume = rows.get(txn, volume_id)
    if volume.project_id != context.project_id and not context.is_admin:
        raise VolumeNotFound(volume_id)
    return volume


def _check_size(new: NewVolume, volume_type: VolumeType) -> None:
    """Raises :class:`InvalidInput` if the type bounds the size (provisioning:min/max_vol_size)."""
    specs = volume_type.extra_specs
    for key, wrong in (("min", "smaller"), ("max", "larger")):
        bound = specs.get(f"provisioning:{key}_vol_size")
        if bound is None or not bound.isdigit():
            continue
        outside = new.size_gib < int(bound) if key == "min" else new.size_gib > int(bound)
        if outside:
            raise InvalidInput(
                f"Specified volume size of '{new.size_gib}' GB is {wrong} than the {key}imum size "
                f"'{bound}' GB of volume type '{volume_type.name}'."
            )


def _best(ranking: Ranking) -> str:
    """The decision in a few words, for the trace."""
    if not ranking.candidates:
        return f"{ranking.scheduler}: no backend fits"
    best = ranking.candidates[0]
    return f"{ranking.scheduler}: {best.host} of {len(ranking.candidates)} that fit"


_RANK = place(rank, layer="scheduler")
