"""Rows of ``service_flags``: what administrators set on services that are no backends.

The flags of a backend stand in its own row of ``backends``. A service without a row is enabled.
"""

from __future__ import annotations

from typing import Final

from pumice.model.backend import ServiceFlags
from pumice.store.txn import Txn

_GET: Final = """
SELECT enabled, disabled_reason FROM service_flags WHERE host = :host AND service = :service
"""


def get(txn: Txn, host: str, service: str) -> ServiceFlags:
    """The flags of ``service`` on ``host``."""
    row = txn.one(_GET, {"host": host, "service": service})
    return ServiceFlags() if row is None else ServiceFlags(bool(row[0]), row[1])


_PUT: Final = """
INSERT INTO service_flags (host, service, enabled, disabled_reason, updated_at)
VALUES (:host, :service, :enabled, :disabled_reason, :updated_at)
ON CONFLICT (host, service) DO UPDATE SET enabled = excluded.enabled,
    disabled_reason = excluded.disabled_reason, updated_at = excluded.updated_at
"""


def put(txn: Txn, host: str, service: str, flags: ServiceFlags, now_us: int) -> None:
    """Set the flags of ``service`` on ``host``."""
    parameters = {
        "host": host,
        "service": service,
        "enabled": flags.enabled,
        "disabled_reason": flags.disabled_reason,
        "updated_at": now_us,
    }
    txn.change(_PUT, parameters)
