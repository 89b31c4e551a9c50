"""Columns that hold JSON: what the known columns have no place for."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import Struct

decode_object: Final = msgspec.json.Decoder(dict[str, Any]).decode
decode_texts: Final = msgspec.json.Decoder(tuple[str, ...]).decode


def parameters(value: Struct) -> dict[str, Any]:
    """The fields of ``value`` as parameters of a statement; objects and lists become JSON."""
    return {
        name: msgspec.json.encode(field).decode() if isinstance(field, dict | tuple) else field
        for name, field in msgspec.structs.asdict(value).items()
    }
