# AtomicInt for Cython: the operations of ap_atomic.pxd on `&a.value`, without the GIL.

from atomicpy.ap_atomic cimport ap_i64


cdef class AtomicInt:
    cdef ap_i64 value              # the shared word
    cdef object __weakref__
