# RWMutex for Cython: `from atomicpy cimport RWMutex, rwmutex_read_lock`.

cdef extern from "sync/ap_rwmutex.h" nogil:
    ctypedef struct ap_rwmutex:
        pass


cdef class RWMutex:
    cdef ap_rwmutex rw           # the writers' mutex, and the count of readers
    cdef void *spare             # memory for what read() or write() makes next, see fast_calls_rwmutex.h
    cdef object __weakref__

# For nogil code: they block without Python, so no signal and no timeout is heard. The unlocks of what is not held that
# way return False, and nothing has changed.
cdef void rwmutex_read_lock(RWMutex rw) noexcept nogil
cdef bint rwmutex_read_unlock(RWMutex rw) noexcept nogil
cdef void rwmutex_write_lock(RWMutex rw) noexcept nogil
cdef bint rwmutex_write_unlock(RWMutex rw) noexcept nogil
