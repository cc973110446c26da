"""atomicpy's atomic values and the sharded counter: a store -> the load that read it, a count -> a later load."""

import collections

from edges.replaced import RAW
from engine import Clock, lock

import atomicpy

LOADS = ("load", "__int__", "__index__", "__bool__", "__float__", "__eq__", "__ne__", "__lt__", "__le__", "__gt__",
         "__ge__", "__str__", "__format__", "__getitem__", "__len__", "__iter__")  # fmt: skip


class Atomic:
    kind = None

    def __init__(self, *arguments):
        self.raw, self.clocks = self.kind(*arguments), collections.defaultdict(Clock)

    def step(self, name, arguments):
        indexed = self.kind is RAW["AtomicIntArray"] and arguments
        clock = self.clocks[arguments[0] if indexed else None]
        if name == "wait":
            if result := self.raw.wait(*arguments):
                clock.acquire()
            return result
        if name == "update":
            while True:
                old = self.step("load", ())
                new = arguments[0](old)
                if self.step("compare_exchange", (old, new)):
                    return new
        with lock:
            result = getattr(self.raw, name)(*arguments)
            if name.startswith("notify"):
                pass
            elif name in LOADS or (name == "compare_exchange" and not result):
                clock.acquire()
            elif name in ("store", "clear", "__setitem__"):
                clock.set()
            else:
                clock.swap()
        return self if name.startswith("__i") and name not in LOADS else result

    def __getattr__(self, name):
        return lambda *arguments: self.step(name, arguments)


class Sharded(Atomic):
    def local(self):
        handle = Sharded.__new__(Sharded)
        handle.raw, handle.clocks = self.raw.local(), self.clocks
        return handle

    def step(self, name, arguments):
        if name in ("load", "drain"):
            result = getattr(self.raw, name)(*arguments)
            self.clocks[None].acquire()
            return result
        self.clocks[None].release()
        return getattr(self.raw, name)(*arguments)


def install():
    for name in (
        "AtomicInt",
        "AtomicUInt",
        "AtomicBool",
        "AtomicFloat",
        "AtomicRef",
        "AtomicIntArray",
        "ShardedCounter",
    ):
        raw = RAW[name]
        space = {"kind": raw, "__hash__": None}
        for special in dir(raw):
            known = special in LOADS or special.startswith("__i") or special == "__setitem__"
            if known and special not in ("__init__", "__init_subclass__", "__iter__"):
                space[special] = lambda self, *arguments, special=special: self.step(special, arguments)
        setattr(atomicpy, name, type(name, (Sharded if name == "ShardedCounter" else Atomic,), space))
