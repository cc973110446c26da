# WaitGroup for Cython: `from atomicpy cimport WaitGroup, wait_group_add`.

from libc.stdint cimport int64_t, uint64_t

cdef extern from "sync/ap_waitgroup.h" nogil:
    ctypedef struct ap_waitgroup:
        pass


cdef class WaitGroup:
    cdef ap_waitgroup group      # count and waiters
    cdef object errors           # deque: what the functions of go() raised, in the order in which they ended
    cdef object members          # set: the threads of go() that have not ended
    cdef uint64_t forks          # ap_thread_forks() when the members were looked through
    cdef object __weakref__

# For nogil code: they block without Python, so no signal and no timeout is heard. wait_group_add returns False, and
# nothing has changed, where the count would fall below zero or exceed 2**31 - 1, and where it would rise from zero
# before all that waited for that have returned.
cdef bint wait_group_add(WaitGroup wg, int64_t n) noexcept nogil
cdef void wait_group_wait(WaitGroup wg) noexcept nogil
