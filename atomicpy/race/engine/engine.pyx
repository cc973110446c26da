"""The engine of the race detector: who has done what, in which order, and which two accesses nothing orders.

What it computes is in the rc_*.h beside it: rc_clock.h (vector clocks, threads, sessions), rc_table.h and rc_shadow.h
(what was done where, the rules of FastTrack), rc_census.h, rc_nodes.h and rc_stacks.h, rc_attributes.h and rc_keys.h
(what a location is), rc_calls.h, rc_items.h, rc_iteration.h (what rewritten code calls); rh_around.h and rh_locks.h are
what the edges are made of. Here is the door for the edges, and the record of a race.
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
from cpython.object cimport PyTypeObject
from cpython.ref cimport Py_INCREF
from cpython.unicode cimport PyUnicode_AsUTF8
from libc.stdlib cimport free

from atomicpy.atomic.atomic_int_array cimport AtomicIntArray

# What rewritten code calls, by name: `_race_read__` and the others.
calls = rc_make()
globals().update(calls)
# What the edges are made of: Around, Each, TracedLock, TracedRLock, for_the_program, set_whose.
globals().update(rh_make())

_KINDS = ("attribute", "global", "variable", "item", "keys")
# Number of a thread: its name, and the node of the stack that created it (0: none).
_threads = {}
_on_race = None
# Pairs of stacks, and of source lines, that have been told.
_told = set()


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


cdef list _stack(uint32_t node):
    cdef uint32_t parent
    frames = []
    while node:
        frame = rc_frame_of(node, &parent)
        if frame is None:
            break
        frames.append(frame)
        node = parent
    return frames


cdef object _access(bint write, uint64_t epoch, uint32_t stack):
    number = rc_number_of(epoch)
    name, created = _threads.get(number, (None, 0))
    if name is None:
        name = f"Thread {number}"
    return RaceAccess(write, (number, name, _stack(created) if created else None), _stack(stack))


cdef void _found(
    int what, object obj, object name, int write, uint64_t now, uint32_t stack, const rc_race *race
) noexcept:
    cdef uint64_t earlier = race.stack
    try:
        on_race = _on_race
        pair = (what, (earlier << 32) | stack)
        if on_race is None or pair in _told:
            return
        _told.add(pair)
        number = rc_my_number()
        if number not in _threads:  # from C: what the library calls it
            _threads[number] = (threading.current_thread().name, 0)
        current = _access(write, now, stack)
        previous = _access(race.write, race.epoch, race.stack)
        lines = frozenset(access.stack[0][:3:2] for access in (current, previous) if access.stack)
        if (what, lines) in _told:
            return
        _told.add((what, lines))
        on_race(RaceRecord(_KINDS[what], obj, name, current, previous))
    except Exception:
        sys.unraisablehook(sys.UnraisableHookArgs((*sys.exc_info(), "in a report of a race", on_race)))


rc_set_tell(_found)


@cython.final
cdef class Clock:
    """Clock()
    --

    What is known through one synchronisation variable: a vector clock.

    All threads may use it at once; each method is one indivisible step.
    """

    def __cinit__(self):
        self.sync = rc_sync_new()

    def __dealloc__(self):
        if self.sync is not NULL:
            rc_sync_leave(self.sync)

    def acquire(self):
        """What was released into the clock comes before what the calling thread does from here on."""
        if rc_get_mode() != RC_OFF:
            rc_acquire(rc_this_thread(), self.sync)

    def release(self):
        """What the calling thread has done comes before an acquire after this."""
        if rc_get_mode() != RC_OFF:
            rc_release(rc_this_thread(), self.sync)

    def set(self):
        """As release(), but what was released before is forgotten: the store of an atomic."""
        if rc_get_mode() != RC_OFF:
            rc_set(rc_this_thread(), self.sync)

    def swap(self):
        """acquire() and release() in one step: a read-modify-write."""
        if rc_get_mode() != RC_OFF:
            rc_swap(rc_this_thread(), self.sync)


def clock_of(obj):
    """The clock that belongs to the object, by identity; it goes away with it."""
    cdef Clock clock = Clock.__new__(Clock)
    rc_sync_leave(clock.sync)
    clock.sync = rc_sync_of(<size_t><void *>obj)
    return clock


cdef object _owner(AtomicIntArray array):
    """Whose the memory is that the array lies in, and with whom it goes away; None if we cannot tell."""
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
    """The clock of an item, by the place of it in the memory: all arrays over the same memory have the same one.

    It goes away with the memory, or never if we cannot tell whose that is. A bad index has been refused by who calls.
    """
    cdef Py_buffer view
    cdef size_t address
    cdef Clock clock = Clock.__new__(Clock)
    place = operator.index(index)
    if place < 0:
        place += array.length
    address = <size_t>array.words + <size_t>place * sizeof(uint64_t)
    owner = _owner(array)
    rc_sync_leave(clock.sync)
    if owner is None:
        clock.sync = rc_sync_of(address)
        return clock
    PyObject_GetBuffer(owner, &view, PyBUF_FULL_RO)
    clock.sync = rc_sync_at(<size_t><void *>owner, address - <size_t>view.buf)
    PyBuffer_Release(&view)
    return clock


def set_type_attribute(cls, name, value):
    """`setattr(cls, name, value)`, for a class written in C too: its slots follow."""
    cdef unsigned long immutable = rc_unlock_type(cls)
    try:
        type.__setattr__(cls, name, value)
    finally:
        rc_lock_type(cls, immutable)


def name_in_errors(cls, name):
    """Let errors call the class by that name, as they do one written in C; its `__name__` stays as it is."""
    Py_INCREF(name)  # for good
    (<PyTypeObject *>cls).tp_name = PyUnicode_AsUTF8(name)


def begin_thread(parent, name, created=None):
    """The calling thread has begun, started by who released into `parent`, a Clock or None, at `created`: here()."""
    cdef rc_sync *sync = NULL
    cdef uint32_t n_gone, i
    cdef uint64_t *gone
    if rc_get_mode() == RC_OFF:
        return
    if parent is not None:
        sync = (<Clock?>parent).sync
    number = rc_begin_thread(sync)
    _threads[number] = (name, created or 0)
    gone = rc_census(&n_gone)
    for i in range(n_gone):
        _threads.pop(gone[i], None)
    free(gone)


def end_thread():
    """The calling thread does nothing more that is recorded under its name."""
    rc_end_thread()


def here():
    """The stack of the calling thread, which is about to start one: a number, for begin_thread(); 0 if we are off."""
    return rc_here_now() if rc_get_mode() != RC_OFF else 0


def install(on_race):
    """Begin: `on_race` is called with a RaceRecord once for each pair of source lines, in the thread that found it.

    Nothing is recorded before there is a second thread. What was done before comes before all that is done from here
    on, in any thread, also where the detector was in before; nothing that an earlier session recorded or told counts.
    Threads from before are watched like others, but of their locks and queues only those that the detector replaced.
    Raises RuntimeError before CPython 3.13.
    """
    global _on_race
    if not RC_WORKS:
        raise RuntimeError(_NEEDS)
    _told.clear()
    _on_race = on_race
    try:
        rc_install()
    except BaseException:
        _on_race = None
        raise
    number = rc_my_number()
    if number not in _threads:
        _threads[number] = (threading.current_thread().name, 0)


def uninstall():
    """End: the calls in instrumented code do nothing from here on, and what was recorded is forgotten."""
    global _on_race
    rc_uninstall()
    _on_race = None


def installed():
    """Is the detector in?"""
    return _on_race is not None


def forget_reported():
    """Tell races again whose pair of lines has been told."""
    _told.clear()


def counts():
    """What the engine holds, for who watches its memory: of each kind, how many."""
    held = dict(rc_count())
    return held | {"keys": rc_n_keys(), "stacks": rc_n_stacks(), "names": len(_threads)}
