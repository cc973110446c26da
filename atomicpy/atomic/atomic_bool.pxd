# AtomicBool for Cython: the operations of ap_atomic.pxd on `&a.value`, without the GIL.

from atomicpy.atomic.ap_atomic cimport ap_bool


cdef class AtomicBool:
    cdef ap_bool value             # the shared word
    cdef object __weakref__

# Nogil code waits and notifies with these. They block without Python: no signal and no timeout ends the wait. Change
# the value with a function that has no suffix before notify: after a relaxed or release store, notify may look for
# waiters before the store is visible, and miss a waiter that has not seen the store either (src/park/ap_park.h).
cdef void atomic_bool_wait(AtomicBool a, bint expected) noexcept nogil
cdef size_t atomic_bool_notify(AtomicBool a, size_t n) noexcept nogil
cdef size_t atomic_bool_notify_all(AtomicBool a) noexcept nogil
