# Relief from the fight over the reference count of a shared object: see _sharing.h.

from cpython.object cimport PyTypeObject

cdef extern from "_sharing.h":
    void defer_when_shared "ap_defer_when_shared"(PyTypeObject *type) noexcept
    void used "ap_used"(object self) noexcept
