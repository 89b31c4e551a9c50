"""The policies of Pumice's own API."""

from __future__ import annotations

from typing import Final

from pumice.api.policy import Policy

_READER: Final = "rule:xena_system_admin_or_project_reader"
_ADMIN: Final = "rule:admin_api"

OPERATIONS: Final = Policy("pumice:operations", _READER, "List and show operations.")
RETRY: Final = Policy("pumice:operation_retry", _ADMIN, "Run a resting or stuck operation now.")
ABANDON: Final = Policy("pumice:operation_abandon", _ADMIN, "Give an operation up.")
WHY: Final = Policy("pumice:why", _READER, "Explain a volume, an operation or a request.")
TRACES: Final = Policy("pumice:traces", _ADMIN, "Read the ways of all recent requests.")
EVENTS: Final = Policy("pumice:events", _READER, "Read usage events.")
