"""Every operation Pumice knows, by name; the crash matrix runs over this table."""

from __future__ import annotations

from typing import Any, Final

from pumice.operations.definition import Operation
from pumice.operations.volume_create import VOLUME_CREATE
from pumice.operations.volume_delete import VOLUME_DELETE

OPERATIONS: Final[dict[str, Operation[Any]]] = {
    operation.name: operation for operation in (VOLUME_CREATE, VOLUME_DELETE)
}
