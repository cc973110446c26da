# AtomicBool for Cython: the operations of ap_atomic.pxd on `&a.value`, without the GIL.

from atomicpy.ap_atomic cimport ap_bool


cdef class AtomicBool:
    cdef ap_bool value             # the shared word
    cdef object __weakref__
