"""Log lines for people or for programs, each with the request and the operation it is about."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Literal

LogFormat = Literal["text", "json"]

_IDS = ("request_id", "operation_id")


class _Text(logging.Formatter):
    """``2026-01-31T12:00:00.123456Z INFO pumice.api.app req-... message``."""

    def format(self, record: logging.LogRecord) -> str:
        ids = [value for name in _IDS if (value := getattr(record, name, None))]
        line = " ".join([_time(record), record.levelname, record.name, *ids, record.getMessage()])
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


class _Json(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        content: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        content |= {name: value for name in _IDS if (value := getattr(record, name, None))}
        if record.exc_info:
            content["exception"] = self.formatException(record.exc_info)
        return json.dumps(content, ensure_ascii=False)


def _time(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def configure(log_format: LogFormat, *, debug: bool) -> None:
    """Send the log to standard error; called once, by the process that serves."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if log_format == "json" else _Text())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if debug else logging.INFO)
    # asyncio's own debug lines and the HTTP server's start-up lines say nothing a user needs.
    for name in ("asyncio", "uvicorn"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Our application answers its own errors; what is left is a traceback for each client that is cut
    # off by a stop.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
