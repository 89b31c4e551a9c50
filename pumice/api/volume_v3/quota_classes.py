"""``/os-quota-class-sets``: limits under a name, above all those that hold by default."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from pumice.api.body import Body
from pumice.api.request import Request
from pumice.api.route import Route
from pumice.api.volume_v3 import policies
from pumice.api.volume_v3.quotas import limits, require_short
from pumice.services import quota_classes
from pumice.services.quotas import QuotaDefaults


class QuotaClassSet(Body):
    """``PUT /os-quota-class-sets/{class_name}``: limits by name."""

    WRAPPER = "quota_class_set"
    CONTENT = "content"
    STRICT_FROM = 0
    EXAMPLE: ClassVar[Any] = {"volumes": 10}

    content: dict[str, Any]


async def show_quota_class(request: Request) -> dict[str, Any]:
    """The limits of a class."""
    name = request.parameters["class_name"]
    found = await request.read(
        quota_classes.show_quota_class,
        request.context,
        name,
        QuotaDefaults.of(request.services.settings),
    )
    return {"quota_class_set": found | {"id": name}}


async def update_quota_class(request: Request, body: QuotaClassSet) -> dict[str, Any]:
    """Set limits of a class."""
    found = await request.write(
        quota_classes.update_quota_class,
        request.context,
        require_short(request.parameters["class_name"], "The name of a quota class"),
        limits(body.content, "quota_class_set"),
        QuotaDefaults.of(request.services.settings),
    )
    return {"quota_class_set": found}


_ONE: Final = "/os-quota-class-sets/{class_name}"

ROUTES: Final = (
    Route("GET", _ONE, show_quota_class, policies.QUOTA_CLASS_SHOW),
    Route("PUT", _ONE, update_quota_class, policies.QUOTA_CLASS_UPDATE, body=QuotaClassSet),
)
