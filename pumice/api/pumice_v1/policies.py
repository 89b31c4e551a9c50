"""The policies of Pumice's own API."""

from __future__ import annotations

from typing import Final

from pumice.api.policy import ADMIN, PROJECT_READER, Policy

OPERATIONS: Final = Policy("pumice:operations", PROJECT_READER, "List and show operations.")
RETRY: Final = Policy("pumice:operation_retry", ADMIN, "Run a resting or stuck operation now.")
ABANDON: Final = Policy("pumice:operation_abandon", ADMIN, "Give an operation up.")
WHY: Final = Policy("pumice:why", PROJECT_READER, "Explain a volume, an operation or a request.")
TRACES: Final = Policy("pumice:traces", ADMIN, "Read the ways of all recent requests.")
PROCESSES: Final = Policy("pumice:processes", ADMIN, "List the processes, and what they serve.")
DEBUG: Final = Policy("pumice:debug", ADMIN, "Learn where a debugger may attach, and to what.")
EVENTS: Final = Policy("pumice:events", PROJECT_READER, "Read usage events.")
ROTATE_KEYS: Final = Policy("pumice:rotate_keys", ADMIN, "Rotate the keys of tokens.")
