"""``GET /volumes``, ``/volumes/detail`` and ``/volumes/summary``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from msgspec import Struct

from pumice.api.query import PAGE_KEYS, boolean, page, single_values
from pumice.api.request import Request
from pumice.api.route import Route
from pumice.api.views import next_link
from pumice.api.volume_v3 import policies, versions
from pumice.api.volume_v3.views import Link, links
from pumice.api.volume_v3.volume_filters import FIELDS, SORT_KEYS, Chosen, MatchesNothing
from pumice.api.volume_v3.volumes import listed_detail
from pumice.errors import VolumeNotFound
from pumice.model.volume import Volume, VolumeQuery
from pumice.services.volume_lists import count_volumes, list_volumes, summarise_volumes


class VolumeSummary(Struct, frozen=True):
    """A volume in ``GET /volumes``."""

    id: str
    name: str | None
    links: tuple[Link, ...]


async def list_summary(request: Request) -> dict[str, Any]:
    """A page of volumes: id, name and links."""
    return await _list(
        request, lambda one: VolumeSummary(one.id, one.name, links(request, "volumes", one.id))
    )


async def list_detail(request: Request) -> dict[str, Any]:
    """A page of volumes with everything."""
    return await _list(request, listed_detail(request))


async def _list(request: Request, view: Callable[[Volume], Any]) -> dict[str, Any]:
    given = single_values(request)
    with_count = request.microversion >= versions.COUNT and boolean(given, "with_count")
    volumes: list[Volume] = []
    try:
        query = _query(request, given)
    except MatchesNothing:
        return {"volumes": [], "count": 0} if with_count else {"volumes": []}
    if query.limit:
        volumes = await request.read(list_volumes, query)
    answer: dict[str, Any] = {"volumes": [view(volume) for volume in volumes]}
    if volumes and len(volumes) == query.limit:
        answer["volumes_links"] = next_link(request, volumes[-1].id)
    if with_count:
        answer["count"] = await request.read(count_volumes, query)
    return answer


def _query(request: Request, given: dict[str, str]) -> VolumeQuery:
    """The query of a list of volumes. Raises :class:`MatchesNothing` if it need not be asked."""
    paging = page(given, SORT_KEYS)
    project_id = _project_id(request, given)
    known = PAGE_KEYS | {"all_tenants"}
    if request.microversion >= versions.COUNT:
        known |= {"with_count"}
    chosen = Chosen(request, {key: given[key] for key in given if key not in known})
    projects = chosen.equal.pop("project_id", ())
    if project_id is None and len(projects) == 1:
        (project_id,) = projects
    elif project_id is None and projects:
        chosen.equal["project_id"] = projects
    sort: dict[str, str] = {}
    for key, direction in paging.sort:
        if key in FIELDS:  # Other columns are the same for every volume.
            sort.setdefault(FIELDS[key], direction)
    bound = request.services.settings.osapi_max_limit
    return VolumeQuery(
        project_id,
        bound if paging.limit is None else min(paging.limit, bound),
        chosen.equal,
        chosen.like,
        chosen.within,
        chosen.hosts,
        chosen.metadata,
        chosen.image_metadata,
        tuple(sort.items()),
        paging.offset,
        paging.marker,
    )


def _project_id(request: Request, given: dict[str, str]) -> str | None:
    """Whose volumes: those of the token's project, or None for all, which administrators may ask for.

    A token for no project sees no project's volumes, but an administrator's those of all.
    """
    context = request.context
    if context.is_admin and (boolean(given, "all_tenants") or context.project_id is None):
        return None
    return context.project_id or ""


async def show_summary(request: Request) -> dict[str, Any]:
    """How many volumes and GiB; from 3.36 also the different values of each key of the metadata."""
    with_metadata = request.microversion >= versions.SUMMARY_METADATA
    summary = await request.read(
        partial(summarise_volumes, with_metadata=with_metadata),
        _project_id(request, single_values(request)),
    )
    shown: dict[str, Any] = {"total_count": summary.total_count, "total_size": summary.total_gib}
    if with_metadata:
        shown["metadata"] = summary.metadata
    return {"volume-summary": shown}


ROUTES: Final = (
    Route("GET", "/volumes", list_summary, policies.LIST, raises=(VolumeNotFound,)),
    Route(
        "GET",
        "/volumes/detail",
        list_detail,
        policies.LIST,
        raises=(VolumeNotFound,),
        further=(policies.IMAGE_METADATA_SHOW,),
    ),
    Route("GET", "/volumes/summary", show_summary, policies.LIST, since=versions.SUMMARY),
)
