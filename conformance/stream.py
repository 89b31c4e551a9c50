"""What Tempest says while it runs, as one JSON line per finished test.

``stestr`` speaks subunit, a binary stream. This file runs with the Python of Tempest's environment, which
has a reader for it; it imports nothing of its own folder.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Final

import subunit
import testtools

_REASON: Final = ("reason", "traceback")
_LOG: Final = "pythonlogging:''"


def main() -> int:
    """Read subunit from standard input until it ends, and write lines to standard output."""
    summary = testtools.StreamToDict(_tell)
    summary.startTestRun()
    subunit.ByteStreamToStreamResult(sys.stdin.buffer, non_subunit_name="noise").run(summary)
    summary.stopTestRun()
    return 0


def _tell(test: dict[str, Any]) -> None:
    if test["status"] == "exists":
        return
    began, ended = test["timestamps"]
    line = {
        "test": test["id"],
        "status": test["status"],
        "seconds": (ended - began).total_seconds() if began and ended else 0.0,
        "text": _text(test["details"]),
        "log": test["details"][_LOG].as_text() if _LOG in test["details"] else "",
    }
    print(json.dumps(line), flush=True)


def _text(details: dict[str, Any]) -> str:
    """Why it was skipped, or the traceback; several if the clean-up failed as well."""
    return "\n".join(
        content.as_text().strip()
        for name, content in sorted(details.items())
        if name.partition("-")[0] in _REASON
    )


if __name__ == "__main__":
    sys.exit(main())
