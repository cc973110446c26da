"""The location of an access: an attribute, an item, or a set of keys."""

import collections
import threading
import types

from engine.accesses import accessed
from engine.objects import keep


def _mro(cls):
    return type.__dict__["__mro__"].__get__(cls)


def found_in(classes, name):
    for cls in classes:
        space = type.__dict__["__dict__"].__get__(cls)
        if name in space:
            return cls, space[name]
    return None, None


def attribute(obj, name, write):
    cls = type(obj)
    if isinstance(obj, types.ModuleType):
        space = types.ModuleType.__dict__["__dict__"].__get__(obj)
        return accessed("global", space, name, write)
    if issubclass(cls, threading.local):
        return None
    owner, value = found_in(_mro(cls), name)
    if owner is not None and (hasattr(type(value), "__set__") or hasattr(type(value), "__delete__")):
        if isinstance(value, types.MemberDescriptorType):
            accessed("attribute", obj, name, write)
        return None
    if write:
        hook = found_in(_mro(cls), "__setattr__")[0]
        if hook in (object, type):
            accessed("attribute", obj, name, True)
        return None
    if isinstance(obj, type):
        if (holder := found_in(_mro(obj), name)[0]) is not None:
            accessed("attribute", holder, name, False)
        return None
    space = getattr(obj, "__dict__", None) if found_in(_mro(cls), "__getattribute__")[0] is object else None
    if type(space) is dict:
        accessed("attribute", obj, name, False)
        if name not in space and owner is not None and owner.__flags__ & (1 << 9):  # a class of the program
            accessed("attribute", owner, name, False)
    elif owner is not None and owner.__flags__ & (1 << 9):
        accessed("attribute", owner, name, False)
    return None


CONTAINERS = (dict, list, collections.deque)


def is_container(c):
    return isinstance(c, CONTAINERS) and all(
        found_in(_mro(type(c)), name)[0] in (*CONTAINERS, collections.OrderedDict)
        for name in ("__getitem__", "__setitem__")
    )


def item(c, key, write):
    if not is_container(c):
        return
    if not isinstance(c, dict):
        if not isinstance(key, int):
            return
        key = int(key) + (len(c) if key < 0 else 0)
    try:
        hash(key)
    except TypeError:
        return
    accessed("item", c, key, write, ("item", keep(c), key))


def keys(c, write):
    accessed("keys", c, None, write)
