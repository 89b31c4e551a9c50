"""Volumes: create, show, update and delete."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

from pumice.context import Context
from pumice.errors import InvalidInput, InvalidState, TooLarge, VolumeNotFound
from pumice.model.backend import NO_HINTS, PlacementRequest, Ranking
from pumice.model.states import NOT_MIGRATING, VOLUME_FIRST
from pumice.model.volume import Volume, VolumeType
from pumice.operations.definition import Tools
from pumice.operations.engine import Engine
from pumice.operations.volume_create import VOLUME_CREATE, VolumeCreate, rank
from pumice.operations.volume_delete import VOLUME_DELETE, VolumeDelete
from pumice.seams import Seams
from pumice.services import quotas
from pumice.services.hints import AskedHints, find_hints
from pumice.services.hosts import check_any_scheduler, check_scheduler, check_thawed
from pumice.services.idempotency import Once, once_only
from pumice.services.quotas import QuotaDefaults
from pumice.services.volume_types import (
    find_type_or_default,
    find_volume_type,
    hold_volume_type,
)
from pumice.services.zones import ZoneRules, zone_for
from pumice.settings import Settings
from pumice.store import operations as operation_rows
from pumice.store import quotas as quota_rows
from pumice.store import volumes as rows
from pumice.store.contract import Store
from pumice.store.txn import Txn
from pumice.trace import place

MAX_METADATA_BYTES: Final = 114_688
"""As large as Cinder lets a whole request be."""
MAX_METADATA_ITEMS: Final = 1000


class NewVolume(Struct, frozen=True):
    """What a client asked for; ``volume_type`` is an id, a name, or None for the default."""

    name: str | None
    description: str | None
    size_gib: int
    volume_type: str | None
    availability_zone: str | None
    metadata: dict[str, str]
    hints: AskedHints | None = None


class Accept(Struct, frozen=True):
    """A volume about to be accepted: its row, its operation, and the backends ranked for it.

    Without a ``ranking`` the operation begins with that, in a process that schedules.
    """

    volume: Volume
    volume_type: VolumeType
    operation_id: str
    params: VolumeCreate
    ranking: Ranking | None
    quota: QuotaDefaults
    scheduler_host: str
    """Whose scheduler ranked, if it did."""
    alive_since: int
    """Who was heard of since then counts as alive; UTC microseconds."""


class Accepted(Struct, frozen=True):
    """A volume as it was accepted, in status ``creating``, and the operation that makes it."""

    volume: Volume
    operation_id: str


class Changes(Struct, frozen=True):
    """What shall be changed of a volume; ``metadata`` replaces what is there."""

    name: str | UnsetType | None = UNSET
    description: str | UnsetType | None = UNSET
    metadata: dict[str, str] | UnsetType = UNSET


class Remove(Struct, frozen=True):
    """A volume to be removed; ``force`` is an administrator's, from any status."""

    volume_id: str
    operation_id: str
    force: bool


class _TypeChanged(Exception):
    """The volume type changed between the ranking and the unit: rank again."""


class VolumeService:
    """The use cases of volumes."""

    def __init__(self, store: Store, seams: Seams, engine: Engine, settings: Settings) -> None:
        self._store = store
        self._seams = seams
        self._engine = engine
        self._settings = settings
        self._quota = QuotaDefaults.of(settings)

    async def create(
        self, context: Context, new: NewVolume, once: Once[Volume] | None = None
    ) -> Accepted:
        """Accept a volume: rank the backends, then one unit for quota, row, operation and claim.

        Raises :class:`pumice.errors.VolumeTypeNotFound`, :class:`InvalidInput`, :class:`TooLarge` or
        :class:`pumice.errors.QuotaExceeded`. That no backend fits is no error here: the volume goes to
        status ``error`` with a message, as in Cinder.
        """
        if context.project_id is None:
            raise InvalidInput("A volume belongs to a project: use a token that is for one.")
        refuse_too_large(new.metadata)
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
        default_name = self._settings.default_volume_type
        volume_type = await self._store.read(
            find_type_or_default, context, new.volume_type, default_name
        )
        _check_size(new, volume_type)
        tools = self._engine.tools
        zone = self._zone(tools, new.availability_zone, volume_type)
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
            availability_zone=zone or self._settings.storage_availability_zone,
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
            zone,
            await self._store.read(find_hints, context, new.hints) if new.hints else NO_HINTS,
        )
        ranking = None
        if tools.schedules:
            started = context.trace.start()
            ranking = rank(tools, params, ())
            context.trace.end(_RANK, started, _best(ranking))
        operation_id = self._seams.ids.volume_side()
        return Accept(
            volume,
            volume_type,
            operation_id,
            params,
            ranking,
            self._quota,
            self._settings.host,
            context.now_us - self._settings.service_down_time * 1_000_000,
        )

    async def delete(
        self, context: Context, volume_id: str, *, force: bool, once: Once[str] | None = None
    ) -> str:
        """Accept the removal of a volume; the id of its operation.

        Raises :class:`VolumeNotFound` or :class:`InvalidState`.
        """
        remove = Remove(volume_id, self._seams.ids.volume_side(), force)
        unit = once_only(once, remove_volume)
        return await self._store.write(unit, context, remove, self._engine, trace=context.trace)

    async def show(self, context: Context, volume_id: str) -> Volume:
        """One volume. Raises :class:`VolumeNotFound`."""
        return await self._store.read(find_volume, context, volume_id)

    async def pools_for(self, context: Context, reference: str) -> frozenset[str]:
        """The pools that could take a volume of this type, whatever its size, by ``host@backend#pool``.

        Raises :class:`pumice.errors.VolumeTypeNotFound`.
        """
        volume_type = await self._store.read(find_volume_type, context, reference)
        tools = self._engine.tools
        wanted = PlacementRequest("", 0, volume_type.name, volume_type.extra_specs, None)
        ranking = tools.scheduler.rank(wanted, tools.pools.matching(wanted))
        return frozenset(candidate.host for candidate in ranking.candidates)

    def _zone(self, tools: Tools, wanted: str | None, volume_type: VolumeType) -> str | None:
        """The zone that the volume must be in, if any. Raises :class:`InvalidInput`."""
        settings = self._settings
        rules = ZoneRules(
            settings.storage_availability_zone, settings.allow_availability_zone_fallback
        )
        served = tools.pools.zones() or {rules.default}
        return zone_for(wanted, volume_type.extra_specs, served, rules)


def accept_volume(txn: Txn, context: Context, accept: Accept, engine: Engine) -> Volume:
    """Unit: quota, row, operation and the claim of the best backend, all or nothing.

    Raises :class:`_TypeChanged` if the backends were ranked for extra specs that are no longer the type's,
    :class:`pumice.errors.VolumeTypeNotFound` if the type is gone, and :class:`pumice.errors.Unavailable`
    while the scheduler is disabled.
    """
    volume = accept.volume
    if accept.ranking is None:
        check_any_scheduler(txn, accept.alive_since)
    else:
        check_scheduler(txn, accept.scheduler_host)
    if hold_volume_type(txn, context, volume.volume_type_id) != accept.volume_type:
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
        {} if accept.ranking is None else {"place": accept.ranking},
    )
    return volume


def update_volume(txn: Txn, context: Context, volume_id: str, changes: Changes) -> Volume:
    """Unit: name, description and metadata; the volume as it is then.

    Raises :class:`VolumeNotFound`, :class:`InvalidState`, or :class:`pumice.errors.TooLarge`.
    """
    volume = hold_volume(txn, context, volume_id)
    refuse_maintenance(volume)
    columns = msgspec.to_builtins(changes)
    metadata = columns.pop("metadata", None)
    if metadata is not None:
        refuse_too_large(metadata)
        rows.set_metadata(txn, volume, metadata, context.now_us)
    if columns:
        rows.update(txn, volume.id, context.now_us, **columns)
    return rows.get(txn, volume.id)


def refuse_maintenance(volume: Volume) -> None:
    """Raises :class:`InvalidState` for a volume that stands still for its administrator."""
    if volume.status == "maintenance":
        raise InvalidState("Invalid volume: The volume cannot be updated during maintenance.")


def refuse_too_large(metadata: dict[str, str]) -> None:
    """Raises :class:`TooLarge` for too many items, and for more than one request could bring.

    Without it, requests that add a little each could make a volume that no list can bear.
    """
    if len(metadata) > MAX_METADATA_ITEMS:
        raise TooLarge(f"A volume's metadata may have at most {MAX_METADATA_ITEMS} items.")
    if len(msgspec.json.encode(metadata)) > MAX_METADATA_BYTES:
        raise TooLarge(f"A volume's metadata may have at most {MAX_METADATA_BYTES} bytes as JSON.")


def remove_volume(txn: Txn, context: Context, remove: Remove, engine: Engine) -> str:
    """Unit: status ``deleting`` and the operation; a volume that no backend ever held goes at once.

    Who may force it wants the volume away whatever becomes of it: what is under way is given up first,
    and what a driver may yet make of it is the reconciler's to remove. A removal that is under way is
    what was asked for. Returns the id of the operation that removes the volume; where the volume goes at
    once, no operation has it.
    """
    if remove.force:
        # In the order of the operation's own units: operation, then volume.
        operation_rows.hold_unfinished_of(txn, remove.volume_id)
    volume = hold_volume(txn, context, remove.volume_id)
    if volume.attach_status == "attached" or volume.migration_status not in NOT_MIGRATING:
        raise InvalidState(f"Invalid volume: Volume {volume.id} must not be migrating or attached.")
    busy = operation_rows.unfinished_of(txn, volume.id)
    if busy is not None:
        if not remove.force:
            raise InvalidState(under_way(volume, busy))
        if volume.status == "deleting":
            return busy
        # What is given up gives capacity back, and then quota: who locks in that order meets others' units.
        quota_rows.hold(txn, volume.project_id)
        engine.give_up(txn, busy, context.now_us)
        volume = rows.get(txn, volume.id)
    if volume.host is not None:
        check_thawed(txn, volume.host)
    event = "force_delete_started" if remove.force else "delete_started"
    rows.transition(txn, volume.id, event, context.now_us)
    if volume.host is None:
        rows.transition(txn, volume.id, "delete_done", context.now_us)
        quota_rows.subtract_volume(txn, volume.project_id, volume.volume_type_id, volume.size_gib)
        return remove.operation_id
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
    return remove.operation_id


def under_way(volume: Volume, operation_id: str) -> str:
    """Why nothing else may be done with the volume now, for the caller."""
    return (
        f"Invalid volume: Volume {volume.id} is {volume.status}: "
        f"operation {operation_id} is under way."
    )


def find_volume(txn: Txn, context: Context, volume_id: str) -> Volume:
    """Query: the volume, if the caller may see it; another project's does not exist for a caller."""
    return _visible(context, rows.get(txn, volume_id))


def hold_volume(txn: Txn, context: Context, volume_id: str) -> Volume:
    """The same for a unit that changes the volume by what it finds: nobody else changes it meanwhile."""
    return _visible(context, rows.hold(txn, volume_id))


def _visible(context: Context, volume: Volume) -> Volume:
    if volume.project_id != context.project_id and not context.is_admin:
        raise VolumeNotFound(volume.id)
    return volume


def _check_size(new: NewVolume, volume_type: VolumeType) -> None:
    """Raises :class:`InvalidInput` if the type bounds the size (provisioning:min/max_vol_size)."""
    specs = volume_type.extra_specs
    for key, wrong in (("min", "smaller"), ("max", "larger")):
        bound = specs.get(f"provisioning:{key}_vol_size")
        if bound is None or not bound.isdecimal():
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
