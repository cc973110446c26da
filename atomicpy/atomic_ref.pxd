# AtomicRef for Cython. It holds a Python object: its operations need the GIL, or an attached thread.

cdef extern from "ap_guard.h" nogil:
    ctypedef struct ap_guard:
        pass


cdef class AtomicRef:
    cdef object value            # the shared reference: the collector sees it; otherwise for the ap_ref_* macros
    cdef ap_guard guard          # readers between the load of the pointer and the count of their reference
    cdef object __weakref__
