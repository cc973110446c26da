"""The definition of a race as a program: whole vector clocks, every access kept, one lock. Slow, and short.

It has the door of `atomicpy.race.engine`. The suite's verdicts are tried against it as well as against the engine.
"""

import collections
import itertools
import sys
import threading
import types
import weakref
from types import SimpleNamespace

import _thread

_lock = _thread.RLock()
_numbers = itertools.count()
_local = _thread._local()
_shadow = {}  # location -> [last write, {thread: read}]
_kept = {}  # id -> a weak reference, or the object itself where there are none
_locations = collections.defaultdict(set)  # id -> its locations
_dead = collections.deque()
_clocks = {}
_reported = set()
_ended = []
_on_race = None
HERE = __file__


class ThreadState:
    def __init__(self, name, created=None):
        self.number = next(_numbers)
        self.name, self.created = name, created
        self.clock = {self.number: 1}


def state():
    found = getattr(_local, "state", None)
    if found is None:
        _local.state = found = ThreadState(
            "MainThread" if threading.current_thread() is threading.main_thread() else "?"
        )
        if found.name == "?":
            found.name = threading.current_thread().name
    return found


def here():
    frame, stack = sys._getframe(1), []
    while frame is not None:
        code = frame.f_code
        if code.co_filename != HERE:
            positions = next(
                itertools.islice(code.co_positions(), frame.f_lasti // 2, None), (frame.f_lineno,) + (None,) * 3
            )
            line, end_line, column, end_column = positions
            stack.append((code.co_filename, code.co_qualname, line or frame.f_lineno, column, end_line, end_column))
        frame = frame.f_back
    return stack


class Clock:
    def __init__(self):
        self.times = {}

    def acquire(self):
        with _lock:
            mine = state().clock
            for thread, time in self.times.items():
                mine[thread] = max(time, mine.get(thread, 0))

    def release(self):
        with _lock:
            mine = state()
            for thread, time in mine.clock.items():
                self.times[thread] = max(time, self.times.get(thread, 0))
            mine.clock[mine.number] += 1

    def set(self):
        with _lock:
            self.times = {}
            self.release()

    def swap(self):
        with _lock:
            self.acquire()
            self.release()

    def clear(self):
        with _lock:
            self.times = {}


def _keep(obj):
    """Until it is freed, its id is its own."""
    key = id(obj)
    if key not in _kept:
        try:
            _kept[key] = weakref.ref(obj, lambda _: _dead.append(key))
        except TypeError:
            _kept[key] = obj
    return key


def _purge():
    while _dead:
        key = _dead.popleft()
        _kept.pop(key, None)
        _clocks.pop(key, None)
        for location in _locations.pop(key, ()):
            _shadow.pop(location, None)


def clock_of(obj):
    with _lock:
        _purge()
        return _clocks.setdefault(_keep(obj), Clock())


def begin_thread(parent, name, created):
    _local.state = ThreadState(name, created)
    if parent is not None:
        parent.acquire()


def end_thread():
    _local.state = None


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


def _access(kind, obj, name, write, location=None):
    if getattr(_local, "busy", False) or _on_race is None:
        return
    _local.busy = True
    try:
        found = None
        with _lock:
            _purge()
            location = location or (kind, _keep(obj), name)
            _locations[location[1]].add(location)
            me = state()
            last, reads = _shadow.setdefault(location, [{} if kind == "keys" else None, {}])
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
                _shadow[location] = [mine, {}]
            else:
                reads[me.number] = mine
        if found:
            _on_race(found)
    finally:
        _local.busy = False


def _side(access):
    write, thread, _, stack = access
    return SimpleNamespace(write=write, thread=(thread.number, thread.name, thread.created), stack=stack)


# ---- what rewritten code calls -----------------------------------------------------------------------------------


def _mro(cls):
    return type.__dict__["__mro__"].__get__(cls)


def _found_in(classes, name):
    for cls in classes:
        space = type.__dict__["__dict__"].__get__(cls)
        if name in space:
            return cls, space[name]
    return None, None


def _attribute(obj, name, write):
    cls = type(obj)
    if isinstance(obj, types.ModuleType):
        space = types.ModuleType.__dict__["__dict__"].__get__(obj)
        return _access("global", space, name, write)
    if issubclass(cls, threading.local):
        return None
    owner, value = _found_in(_mro(cls), name)
    if owner is not None and (hasattr(type(value), "__set__") or hasattr(type(value), "__delete__")):
        if isinstance(value, types.MemberDescriptorType):
            _access("attribute", obj, name, write)
        return None
    if write:
        hook = _found_in(_mro(cls), "__setattr__")[0]
        if hook in (object, type):
            _access("attribute", obj, name, True)
        return None
    if isinstance(obj, type):
        if (holder := _found_in(_mro(obj), name)[0]) is not None:
            _access("attribute", holder, name, False)
        return None
    space = getattr(obj, "__dict__", None) if _found_in(_mro(cls), "__getattribute__")[0] is object else None
    if type(space) is dict:
        _access("attribute", obj, name, False)
        if name not in space and owner is not None and owner.__flags__ & (1 << 9):  # a class of the program
            _access("attribute", owner, name, False)
    elif owner is not None and owner.__flags__ & (1 << 9):
        _access("attribute", owner, name, False)
    return None


def _race_read__(obj, name):
    _attribute(obj, name, False)
    return obj


def _race_write__(obj, name):
    _attribute(obj, name, True)
    return obj


def _race_wrote__(value, obj, name):
    _attribute(obj, name, True)
    return value


def _got(value):
    """What is read may be changed in place, and then stored again."""
    _local.got = (value, set(value)) if isinstance(value, (dict, set)) else None
    return value


def _stores(value):
    got, _local.got = getattr(_local, "got", None), None
    if got is not None and got[0] is value and set(value) != got[1]:
        _keys(value, True)


class _Attribute:
    __slots__ = ("_of",)

    def __init__(self, of, flips=False):
        object.__setattr__(self, "_of", of)

    def __getattribute__(self, name):
        of = object.__getattribute__(self, "_of")
        _attribute(of, name, False)
        return _got(getattr(of, name))

    def __setattr__(self, name, value):
        of = object.__getattribute__(self, "_of")
        _attribute(of, name, True)
        _stores(value)
        setattr(of, name, value)

    def __delattr__(self, name):
        of = object.__getattribute__(self, "_of")
        _attribute(of, name, True)
        delattr(of, name)


_race_attr__ = _Attribute
CONTAINERS = (dict, list, collections.deque)


def _is_container(c):
    return isinstance(c, CONTAINERS) and all(
        _found_in(_mro(type(c)), name)[0] in (*CONTAINERS, collections.OrderedDict)
        for name in ("__getitem__", "__setitem__")
    )


def _item(c, key, write):
    if not _is_container(c):
        return
    if not isinstance(c, dict):
        if not isinstance(key, int):
            return
        key = int(key) + (len(c) if key < 0 else 0)
    try:
        hash(key)
    except TypeError:
        return
    _access("item", c, key, write, ("item", _keep(c), key))


def _keys(c, write):
    _access("keys", c, None, write)


def _race_get__(c, k):
    _item(c, k, False)
    before = len(c) if isinstance(c, collections.defaultdict) else None
    value = c[k]
    if before is not None and len(c) > before and _is_container(c):  # its __missing__ has put it in
        _item(c, k, True)
        _keys(c, True)
    return value


def _race_set__(value, c, k):
    fresh = isinstance(c, dict) and _is_container(c) and k not in c
    c[k] = value
    _item(c, k, True)
    if fresh:
        _keys(c, True)


def _race_del__(c, k):
    _item(c, k, True)
    del c[k]
    if isinstance(c, dict) and _is_container(c):
        _keys(c, True)


class _Item:
    __slots__ = ("_of",)

    def __init__(self, of, flips=False):
        self._of = of

    def __getitem__(self, key):
        return _got(_race_get__(self._of, key))

    def __setitem__(self, key, value):
        _stores(value)
        _race_set__(value, self._of, key)

    def __delitem__(self, key):
        _race_del__(self._of, key)


_race_item__ = _Item
VIEWS = {
    type(view): values
    for each in ({}, collections.OrderedDict())
    for view, values in ((each.keys(), False), (each.values(), True), (each.items(), True))
}
KEYED = (dict.__iter__, set.__iter__, collections.OrderedDict.__iter__)


def _race_iter__(c):
    if type(c) in VIEWS:
        under = next(iter(_under(c)), None)
        if under is None or (VIEWS[type(c)] and not _is_container(under)):
            return c
        return _each(c, under, VIEWS[type(c)])
    goes = getattr(type(c), "__iter__", None)
    if goes in KEYED:
        return _each(c, c, False)
    if goes in (list.__iter__, collections.deque.__iter__) and _is_container(c):
        return _each(c, c, None)
    return c


def _under(view):
    import gc

    return [each for each in gc.get_referents(view) if isinstance(each, dict)]


def _each(c, under, values):
    if values is not None:
        _keys(under, False)
        kind = collections.OrderedDict if isinstance(under, collections.OrderedDict) else dict
        pairs = kind.__iter__(under) if values else itertools.repeat(None)
        for key, value in zip(pairs, c, strict=False):
            if values:
                _item(under, key, False)
            yield value
    else:
        for index, value in enumerate(c):
            _item(c, index, False)
            yield value


def _race_method__(obj, name):
    method = getattr(_race_read__(obj, name), name)
    if isinstance(obj, (list, collections.deque)) and isinstance(method, types.BuiltinMethodType):
        return _handing_over(obj, name, method)
    if not isinstance(obj, (dict, set)) or not isinstance(method, types.BuiltinMethodType):
        return method

    def call(*arguments, **named):
        before = set(obj)
        try:
            return method(*arguments, **named)
        finally:
            if set(obj) != before:
                _keys(obj, True)

    return call


def _race_before__(value, c, flips=False):
    _local.changing = set(c) if isinstance(c, (dict, set)) else None
    if isinstance(c, (list, collections.deque)):
        clock_of(c).release()
    return value


def _race_after__(c):
    if getattr(_local, "changing", None) is not None and _local.changing != set(c):
        _keys(c, True)


def _handing_over(obj, name, method):
    """What is put into a list or deque comes before what takes it out: objects are handed over by that."""

    def call(*arguments, **named):
        if name.startswith(("append", "extend", "insert")):
            clock_of(obj).release()
        result = method(*arguments, **named)
        if name.startswith("pop"):
            clock_of(obj).acquire()
        return result

    return call


def _race_global_read__(value, name):
    _access("global", sys._getframe(1).f_globals, name, False)
    return value


def _race_global_write__(name):
    _access("global", sys._getframe(1).f_globals, name, True)


class _Scope:
    pass


_race_scope__ = _Scope


def _race_var_read__(value, scope, name):
    _access("variable", scope, name, False)
    return value


def _race_var_write__(scope, name):
    _access("variable", scope, name, True)


def _race_del_entry__(obj):
    with _lock:
        mine = state().clock
        for location in _locations.get(id(obj), ()):
            last, reads = _shadow.get(location, [None, {}])
            for access in [*(last.values() if type(last) is dict else [last]), *reads.values()]:
                if access:
                    mine[access[1].number] = max(access[2], mine.get(access[1].number, 0))
