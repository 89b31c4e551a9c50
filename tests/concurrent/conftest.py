"""The world that the services are tested in, for services of several processes."""

from __future__ import annotations

from tests.unit.services.conftest import database, empty_world, world

__all__ = ["database", "empty_world", "world"]
