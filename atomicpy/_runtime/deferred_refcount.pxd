# Deferred reference counts for objects that several threads use: see deferred_refcount.h.

from cpython.object cimport PyTypeObject

cdef extern from "_runtime/deferred_refcount.h":
    void defer_when_shared "ap_defer_when_shared"(PyTypeObject *type) noexcept
    void note_use "ap_note_use"(object self) noexcept
