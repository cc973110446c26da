# Mutex for Cython: `from atomicpy cimport Mutex, mutex_lock`.

cdef extern from "sync/ap_mutex.h" nogil:
    ctypedef struct ap_mutex:
        pass

    void ap_mutex_init(ap_mutex *m) noexcept
    bint ap_mutex_is_locked(ap_mutex *m) noexcept
    bint ap_mutex_try_lock(ap_mutex *m) noexcept


cdef class Mutex:
    cdef ap_mutex mutex          # the state word, with the owner id
    cdef object __weakref__

# For nogil code. They block without Python, so they check no signals and take no timeout. mutex_unlock of an unlocked
# mutex returns False and changes nothing.
cdef void mutex_lock(Mutex m) noexcept nogil
cdef bint mutex_unlock(Mutex m) noexcept nogil
