# The name under which a user finds a type.

from cpython.object cimport PyTypeObject

cdef extern from *:
    """
    /* Names a type "atomicpy.Mutex", whichever module defines it: its __module__ is the part before the last dot. For a
     * static type, before it is used. `name` is a string literal: the type keeps the pointer. */
    static inline void ap_name_public(PyTypeObject *type, const char *name) { type->tp_name = name; }
    """
    void name_public "ap_name_public"(PyTypeObject *type, const char *name) noexcept
