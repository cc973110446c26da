# Relief from the fight over the reference count of a shared object: see deferred_refcount.h.

from cpython.object cimport PyTypeObject

cdef extern from "_runtime/deferred_refcount.h":
    void defer_when_shared "ap_defer_when_shared"(PyTypeObject *type) noexcept
    void used "ap_used"(object self) noexcept
