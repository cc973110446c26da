"""Classes: slots, properties, descriptors, inheritance, mangled names, class attributes, metaclasses."""

import contextlib
import functools
import threading
from dataclasses import dataclass
from typing import NamedTuple

from together import Box, together, twice, use


class Slotted:
    __slots__ = ("x", "y")

    def __init__(self):
        self.x = self.y = 0


def race_slot():
    """Slotted.x"""
    point = Slotted()

    def work():
        point.x += 1

    twice(work)


def clean_two_slots():
    point = Slotted()

    def one():
        point.x += 1

    def two():
        point.y += 1

    together(one, two)


class Private:
    def __init__(self):
        self.__value = 0

    def inc(self):
        self.__value += 1


class Same(Private):
    def __init__(self):
        super().__init__()
        self.__value = 0

    def inc_own(self):
        self.__value += 1


def race_mangled():
    """Private.__value"""
    twice(Private().inc)


def race_mangled_from_outside():
    """Private.__value"""
    private = Private()
    together(private.inc, lambda: use(private._Private__value))


def clean_mangled_of_two_classes():
    same = Same()
    together(same.inc, same.inc_own)


class Guarded:
    def __init__(self):
        self._lock = threading.Lock()
        self._value = 0

    @property
    def value(self):
        with self._lock:
            return self._value

    @value.setter
    def value(self, value):
        with self._lock:
            self._value = value


class Unguarded:
    def __init__(self):
        self._value = 0

    @property
    def value(self):
        return self._value

    @value.setter
    def value(self, value):
        self._value = value


def clean_guarded_property():
    guarded = Guarded()

    def write():
        guarded.value = 1

    together(write, lambda: use(guarded.value))


def race_unguarded_property():
    """Unguarded._value"""
    unguarded = Unguarded()

    def write():
        unguarded.value = 1

    together(write, lambda: use(unguarded.value))


class Typed:
    """A data descriptor that keeps its values in the instance under another name."""

    def __set_name__(self, owner, name):
        self.key = "kept_" + name

    def __get__(self, instance, owner=None):
        return self if instance is None else getattr(instance, self.key)

    def __set__(self, instance, value):
        with instance.lock:
            setattr(instance, self.key, int(value))


class WithDescriptor:
    number = Typed()

    def __init__(self):
        self.lock = threading.Lock()
        self.number = 0


def clean_descriptor_that_locks():
    thing = WithDescriptor()

    def write():
        thing.number = 1

    twice(write)


def race_descriptor_that_reads_without_lock():
    """WithDescriptor.kept_number"""
    thing = WithDescriptor()

    def write():
        thing.number = 1

    together(write, lambda: use(thing.number))


class Shared:
    total = 0

    @classmethod
    def count(cls):
        cls.total += 1


def race_class_attribute():
    """Shared.total"""
    twice(Shared.count)


class Defaults:
    size = 10


def race_class_attribute_seen_through_an_instance():
    """Defaults.size"""
    instance = Defaults()

    def write():
        Defaults.size = 11

    together(write, lambda: use(instance.size))


def race_instance_hides_the_class_attribute():
    """Defaults.size"""
    instance = Defaults()

    def write():
        instance.size = 1

    together(write, lambda: use(instance.size))


def clean_instance_has_its_own():
    class Settings:
        depth = 1

    instance = Settings()
    instance.depth = 2

    def write():
        Settings.depth = 3

    together(write, lambda: use(instance.depth))


def race_inherited_class_attribute():
    """Base.level"""

    class Base:
        level = 0

    class Derived(Base):
        pass

    def write():
        Base.level = 1

    together(write, lambda: use(Derived.level))


def clean_attributes_of_base_and_derived():
    class Base:
        level = 0

    class Derived(Base):
        level = 0

    def write():
        Base.level = 1

    together(write, lambda: use(Derived.level))


def race_method_replaced():
    """Patched.run"""

    class Patched:
        def run(self):
            return 1

    patched = Patched()

    def patch():
        Patched.run = lambda self: 2

    together(patch, lambda: patched.run())


def race_inherited_method_writes():
    """Child.value"""

    class Child(Box):
        def inc(self):
            self.value += 1

    twice(Child().inc)


class Meta(type):
    registered = 0

    def register(cls):
        cls.registered += 1


def race_attribute_by_metaclass():
    """Registered.registered"""

    class Registered(metaclass=Meta):
        pass

    twice(Registered.register)


class Recording:
    """Keeps its attributes in a dict that a lock guards, through its own methods."""

    def __init__(self):
        object.__setattr__(self, "guard", threading.Lock())
        object.__setattr__(self, "kept", {})

    def __setattr__(self, name, value):
        with self.guard:
            self.kept[name] = value

    def __getattr__(self, name):
        with self.guard:
            return self.kept[name]


def clean_own_setattr():
    recording = Recording()
    recording.value = 0

    def write():
        recording.value = 1

    together(write, lambda: use(recording.value))


@dataclass
class Point:
    x: int = 0
    y: int = 0


def race_dataclass():
    """Point.x"""
    point = Point()

    def move():
        point.x += 1

    twice(move)


class Pair(NamedTuple):
    left: int
    right: int


def clean_named_tuple():
    pair = Pair(1, 2)
    together(lambda: use(pair.left), lambda: use(pair.left, pair.right))


def clean_cached_property():
    class Lazy:
        @functools.cached_property
        def answer(self):
            return 42

    lazy = Lazy()
    twice(lambda: use(lazy.answer))


def race_getattr_hook_after_delete():
    """Fallback.value"""

    class Fallback(Box):
        def __getattr__(self, name):
            return 0

    box = Fallback()

    def delete():
        with contextlib.suppress(AttributeError):
            del box.value

    together(delete, lambda: use(box.value))


def race_slot_of_a_base():
    """Longer.x"""

    class Longer(Slotted):
        __slots__ = ("z",)

    longer = Longer()

    def work():
        longer.x = 1

    twice(work)


def race_function_attribute():
    """function.calls"""

    def called():
        called.calls += 1

    called.calls = 0
    twice(called)
