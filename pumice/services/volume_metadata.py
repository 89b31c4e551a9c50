"""A volume's metadata, which is its user's, and what it knows of the image it was made from."""

from __future__ import annotations

import hashlib
from collections.abc import Set as AbstractSet
from typing import Final

import msgspec

from pumice.context import Context
from pumice.errors import InvalidState, NotFound, Outdated
from pumice.model.volume import Volume
from pumice.services.volumes import find_volume, hold_volume, refuse_too_large
from pumice.store import volumes as rows
from pumice.store.txn import Txn

_decode: Final = msgspec.json.Decoder(dict[str, str]).decode

# Cinder 29, volume.API: in these a volume's metadata may not change.
_STILL: Final = ("maintenance", "uploading")


def etag(metadata: str) -> str:
    """The tag of metadata, given as JSON: the MD5 of the body that answers for it, as Cinder's."""
    body = f'{{"metadata":{metadata}}}'
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


def show_metadata(txn: Txn, context: Context, volume_id: str) -> str:
    """Query: the metadata as a JSON object. Raises :class:`pumice.errors.VolumeNotFound`."""
    return find_volume(txn, context, volume_id).metadata


def show_metadata_item(txn: Txn, context: Context, volume_id: str, key: str) -> str:
    """Query: one value. Raises :class:`NotFound` for a volume or a key that is not there."""
    metadata = _decode(find_volume(txn, context, volume_id).metadata)
    if key not in metadata:
        raise _no_such_key(volume_id, key)
    return metadata[key]


def merge_metadata(
    txn: Txn,
    context: Context,
    volume_id: str,
    metadata: dict[str, str],
    tags: AbstractSet[str] | None = None,
) -> str:
    """Unit: add or replace items; all of them as JSON. With ``tags``, the present :func:`etag` is one.

    Raises :class:`pumice.errors.VolumeNotFound`, :class:`InvalidState`, :class:`Outdated` or
    :class:`pumice.errors.TooLarge`.
    """
    volume = _find(txn, context, volume_id, tags)
    metadata = _decode(volume.metadata) | metadata
    refuse_too_large(metadata)
    return rows.set_metadata(txn, volume, metadata, context.now_us)


def replace_metadata(
    txn: Txn,
    context: Context,
    volume_id: str,
    metadata: dict[str, str],
    tags: AbstractSet[str] | None = None,
) -> str:
    """Unit: the same, and what is not in ``metadata`` goes."""
    volume = _find(txn, context, volume_id, tags)
    refuse_too_large(metadata)
    return rows.set_metadata(txn, volume, metadata, context.now_us)


def delete_metadata_item(txn: Txn, context: Context, volume_id: str, key: str) -> None:
    """Unit: remove one item.

    Raises :class:`NotFound` for a volume or a key that is not there, or :class:`InvalidState`.
    """
    volume = hold_volume(txn, context, volume_id)
    metadata = _decode(volume.metadata)
    if metadata.pop(key, None) is None:
        raise _no_such_key(volume_id, key)
    _refuse_still(volume, "Deleting")
    rows.set_metadata(txn, volume, metadata, context.now_us)


def show_image_metadata(txn: Txn, context: Context, volume_id: str) -> str:
    """Query: the image's metadata as a JSON object. Raises :class:`pumice.errors.VolumeNotFound`."""
    return find_volume(txn, context, volume_id).image_metadata


def merge_image_metadata(
    txn: Txn, context: Context, volume_id: str, metadata: dict[str, str]
) -> str:
    """Unit: add or replace items; all of them as JSON. Raises as :func:`merge_metadata`."""
    volume = _find(txn, context, volume_id, None)
    metadata = _decode(volume.image_metadata) | metadata
    refuse_too_large(metadata)
    return _set_image_metadata(txn, context, volume, metadata)


def delete_image_metadata_item(txn: Txn, context: Context, volume_id: str, key: str) -> None:
    """Unit: remove one item. Raises as :func:`delete_metadata_item`."""
    volume = hold_volume(txn, context, volume_id)
    metadata = _decode(volume.image_metadata)
    if metadata.pop(key, None) is None:
        raise NotFound(f"Glance metadata for volume/snapshot {volume_id} cannot be found.")
    _refuse_still(volume, "Deleting")
    _set_image_metadata(txn, context, volume, metadata)


def _set_image_metadata(
    txn: Txn, context: Context, volume: Volume, metadata: dict[str, str]
) -> str:
    text = msgspec.json.encode(metadata).decode()
    rows.update(txn, volume.id, context.now_us, image_metadata=text)
    return text


def _find(txn: Txn, context: Context, volume_id: str, tags: AbstractSet[str] | None) -> Volume:
    """The volume, if its metadata may change now and is what the caller takes it for."""
    volume = hold_volume(txn, context, volume_id)
    if tags is not None and etag(volume.metadata) not in tags:
        raise Outdated(f"The metadata of volume {volume_id} is not what If-Match says.")
    _refuse_still(volume, "Updating")
    return volume


def _refuse_still(volume: Volume, doing: str) -> None:
    if volume.status in _STILL:
        raise InvalidState(
            f"Invalid volume: {doing} volume metadata is not allowed for volumes in {volume.status} "
            "status."
        )


def _no_such_key(volume_id: str, key: str) -> NotFound:
    return NotFound(f"Volume {volume_id} has no metadata with key {key}.")
