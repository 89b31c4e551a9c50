"""The database of a Pumice that does not run, as a source of operations and ways; read only."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from pumice.api.pumice_v1 import operations as api
from pumice.api.pumice_v1.traces import LISTED
from pumice.api.request import Request
from pumice.api.views import time_text
from pumice.cli.source import Wanted
from pumice.context import Context
from pumice.errors import NotFound
from pumice.offline import Rows
from pumice.seams import SystemClock
from pumice.services import operations as services
from pumice.services.operations import OperationQuery
from pumice.trace import Trace, TraceView

ADMIN: Final = frozenset({"admin"})


class Database:
    """Answers as :class:`pumice.cli.source.Server` does, for an administrator.

    Who may read it may read all of it. Methods raise :class:`pumice.errors.NotFound`, and what
    :class:`pumice.offline.Rows` does for a database that cannot be read.
    """

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        now_us = SystemClock().now_us()
        # The views of the API ask the request who is asking.
        self._request = Request("GET", "/", "", {}, Trace("", "", now_us))
        self._context = Context(
            request_id="",
            global_request_id=None,
            user_id="",
            user_domain_id="",
            scope="system",
            project_id=None,
            domain_id=None,
            roles=ADMIN,
            now_us=now_us,
            trace=self._request.trace,
        )
        self._request.context = self._context

    def operations(self, wanted: Wanted) -> list[dict[str, Any]]:
        """See :meth:`pumice.cli.source.Source.operations`."""
        query = OperationQuery(wanted.status, wanted.resource_id, None, wanted.limit)
        with self._rows.reading() as txn:
            found = services.list_operations(txn, self._context, query)
        return [api.view(self._request, record) for record in found]

    def operation(self, operation_id: str) -> dict[str, Any]:
        """See :meth:`pumice.cli.source.Source.operation`."""
        with self._rows.reading() as txn:
            found = services.find_operation(txn, self._context, operation_id)
        return api.history(self._request, found)

    def why(self, reference: str) -> dict[str, Any]:
        """See :meth:`pumice.cli.source.Source.why`."""
        with self._rows.reading() as txn:
            found = services.explain(txn, self._context, reference)
        return {
            "subject": found.subject,
            "sentences": found.sentences,
            "verdicts": found.verdicts,
            "operations": [api.history(self._request, one) for one in found.operations],
        }

    def traces(self) -> list[dict[str, Any]]:
        """See :meth:`pumice.cli.source.Source.traces`. Only operations' ways outlive the server."""
        query = OperationQuery(None, None, None, LISTED)
        with self._rows.reading() as txn:
            found = [
                services.find_operation(txn, self._context, record.id).trace
                for record in services.list_operations(txn, self._context, query)
            ]
        return [_summary(trace) for trace in found if trace is not None]

    def trace(self, reference: str) -> dict[str, Any]:
        """See :meth:`pumice.cli.source.Source.trace`."""
        with self._rows.reading() as txn:
            found = services.explain(txn, self._context, reference)
        for one in found.operations:
            if one.trace is not None:
                shown = msgspec.to_builtins(one.trace)
                return {**shown, "began_at": time_text(one.trace.began_us)}
        raise NotFound(f"No way of {reference} was kept in the database.")


def _summary(trace: TraceView) -> dict[str, Any]:
    return {
        "request_id": trace.request_id,
        "title": trace.title,
        "began_at": time_text(trace.began_us),
        "duration_us": max((span.start_us + span.duration_us for span in trace.spans), default=0),
    }
