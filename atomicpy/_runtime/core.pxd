# The core's table of functions: see core.pyx.

cdef extern from "ap_core.h" nogil:
    ctypedef struct ap_core:
        pass

cdef ap_core core_table
