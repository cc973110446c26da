"""The engine of the race detector: the order of events, the accesses of a program, and the pairs of them that race.

The algorithms are in C. The folder src/race/ has those that need no Python.h: rc_clock.h (vector clocks, threads,
sessions), rc_table.h (the shadow memory), rc_shadow.h (the rules of FastTrack), rc_depot.h (the stack depot) and
rc_reclaim.h (ended threads). This folder has those that need it. rc_stacks.h reads frames. rc_attributes.h and
rc_keys.h find the locations that an expression means. rc_calls.h, rc_items.h and rc_iteration.h are the calls of
instrumented code. rh_hook.h and rh_locks.h are hooks and traced locks. This module is the interface for
happens_before/, and makes the record of a race.
"""

import array as arrays
import mmap
import operator
import sys
import threading
from dataclasses import dataclass
from typing import Any

from atomicpy.race.engine.requirements import NEEDS as _NEEDS

cimport cython
from cpython.buffer cimport PyBUF_FULL_RO, PyBuffer_Release, PyObject_GetBuffer
from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from cpython.unicode cimport PyUnicode_AsUTF8
from libc.stdlib cimport free

from atomicpy cimport AtomicIntArray, Channel, ap_compare_exchange_u64, ap_load_u64

# The functions that instrumented code calls, by name: `_race_read__` and the others.
calls = rc_make_calls()
globals().update(calls)
# Hook, Each, TracedLock, TracedRLock, traced, for_the_program, set_ownership.
globals().update(rh_make_types())

_KINDS = ("attribute", "global", "variable", "item", "keys")
# The number of a thread: its name, and the stack that created it (0: unknown).
_threads = {}
_on_race = None
# Pairs of stacks, and of source lines, that have been reported.
_reported = set()


@dataclass(frozen=True, slots=True)
class RaceAccess:
    """One access of a race. Frames, innermost first: (file, function, line, column, end line, end column)."""

    write: bool
    thread: tuple[int, str, list[Any] | None]
    stack: list[Any]


@dataclass(frozen=True, slots=True)
class RaceRecord:
    """A race as the engine found it."""

    kind: str
    obj: Any
    name: Any
    current: RaceAccess
    previous: RaceAccess


cdef list _frames(uint32_t stack):
    cdef uint32_t parent
    frames = []
    while stack:
        frame = rc_frame_at(stack, &parent)
        if frame is None:
            break
        frames.append(frame)
        stack = parent
    return frames


cdef object _access(bint write, uint64_t epoch, uint32_t stack):
    number = rc_number_of(epoch)
    name, created = _threads.get(number, (None, 0))
    if name is None:
        name = f"Thread {number}"
    return RaceAccess(write, (number, name, _frames(created) if created else None), _frames(stack))


cdef void _report(
    int what, object obj, object name, int write, uint64_t now, uint32_t stack, const rc_race *race
) noexcept:
    cdef uint64_t earlier = race.stack
    try:
        on_race = _on_race
        pair = (what, (earlier << 32) | stack)
        if on_race is None or pair in _reported:
            return
        _reported.add(pair)
        number = rc_current_number()
        if number not in _threads:  # started from C: the name that threading gives it
            _threads[number] = (threading.current_thread().name, 0)
        current = _access(write, now, stack)
        previous = _access(race.write, race.epoch, race.stack)
        lines = frozenset(access.stack[0][:3:2] for access in (current, previous) if access.stack)
        if (what, lines) in _reported:
            return
        _reported.add((what, lines))
        on_race(RaceRecord(_KINDS[what], obj, name, current, previous))
    except Exception:
        sys.unraisablehook(sys.UnraisableHookArgs((*sys.exc_info(), "in a report of a race", on_race)))


rc_set_report(_report)


@cython.final
cdef class Clock:
    """Clock()
    --

    The vector clock of one synchronisation variable.

    Any thread may use it at any time; each method is one indivisible step.
    """

    def __cinit__(self):
        self.sync = rc_sync_new()

    def __dealloc__(self):
        if self.sync is not NULL:
            rc_sync_unref(self.sync)

    def acquire(self):
        """What was released into the clock happens before the next step of the calling thread."""
        if rc_get_mode() != RC_OFF:
            rc_acquire(rc_this_thread(), self.sync)

    def release(self):
        """Every step of the calling thread so far happens before a later acquire of the clock."""
        if rc_get_mode() != RC_OFF:
            rc_release(rc_this_thread(), self.sync)

    def set(self):
        """As release(), in place of what was released before: the store of an atomic."""
        if rc_get_mode() != RC_OFF:
            rc_set(rc_this_thread(), self.sync)

    def swap(self):
        """acquire() and release() in one step: a read-modify-write."""
        if rc_get_mode() != RC_OFF:
            rc_swap(rc_this_thread(), self.sync)


def clock_of(obj):
    """The clock of the object, by identity. It ends with the object."""
    cdef Clock clock = Clock.__new__(Clock)
    rc_sync_unref(clock.sync)
    clock.sync = rc_sync_of(<size_t><void *>obj)
    return clock


cdef object _owner(AtomicIntArray array):
    """The object that owns the memory of the array, and ends with it; None if it is unknown."""
    cdef AtomicIntArray other
    obj = array
    while True:
        if type(obj) is AtomicIntArray:
            other = obj
            if other.view is NULL:
                return other
            obj = <object>other.view.obj
        elif type(obj) is memoryview:
            obj = obj.obj
        elif type(obj).__module__ == "numpy" and getattr(obj, "base", None) is not None:
            obj = obj.base
        elif isinstance(obj, (bytearray, mmap.mmap, arrays.array)) or type(obj).__module__ == "numpy":
            return obj
        else:
            return None


def clock_at(AtomicIntArray array, index):
    """The clock of an item, by its place in the memory: all arrays over the same memory share it.

    It ends with the owner of the memory, and never where the owner is unknown. The caller has checked the index.
    """
    cdef Py_buffer view
    cdef size_t address
    cdef Clock clock = Clock.__new__(Clock)
    place = operator.index(index)
    if place < 0:
        place += array.length
    address = <size_t>array.words + <size_t>place * sizeof(uint64_t)
    owner = _owner(array)
    rc_sync_unref(clock.sync)
    if owner is None:
        clock.sync = rc_sync_of(address)
        return clock
    PyObject_GetBuffer(owner, &view, PyBUF_FULL_RO)
    clock.sync = rc_sync_at(<size_t><void *>owner, address - <size_t>view.buf)
    PyBuffer_Release(&view)
    return clock


def set_type_attribute(cls, name, value):
    """`setattr(cls, name, value)`, also for a class written in C: its slots follow."""
    cdef unsigned long immutable = rc_make_mutable(cls)
    try:
        type.__setattr__(cls, name, value)
    finally:
        rc_restore_immutable(cls, immutable)


def name_in_errors(cls, name):
    """Make errors name the class so, as they name a class written in C. Its `__name__` does not change."""
    Py_INCREF(name)  # never dropped
    (<PyTypeObject *>cls).tp_name = PyUnicode_AsUTF8(name)


def call_for_new_channels(function):
    """Call `function(channel)` for each new channel before the program gets it; None ends that."""
    rc_call_for_new_channels(Channel, NULL if function is None else <PyObject *>function)


def watch_of(Channel channel not None):
    """The watch of the channel, or None."""
    cdef uint64_t watch = ap_load_u64(&channel.channel.watch)
    return None if watch == 0 else <object><void *><size_t>watch


def set_watch(Channel channel not None, watch):
    """Give the channel a watch (atomicpy/channel/waiting.pyx), which it then keeps, unless it has one."""
    cdef uint64_t none = 0
    Py_INCREF(watch)
    if not ap_compare_exchange_u64(&channel.channel.watch, &none, <uint64_t><size_t><void *>watch):
        Py_DECREF(watch)


def begin_thread(parent, name, created=None):
    """Begin the calling thread. Its creator has released into `parent`, a Clock or None, after `created = here()`."""
    cdef rc_sync *sync = NULL
    cdef uint32_t n_removed, i
    cdef uint64_t *removed
    if rc_get_mode() == RC_OFF:
        return
    if parent is not None:
        sync = (<Clock?>parent).sync
    number = rc_begin_thread(sync)
    _threads[number] = (name, created or 0)
    removed = rc_reclaim(&n_removed)
    for i in range(n_removed):
        _threads.pop(removed[i], None)
    free(removed)


def end_thread():
    """End the calling thread. A later access of it is recorded as one of another thread."""
    rc_detach()


def here():
    """The stack of the calling thread, which is about to start a thread: a number, for begin_thread(); 0 while off."""
    return rc_here_now() if rc_get_mode() != RC_OFF else 0


def install(on_race):
    """Begin: `on_race` is called with a RaceRecord once for each pair of source lines, in the thread that found it.

    Nothing is recorded before there is a second thread. Every step before install() happens before every step after it,
    in any thread; what an earlier session recorded or reported does not count. Threads from before install() are
    watched as others are, but only those of their locks and queues that the detector has patched.
    Raises RuntimeError before CPython 3.13.
    """
    global _on_race
    if not RC_WORKS:
        raise RuntimeError(_NEEDS)
    _reported.clear()
    _on_race = on_race
    try:
        rc_install()
    except BaseException:
        _on_race = None
        raise
    number = rc_current_number()
    if number not in _threads:
        _threads[number] = (threading.current_thread().name, 0)


def uninstall():
    """End: the calls in instrumented code do nothing from here on, and every record is freed."""
    global _on_race
    rc_uninstall()
    _on_race = None


def installed():
    """Is the detector installed?"""
    return _on_race is not None


def forget_reported():
    """Report a race again whose pair of lines has been reported."""
    _reported.clear()


def counts():
    """How many of each kind the engine holds, for a program that watches its memory."""
    held = dict(rc_count())
    return held | {"keys": rc_n_keys(), "stacks": rc_n_stacks(), "names": len(_threads)}
