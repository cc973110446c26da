# RWMutex for Cython: `from atomicpy cimport RWMutex, rwmutex_read_lock`.

cdef extern from "sync/ap_rwmutex.h" nogil:
    ctypedef struct ap_rwmutex:
        pass


cdef class RWMutex:
    cdef ap_rwmutex rw           # the writers' mutex, and the number of readers
    cdef void *spare             # memory for the next object of read() or write(): see fast_calls_rwmutex.h
    cdef object __weakref__

# For nogil code. They block without Python, so they check no signals and take no timeout. An unlock without the lock
# returns False and changes nothing.
cdef void rwmutex_read_lock(RWMutex rw) noexcept nogil
cdef bint rwmutex_read_unlock(RWMutex rw) noexcept nogil
cdef void rwmutex_write_lock(RWMutex rw) noexcept nogil
cdef bint rwmutex_write_unlock(RWMutex rw) noexcept nogil
