# Once for Cython: `from atomicpy cimport Once`.

cdef extern from "sync/ap_once.h" nogil:
    ctypedef struct ap_once:
        pass


cdef class Once:
    cdef ap_once state           # whether it is done, or who is at it
    cdef object result           # what the function returned; written before it is done, and never again
    cdef object error            # or what it raised
    cdef object traceback        # as it was when it was raised first
    cdef object __weakref__
