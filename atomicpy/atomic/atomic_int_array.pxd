# AtomicIntArray for Cython: the operations of ap_atomic.pxd on `&a.words[i]`, without the GIL; i is not checked there.

from cpython.buffer cimport Py_buffer
from atomicpy.atomic.ap_atomic cimport ap_i64


cdef class AtomicIntArray:
    cdef ap_i64 *words           # its own, or those of the buffer in `view`
    cdef Py_ssize_t length
    cdef Py_ssize_t stride       # 8, for a reader of the array as a buffer
    cdef Py_buffer *view         # of from_buffer(): held while the array lives; NULL where the words are its own
    cdef object __weakref__
