# SPDX-License-Identifier: MIT
"""Blocking primitives: Mutex and WaitGroup.

Every wait here takes a timeout on the monotonic clock, ends at Ctrl-C in the main thread, lets the other threads and
the garbage collector go on, and works in the child after `os.fork()`. The algorithms, with the table of their states,
are in `src/ap_mutex.h` and `src/ap_waitgroup.h`.
"""

cimport cython
from cpython.object cimport PyTypeObject
from cpython.number cimport PyNumber_Index
from libc.stdint cimport int64_t, uint64_t

from atomicpy._blocking cimport AP_FOREVER, ap_wait_init, block, lock_deadline, wait_deadline
from atomicpy._sharing cimport defer_when_shared, used

import threading
from collections import deque

__all__ = ["Mutex", "WaitGroup"]

cdef extern from "ap_mutex.h" nogil:
    bint ap_mutex_lock_until(ap_mutex *m, int64_t deadline) noexcept
    bint ap_mutex_unlock(ap_mutex *m) noexcept

cdef extern from "ap_waitgroup.h" nogil:
    int64_t AP_WAITGROUP_MAX

    ctypedef enum ap_waitgroup_result:
        AP_WAITGROUP_OK
        AP_WAITGROUP_NEGATIVE
        AP_WAITGROUP_TOO_MANY

    void ap_waitgroup_init(ap_waitgroup *wg) noexcept
    int64_t ap_waitgroup_count(ap_waitgroup *wg) noexcept
    ap_waitgroup_result ap_waitgroup_add(ap_waitgroup *wg, int64_t n, int64_t *seen) noexcept
    uint64_t ap_waitgroup_ticket(ap_waitgroup *wg) noexcept
    bint ap_waitgroup_wait(ap_waitgroup *wg, uint64_t ticket, int64_t deadline) noexcept

# This module carries a copy of the core, with its own table of sleepers.
ap_wait_init()


# ---- Mutex -----------------------------------------------------------------------------------------------------


cdef bint lock_until(void *mutex, uint64_t unused, int64_t deadline) noexcept nogil:
    return ap_mutex_lock_until(<ap_mutex *>mutex, deadline)


cdef void mutex_lock(Mutex m) noexcept nogil:
    ap_mutex_lock_until(&m.mutex, AP_FOREVER)


cdef bint mutex_unlock(Mutex m) noexcept nogil:
    return ap_mutex_unlock(&m.mutex)


# The default of acquire(timeout=-1): small integers are one object each in every CPython.
cdef object MINUS_ONE = -1


cdef bint acquire_slow(Mutex m, int64_t deadline) except -1:
    return block(lock_until, &m.mutex, 0, deadline)


@cython.final
cdef class Mutex:
    """Mutex()
--

    A lock that one thread holds at a time: a drop-in for `threading.Lock`, one word large.

    It can be released by another thread than the one that took it, it is not recursive, and
    `threading.Condition(Mutex())` works. What was written while holding it is seen by whoever takes it next
    (C11, 5.1.2.4: release happens before the following acquire).

    >>> balance = Mutex()
    >>> with balance:
    ...     balance.locked()
    True
    >>> balance.locked()
    False
    """

    def __cinit__(self):
        ap_mutex_init(&self.mutex)

    def __init__(self):
        # __cinit__ without parameters ignores what it is given; this one refuses arguments.
        pass

    def acquire(self, blocking=True, timeout=-1):
        """Take the mutex, and return whether it was taken.

        Waits while another holder has it: for ever, for at most `timeout` seconds (int or float, on the monotonic
        clock), or not at all with `blocking=False`.

        Raises ValueError for a negative timeout other than -1 or a timeout with `blocking=False`, OverflowError for
        one above `threading.TIMEOUT_MAX`, and KeyboardInterrupt at Ctrl-C in the main thread; the mutex is not taken
        then.

        >>> m = Mutex()
        >>> m.acquire(), m.acquire(blocking=False), m.acquire(timeout=0.01)
        (True, False, False)
        """
        cdef int64_t deadline
        used(self)
        if timeout is MINUS_ONE:
            deadline = AP_FOREVER if blocking else 0
        else:
            # Before the first try: a bad argument is an error on a free mutex too.
            deadline = lock_deadline(blocking, timeout)
        return ap_mutex_try_lock(&self.mutex) or (deadline != 0 and acquire_slow(self, deadline))

    def release(self, /):
        """Give the mutex back, and wake one thread that waits for it. Any thread may.

        Raises RuntimeError where nobody holds it.

        >>> m = Mutex()
        >>> m.release()
        Traceback (most recent call last):
        RuntimeError: release unlocked lock
        """
        used(self)
        if not ap_mutex_unlock(&self.mutex):
            raise RuntimeError("release unlocked lock")

    def locked(self, /):
        """Return whether somebody holds the mutex at this moment.

        >>> Mutex().locked()
        False
        """
        return ap_mutex_is_locked(&self.mutex)

    def __enter__(self, /):
        used(self)
        return ap_mutex_try_lock(&self.mutex) or acquire_slow(self, AP_FOREVER)

    def __exit__(self, exc_type, exc_value, traceback, /):
        used(self)
        if not ap_mutex_unlock(&self.mutex):
            raise RuntimeError("release unlocked lock")

    def _at_fork_reinit(self, /):
        """Make the mutex free again in the child after `os.fork()`, where the thread that held it is not."""
        ap_mutex_init(&self.mutex)

    def __repr__(self):
        state = "locked" if ap_mutex_is_locked(&self.mutex) else "unlocked"
        return f"<{state} atomicpy.Mutex object at {<size_t><void *>self:#x}>"


defer_when_shared(<PyTypeObject *>Mutex)


# ---- WaitGroup -------------------------------------------------------------------------------------------------


cdef bint wait_until(void *group, uint64_t ticket, int64_t deadline) noexcept nogil:
    return ap_waitgroup_wait(<ap_waitgroup *>group, ticket, deadline)


cdef bint wait_group_add(WaitGroup wg, int64_t n) noexcept nogil:
    cdef int64_t count
    return ap_waitgroup_add(&wg.group, n, &count) == AP_WAITGROUP_OK


cdef void wait_group_wait(WaitGroup wg) noexcept nogil:
    ap_waitgroup_wait(&wg.group, ap_waitgroup_ticket(&wg.group), AP_FOREVER)


cdef int add_to(WaitGroup wg, int64_t n) except -1:
    cdef int64_t count
    cdef ap_waitgroup_result result = ap_waitgroup_add(&wg.group, n, &count)
    if result == AP_WAITGROUP_NEGATIVE:
        raise ValueError(
            f"the count of the WaitGroup is {count}; {n:+} would bring it below zero: more done() than add()"
        )
    if result == AP_WAITGROUP_TOO_MANY:
        raise OverflowError(f"the count of the WaitGroup is {count}; {n:+} would bring it above 2**31 - 1")
    return 0


class _Member(threading.Thread):
    """A thread of WaitGroup.go: it tells the group what its function raised, and that it is done."""

    def run(self):
        # Whoever pops the group owes it the done(): this thread, or go() where start() has raised.
        cdef WaitGroup wg = self.__dict__.pop("group", None)
        if wg is None:
            return
        try:
            super(_Member, self).run()
        except BaseException as error:
            wg.errors.append(error)
        finally:
            add_to(wg, -1)


cdef object exceptions_of(WaitGroup wg):
    """What the functions raised since it was last asked, as one group; or None. Each exception is in one group only."""
    errors = []
    while wg.errors:
        try:
            # One step, however many threads wait and empty it at once.
            errors.append(wg.errors.popleft())
        except IndexError:
            break
    if not errors:
        return None
    return BaseExceptionGroup("unhandled exceptions in the functions of a WaitGroup", errors)


@cython.final
cdef class WaitGroup:
    """WaitGroup()
--

    A count of what is still to be done, and `wait()` until it is zero. Go's `sync.WaitGroup`.

    Each `done()` happens before the return of every `wait()` that it ends. The count is between 0 and 2**31 - 1. A
    group may be used again as soon as its count is zero: a thread that still waits for the round before leaves, though
    the count has risen again.

    >>> squares = []
    >>> with WaitGroup() as wg:
    ...     for n in range(3):
    ...         thread = wg.go(lambda n: squares.append(n * n), n)
    >>> sorted(squares)
    [0, 1, 4]
    """

    def __cinit__(self):
        ap_waitgroup_init(&self.group)
        self.errors = deque()

    def __init__(self):
        pass

    @property
    def count(self):
        """How much is still to be done, at this moment.

        >>> WaitGroup().count
        0
        """
        return ap_waitgroup_count(&self.group)

    def add(self, n=1, /):
        """Add `n`, which may be negative, to the count; at zero, wake everybody who waits.

        Raises ValueError where the count would fall below zero, OverflowError where it would exceed 2**31 - 1, and
        TypeError for what is no integer; the count is as it was.

        >>> wg = WaitGroup()
        >>> wg.add(2); wg.add(-1); wg.count
        1
        """
        number = PyNumber_Index(n)
        if number > AP_WAITGROUP_MAX:
            raise OverflowError(f"{n:+} would bring the count of the WaitGroup above 2**31 - 1")
        if number < -AP_WAITGROUP_MAX:
            raise ValueError(f"{n:+} would bring the count of the WaitGroup below zero: more done() than add()")
        add_to(self, number)

    def done(self, /):
        """Take one off the count; at zero, wake everybody who waits.

        Raises ValueError where the count is zero already.

        >>> WaitGroup().done()
        Traceback (most recent call last):
        ValueError: the count of the WaitGroup is 0; -1 would bring it below zero: more done() than add()
        """
        add_to(self, -1)

    def wait(self, timeout=None):
        """Wait until the count is zero; return True, or False after `timeout` seconds (int or float, monotonic clock).

        Raises what the functions of `go()` raised since the last time, as one ExceptionGroup (a BaseExceptionGroup
        where one of them is no Exception, a SystemExit say). Where several threads wait, one of them gets it.
        Raises ValueError for a negative timeout, OverflowError for one above `threading.TIMEOUT_MAX`, and
        KeyboardInterrupt at Ctrl-C in the main thread.

        >>> wg = WaitGroup()
        >>> wg.wait()
        True
        >>> wg.add()
        >>> wg.wait(timeout=0.01)
        False
        """
        cdef int64_t deadline = wait_deadline(timeout)
        # The ticket is drawn once: should the group be reused between two looks for a signal, this wait ends still.
        cdef uint64_t ticket = ap_waitgroup_ticket(&self.group)
        if ap_waitgroup_count(&self.group) and not block(wait_until, &self.group, ticket, deadline):
            return False
        group = exceptions_of(self)
        if group is not None:
            raise group
        return True

    def go(self, fn, /, *args, **kwargs):
        """Call `fn(*args, **kwargs)` in a thread of its own; return that `threading.Thread`, already started.

        Equivalent to: `add(1)`, then a thread that calls `fn` and at its end, whatever the end, `done()`. What `fn`
        raises is raised by `wait()`. The call of `go()` happens before `fn` begins.
        Raises RuntimeError where the system starts no more threads; the count is as it was.

        >>> wg, said = WaitGroup(), []
        >>> thread = wg.go(said.append, "hello")
        >>> wg.wait(), said
        (True, ['hello'])
        """
        if not callable(fn):
            raise TypeError(f"go() needs a function to call, not the {type(fn).__name__} {fn!r}")
        thread = _Member(target=fn, args=args, kwargs=kwargs)
        add_to(self, 1)
        thread.group = self
        try:
            thread.start()
        except BaseException:
            # No thread could be had; or Ctrl-C came while start() waited for it, and it may have begun already.
            if thread.__dict__.pop("group", None) is not None:
                add_to(self, -1)
            raise
        return thread

    def __enter__(self, /):
        return self

    def __exit__(self, exc_type, exc_value, traceback, /):
        self.wait()

    def __repr__(self):
        return f"<atomicpy.WaitGroup count={ap_waitgroup_count(&self.group)} at {<size_t><void *>self:#x}>"

    def __del__(self):
        # Nobody waited: what the functions raised goes where Python reports what no caller can be told.
        group = exceptions_of(self)
        if group is not None:
            raise group
