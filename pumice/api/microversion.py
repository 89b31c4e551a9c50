"""Microversions: which range an API serves, and what a request's header asks for.

Within one API the major version never changes, so a microversion is its minor number: ``3.71`` is 71.
Rules: volume-api RULE microversion-header; compute's header takes the older Nova form as well.
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

from pumice.errors import InvalidInput, NotAcceptable

_VERSION: Final = re.compile(r"([1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\Z")


class Microversions(Struct, frozen=True):
    """The range ``major.minimum`` to ``major.maximum`` of ``service``; ``legacy_header`` is in lower case."""

    service: str
    major: int
    minimum: int
    maximum: int
    legacy_header: bytes | None = None

    def text(self, minor: int) -> str:
        """``3.71`` for 71."""
        return f"{self.major}.{minor}"

    def requested(self, headers: dict[bytes, bytes]) -> int:
        """The minor version a request asks for; the minimum if it asks for none.

        Raises :class:`InvalidInput` for a malformed header, :class:`NotAcceptable` outside the range.
        """
        raw = headers.get(b"openstack-api-version")
        value = "" if raw is None else raw.decode("latin-1")
        for element in value.split(","):
            words = element.split()
            if words and words[0].lower() == self.service:
                return self._parse(" ".join(words[1:]))  # More words than one are no version.
        if self.service == "volume" and raw is not None:
            # Cinder refuses a header without an element of its own; Nova takes it as no request.
            raise InvalidInput(
                f"The OpenStack-API-Version header {value!r} names no volume version."
            )
        legacy = headers.get(self.legacy_header) if self.legacy_header else None
        return self.minimum if legacy is None else self._parse(legacy.decode("latin-1").strip())

    def _parse(self, version: str) -> int:
        if version.lower() == "latest":
            return self.maximum
        found = _VERSION.match(version)
        if found is None:
            raise InvalidInput(
                f"API Version String {version!r} is of invalid format. Must be of format MajorNum.MinorNum."
            )
        major, minor = int(found[1]), int(found[2])
        if major != self.major or not self.minimum <= minor <= self.maximum:
            raise NotAcceptable(
                f"Version {version} is not supported by the API. Minimum is "
                f"{self.text(self.minimum)} and maximum is {self.text(self.maximum)}."
            )
        return minor
