# AtomicInt for Cython: the operations of ap_atomic.pxd on `&a.value`, without the GIL.

from libc.stdint cimport int64_t

from atomicpy.atomic.ap_atomic cimport ap_i64


cdef class AtomicInt:
    cdef ap_i64 value              # the shared word
    cdef object __weakref__

# For nogil code, which can sleep and wake with these alone: the threads that sleep are known to this module only. They
# block without Python, so no signal and no timeout is heard. Change the value with a function that has no suffix before
# notify: after a relaxed or release store, notify may look for sleepers before the store is seen, and miss one that has
# not seen it either (src/park/ap_park.h).
cdef void atomic_int_wait(AtomicInt a, int64_t expected) noexcept nogil
cdef size_t atomic_int_notify(AtomicInt a, size_t n) noexcept nogil
cdef size_t atomic_int_notify_all(AtomicInt a) noexcept nogil
