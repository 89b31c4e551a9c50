"""``/volumes/{volume_id}/metadata``: what a volume's user keeps with it, as pairs of strings."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from msgspec import Raw

from pumice.api.body import Body, Metadata
from pumice.api.request import Answer, Request
from pumice.api.route import Route
from pumice.api.volume_v3 import policies, versions
from pumice.errors import InvalidInput, InvalidState, NotFound, Outdated, TooLarge, VolumeNotFound
from pumice.services import volume_metadata


class MetadataBody(Body):
    """``POST`` and ``PUT /volumes/{volume_id}/metadata``."""

    STRICT_FROM = 0
    EXAMPLE: ClassVar[Any] = {"metadata": {"key": "value"}}

    metadata: Metadata


class ItemBody(Body):
    """``PUT /volumes/{volume_id}/metadata/{key}``: just that key."""

    STRICT_FROM = 0
    EXAMPLE: ClassVar[Any] = {"meta": {"key": "value"}}

    meta: Metadata


async def list_metadata(request: Request) -> Answer:
    """All items; from 3.15 with the tag that ``If-Match`` takes."""
    text = await request.read(
        volume_metadata.show_metadata, request.context, request.parameters["volume_id"]
    )
    headers: tuple[tuple[bytes, bytes], ...] = ()
    if request.microversion >= versions.ETAGS:
        headers = ((b"etag", volume_metadata.etag(text).encode()),)
    return Answer(_view(text), headers=headers)


async def show_item(request: Request) -> dict[str, Any]:
    """One item."""
    key = request.parameters["key"]
    value = await request.read(
        volume_metadata.show_metadata_item, request.context, request.parameters["volume_id"], key
    )
    return {"meta": {key: value}}


async def create_metadata(request: Request, body: MetadataBody) -> dict[str, Any]:
    """Add or replace items; all items then."""
    text = await request.write(
        volume_metadata.merge_metadata,
        request.context,
        request.parameters["volume_id"],
        body.metadata,
    )
    return _view(text)


async def replace_metadata(request: Request, body: MetadataBody) -> dict[str, Any]:
    """Replace all items; all items then."""
    text = await request.write(
        volume_metadata.replace_metadata,
        request.context,
        request.parameters["volume_id"],
        body.metadata,
        _tags(request),
    )
    return _view(text)


async def update_item(request: Request, body: ItemBody) -> dict[str, Any]:
    """Set one item."""
    if len(body.meta) != 1:
        raise InvalidInput("Invalid input: 'meta' must hold exactly one item.")
    if request.parameters["key"] not in body.meta:
        raise InvalidInput("Request body and URI mismatch")
    await request.write(
        volume_metadata.merge_metadata,
        request.context,
        request.parameters["volume_id"],
        body.meta,
        _tags(request),
    )
    return {"meta": body.meta}


async def delete_item(request: Request) -> None:
    """Remove one item."""
    await request.write(
        volume_metadata.delete_metadata_item,
        request.context,
        request.parameters["volume_id"],
        request.parameters["key"],
    )


def _view(metadata: str) -> dict[str, Any]:
    return {"metadata": Raw(metadata.encode())}


def _tags(request: Request) -> frozenset[str] | None:
    """The tags in ``If-Match``, quoted or bare; None if any will do, and before 3.15."""
    given = request.header(b"if-match")
    if given is None or given.strip() == "*" or request.microversion < versions.ETAGS:
        return None
    return frozenset(tag.strip().strip('"') for tag in given.split(","))


_ALL: Final = "/volumes/{volume_id}/metadata"
_ONE: Final = "/volumes/{volume_id}/metadata/{key}"
_REFUSALS: Final = (VolumeNotFound, InvalidState, TooLarge)

ROUTES: Final = (
    Route("GET", _ALL, list_metadata, policies.METADATA_SHOW, raises=(VolumeNotFound,)),
    Route(
        "POST",
        _ALL,
        create_metadata,
        policies.METADATA_CREATE,
        body=MetadataBody,
        raises=_REFUSALS,
    ),
    Route(
        "PUT",
        _ALL,
        replace_metadata,
        policies.METADATA_UPDATE,
        body=MetadataBody,
        raises=(*_REFUSALS, Outdated),
    ),
    Route("GET", _ONE, show_item, policies.METADATA_SHOW, raises=(NotFound,)),
    Route(
        "PUT",
        _ONE,
        update_item,
        policies.METADATA_UPDATE,
        body=ItemBody,
        raises=(*_REFUSALS, Outdated),
    ),
    Route(
        "DELETE",
        _ONE,
        delete_item,
        policies.METADATA_DELETE,
        raises=(NotFound, InvalidState),
    ),
)
