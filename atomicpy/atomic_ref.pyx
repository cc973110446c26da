# SPDX-License-Identifier: MIT
"""AtomicRef: a reference to an object, shared by threads.

To load it is two steps: read the pointer, count a reference to what it points to. In between, another thread may
replace the reference and drop the last count, and the object is freed under the reader. What keeps the two together:

- With the GIL, the GIL: no other thread runs between two lines of C that call nothing of Python.
- Without it, on 3.13 and later, `ap_guard` (src/ap_guard.h): readers announce themselves and never wait; who replaces
  the reference drops the old one only after the readers that may have seen it have counted theirs. 3.14's
  PyUnstable_TryIncRef is no alternative: it may only be called on an object whose memory is still there.
"""

cimport cython

from atomicpy._arguments cimport refuse_copy
from atomicpy._sharing cimport used

__all__ = ["AtomicRef"]

cdef extern from *:
    """
    #include "ap_guard.h"

    /* `self->value` is a plain `PyObject *`, because Cython's traverse and clear know no other; every access but
     * theirs, which run when no other thread can, goes through these macros. They are macros because only here the
     * struct of the class has a name: that of the argument. */
    #define ap_ref_field(self) (&(self)->value)

    #ifdef Py_GIL_DISABLED

    #if defined(_WIN32)
    static void ap_ref_relax(void) { SwitchToThread(); }
    #else
    #include <sched.h>
    static void ap_ref_relax(void) { sched_yield(); }
    #endif

    static PyMutex ap_ref_writers; /* ap_guard_synchronize is for one at a time */

    static inline void ap_ref_synchronize(ap_guard *guard)
    {
        if (ap_guard_quiet(guard)) {
            return;
        }
        PyMutex_Lock(&ap_ref_writers);
        ap_guard_synchronize(guard, ap_ref_relax);
        PyMutex_Unlock(&ap_ref_writers);
    }

    static inline PyObject *ap_ref_load_at(PyObject **field, ap_guard *guard)
    {
        uint32_t side = ap_guard_enter(guard);
        PyObject *value = atomic_load((_Atomic(PyObject *) *)field);
        Py_INCREF(value);
        ap_guard_leave(guard, side);
        return value;
    }

    static inline PyObject *ap_ref_exchange_at(PyObject **field, ap_guard *guard, PyObject *desired)
    {
        PyObject *old = atomic_exchange((_Atomic(PyObject *) *)field, Py_NewRef(desired));
        ap_ref_synchronize(guard);
        return old; /* with the reference that the field had */
    }

    /* The caller holds a reference to expected: it is not freed here, and no other object has its address. */
    static inline int ap_ref_compare_exchange_at(
        PyObject **field, ap_guard *guard, PyObject *expected, PyObject *desired)
    {
        PyObject *seen = expected;
        Py_INCREF(desired);
        if (!atomic_compare_exchange_strong((_Atomic(PyObject *) *)field, &seen, desired)) {
            Py_DECREF(desired); /* the caller holds one of it too */
            return 0;
        }
        ap_ref_synchronize(guard);
        Py_DECREF(expected); /* the reference that the field had */
        return 1;
    }

    #else /* the GIL: nothing of Python is called between a read and what follows from it */

    static inline PyObject *ap_ref_load_at(PyObject **field, ap_guard *guard)
    {
        (void)guard;
        return Py_NewRef(*field);
    }

    static inline PyObject *ap_ref_exchange_at(PyObject **field, ap_guard *guard, PyObject *desired)
    {
        PyObject *old = *field;
        (void)guard;
        *field = Py_NewRef(desired);
        return old;
    }

    static inline int ap_ref_compare_exchange_at(
        PyObject **field, ap_guard *guard, PyObject *expected, PyObject *desired)
    {
        (void)guard;
        if (*field != expected) {
            return 0;
        }
        *field = Py_NewRef(desired);
        Py_DECREF(expected); /* not the last: the caller holds one too */
        return 1;
    }

    #endif

    #define ap_ref_load(self) ap_ref_load_at(ap_ref_field(self), &(self)->guard)
    #define ap_ref_exchange(self, desired) ap_ref_exchange_at(ap_ref_field(self), &(self)->guard, desired)
    #define ap_ref_compare_exchange(self, expected, desired) \
        ap_ref_compare_exchange_at(ap_ref_field(self), &(self)->guard, expected, desired)
    """
    void ap_guard_init(ap_guard *g) noexcept
    object ap_ref_load(AtomicRef self)
    object ap_ref_exchange(AtomicRef self, object desired)
    bint ap_ref_compare_exchange(AtomicRef self, object expected, object desired) noexcept


@cython.final
cdef class AtomicRef:
    """AtomicRef(value=None)
--

    A reference to an object that threads share: a configuration that is replaced as a whole, the head of a list.

    Every method is one atomic step, sequentially consistent. What `load()` returns is never a freed object, however
    hard the threads race. No reader waits for anybody; who replaces the reference waits, for a few instructions, for
    readers that are at it. `compare_exchange` compares by identity (`is`). Only the reference is shared safely: what
    two threads do to the object itself is up to that object.

    >>> config = AtomicRef({"retries": 3})
    >>> config.update(lambda old: old | {"timeout": 10})
    {'retries': 3, 'timeout': 10}
    """

    def __cinit__(self, value=None):
        ap_guard_init(&self.guard)
        self.value = value

    @classmethod
    def __class_getitem__(cls, item, /):
        """AtomicRef[T], for annotations.

        >>> AtomicRef[int]
        atomicpy.atomic_ref.AtomicRef[int]
        """
        import types

        return types.GenericAlias(cls, item)

    def load(self, /):
        """Atomically read the reference and return the object.

        >>> AtomicRef("a").load()
        'a'
        """
        used(self)
        return ap_ref_load(self)

    def store(self, value, /):
        """Atomically replace the reference.

        >>> a = AtomicRef("a")
        >>> a.store("b")
        >>> a.load()
        'b'
        """
        used(self)
        ap_ref_exchange(self, value)

    def exchange(self, value, /):
        """Atomically replace the reference and return the old object.

        Equivalent to, in one step: `old = a; a = value; return old`.

        >>> a = AtomicRef("a")
        >>> a.exchange("b"), a.load()
        ('a', 'b')
        """
        used(self)
        return ap_ref_exchange(self, value)

    def compare_exchange(self, expected, desired, /):
        """Atomically replace the reference by `desired` if it is to `expected`; return whether it was replaced.

        Equivalent to, in one step: `if a is expected: a = desired; return True`, else `return False`.

        >>> first = ["a"]
        >>> a = AtomicRef(first)
        >>> a.compare_exchange(["a"], None), a.compare_exchange(first, None), a.load()
        (False, True, None)
        """
        used(self)
        return ap_ref_compare_exchange(self, expected, desired)

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
