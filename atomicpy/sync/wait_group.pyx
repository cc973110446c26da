# SPDX-License-Identifier: MIT
"""WaitGroup: start threads, and wait for all of them. The count and its states are in `src/sync/ap_waitgroup.h`.

The wait takes a timeout on the monotonic clock, and ends at Ctrl-C in the main thread. Meanwhile the other threads
and the garbage collector run. It works in the child after `os.fork()`.
"""

cimport cython
from cpython.number cimport PyNumber_Index
from cpython.object cimport PyTypeObject
from libc.stdint cimport int64_t, uint64_t

from atomicpy._runtime.core cimport AP_FOREVER, block, wait_deadline
from atomicpy._runtime.core_calls cimport bind_core
from atomicpy._runtime.public_name cimport name_public

import threading
from _collections import deque  # as threading does: collections would load five modules more

__all__ = ["WaitGroup"]

cdef extern from "sync/ap_waitgroup.h" nogil:
    int64_t AP_WAITGROUP_MAX

    ctypedef enum ap_waitgroup_result:
        AP_WAITGROUP_OK
        AP_WAITGROUP_NEGATIVE
        AP_WAITGROUP_TOO_MANY
        AP_WAITGROUP_REUSED

    void ap_waitgroup_init(ap_waitgroup *wg) noexcept
    int64_t ap_waitgroup_count(ap_waitgroup *wg) noexcept
    uint64_t ap_waitgroup_waiters(ap_waitgroup *wg) noexcept
    ap_waitgroup_result ap_waitgroup_add(ap_waitgroup *wg, int64_t n, int64_t *seen) noexcept
    bint ap_waitgroup_enter(ap_waitgroup *wg, uint64_t *ticket) noexcept
    bint ap_waitgroup_wait(ap_waitgroup *wg, int64_t deadline) noexcept
    void ap_waitgroup_leave(ap_waitgroup *wg, uint64_t ticket) noexcept

cdef extern from "platform/ap_owner.h" nogil:
    uint64_t ap_fork_count() noexcept

bind_core()


cdef bint wait_until(void *group, uint64_t unused, int64_t deadline) noexcept nogil:
    return ap_waitgroup_wait(<ap_waitgroup *>group, deadline)


cdef bint wait_group_add(WaitGroup wg, int64_t n) noexcept nogil:
    cdef int64_t count
    return ap_waitgroup_add(&wg.group, n, &count) == AP_WAITGROUP_OK


cdef void wait_group_wait(WaitGroup wg) noexcept nogil:
    cdef uint64_t ticket
    if ap_waitgroup_enter(&wg.group, &ticket):
        ap_waitgroup_wait(&wg.group, AP_FOREVER)
        ap_waitgroup_leave(&wg.group, ticket)


cdef int add_to(WaitGroup wg, int64_t n) except -1:
    cdef int64_t count
    cdef ap_waitgroup_result result = ap_waitgroup_add(&wg.group, n, &count)
    if result == AP_WAITGROUP_NEGATIVE:
        raise ValueError(
            f"the count of the WaitGroup is {count}; {n:+} would bring it below zero: more done() than add()"
        )
    if result == AP_WAITGROUP_TOO_MANY:
        raise OverflowError(f"the count of the WaitGroup is {count}; {n:+} would bring it above 2**31 - 1")
    if result == AP_WAITGROUP_REUSED:
        raise RuntimeError(
            f"the count of the WaitGroup is 0, and threads that waited for it have not returned from wait() yet; {n:+}"
            " would keep them: add before they begin to wait, or let them all return first, or use another WaitGroup"
        )
    return 0


cdef int forget_the_parent(WaitGroup wg) except -1:
    """In the child after os.fork(): count the threads of go() that were lost as done."""
    wg.forks = ap_fork_count()
    for member in list(wg.members):
        if not member.is_alive():  # threading marks the lost threads as ended
            wg.members.discard(member)
            add_to(wg, -1)
    return 0


class _Member(threading.Thread):
    """A thread of WaitGroup.go: it reports to the group what its function raised, then calls done()."""

    def run(self):
        # The thread that pops the group calls done(): this one, or the caller of go() if start() has raised.
        cdef WaitGroup wg = self.__dict__.pop("group", None)
        if wg is None:
            return
        try:
            super(_Member, self).run()
        except BaseException as error:
            wg.errors.append(error)
        finally:
            wg.members.discard(self)
            add_to(wg, -1)


cdef object exceptions_of(WaitGroup wg):
    """What the functions raised since the last call, as one group; or None. Each exception is in one group only."""
    errors = []
    while wg.errors:
        try:
            # One step, so that several waiters may empty the deque at once.
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

    A count of unfinished work, and a `wait()` until it is zero. Go's `sync.WaitGroup`.

    Each `done()` happens before the return of every `wait()` that it ends. The count is between 0 and 2**31 - 1. A
    group may be used again after all waiters have returned; before that, an `add()` or `go()` from zero is an error,
    as in Go. In the child after `os.fork()` there are no waiters, and functions of `go()` in other threads of the
    parent count as done.

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
        self.members = set()
        self.forks = ap_fork_count()

    def __init__(self):
        pass

    @property
    def count(self):
        """The count at this moment.

        >>> WaitGroup().count
        0
        """
        if self.forks != ap_fork_count():
            forget_the_parent(self)
        return ap_waitgroup_count(&self.group)

    def add(self, n=1, /):
        """Add `n`, which may be negative, to the count. At zero, unpark all waiters.

        Raises ValueError if the count would fall below zero, OverflowError if it would exceed 2**31 - 1, RuntimeError
        if it is zero and waiters have not returned yet, and TypeError if `n` is not an integer. Then the count is
        unchanged.

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
        """Subtract one from the count. At zero, unpark all waiters.

        Raises ValueError if the count is zero.

        >>> WaitGroup().done()
        Traceback (most recent call last):
        ValueError: the count of the WaitGroup is 0; -1 would bring it below zero: more done() than add()
        """
        add_to(self, -1)

    def wait(self, timeout=None):
        """Wait until the count is zero; return True, or False after `timeout` seconds (int or float, monotonic clock).

        Raises what the functions of `go()` raised since the last wait, as one ExceptionGroup (a BaseExceptionGroup if
        one of them is not an Exception, such as SystemExit). Of several waiters, one raises it. Raises ValueError for
        a negative timeout, OverflowError for one above `threading.TIMEOUT_MAX`, and KeyboardInterrupt at Ctrl-C in
        the main thread.

        >>> wg = WaitGroup()
        >>> wg.wait()
        True
        >>> wg.add()
        >>> wg.wait(timeout=0.01)
        False
        """
        cdef int64_t deadline = wait_deadline(timeout)
        cdef uint64_t ticket
        cdef bint done
        if self.forks != ap_fork_count():
            forget_the_parent(self)
        if ap_waitgroup_enter(&self.group, &ticket):
            # The thread stays a waiter while it checks for signals, so the count cannot rise before it has seen zero.
            try:
                done = block(wait_until, &self.group, 0, deadline)
            finally:
                ap_waitgroup_leave(&self.group, ticket)
            if not done:
                return False
        group = exceptions_of(self)
        if group is not None:
            raise group
        return True

    def go(self, fn, /, *args, **kwargs):
        """Call `fn(*args, **kwargs)` in a thread of its own; return that `threading.Thread`, already started.

        Equivalent to: `add(1)`, then a thread that calls `fn` and finally `done()`. `wait()` raises what `fn` raises.
        The call of `go()` happens before `fn` begins. Raises RuntimeError if the system starts no more threads, or if
        `add(1)` does. Then the count is unchanged.

        >>> wg, greetings = WaitGroup(), []
        >>> thread = wg.go(greetings.append, "hello")
        >>> wg.wait(), greetings
        (True, ['hello'])
        """
        if not callable(fn):
            raise TypeError(f"go() needs a function to call, not the {type(fn).__name__} {fn!r}")
        thread = _Member(target=fn, args=args, kwargs=kwargs)
        add_to(self, 1)
        thread.group = self
        self.members.add(thread)
        try:
            thread.start()
        except BaseException:
            # The system has no thread; or Ctrl-C interrupted start(), and the thread may run already.
            if thread.__dict__.pop("group", None) is not None:
                self.members.discard(thread)
                add_to(self, -1)
            raise
        return thread

    def __enter__(self, /):
        return self

    def __exit__(self, exc_type, exc_value, traceback, /):
        self.wait()

    def __repr__(self):
        count, waiters = self.count, ap_waitgroup_waiters(&self.group)
        return f"<atomicpy.WaitGroup count={count} waiters={waiters} at {<size_t><void *>self:#x}>"

    def __del__(self):
        # No thread called wait(): Python reports what the functions raised as an unraisable exception.
        group = exceptions_of(self)
        if group is not None:
            raise group


name_public(<PyTypeObject *>WaitGroup, "atomicpy.WaitGroup")
