"""What is known of an object for as long as it lives: its clock, its locations and who has accessed them."""

import collections
import weakref

from engine.clocks import Clock, lock

shadow = {}  # location -> [last write, {thread: read}]
_kept = {}  # id -> a weak reference, or the object itself where there are none
locations = collections.defaultdict(set)  # id -> its locations
_dead = collections.deque()
_clocks = {}


def keep(obj):
    """Until it is freed, its id is its own."""
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
