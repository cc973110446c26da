"""A map from objects to values that compares keys by identity and does not keep the objects alive."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class IdentityMap(Generic[T]):
    """One value per object. The value is stored beside the object, so it does not show in its `vars()`.

    Keys are compared by identity, because a class of the program may define `__eq__` or `__hash__`. There is no lock:
    each step is one operation of a dict. The callback of a weak reference removes the entry when the object is freed.
    It runs before the memory is reused, so no other object has the same address while the entry exists.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._entries: dict[int, tuple[Any, T]] = {}

    def of(self, obj: Any) -> T:
        """The value of the object; made if there is none."""
        entry = self._entries.get(id(obj))
        if entry is None:
            # Two threads may reach this line. setdefault keeps one entry; the other reference is freed, so its
            # callback never runs.
            entry = self._entries.setdefault(id(obj), (self._reference(obj), self._make()))
        return entry[1]

    def find(self, obj: Any) -> T | None:
        """The value of the object, or None."""
        entry = self._entries.get(id(obj))
        return None if entry is None else entry[1]

    def put(self, obj: Any, value: T) -> None:
        """Replace the value of the object."""
        entry = self._entries.get(id(obj))
        self._entries[id(obj)] = (self._reference(obj) if entry is None else entry[0], value)

    def _reference(self, obj: Any) -> Any:
        key = id(obj)
        return weakref.ref(obj, lambda _: self._entries.pop(key, None))
