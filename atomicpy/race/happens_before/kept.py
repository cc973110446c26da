"""What is known of an object, kept beside it: nothing shows in its `vars()`, and it goes away with the object."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """A value for each object, by identity: a class of the program may have an `__eq__` or a `__hash__` of its own.

    No lock: each step is one operation of a dict. An entry goes at the end of its object, whose address no other object
    can have before the weak reference has told.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._entries: dict[int, tuple[Any, T]] = {}

    def of(self, obj: Any) -> T:
        """The value of the object; made if there is none."""
        entry = self._entries.get(id(obj))
        if entry is None:
            # Two threads may be here: one of the two references is dropped, and with it its callback.
            entry = self._entries.setdefault(id(obj), (self._reference(obj), self._make()))
        return entry[1]

    def find(self, obj: Any) -> T | None:
        """The value of the object, if it has one."""
        entry = self._entries.get(id(obj))
        return None if entry is None else entry[1]

    def put(self, obj: Any, value: T) -> None:
        """Another value, from here on."""
        entry = self._entries.get(id(obj))
        self._entries[id(obj)] = (self._reference(obj) if entry is None else entry[0], value)

    def _reference(self, obj: Any) -> Any:
        key = id(obj)
        return weakref.ref(obj, lambda _: self._entries.pop(key, None))
