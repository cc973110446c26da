# The blocking primitives for Cython: `from atomicpy.sync cimport Mutex`.

from libc.stdint cimport int64_t, uint64_t

cdef extern from "ap_mutex.h" nogil:
    ctypedef struct ap_mutex:
        pass

    void ap_mutex_init(ap_mutex *m) noexcept
    bint ap_mutex_is_locked(ap_mutex *m) noexcept
    bint ap_mutex_try_lock(ap_mutex *m) noexcept

cdef extern from "ap_waitgroup.h" nogil:
    ctypedef struct ap_waitgroup:
        pass


cdef class Mutex:
    cdef ap_mutex mutex          # the state word
    cdef object __weakref__

cdef class WaitGroup:
    cdef ap_waitgroup group      # count and round
    cdef object errors           # deque: what the functions of go() raised, in the order in which they ended
    cdef object __weakref__

# For nogil code: they block without Python, so no signal and no timeout is heard. mutex_unlock of what nobody holds and
# wait_group_add to below zero or above 2**31 - 1 return False, and nothing has changed.
cdef void mutex_lock(Mutex m) noexcept nogil
cdef bint mutex_unlock(Mutex m) noexcept nogil
cdef bint wait_group_add(WaitGroup wg, int64_t n) noexcept nogil
cdef void wait_group_wait(WaitGroup wg) noexcept nogil
