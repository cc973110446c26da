# Once for Cython: `from atomicpy cimport Once`.

cdef extern from "sync/ap_once.h" nogil:
    ctypedef struct ap_once:
        pass


cdef class Once:
    cdef ap_once state           # whether the function has finished, or the owner id of the running thread
    cdef object result           # what the function returned; written once, before FINISHED
    cdef object error            # or what it raised
    cdef object traceback        # of the first raise
    cdef object __weakref__
