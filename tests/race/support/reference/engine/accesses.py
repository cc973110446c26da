"""A race: two accesses to one location, neither of which happens before the other."""

import itertools
import os
import sys
from types import SimpleNamespace

import _thread

from engine.clocks import lock, state
from engine.objects import keep, locations, purge, shadow

_local = _thread._local()
_reported = set()
_entries = {}
_on_race = None
HERE = os.path.dirname(__file__) + os.sep


def here():
    frame, stack = sys._getframe(1), []
    while frame is not None:
        code = frame.f_code
        if not code.co_filename.startswith(HERE):
            # CPython decodes the positions of all instructions before this one, so each is decoded once.
            key = id(code), frame.f_lasti
            if key not in _entries:
                _entries[key] = (code, _entry(frame))  # the code object lives on, so no other one gets its id
            stack.append(_entries[key][1])
        frame = frame.f_back
    return stack


def _entry(frame):
    code = frame.f_code
    positions = next(itertools.islice(code.co_positions(), frame.f_lasti // 2, None), (frame.f_lineno,) + (None,) * 3)
    line, end_line, column, end_column = positions
    return (code.co_filename, code.co_qualname, line or frame.f_lineno, column, end_line, end_column)


def installed():
    return _on_race is not None


def install(on_race):
    global _on_race
    _on_race = on_race
    state()


def uninstall():
    global _on_race
    _on_race = None


def forget_reported():
    _reported.clear()


def accessed(kind, obj, name, write, location=None):
    if getattr(_local, "busy", False) or _on_race is None:
        return
    _local.busy = True
    try:
        found = None
        with lock:
            purge()
            location = location or (kind, keep(obj), name)
            locations[location[1]].add(location)
            me = state()
            last, reads = shadow.setdefault(location, [{} if kind == "keys" else None, {}])
            stack = here()
            mine = (write, me, me.clock[me.number], stack)
            if kind == "keys":  # insertions and deletions do not race with each other
                earlier = list(reads.values() if write else last.values())
            else:
                earlier = [last, *reads.values()] if write else [last]
            for other in earlier:
                if other and other[1] is not me and other[2] > me.clock.get(other[1].number, 0):
                    pair = frozenset((other[3][0][:3:2], stack[0][:3:2]))
                    if (pair, kind) not in _reported:
                        _reported.add((pair, kind))
                        found = SimpleNamespace(
                            kind=kind, obj=obj, name=name, key=name, current=_side(mine), previous=_side(other)
                        )
                    break
            if kind == "keys" and write:
                last[me.number] = mine
            elif write:
                shadow[location] = [mine, {}]
            else:
                reads[me.number] = mine
        if found:
            _on_race(found)
    finally:
        _local.busy = False


def _side(access):
    write, thread, _, stack = access
    return SimpleNamespace(write=write, thread=(thread.number, thread.name, thread.created), stack=stack)


def _race_del_entry__(obj):
    with lock:
        mine = state().clock
        for location in locations.get(id(obj), ()):
            last, reads = shadow.get(location, [None, {}])
            for access in [*(last.values() if type(last) is dict else [last]), *reads.values()]:
                if access:
                    mine[access[1].number] = max(access[2], mine.get(access[1].number, 0))
