"""A race as a value: its location and its two accesses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from atomicpy.race.report import naming, text
from atomicpy.race.report.frames import Access


@dataclass(frozen=True, slots=True)
class Race:
    """Two accesses to one location, at least one of them a write, from threads that nothing orders."""

    kind: str  # "attribute", "global", "variable", "item" or "keys"
    location: str  # by the name that the source uses: "Counter.value of <Counter object>"
    current: Access  # the one at which the race was found
    previous: Access

    def __str__(self) -> str:
        return text.report(self.location, self.current, self.previous)

    @property
    def lines(self) -> tuple[tuple[str, int], ...]:
        """The two lines of source, sorted, so that they do not depend on which access came first."""
        tops = (access.stack[0] for access in (self.current, self.previous) if access.stack)
        return tuple(sorted((frame.file, frame.line) for frame in tops))

    @classmethod
    def of(cls, record: Any) -> Race:
        """The race that a record of the engine describes. Runs no code of the program."""
        current, previous = Access.of(record.current), Access.of(record.previous)
        name = getattr(record, "name", None)
        key = getattr(record, "key", name) if record.kind == "item" else name
        location = naming.location(record.kind, record.obj, key, (current.stack, previous.stack))
        return cls(record.kind, location, current, previous)
