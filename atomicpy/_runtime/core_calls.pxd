# How a module of the package calls the core: see src/ap_core.h.

from atomicpy._runtime.core cimport ap_core, core_table

cdef extern from "_runtime/core_calls.h" nogil:
    bint ap_core_bind(const ap_core *table) noexcept


cdef inline int bind_core() except -1:
    """Connect this module with the core. A module that calls the core does this first."""
    if not ap_core_bind(&core_table):
        raise ImportError("atomicpy._runtime.core is of another build than this module: install atomicpy again")
    return 0
