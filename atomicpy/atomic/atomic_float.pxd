# AtomicFloat for Cython: the operations of ap_atomic.pxd on `&a.value`, without the GIL.

from atomicpy.atomic.ap_atomic cimport ap_f64


cdef class AtomicFloat:
    cdef ap_f64 value              # the shared word
    cdef object __weakref__
