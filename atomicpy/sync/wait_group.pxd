# WaitGroup for Cython: `from atomicpy cimport WaitGroup, wait_group_add`.

from libc.stdint cimport int64_t, uint64_t

cdef extern from "sync/ap_waitgroup.h" nogil:
    ctypedef struct ap_waitgroup:
        pass


cdef class WaitGroup:
    cdef ap_waitgroup group      # the count and the waiters
    cdef object errors           # deque: what the functions of go() raised, in the order of their ends
    cdef object members          # set: the running threads of go()
    cdef uint64_t forks          # ap_fork_count() when the members were last checked
    cdef object __weakref__

# For nogil code. They block without Python, so they check no signals and take no timeout. wait_group_add returns
# False and changes nothing if the count would fall below zero or exceed 2**31 - 1, or would rise from zero before all
# waiters have returned.
cdef bint wait_group_add(WaitGroup wg, int64_t n) noexcept nogil
cdef void wait_group_wait(WaitGroup wg) noexcept nogil
