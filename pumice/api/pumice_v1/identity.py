"""``/identity``: what Keystone has no API for."""

from __future__ import annotations

from typing import Any, Final

from pumice.api.pumice_v1 import policies
from pumice.api.request import Request
from pumice.api.route import Route


async def rotate_keys(request: Request) -> dict[str, Any]:
    """Rotate the token keys; tokens that were issued before stay valid.

    In here and not by a change of the files: who answers knows that the keys are both on disk and in use.
    """
    numbers = await request.services.keys.rotate()
    return {"token_keys": {"primary": max(numbers), "numbers": numbers}}


ROUTES: Final = (Route("POST", "/identity/rotate-keys", rotate_keys, policies.ROTATE_KEYS),)
