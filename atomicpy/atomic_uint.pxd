# AtomicUInt for Cython: the operations of ap_atomic.pxd on `&a.value`, without the GIL.

from atomicpy.ap_atomic cimport ap_u64


cdef class AtomicUInt:
    cdef ap_u64 value              # the shared word
    cdef object __weakref__
