"""Where operations and ways are read: from a running Pumice, or from its database while none runs."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from pumice.cli.clouds import Asked, find_cloud
from pumice.cli.output import note
from pumice.errors import UsageError

if TYPE_CHECKING:
    from pumice.cli.client import Session

SERVICE: Final = "pumice"
PAGE: Final = 500

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")


class Wanted(NamedTuple):
    """Which operations to list; None means any."""

    status: str | None
    resource_id: str | None
    limit: int


class Source(Protocol):
    """What can be asked about operations. The values are those of ``/pumice/v1``."""

    def operations(self, wanted: Wanted) -> list[dict[str, Any]]:
        """Operations, newest first."""

    def operation(self, operation_id: str) -> dict[str, Any]:
        """One operation with its log and its way."""

    def why(self, reference: str) -> dict[str, Any]:
        """What is known of a volume, an operation or a request."""

    def traces(self) -> list[dict[str, Any]]:
        """The newest ways, newest first, without their spans."""

    def trace(self, reference: str) -> dict[str, Any]:
        """The way of a request, or of the operation or volume that it was about."""


class Server:
    """A running Pumice, over HTTP. What may be raised is what :class:`Session` raises."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def operations(self, wanted: Wanted) -> list[dict[str, Any]]:
        """See :meth:`Source.operations`."""
        found: list[dict[str, Any]] = []
        while len(found) < wanted.limit:
            query = {
                "status": wanted.status,
                "resource_id": wanted.resource_id,
                "limit": str(min(PAGE, wanted.limit - len(found))),
                "marker": found[-1]["id"] if found else None,
            }
            page = self._session.get(SERVICE, "/operations", query)["operations"]
            if not page:
                break
            found += page
        return found

    def operation(self, operation_id: str) -> dict[str, Any]:
        """See :meth:`Source.operation`."""
        return self._get(f"/operations/{operation_id}", "operation")

    def why(self, reference: str) -> dict[str, Any]:
        """See :meth:`Source.why`."""
        return self._get(f"/why/{reference}", "why")

    def traces(self) -> list[dict[str, Any]]:
        """See :meth:`Source.traces`."""
        found: list[dict[str, Any]] = self._session.get(SERVICE, "/traces")["traces"]
        return found

    def trace(self, reference: str) -> dict[str, Any]:
        """See :meth:`Source.trace`."""
        return self._get(f"/traces/{reference}", "trace")

    def _get(self, path: str, key: str) -> dict[str, Any]:
        found: dict[str, Any] = self._session.get(SERVICE, path)[key]
        return found


def log_in(asked: Asked) -> Session:
    """A session with the cloud that the person means.

    Raises :class:`UsageError`, :class:`pumice.cli.client.Unreachable` or ``Refused`` there.
    """
    from pumice.cli.client import Session

    return Session.log_in(find_cloud(asked, os.environ, Path.cwd()))


def open_source(asked: Asked) -> Source:
    """The running Pumice that the person means, else the database of the state directory.

    Raises as :func:`log_in`; nothing answering is an error only where there is no database to read.
    """
    from pumice.cli.client import Session, Unreachable

    cloud = find_cloud(asked, os.environ, Path.cwd())
    try:
        return Server(Session.log_in(cloud))
    except Unreachable as error:
        if cloud.state_dir is None:
            raise
        from pumice import offline
        from pumice.cli.database import Database

        if not offline.has_database(cloud.state_dir):
            raise
        rows = offline.find_rows(cloud.state_dir)
        note(f"{error.public} This is what {rows.name} holds.")
        return Database(rows)


def checked_id(text: str) -> str:
    """``text`` if it can be an id, and so part of a path. Raises :class:`UsageError`."""
    if not _ID.fullmatch(text):
        raise UsageError(f"{text!r} is not the id of a volume, an operation or a request.")
    return text
