# SPDX-License-Identifier: MIT
# cython: preliminary_late_includes_cy28=True
"""Mutex: a drop-in for `threading.Lock`. The algorithm, its states and its fairness are in `src/sync/ap_mutex.h`.

Each wait takes a timeout on the monotonic clock, and ends at Ctrl-C in the main thread. Meanwhile the other threads
and the garbage collector run. It works in the child after `os.fork()`.
"""

cimport cython
from cpython.object cimport PyTypeObject
from libc.stdint cimport int64_t, uint64_t

from atomicpy._runtime.core cimport AP_FOREVER, ap_now, block, deadline_of, owner_shown, refuse_lost_owner
from atomicpy._runtime.core_calls cimport bind_core
from atomicpy._runtime.deferred_refcount cimport defer_when_shared, note_use
from atomicpy._runtime.public_name cimport name_public

__all__ = ["Mutex"]

cdef extern from "sync/ap_mutex.h" nogil:
    uint64_t ap_mutex_owner(ap_mutex *m) noexcept
    bint ap_mutex_lock_until(ap_mutex *m, int64_t since, int64_t deadline) noexcept
    bint ap_mutex_unlock(ap_mutex *m) noexcept

cdef extern from "platform/ap_owner.h" nogil:
    bint ap_owner_is_lost(uint64_t id) noexcept

cdef extern from "park/ap_park.h" nogil:
    size_t ap_waiters(const void *word) noexcept

bind_core()


cdef bint lock_until(void *mutex, uint64_t since, int64_t deadline) noexcept nogil:
    return ap_mutex_lock_until(<ap_mutex *>mutex, since, deadline)


cdef int refuse_lost(void *mutex) except -1:
    if ap_owner_is_lost(ap_mutex_owner(<ap_mutex *>mutex)):
        refuse_lost_owner("Mutex", "held")
    return 0


cdef void mutex_lock(Mutex m) noexcept nogil:
    if not ap_mutex_try_lock(&m.mutex):
        ap_mutex_lock_until(&m.mutex, ap_now(), AP_FOREVER)


cdef bint mutex_unlock(Mutex m) noexcept nogil:
    return ap_mutex_unlock(&m.mutex)


cdef bint acquire_slow(Mutex m, int64_t deadline) except -1:
    return block(lock_until, &m.mutex, ap_now(), deadline, refuse_lost)


# ---- the operations that have a fast call: for the method and for the fast call ----


cdef inline bint enter "ap_do_enter"(Mutex m) except -1:
    return ap_mutex_try_lock(&m.mutex) or acquire_slow(m, AP_FOREVER)


cdef inline int release "ap_do_release"(Mutex m) except -1:
    if not ap_mutex_unlock(&m.mutex):
        raise RuntimeError("release unlocked lock")
    return 0


@cython.final
cdef class Mutex:
    """Mutex()
--

    A lock that one thread holds at a time: a drop-in for `threading.Lock`.

    Another thread than the owner may release it, it is not recursive, and `threading.Condition(Mutex())` works. No
    waiter is starved: the longest waiter is unparked first, and 0.075 ms after it runs the mutex is handed off to it.
    The repr names the owner and the number of waiters. What the owner wrote is visible to the next owner (C11,
    5.1.2.4: a release happens before the following acquire).

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
        """Acquire the mutex, and return whether it was acquired.

        Waits while the mutex is locked: for ever, for at most `timeout` seconds (int or float, on the monotonic clock),
        or not at all with `blocking=False`.

        Raises ValueError for a negative timeout other than -1 or a timeout with `blocking=False`, OverflowError for
        one above `threading.TIMEOUT_MAX`, and KeyboardInterrupt at Ctrl-C in the main thread; then the mutex is not
        acquired. In the child after `os.fork()`, a wait without a timeout for a mutex that another thread of the parent
        owned raises RuntimeError, because that owner was lost. `_at_fork_reinit()` unlocks the mutex.

        >>> m = Mutex()
        >>> m.acquire(), m.acquire(blocking=False), m.acquire(timeout=0.01)
        (True, False, False)
        """
        # Before the first attempt: a bad argument is an error on an unlocked mutex as well.
        cdef int64_t deadline = deadline_of(blocking, timeout)
        note_use(self)
        return ap_mutex_try_lock(&self.mutex) or (deadline != 0 and acquire_slow(self, deadline))

    def release(self, /):
        """Release the mutex. Any thread may call it.

        Raises RuntimeError if the mutex is unlocked.

        >>> m = Mutex()
        >>> m.release()
        Traceback (most recent call last):
        RuntimeError: release unlocked lock
        """
        note_use(self)
        release(self)

    def locked(self, /):
        """Return whether the mutex is locked at this moment.

        >>> Mutex().locked()
        False
        """
        return ap_mutex_is_locked(&self.mutex)

    def __enter__(self, /):
        note_use(self)
        return enter(self)

    def __exit__(self, exc_type, exc_value, traceback, /):
        note_use(self)
        release(self)

    def _at_fork_reinit(self, /):
        """Unlock the mutex in the child after `os.fork()`, where its owner may be lost."""
        ap_mutex_init(&self.mutex)

    def __repr__(self):
        cdef uint64_t owner = ap_mutex_owner(&self.mutex)
        at = f"atomicpy.Mutex object at {<size_t><void *>self:#x}"
        if not owner:  # without LOCKED it may be handed off, to an owner that has not acquired it yet
            return f"<{'locked' if ap_mutex_is_locked(&self.mutex) else 'unlocked'} {at}>"
        waiters = ap_waiters(&self.mutex)
        shown = owner_shown(owner, ap_owner_is_lost(owner))
        return f"<locked {at.replace(' at ', f' owner={shown} waiters={waiters} at ')}>"


cdef extern from *:
    """
    #include "_runtime/fast_calls.h"

    AP_FAST_NOARGS(enter, AP_TRUE_OR_ERROR(ap_do_enter(self)))
    AP_FAST_CALL(exit, 3, 3, true, AP_NONE_OR_ERROR(ap_do_release(self)))

    static const ap_fast_call ap_fast_calls[] = {
        AP_OVERRIDE_NOARGS_AS("__enter__", enter), AP_OVERRIDE_AS("__exit__", exit), AP_OVERRIDE_END,
    };
    """
    int ap_override_methods(PyTypeObject *type, const void *calls) except -1
    const void *ap_fast_calls

name_public(<PyTypeObject *>Mutex, "atomicpy.Mutex")
ap_override_methods(<PyTypeObject *>Mutex, ap_fast_calls)
defer_when_shared(<PyTypeObject *>Mutex)
