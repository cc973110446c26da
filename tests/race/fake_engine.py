"""The engine's calls in plain Python: they do what the real ones do, and keep a list of the accesses they are told of."""

import builtins
import itertools
from types import ModuleType

from atomicpy.race import rewrite


class Proxy:
    """What `_race_attr__` and `_race_item__` give: it passes on, and records."""

    __slots__ = ("log", "of")

    def __init__(self, of, log):
        object.__setattr__(self, "of", of)
        object.__setattr__(self, "log", log)

    def __getattribute__(self, name):
        of, log = object.__getattribute__(self, "of"), object.__getattribute__(self, "log")
        log.append(f"read {name}")
        return getattr(of, name)

    def __setattr__(self, name, value):
        object.__getattribute__(self, "log").append(f"write {name}")
        setattr(object.__getattribute__(self, "of"), name, value)

    def __delattr__(self, name):
        object.__getattribute__(self, "log").append(f"write {name}")
        delattr(object.__getattribute__(self, "of"), name)

    def __getitem__(self, key):
        object.__getattribute__(self, "log").append(f"read [{key!r}]")
        return object.__getattribute__(self, "of")[key]

    def __setitem__(self, key, value):
        object.__getattribute__(self, "log").append(f"write [{key!r}]")
        object.__getattribute__(self, "of")[key] = value

    def __delitem__(self, key):
        object.__getattribute__(self, "log").append(f"write [{key!r}]")
        del object.__getattribute__(self, "of")[key]


class Engine:
    """One recording. `scopes` tells the calls of a function apart: `read total@1`."""

    def __init__(self):
        self.log = []
        self.scopes = itertools.count(1)

    def note(self, what, result=None):
        self.log.append(what)
        return result

    def read(self, obj, name):
        return self.note(f"read {name}", obj)

    def write(self, obj, name):
        return self.note(f"write {name}", obj)

    def wrote(self, value, obj, name):
        return self.note(f"write {name}", value)

    def attr(self, obj):
        return Proxy(obj, self.log)

    item = attr

    def get(self, container, key):
        self.log.append(f"read [{key!r}]")
        return container[key]

    def set(self, value, container, key):
        self.log.append(f"write [{key!r}]")
        container[key] = value

    def del_(self, container, key):
        self.log.append(f"write [{key!r}]")
        del container[key]

    def iter(self, container):
        return self.note("iterate", container)

    def method(self, obj, name):
        self.log.append(f"method {name}")
        return getattr(obj, name)

    def global_read(self, value, name):
        return self.note(f"read global {name}", value)

    def global_write(self, name):
        self.log.append(f"write global {name}")

    def scope(self):
        return next(self.scopes)

    def var_read(self, value, scope, name):
        return self.note(f"read {name}@{scope}", value)

    def var_write(self, scope, name):
        self.log.append(f"write {name}@{scope}")

    def del_entry(self, obj):
        self.log.append("end of life")

    def calls(self):
        names = {each: each.removeprefix("_race_").removesuffix("__") for each in rewrite.ENGINE_CALLS}
        found = {each: getattr(self, "del_" if name == "del" else name) for each, name in names.items()}
        return {**found, **rewrite.PLAIN_CALLS}

    def namespace(self, **more):
        """The globals for a module that is to find these calls, and not those of an engine that is at work."""
        known = ModuleType("builtins")
        known.__dict__.update(vars(builtins))
        known.__dict__.update(self.calls())
        return {"__name__": "module", "__builtins__": known, **more}
