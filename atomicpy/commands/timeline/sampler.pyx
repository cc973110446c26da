# SPDX-License-Identifier: MIT
"""When a thread ran and on which core, in a buffer of its own.

A thread at work calls `sample()` again and again. Samples at short intervals on one core form one span. A gap, in which
the thread had no core or waited for the GIL, begins another span, and so does another core. The buffer therefore grows
with the number of changes and not with the time. Each thread writes to its own buffer only.
"""

cimport cython
from libc.stdint cimport int64_t
from libc.stdlib cimport free, realloc

__all__ = ["Sampler", "core_number", "now"]

cdef extern from "commands/timeline/core_number.h" nogil:
    int ap_core_number() noexcept

cdef extern from "platform/ap_clock.h" nogil:
    int64_t ap_now() noexcept

cdef struct Span:
    int64_t start            # ns on the monotonic clock: the first sample
    int64_t end              # the last sample
    int64_t core


def core_number():
    """The core that the calling thread runs on, from 0; -1 where the system does not report it.

    >>> core_number() >= -1
    True
    """
    return ap_core_number()


def now():
    """The monotonic clock of the samples, in ns.

    >>> now() <= now()
    True
    """
    return ap_now()


@cython.final
cdef class Sampler:
    """Sampler(gap)
--

    The spans of one thread. Only that thread may call `sample()`. Two samples more than `gap` ns apart are two spans.

    >>> sampler = Sampler(10**9)
    >>> sampler.begin(now() + 10**12)
    >>> sampler.sample(), sampler.sample()
    (True, True)
    >>> all(start <= end for start, end, core in sampler.spans())
    True
    """

    cdef Span *memory
    cdef Py_ssize_t size
    cdef Py_ssize_t room
    cdef int64_t gap
    cdef int64_t deadline

    def __cinit__(self, int64_t gap):
        self.gap = gap

    def __dealloc__(self):
        free(self.memory)

    def begin(self, int64_t deadline, /):
        """Let `sample()` return True until `deadline`."""
        self.deadline = deadline

    def sample(self, /):
        """Record the time and the core. After the deadline it records nothing and returns False."""
        cdef int64_t time = ap_now()
        cdef int core = ap_core_number()
        cdef Span *last = self.memory + self.size - 1
        if time >= self.deadline:
            return False
        if self.size and last.core == core and time - last.end <= self.gap:
            last.end = time
            return True
        if self.size == self.room:
            self.grow()
        self.memory[self.size] = Span(time, time, core)
        self.size += 1
        return True

    cdef int grow(self) except -1:
        cdef Py_ssize_t room = 2 * self.room + 64
        cdef void *memory = realloc(self.memory, room * sizeof(Span))
        if memory == NULL:
            raise MemoryError("no memory for the samples")
        self.memory, self.room = <Span *>memory, room
        return 0

    def spans(self, /):
        """(start, end, core) of each span, in order of time, in ns."""
        cdef Py_ssize_t i
        return [(self.memory[i].start, self.memory[i].end, self.memory[i].core) for i in range(self.size)]
