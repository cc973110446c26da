# SPDX-License-Identifier: MIT
"""The counters of the demo with their loops in C, the GIL released.

They use what `from atomicpy cimport ...` gives to every Cython module.
"""

cimport cython
from libc.stdint cimport int64_t

from atomicpy cimport (
    AtomicInt,
    Mutex,
    ShardedCounter,
    ap_fetch_add_i64,
    ap_i64,
    ap_init_i64,
    ap_load_i64,
    ap_load_i64_relaxed,
    ap_store_i64_relaxed,
    mutex_lock,
    mutex_unlock,
    sharded_counter_add,
)

__all__ = ["Atomic", "Locked", "Racy", "Sharded"]


@cython.final
cdef class Racy:
    """Racy(n=0)
--

    `n += 1` in C: a load, an add and a store.
    """

    # The word is atomic, because a plain `n += 1` in two threads is a data race, which is undefined behaviour (C11,
    # 5.1.2.4). The compiler might replace the loop by one addition. A relaxed load and a relaxed store compile to the
    # same instructions as `n += 1`. The load, the add and the store are still three steps, so updates are lost.
    cdef ap_i64 n

    def __cinit__(self, int64_t n=0):
        ap_init_i64(&self.n, n)

    def increment(self, int64_t times, /):
        cdef int64_t _
        with nogil:
            for _ in range(times):
                ap_store_i64_relaxed(&self.n, ap_load_i64_relaxed(&self.n) + 1)

    def total(self, /):
        return ap_load_i64(&self.n)


@cython.final
cdef class Atomic:
    """Atomic(n=0)
--

    One fetch-and-add on the word of an AtomicInt.
    """

    cdef AtomicInt count

    def __cinit__(self, int64_t n=0):
        self.count = AtomicInt(n)

    def increment(self, int64_t times, /):
        cdef int64_t _
        cdef AtomicInt count = self.count
        with nogil:
            for _ in range(times):
                ap_fetch_add_i64(&count.value, 1)

    def total(self, /):
        return self.count.load()


@cython.final
cdef class Sharded:
    """Sharded(n=0)
--

    A load, an add and a store in the cell of the thread.
    """

    cdef ShardedCounter count

    def __cinit__(self, int64_t n=0):
        self.count = ShardedCounter(n)

    def increment(self, int64_t times, /):
        cdef int64_t _
        cdef bint counted = True
        cdef ShardedCounter count = self.count
        with nogil:
            for _ in range(times):
                counted &= sharded_counter_add(count, 1)
        if not counted:
            raise MemoryError("no memory for the cell of a thread")

    def total(self, /):
        return self.count.load()


@cython.final
cdef class Locked:
    """Locked(n=0)
--

    A plain `n += 1` between mutex_lock and mutex_unlock.
    """

    cdef Mutex mutex
    cdef int64_t n               # touched with the mutex held

    def __cinit__(self, int64_t n=0):
        self.mutex = Mutex()
        self.n = n

    def increment(self, int64_t times, /):
        cdef int64_t _
        cdef Mutex mutex = self.mutex
        with nogil:
            for _ in range(times):
                mutex_lock(mutex)
                self.n += 1
                mutex_unlock(mutex)

    def total(self, /):
        with self.mutex:
            return self.n
