"""``/volumes/{volume_id}/encryption``: no volume is encrypted yet."""

from __future__ import annotations

from typing import Any, Final

from pumice.api.request import Request
from pumice.api.route import Route
from pumice.api.volume_v3 import policies
from pumice.errors import NotFound, VolumeNotFound


async def show_encryption(request: Request) -> dict[str, Any]:
    """How the volume is encrypted; without a wrapper."""
    await request.services.volumes.show(request.context, request.parameters["volume_id"])
    return {"encryption_key_id": None}


async def show_encryption_item(request: Request) -> None:
    """One item as a bare text; Cinder answers an empty one for the key of a volume that has none."""
    encryption = await show_encryption(request)
    key = request.parameters["key"]
    if key not in encryption:
        raise NotFound(f"Volume {request.parameters['volume_id']} has no encryption item {key}.")


ROUTES: Final = (
    Route(
        "GET",
        "/volumes/{volume_id}/encryption",
        show_encryption,
        policies.ENCRYPTION_SHOW,
        raises=(VolumeNotFound,),
    ),
    Route(
        "GET",
        "/volumes/{volume_id}/encryption/{key}",
        show_encryption_item,
        policies.ENCRYPTION_SHOW,
        raises=(NotFound,),
    ),
)
