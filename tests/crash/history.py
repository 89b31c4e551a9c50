"""What the clients of a server that is killed know, and what they may therefore expect of it.

An answer is a promise. What was asked and not answered may have been done or not, but nothing else,
and once that was looked at it does not change any more: unless it was asked under a key, for then the
client repeats it until it is answered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.crash.kinds import KINDS


class Setting:
    """A value that one client at a time sets: it is the last acknowledged one, or one asked for since."""

    def __init__(self, value: Any) -> None:
        self.possible = [value]

    def ask(self, value: Any) -> None:
        """A change is about to be sent."""
        self.possible.append(value)

    def acknowledge(self) -> None:
        """The last change was answered."""
        del self.possible[:-1]

    def violations(self, what: str, found: Any) -> Iterator[str]:
        """What is wrong with ``found``, which is the truth from now on."""
        if found not in self.possible:
            yield f"{what} is {found}, and may be {' or '.join(map(str, self.possible))}"
        self.possible = [found]


@dataclass(slots=True)
class Known:
    """One thing as its client knows it; ``id`` is known since it was answered, or seen there."""

    id: str | None = None
    keyed: bool = False
    """It was asked for under a key."""
    library: str | None = None
    """Through which a program asked for it, if one did: others would ask in other words."""
    pending: Literal["create", "force delete"] | None = None
    """What was asked under a key and is not answered yet."""
    delete_asked: bool = False
    delete_acknowledged: bool = False
    forced: bool = False
    """Its removal did not wait for what was under way: the backend may keep its bytes for a while."""
    gone: bool = False
    """It was looked for, and was not there."""
    seen: bool = False
    """It was looked for, and was there."""
    failed: bool = False
    """It was there in an error, which was allowed: the disk broke."""
    metadata: Setting = field(default_factory=lambda: Setting({}), repr=False)
    bootable: Setting = field(default_factory=lambda: Setting("false"), repr=False)

    @property
    def must_be_there(self) -> bool:
        """Acknowledged, and nobody asked for its removal."""
        return self.id is not None and not self.delete_asked

    @property
    def must_not_be_there(self) -> bool:
        """Removed, or never made: either is for good."""
        return self.delete_acknowledged or self.gone


class History:
    """Everything of one kind that was ever asked for, by its name, which is never used twice."""

    def __init__(self) -> None:
        self.known: dict[str, Known] = {}
        self.may_fail = False
        """What is made and removed may end in an error at present."""

    def ask_create(self, name: str, *, keyed: bool = False) -> Known:
        """A create is about to be sent."""
        assert name not in self.known
        self.known[name] = Known(keyed=keyed, pending="create" if keyed else None)
        return self.known[name]

    def there(self) -> list[Known]:
        """What exists for certain, and nobody is about to ask for again."""
        return [
            known
            for known in self.known.values()
            if known.must_be_there and known.pending is None and not known.failed
        ]

    def unanswered(self) -> int:
        """How many creates and deletes were asked and neither answered nor looked into."""
        return sum(
            (known.id is None or known.delete_asked) and not known.must_not_be_there
            for known in self.known.values()
        )

    def violations(self, found: Sequence[dict[str, Any]]) -> Iterator[str]:
        """What is wrong with ``found``, the things as the API shows them at rest."""
        for key in ("id", "name"):
            for value, times in Counter(thing[key] for thing in found).items():
                if times > 1:
                    yield f"the {key} {value} is there {times} times"
        for thing in found:
            yield from self._wrong_with(thing)
        names = {thing["name"] for thing in found}
        for name, known in self.known.items():
            if known.must_be_there and name not in names:
                yield f"{name} ({known.id}) was acknowledged and is lost"

    def _wrong_with(self, thing: dict[str, Any]) -> Iterator[str]:
        text = f"{thing['name']} ({thing['id']})"
        known = self.known.get(thing["name"])
        if known is None:
            yield f"{text} is there, and nobody asked for it"
            return
        if known.id not in (None, thing["id"]):
            yield f"{text} was acknowledged as {known.id}"
        if known.must_not_be_there:
            yield f"{text} is back, and it was gone or its removal acknowledged"
        # Only volumes have these.
        status = thing.get("status", "available")
        changed = not known.seen or known.delete_asked
        if status.startswith("error") and self.may_fail and changed:
            known.failed = True
        if status != "available" and not (known.failed and status.startswith("error")):
            yield f"{text} rests in status {status}"
        if "metadata" in thing:
            yield from known.metadata.violations(f"the metadata of {text}", thing["metadata"])
            yield from known.bootable.violations(f"bootable of {text}", thing["bootable"])

    def learn(self, found: Sequence[dict[str, Any]]) -> None:
        """Take ``found`` as the truth about what was not answered."""
        ids = {thing["name"]: thing["id"] for thing in found}
        for name, known in self.known.items():
            known.id = ids.get(name, known.id)
            known.seen = name in ids
            known.gone = name not in ids and known.pending != "create"
            known.delete_asked = known.gone or known.pending == "force delete"


class Told:
    """All that the clients of one storm were told."""

    def __init__(self) -> None:
        self.things = {kind: History() for kind in KINDS}
        self.volumes = self.things["volume"]
        self.limits = {resource: Setting(-1) for resource in ("volumes", "gigabytes")}
        self.service = Setting("enabled")
        """Of the backend that has no volumes."""
        self.tokens: dict[str, Setting] = {}
        """Whether each token is valid."""

    def pending(self) -> list[tuple[str, str]]:
        """Kind and name of what was asked under a key and is not answered yet."""
        return [
            (kind, name)
            for kind, history in self.things.items()
            for name, known in history.known.items()
            if known.pending is not None
        ]

    def forced(self) -> set[str]:
        """The ids of the volumes whose bytes may outlive them for a while."""
        known = self.volumes.known.values()
        return {one.id for one in known if one.forced and one.id is not None}
