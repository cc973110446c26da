# SPDX-License-Identifier: MIT
# cython: preliminary_late_includes_cy28=True
# In the documentation: docs/design/atomic-ref.md
"""AtomicRef: a reference to an object, shared by threads.

A load is two steps: read the pointer, then count a reference to the object. Between the two, another thread may
replace the reference and drop the last count; then the object is freed under the reader. What keeps the two together:

- With the GIL, the GIL: no other thread runs between two lines of C that do not call Python.
- Without it, the interpreter's own way to read a slot, an attribute or a list element without a lock (PEP 703,
  "Optimistically Avoiding Locking"). The reader counts a reference only if the object still has one, then compares
  the pointer with the field again, and starts again if they differ. From 3.14 on PyUnstable_TryIncRef counts. 3.13 has
  it in its internal headers only, so this file has a copy.

Why this is safe:

1. The memory is still there. In a free-threaded build all objects, and nothing else, live in the "object" domain of
   the allocator (required of every extension, "Memory Management" in the C API's documentation). Its pages are reused
   for nothing else, and not returned, before every running thread has passed a point between two bytecodes. There is no
   such point between the two lines here. So the address still holds an object: the same, a dead one or another one.
2. A dead object stays dead: its counts show it, and TryIncRef does not count.
3. Another object at the same address is not mistaken for the stored one. A counted object is not freed, so if the field
   holds this address after the counting, it refers to this object at that moment. That moment is the load. If the field
   holds another address, the reader drops its count.
4. No object in the field is refused for ever. TryIncRef may refuse a live object on which PyUnstable_EnableTryIncRef
   was never called; here every object passes through that call before it is stored. So a reader starts again only after
   a writer has completed: the loop is lock-free, and no reader waits for another reader.
"""

cimport cython
from cpython.object cimport PyTypeObject

from atomicpy._runtime.arguments cimport refuse_copy
from atomicpy._runtime.deferred_refcount cimport note_use
from atomicpy._runtime.public_name cimport name_public

__all__ = ["AtomicRef"]

cdef extern from *:
    """
    #ifdef Py_GIL_DISABLED

    #include "platform/ap_base.h"

    #if PY_VERSION_HEX >= 0x030E0000
    /* An object that was stored before, or is immortal, needs no call. */
    static inline void ap_enable_try_incref(PyObject *object)
    {
        if (!_Py_IsImmortal(object)
            && !(_Py_atomic_load_ssize_relaxed(&object->ob_ref_shared) & _Py_REF_SHARED_FLAG_MASK)) {
            PyUnstable_EnableTryIncRef(object);
        }
    }

    #define ap_try_incref_shared PyUnstable_TryIncRef
    #else /* 3.13: the same on the fields of PyObject, which Py_INCREF of that version compiles into every extension */

    /* From here on the shared count alone shows whether the object lives, also to a thread that does not own it. */
    static inline void ap_enable_try_incref(PyObject *object)
    {
        Py_ssize_t shared = _Py_atomic_load_ssize_relaxed(&object->ob_ref_shared);
        while (!_Py_IsImmortal(object) && !(shared & _Py_REF_SHARED_FLAG_MASK)
               && !_Py_atomic_compare_exchange_ssize(
                   &object->ob_ref_shared, &shared, shared | _Py_REF_MAYBE_WEAKREF)) { }
    }

    /* A count of zero: the object is dead, or was not enabled. */
    static inline int ap_try_incref_shared(PyObject *object)
    {
        Py_ssize_t shared = _Py_atomic_load_ssize_relaxed(&object->ob_ref_shared);
        do {
            if (shared == 0 || shared == _Py_REF_MERGED) {
                return 0;
            }
        } while (!_Py_atomic_compare_exchange_ssize(
            &object->ob_ref_shared, &shared, shared + (1 << _Py_REF_SHARED_SHIFT)));
        return 1;
    }
    #endif

    /* The owner of the object counts in ob_ref_local without an atomic step, as Py_INCREF does. */
    static inline bool ap_try_incref_own(PyObject *object)
    {
        uint32_t local = _Py_atomic_load_uint32_relaxed(&object->ob_ref_local);
        if (local == _Py_IMMORTAL_REFCNT_LOCAL) {
            return true;
        }
        if (!_Py_IsOwnedByCurrentThread(object)) {
            return false;
        }
        _Py_atomic_store_uint32_relaxed(&object->ob_ref_local, local + 1);
        return true;
    }

    /* Continues with a value that was read, and already counted or not. */
    static AP_COLD PyObject *ap_ref_load_from(_Atomic(PyObject *) *field, PyObject *value, bool counted)
    {
        for (;;) {
            if (counted || ap_try_incref_own(value) || ap_try_incref_shared(value)) {
                if (atomic_load(field) == value) {
                    return value;
                }
                Py_DECREF(value);
            }
            value = atomic_load(field);
            counted = false;
        }
    }

    /* An object of this thread that is still in the field costs no call, and so no frame. */
    static inline PyObject *ap_ref_load_at(_Atomic(PyObject *) *field)
    {
        PyObject *value = atomic_load(field);
        if (!ap_try_incref_own(value)) {
            return ap_ref_load_from(field, value, false);
        }
        return AP_UNLIKELY(atomic_load(field) != value) ? ap_ref_load_from(field, value, true) : value;
    }

    /* A new reference to desired, for a field that other threads load. */
    static inline PyObject *ap_ref_new(PyObject *desired)
    {
        ap_enable_try_incref(desired);
        return Py_NewRef(desired);
    }

    /* Returns the old object, with the reference that the field had. */
    static inline PyObject *ap_ref_exchange_at(_Atomic(PyObject *) *field, PyObject *desired)
    {
        return atomic_exchange(field, ap_ref_new(desired));
    }

    /* The caller holds a reference to expected: it is not freed here, and no other object has its address. */
    static inline int ap_ref_compare_exchange_at(_Atomic(PyObject *) *field, PyObject *expected, PyObject *desired)
    {
        PyObject *seen = expected;
        if (atomic_load(field) != expected) {
            return 0; /* the load alone is the operation */
        }
        if (!atomic_compare_exchange_strong(field, &seen, ap_ref_new(desired))) {
            Py_DECREF(desired); /* the caller holds one of it too */
            return 0;
        }
        Py_DECREF(expected); /* the reference that the field had */
        return 1;
    }

    /* `self->value` is a plain `PyObject *`, because Cython's traverse and clear know no other; every access but
     * theirs, which run when no other thread can, is by this. A macro: only here the struct of the class has a name. */
    #define ap_ref_field(self) ((_Atomic(PyObject *) *)&(self)->value)

    #else /* the GIL: nothing of Python is called between a read and what follows from it */

    #define ap_ref_field(self) (&(self)->value)

    static inline PyObject *ap_ref_new(PyObject *desired) { return Py_NewRef(desired); }

    static inline PyObject *ap_ref_load_at(PyObject **field) { return Py_NewRef(*field); }

    static inline PyObject *ap_ref_exchange_at(PyObject **field, PyObject *desired)
    {
        PyObject *old = *field;
        *field = Py_NewRef(desired);
        return old;
    }

    static inline int ap_ref_compare_exchange_at(PyObject **field, PyObject *expected, PyObject *desired)
    {
        if (*field != expected) {
            return 0;
        }
        *field = Py_NewRef(desired);
        Py_DECREF(expected); /* not the last: the caller holds one too */
        return 1;
    }

    #endif

    #define ap_ref_load(self) ap_ref_load_at(ap_ref_field(self))
    #define ap_ref_exchange(self, desired) ap_ref_exchange_at(ap_ref_field(self), desired)
    #define ap_ref_compare_exchange(self, expected, desired) \
        ap_ref_compare_exchange_at(ap_ref_field(self), expected, desired)
    """
    object ap_ref_load(AtomicRef self)
    object ap_ref_exchange(AtomicRef self, object desired)
    bint ap_ref_compare_exchange(AtomicRef self, object expected, object desired) noexcept


# ---- the operations that have a fast call: for the method and for the fast call ----


cdef inline bint compare_exchange "ap_do_compare_exchange"(AtomicRef a, object expected, object desired) noexcept:
    return ap_ref_compare_exchange(a, expected, desired)


@cython.final
cdef class AtomicRef:
    """AtomicRef(value=None)
--

    A reference to an object that threads share: a configuration that is replaced as a whole, the head of a list.

    Every method is one atomic step, sequentially consistent, and none waits for another thread. What `load()` returns
    is never a freed object, however hard the threads race. `compare_exchange` compares by identity (`is`). Only the
    reference is shared safely: what two threads do to the object itself is up to that object.

    >>> config = AtomicRef({"retries": 3})
    >>> config.update(lambda old: old | {"timeout": 10})
    {'retries': 3, 'timeout': 10}
    """

    def __cinit__(self, value=None):
        ap_ref_exchange(self, value)  # for the None that Cython has put there

    @classmethod
    def __class_getitem__(cls, item, /):
        """AtomicRef[T], for annotations.

        >>> AtomicRef[int]
        atomicpy.AtomicRef[int]
        """
        import types

        return types.GenericAlias(cls, item)

    def load(self, /):
        """Atomically read the reference and return the object.

        >>> AtomicRef("a").load()
        'a'
        """
        note_use(self)
        return ap_ref_load(self)

    def store(self, value, /):
        """Atomically replace the reference.

        >>> a = AtomicRef("a")
        >>> a.store("b")
        >>> a.load()
        'b'
        """
        note_use(self)
        ap_ref_exchange(self, value)

    def exchange(self, value, /):
        """Atomically replace the reference and return the old object.

        Equivalent to, in one step: `old = a; a = value; return old`.

        >>> a = AtomicRef("a")
        >>> a.exchange("b"), a.load()
        ('a', 'b')
        """
        note_use(self)
        return ap_ref_exchange(self, value)

    def compare_exchange(self, expected, desired, /):
        """Atomically replace the reference by `desired` if it is to `expected`; return whether it was replaced.

        Equivalent to, in one step: `if a is expected: a = desired; return True`, else `return False`.

        >>> first = ["a"]
        >>> a = AtomicRef(first)
        >>> a.compare_exchange(["a"], None), a.compare_exchange(first, None), a.load()
        (False, True, None)
        """
        note_use(self)
        return compare_exchange(self, expected, desired)

    def update(self, fn, /):
        """Atomically replace the object by `fn(object)` and return the new one.

        Equivalent to: `old = a.load(); new = fn(old)`, then `compare_exchange(old, new)`, again from the start until
        that succeeds. So `fn` may run more than once, with a fresh object each time, and must have no side effect; in
        particular it must not change the old object but return another one. What `fn` raises is raised here, and the
        reference is as it was.

        >>> a = AtomicRef((1, 2))
        >>> a.update(lambda old: (*old, 3))
        (1, 2, 3)
        """
        while True:
            old = ap_ref_load(self)
            new = fn(old)
            if ap_ref_compare_exchange(self, old, new):
                return new

    def __repr__(self):
        return f"AtomicRef({ap_ref_load(self)!r})"

    def __reduce_ex__(self, protocol, /):
        refuse_copy(self)


cdef extern from *:
    """
    #include "_runtime/fast_calls.h"

    typedef struct __pyx_obj_8atomicpy_6atomic_10atomic_ref_AtomicRef ap_ref_object;
    #define ap_ref_init(self, initial) (((ap_ref_object *)(self))->value = ap_ref_new(initial), 0)

    AP_FAST_NEW(true, true, ap_ref_init(self, nargs == 0 ? Py_None : args[0]))
    AP_FAST_CALL(compare_exchange, 2, 2, true, ap_truth(ap_do_compare_exchange(self, args[0], args[1])))

    static const ap_fast_call ap_fast_calls[] = {AP_OVERRIDE(compare_exchange), AP_OVERRIDE_END};
    """
    int ap_override_new(PyTypeObject *type) except -1
    int ap_override_methods(PyTypeObject *type, const void *calls) except -1
    const void *ap_fast_calls

name_public(<PyTypeObject *>AtomicRef, "atomicpy.AtomicRef")
ap_override_new(<PyTypeObject *>AtomicRef)
ap_override_methods(<PyTypeObject *>AtomicRef, ap_fast_calls)
