"""What belongs to an object while it lives: its clock, its locations and their accesses."""

import collections
import ctypes
import operator
import weakref

from engine.clocks import Clock, lock

shadow = {}  # location -> [last write, {thread: read}]
_kept = {}  # id -> a weak reference, or the object itself if its type has none
locations = collections.defaultdict(set)  # id -> its locations
_dead = collections.deque()
_clocks = {}
_item_clocks = {}  # address of an item -> its array, which keeps the memory, and its clock


def keep(obj):
    """The key of an object: its id, which no other object has until the entry is purged."""
    key = id(obj)
    if key not in _kept:
        try:
            _kept[key] = weakref.ref(obj, lambda _: _dead.append(key))
        except TypeError:
            _kept[key] = obj
    return key


def purge():
    while _dead:
        key = _dead.popleft()
        _kept.pop(key, None)
        _clocks.pop(key, None)
        for location in locations.pop(key, ()):
            shadow.pop(location, None)


def clock_of(obj):
    with lock:
        purge()
        return _clocks.setdefault(keep(obj), Clock())


def clock_at(array, index):
    """The clock of an item, by its address: arrays over the same memory share it."""
    place = operator.index(index)
    place += len(array) if place < 0 else 0
    address = ctypes.addressof(ctypes.c_char.from_buffer(array)) + 8 * place
    with lock:
        return _item_clocks.setdefault(address, (array, Clock()))[1]
