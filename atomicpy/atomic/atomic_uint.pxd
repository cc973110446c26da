# AtomicUInt for Cython: the operations of ap_atomic.pxd on `&a.value`, without the GIL.

from libc.stdint cimport uint64_t

from atomicpy.atomic.ap_atomic cimport ap_u64


cdef class AtomicUInt:
    cdef ap_u64 value              # the shared word
    cdef object __weakref__

# For nogil code, which can sleep and wake with these alone: the threads that sleep are known to this module only. They
# block without Python, so no signal and no timeout is heard. Change the value with a function that has no suffix before
# notify: after a relaxed or release store, notify may look for sleepers before the store is seen, and miss one that has
# not seen it either (src/park/ap_park.h).
cdef void atomic_uint_wait(AtomicUInt a, uint64_t expected) noexcept nogil
cdef size_t atomic_uint_notify(AtomicUInt a, size_t n) noexcept nogil
cdef size_t atomic_uint_notify_all(AtomicUInt a) noexcept nogil
