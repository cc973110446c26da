# SPDX-License-Identifier: MIT
"""What each thread read and wrote, with the time, in a buffer of its own; and the loops in C that are recorded.

Recording a step is a C call that writes two words to memory which no other thread uses. So the recording adds no
contention between the threads.
"""

cimport cython
from cpython.bytearray cimport PyByteArray_AS_STRING
from libc.stdint cimport int64_t

from atomicpy cimport ap_fetch_add_i64, ap_i64, ap_init_i64, ap_load_i64, ap_load_i64_relaxed, ap_store_i64_relaxed

__all__ = ["Log", "Word"]

cdef extern from "platform/ap_clock.h" nogil:
    int64_t ap_now() noexcept

cdef struct Step:
    int64_t read             # the value read
    int64_t wrote            # the value written
    int64_t read_at          # ns on the monotonic clock: after the read, and before the write
    int64_t wrote_at         # after the write


@cython.final
cdef class Log:
    """Log()
--

    The steps of one thread. Until the thread has finished, only that thread may call the methods.

    >>> log = Log()
    >>> log.reserve(1)
    >>> log.read(42)
    >>> log.wrote(43)
    >>> len(log), list(log.column(0)), list(log.column(1))
    (1, [42], [43])
    """

    cdef bytearray memory        # room for the steps, zeroed, so that its pages are mapped before the round starts
    cdef Step *at                # into `memory`: the next step
    cdef Py_ssize_t size

    def __cinit__(self):
        self.memory = bytearray()

    def reserve(self, Py_ssize_t steps, /):
        """Make room for that many more steps. `read` and `wrote` need room for the step."""
        cdef Py_ssize_t needed = (self.size + steps) * <Py_ssize_t>sizeof(Step)
        if needed > len(self.memory):
            self.memory.extend(bytes(max(needed, 2 * len(self.memory)) - len(self.memory)))
        self.at = <Step *>PyByteArray_AS_STRING(self.memory) + self.size

    def read(self, int64_t value, /):
        """Record that the thread has just read this value."""
        self.at.read = value
        self.at.read_at = ap_now()

    def wrote(self, int64_t value, /):
        """Record that the thread has just written this value: the step is complete."""
        self.at.wrote_at = ap_now()
        self.at.wrote = value
        self.at += 1
        self.size += 1

    def __len__(self):
        return self.size

    def column(self, int which, /):
        """One column of all steps, as a memoryview: 0 values read, 1 values written, 2 and 3 the times of both (ns)."""
        words = memoryview(self.memory).cast("q")
        return words[which:4 * self.size:4]


@cython.final
cdef class Word:
    """Word(n=0)
--

    A counter in C, and its loops with the GIL released: those of `atomicpy.commands.demo.native`, recorded.

    >>> log, word = Log(), Word()
    >>> log.reserve(2)
    >>> word.take(log, 2)
    >>> list(log.column(0)), word.load()
    ([0, 1], 2)
    """

    cdef ap_i64 n

    def __cinit__(self, int64_t n=0):
        ap_init_i64(&self.n, n)

    def load(self, /):
        """The value."""
        return ap_load_i64(&self.n)

    def race(self, Log log not None, int64_t times, /):
        """`n += 1`: a load, an add and a store."""
        cdef int64_t _
        cdef Step *at = log.at
        with nogil:
            for _ in range(times):
                at.read = ap_load_i64_relaxed(&self.n)
                at.read_at = ap_now()
                at.wrote = at.read + 1
                ap_store_i64_relaxed(&self.n, at.wrote)
                at.wrote_at = ap_now()
                at += 1
        log.at = at
        log.size += times

    def take(self, Log log not None, int64_t times, /):
        """One fetch-and-add."""
        cdef int64_t _
        cdef Step *at = log.at
        with nogil:
            for _ in range(times):
                at.read = ap_fetch_add_i64(&self.n, 1)
                at.wrote = at.read + 1
                at.read_at = at.wrote_at = ap_now()
                at += 1
        log.at = at
        log.size += times
