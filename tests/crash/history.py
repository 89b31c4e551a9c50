"""What the clients of a server that is killed know, and what they may therefore expect of it.

An answer is a promise. What was asked and not answered may have been done or not, but nothing else,
and once that was looked at it does not change any more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Known:
    """One volume as its client knows it; ``id`` is known since the create was acknowledged."""

    id: str | None = None
    delete_asked: bool = False
    delete_acknowledged: bool = False
    gone: bool = False
    """It was looked for, and was not there."""

    @property
    def must_be_there(self) -> bool:
        """Acknowledged, and nobody asked for its removal."""
        return self.id is not None and not self.delete_asked

    @property
    def must_not_be_there(self) -> bool:
        """Removed, or never made: either is for good."""
        return self.delete_acknowledged or self.gone


class History:
    """Every volume that was ever asked for, by its name, which is never used twice."""

    def __init__(self) -> None:
        self.volumes: dict[str, Known] = {}

    def ask_create(self, name: str) -> Known:
        """A create is about to be sent."""
        assert name not in self.volumes
        self.volumes[name] = Known()
        return self.volumes[name]

    def there(self) -> list[Known]:
        """The volumes that exist for certain."""
        return [known for known in self.volumes.values() if known.must_be_there]

    def unanswered(self) -> int:
        """How many creates and deletes were asked and neither answered nor looked into."""
        return sum(
            (known.id is None or known.delete_asked) and not known.must_not_be_there
            for known in self.volumes.values()
        )

    def violations(self, found: Sequence[dict[str, Any]]) -> Iterator[str]:
        """What is wrong with ``found``, the volumes as the API shows them at rest."""
        for key in ("id", "name"):
            for value, times in Counter(volume[key] for volume in found).items():
                if times > 1:
                    yield f"the {key} {value} is there {times} times"
        for volume in found:
            yield from self._wrong_with(volume)
        names = {volume["name"] for volume in found}
        for name, known in self.volumes.items():
            if known.must_be_there and name not in names:
                yield f"{name} ({known.id}) was acknowledged and is lost"

    def _wrong_with(self, volume: dict[str, Any]) -> Iterator[str]:
        text = f"{volume['name']} ({volume['id']})"
        known = self.volumes.get(volume["name"])
        if known is None:
            yield f"{text} is there, and nobody asked for it"
            return
        if known.id not in (None, volume["id"]):
            yield f"{text} was acknowledged as {known.id}"
        if known.must_not_be_there:
            yield f"{text} is back, and it was gone or its removal acknowledged"
        if volume["status"] != "available":
            yield f"{text} rests in status {volume['status']}"

    def learn(self, found: Sequence[dict[str, Any]]) -> None:
        """Take ``found`` as the truth about what was not answered."""
        ids = {volume["name"]: volume["id"] for volume in found}
        for name, known in self.volumes.items():
            known.id = ids.get(name, known.id)
            known.delete_asked = known.gone = name not in ids
