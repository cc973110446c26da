# AtomicRef for Cython. It holds a Python object: its operations need the GIL, or an attached thread.

cdef class AtomicRef:
    cdef object value            # the shared reference: the collector sees it; otherwise for the ap_ref_* macros
    cdef object __weakref__
