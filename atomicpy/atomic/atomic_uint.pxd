# Generated from atomicpy/atomic/atomic_integer.pxd.in by .ci/templates.py; edit that file.
#
# AtomicUInt for Cython: the operations of ap_atomic.pxd on `&a.value`, without the GIL.

from libc.stdint cimport uint64_t

from atomicpy.atomic.ap_atomic cimport ap_u64


cdef class AtomicUInt:
    cdef ap_u64 value              # the shared word
    cdef object __weakref__

# Nogil code waits and notifies with these. They block without Python: no signal and no timeout ends the wait. Change
# the value with a function that has no suffix before notify: after a relaxed or release store, notify may look for
# waiters before the store is visible, and miss a waiter that has not seen the store either (src/park/ap_park.h).
cdef void atomic_uint_wait(AtomicUInt a, uint64_t expected) noexcept nogil
cdef size_t atomic_uint_notify(AtomicUInt a, size_t n) noexcept nogil
cdef size_t atomic_uint_notify_all(AtomicUInt a) noexcept nogil
