# SPDX-License-Identifier: MIT
# cython: preliminary_late_includes_cy28=True
"""RWMutex: many readers or one writer. The algorithm, its states and its fairness are in `src/sync/ap_rwmutex.h`.

Each wait takes a timeout on the monotonic clock, and ends at Ctrl-C in the main thread. Meanwhile the other threads
and the garbage collector run. It works in the child after `os.fork()`.
"""

cimport cython
from cpython.mem cimport PyObject_Free
from cpython.object cimport PyTypeObject
from libc.stdint cimport int64_t, uint64_t

from atomicpy._runtime.core cimport AP_FOREVER, ap_now, block, deadline_of, owner_shown, refuse_lost_owner
from atomicpy._runtime.core_calls cimport bind_core
from atomicpy._runtime.deferred_refcount cimport defer_when_shared, note_use
from atomicpy._runtime.public_name cimport name_public

__all__ = ["RWMutex"]

cdef extern from "sync/ap_mutex.h" nogil:
    ctypedef struct ap_mutex:
        pass
    uint64_t ap_mutex_owner(ap_mutex *m) noexcept

cdef extern from "sync/ap_rwmutex.h" nogil:
    # The fields on which threads park, for repr().
    ctypedef struct ap_rwmutex_words "ap_rwmutex":
        ap_mutex writers
        int state
        int drained

    void ap_rwmutex_init(ap_rwmutex *rw) noexcept
    uint64_t ap_rwmutex_state(ap_rwmutex *rw) noexcept
    uint64_t ap_rwmutex_readers_of(uint64_t state) noexcept
    bint ap_rwmutex_is_writing(uint64_t state) noexcept
    bint ap_rwmutex_try_read_lock(ap_rwmutex *rw) noexcept
    bint ap_rwmutex_read_lock_until(ap_rwmutex *rw, int64_t deadline) noexcept
    bint ap_rwmutex_read_unlock(ap_rwmutex *rw) noexcept
    bint ap_rwmutex_try_write_lock(ap_rwmutex *rw) noexcept
    bint ap_rwmutex_write_lock_until(ap_rwmutex *rw, int64_t since, int64_t deadline) noexcept
    bint ap_rwmutex_write_unlock(ap_rwmutex *rw) noexcept
    bint ap_rwmutex_enter_until(ap_rwmutex *rw, int64_t since, int64_t deadline) noexcept
    bint ap_rwmutex_announce(ap_rwmutex *rw) noexcept
    bint ap_rwmutex_drain(ap_rwmutex *rw, int64_t deadline) noexcept
    void ap_rwmutex_retract(ap_rwmutex *rw) noexcept
    bint ap_rwmutex_readers_are_lost(ap_rwmutex *rw) noexcept

cdef extern from "platform/ap_owner.h" nogil:
    bint ap_owner_is_lost(uint64_t id) noexcept

cdef extern from "park/ap_park.h" nogil:
    size_t ap_waiters(const void *word) noexcept

bind_core()


cdef void rwmutex_read_lock(RWMutex rw) noexcept nogil:
    ap_rwmutex_read_lock_until(&rw.rw, AP_FOREVER)


cdef bint rwmutex_read_unlock(RWMutex rw) noexcept nogil:
    return ap_rwmutex_read_unlock(&rw.rw)


cdef void rwmutex_write_lock(RWMutex rw) noexcept nogil:
    if not ap_rwmutex_try_write_lock(&rw.rw):
        ap_rwmutex_write_lock_until(&rw.rw, ap_now(), AP_FOREVER)


cdef bint rwmutex_write_unlock(RWMutex rw) noexcept nogil:
    return ap_rwmutex_write_unlock(&rw.rw)


cdef inline uint64_t writer_of(ap_rwmutex *rw) noexcept:
    """The owner id of the pending writer or of the holder of the write lock; or 0."""
    return ap_mutex_owner(&(<ap_rwmutex_words *>rw).writers)


# ---- waiting to read ----


cdef bint read_until(void *rw, uint64_t unused, int64_t deadline) noexcept nogil:
    return ap_rwmutex_read_lock_until(<ap_rwmutex *>rw, deadline)


cdef int refuse_lost_writer(void *rw) except -1:
    # A lost pending writer blocks no thread: the core gives up for it. It may do so between the two loads, and
    # another writer may hold the lock by then; but the id of a lost owner never returns.
    cdef uint64_t writer = writer_of(<ap_rwmutex *>rw)
    if (
        ap_owner_is_lost(writer)
        and ap_rwmutex_is_writing(ap_rwmutex_state(<ap_rwmutex *>rw))
        and writer_of(<ap_rwmutex *>rw) == writer
    ):
        refuse_lost_owner("RWMutex", "held for writing")
    return 0


cdef bint acquire_read_slow(RWMutex rw, int64_t deadline) except -1:
    return block(read_until, &rw.rw, 0, deadline, refuse_lost_writer)


# ---- waiting to write ----

# A pending writer stays pending while it checks for signals, so it holds back new readers all the time.
cdef struct writer:
    ap_rwmutex *rw
    bint announced


cdef bint write_until(void *waiting, uint64_t since, int64_t deadline) noexcept nogil:
    cdef writer *w = <writer *>waiting
    if not w.announced:
        if not ap_rwmutex_enter_until(w.rw, since, deadline):
            return False
        w.announced = True
        if ap_rwmutex_announce(w.rw):
            return True
    return ap_rwmutex_drain(w.rw, deadline)


cdef int refuse_lost(void *waiting) except -1:
    cdef writer *w = <writer *>waiting
    refuse_lost_writer(w.rw)
    if ap_rwmutex_readers_are_lost(w.rw):
        refuse_lost_owner("RWMutex", "held for reading")
    return 0


cdef bint acquire_write_slow(RWMutex rw, int64_t deadline) except -1:
    cdef writer w
    cdef bint taken = False
    w.rw = &rw.rw
    w.announced = False
    try:
        taken = block(write_until, &w, ap_now(), deadline, refuse_lost)
    finally:
        if w.announced and not taken:
            ap_rwmutex_retract(&rw.rw)
    return taken


cdef inline bint enter_read "ap_do_enter_read"(RWMutex rw) except -1:
    return ap_rwmutex_try_read_lock(&rw.rw) or acquire_read_slow(rw, AP_FOREVER)


cdef inline int release_read "ap_do_release_read"(RWMutex rw) except -1:
    if not ap_rwmutex_read_unlock(&rw.rw):
        raise RuntimeError("release_read() of an RWMutex that no reader holds")
    return 0


cdef inline bint enter_write "ap_do_enter_write"(RWMutex rw) except -1:
    return ap_rwmutex_try_write_lock(&rw.rw) or acquire_write_slow(rw, AP_FOREVER)


cdef inline int release_write "ap_do_release_write"(RWMutex rw) except -1:
    if not ap_rwmutex_write_unlock(&rw.rw):
        raise RuntimeError("release_write() of an RWMutex that no writer holds")
    return 0


# ---- what read() and write() return: see fast_calls_rwmutex.h, which makes and drops them --------------------------


@cython.final
cdef class Itself:
    """A method of _Reading or _Writing, up to Python 3.13: bound to an object it is the object, which can be called."""

    cdef object method

    def __init__(self, method):
        self.method = method

    def __get__(self, instance, owner):
        return self.method if instance is None else instance

    def __call__(self, *arguments):
        return self.method(*arguments)


@cython.final
@cython.no_gc  # it refers to an RWMutex only, which refers to nothing
cdef class _Reading:
    """_Reading()
--

    What RWMutex.read() returns: holds the lock for reading in a `with` statement."""

    cdef void *call
    cdef readonly RWMutex rw  # also for the race detector

    def __cinit__(self):
        raise TypeError("made by RWMutex.read() only")

    def __enter__(self, /):
        return enter_read(self.rw)

    def __exit__(self, exc_type, exc_value, traceback, /):
        release_read(self.rw)


@cython.final
@cython.no_gc  # as above
cdef class _Writing:
    """_Writing()
--

    What RWMutex.write() returns: holds the lock for writing in a `with` statement."""

    cdef void *call
    cdef readonly RWMutex rw  # also for the race detector

    def __cinit__(self):
        raise TypeError("made by RWMutex.write() only")

    def __enter__(self, /):
        return enter_write(self.rw)

    def __exit__(self, exc_type, exc_value, traceback, /):
        release_write(self.rw)


@cython.final
cdef class RWMutex:
    """RWMutex()
--

    A lock that many threads hold for reading, or one for writing. Go's `sync.RWMutex`.

    A pending writer holds back later readers, and its unlock admits all waiting readers: neither side starves the
    other. A thread that holds the read lock must therefore acquire neither lock before it releases: a writer may be
    pending, and both would wait for ever. Any thread may release what another thread acquired.

    What the holder of the write lock wrote is visible to the next holder of either lock (C11, 5.1.2.4). In the child
    after `os.fork()`, a wait without a timeout for a lock that other threads of the parent held raises RuntimeError,
    because those threads were lost.

    >>> config, lock = {"debug": False}, RWMutex()
    >>> with lock.write():
    ...     config["debug"] = True
    >>> with lock.read():
    ...     config["debug"]
    True
    """

    def __cinit__(self):
        ap_rwmutex_init(&self.rw)

    def __dealloc__(self):
        PyObject_Free(self.spare)

    def __init__(self):
        # __cinit__ without parameters ignores what it is given; this one refuses arguments.
        pass

    def acquire_read(self, blocking=True, timeout=-1):
        """Acquire the read lock, shared with other readers, and return whether it was acquired.

        Waits while a writer is pending or holds the write lock: for ever, for at most `timeout` seconds (int or
        float, on the monotonic clock), or not at all with `blocking=False`. Raises as `Mutex.acquire` does, without
        the lock.

        >>> lock = RWMutex()
        >>> lock.acquire_read(), lock.acquire_read(), lock.acquire_write(timeout=0.01)
        (True, True, False)
        """
        cdef int64_t deadline = deadline_of(blocking, timeout)
        note_use(self)
        return ap_rwmutex_try_read_lock(&self.rw) or (deadline != 0 and acquire_read_slow(self, deadline))

    def release_read(self, /):
        """Release the read lock. The last reader unparks the pending writer.

        Raises RuntimeError if no reader holds the lock.

        >>> RWMutex().release_read()
        Traceback (most recent call last):
        RuntimeError: release_read() of an RWMutex that no reader holds
        """
        note_use(self)
        release_read(self)

    def acquire_write(self, blocking=True, timeout=-1):
        """Acquire the write lock, which excludes all others, and return whether it was acquired.

        Waits while a reader or a writer holds the lock: for ever, for at most `timeout` seconds (int or float, on the
        monotonic clock), or not at all with `blocking=False`. Meanwhile no new reader acquires it. Writers are
        ordered as by `Mutex`. Raises as `Mutex.acquire` does, without the lock.

        >>> lock = RWMutex()
        >>> lock.acquire_write(), lock.acquire_read(blocking=False), lock.acquire_write(timeout=0.01)
        (True, False, False)
        """
        cdef int64_t deadline = deadline_of(blocking, timeout)
        note_use(self)
        return ap_rwmutex_try_write_lock(&self.rw) or (deadline != 0 and acquire_write_slow(self, deadline))

    def release_write(self, /):
        """Release the write lock. All waiting readers acquire the read lock; without readers, the next writer is next.

        Raises RuntimeError if no writer holds the lock.

        >>> RWMutex().release_write()
        Traceback (most recent call last):
        RuntimeError: release_write() of an RWMutex that no writer holds
        """
        note_use(self)
        release_write(self)

    def read(self, /):
        """Return a context manager that holds the lock for reading.

        Equivalent to: `acquire_read()`, the body, and at its end, whatever the end, `release_read()`.

        >>> lock = RWMutex()
        >>> with lock.read(), lock.read():
        ...     lock.acquire_write(blocking=False)
        False
        """
        note_use(self)
        return ap_read_side(self)

    def write(self, /):
        """Return a context manager that holds the lock for writing.

        Equivalent to: `acquire_write()`, the body, and at its end, whatever the end, `release_write()`.

        >>> lock = RWMutex()
        >>> with lock.write():
        ...     lock.acquire_read(blocking=False)
        False
        """
        note_use(self)
        return ap_write_side(self)

    def _at_fork_reinit(self, /):
        """Unlock the lock in the child after `os.fork()`, where its holders may be lost."""
        ap_rwmutex_init(&self.rw)

    def __repr__(self):
        cdef ap_rwmutex_words *words = <ap_rwmutex_words *>&self.rw
        cdef uint64_t state = ap_rwmutex_state(&self.rw), writer = writer_of(&self.rw)
        cdef size_t waiters = ap_waiters(&words.writers) + ap_waiters(&words.state) + ap_waiters(&words.drained)
        at = f"{<size_t><void *>self:#x}"
        if ap_rwmutex_is_writing(state):
            owner = owner_shown(writer, ap_owner_is_lost(writer))
            return f"<write-locked atomicpy.RWMutex object owner={owner} waiters={waiters} at {at}>"
        if ap_rwmutex_readers_of(state):
            readers = ap_rwmutex_readers_of(state)
            return f"<read-locked atomicpy.RWMutex object readers={readers} waiters={waiters} at {at}>"
        return f"<unlocked atomicpy.RWMutex object at {at}>"


cdef extern from "sync/fast_calls_rwmutex.h":
    object ap_read_side(RWMutex rw)
    object ap_write_side(RWMutex rw)
    int ap_override_sides(PyTypeObject *type, PyTypeObject *reading, PyTypeObject *writing, object itself) except -1

name_public(<PyTypeObject *>RWMutex, "atomicpy.RWMutex")
ap_override_sides(<PyTypeObject *>RWMutex, <PyTypeObject *>_Reading, <PyTypeObject *>_Writing, Itself)
defer_when_shared(<PyTypeObject *>RWMutex)
