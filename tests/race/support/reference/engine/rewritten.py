"""The calls in instrumented code: each does an access of the program, and records it."""

import collections
import gc
import itertools
import sys
import types

import _thread

from engine.accesses import accessed
from engine.locations import attribute, is_container, item, keys
from engine.objects import clock_of

_local = _thread._local()


def _race_read__(obj, name):
    attribute(obj, name, False)
    return obj


def _race_write__(obj, name):
    attribute(obj, name, True)
    return obj


def _race_wrote__(value, obj, name):
    attribute(obj, name, True)
    return value


def _got(value):
    """Keep the value that was read: `|=` may change it in place and store it again."""
    _local.got = (value, set(value)) if isinstance(value, (dict, set)) else None
    return value


def _stores(value):
    got, _local.got = getattr(_local, "got", None), None
    if got is not None and got[0] is value and set(value) != got[1]:
        keys(value, True)


class _Attribute:
    __slots__ = ("_of",)

    def __init__(self, of, flips=False):
        object.__setattr__(self, "_of", of)

    def __getattribute__(self, name):
        of = object.__getattribute__(self, "_of")
        attribute(of, name, False)
        return _got(getattr(of, name))

    def __setattr__(self, name, value):
        of = object.__getattribute__(self, "_of")
        attribute(of, name, True)
        _stores(value)
        setattr(of, name, value)

    def __delattr__(self, name):
        of = object.__getattribute__(self, "_of")
        attribute(of, name, True)
        delattr(of, name)


_race_attr__ = _Attribute


def _race_get__(c, k):
    item(c, k, False)
    before = len(c) if isinstance(c, collections.defaultdict) else None
    value = c[k]
    if before is not None and len(c) > before and is_container(c):  # its __missing__ has inserted it
        item(c, k, True)
        keys(c, True)
    return value


def _race_set__(value, c, k):
    fresh = isinstance(c, dict) and is_container(c) and k not in c
    c[k] = value
    item(c, k, True)
    if fresh:
        keys(c, True)


def _race_del__(c, k):
    item(c, k, True)
    del c[k]
    if isinstance(c, dict) and is_container(c):
        keys(c, True)


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
        if under is None or (VIEWS[type(c)] and not is_container(under)):
            return c
        return _each(c, under, VIEWS[type(c)])
    goes = getattr(type(c), "__iter__", None)
    if goes in KEYED:
        return _each(c, c, False)
    if goes in (list.__iter__, collections.deque.__iter__) and is_container(c):
        return _each(c, c, None)
    return c


def _under(view):
    return [each for each in gc.get_referents(view) if isinstance(each, dict)]


def _each(c, under, values):
    if values is not None:
        keys(under, False)
        kind = collections.OrderedDict if isinstance(under, collections.OrderedDict) else dict
        pairs = kind.__iter__(under) if values else itertools.repeat(None)
        for key, value in zip(pairs, c, strict=False):
            if values:
                item(under, key, False)
            yield value
    else:
        for index, value in enumerate(c):
            item(c, index, False)
            yield value


def _race_method__(obj, name):
    method = getattr(_race_read__(obj, name), name)
    if isinstance(obj, (list, collections.deque)) and isinstance(method, types.BuiltinMethodType):
        return _ordered_by_container(obj, name, method)
    if not isinstance(obj, (dict, set)) or not isinstance(method, types.BuiltinMethodType):
        return method

    def call(*arguments, **named):
        before = set(obj)
        try:
            return method(*arguments, **named)
        finally:
            if set(obj) != before:
                keys(obj, True)

    return call


def _race_before__(value, c, flips=False):
    _local.changing = set(c) if isinstance(c, (dict, set)) else None
    if isinstance(c, (list, collections.deque)):
        clock_of(c).release()
    return value


def _race_after__(c):
    if getattr(_local, "changing", None) is not None and _local.changing != set(c):
        keys(c, True)


def _ordered_by_container(obj, name, method):
    """Putting an object into a list or deque happens before taking it out."""

    def call(*arguments, **named):
        if name.startswith(("append", "extend", "insert")):
            clock_of(obj).release()
        result = method(*arguments, **named)
        if name.startswith("pop"):
            clock_of(obj).acquire()
        return result

    return call


def _race_global_read__(value, name):
    accessed("global", sys._getframe(1).f_globals, name, False)
    return value


def _race_global_write__(name):
    accessed("global", sys._getframe(1).f_globals, name, True)


class _Scope:
    pass


_race_scope__ = _Scope


def _race_var_read__(value, scope, name):
    accessed("variable", scope, name, False)
    return value


def _race_var_write__(scope, name):
    accessed("variable", scope, name, True)
