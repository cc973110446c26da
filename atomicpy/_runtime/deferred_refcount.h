/* SPDX-License-Identifier: MIT
 * In the documentation: docs/design/sharing.md
 *
 * deferred_refcount.h: deferred reference counts for objects that several threads use (PEP 703).
 *
 * Without the GIL, each call of a method on an object that a global or an attribute holds counts a reference to the
 * object up and down. All its users write that one cache line: 150 ns with two threads, where the operation takes 10.
 * From 3.14 on an object may have a deferred reference count: the interpreter then counts nothing while its own stack
 * refers to the object. The price: the garbage collector frees such an object, and not its last reference. So an
 * object gets a deferred reference count only when a second thread uses it. An object that one thread made, used and
 * dropped is freed at its last reference.
 *
 * Only an object that the collector tracks can have one, and a class without object fields is not tracked. There
 * ap_defer_when_shared() makes the class a tracked one. On other builds all of this compiles to nothing.
 */
#ifndef AP_DEFERRED_REFCOUNT_H
#define AP_DEFERRED_REFCOUNT_H

#include <Python.h>

#include "platform/ap_base.h"

#if defined(Py_GIL_DISABLED) && PY_VERSION_HEX >= 0x030E0000

#define AP_DEFERS

/* One class in each module. */
static destructor ap_untracked_dealloc;

static int ap_no_traverse(PyObject *self, visitproc visit, void *arg)
{
    (void)self, (void)visit, (void)arg; /* the class has no object fields */
    return 0;
}

static void ap_tracked_dealloc(PyObject *self)
{
    /* First: a weak reference's callback may start a collection, and that must not find an object half freed. */
    PyObject_GC_UnTrack(self);
    ap_untracked_dealloc(self);
}

/* Before there is an instance: from here on the collector tracks those that are made. */
static inline void ap_defer_when_shared(PyTypeObject *type)
{
    if (PyType_IS_GC(type)) {
        return; /* its instances refer to objects, and are tracked already */
    }
    ap_untracked_dealloc = type->tp_dealloc;
    type->tp_dealloc = ap_tracked_dealloc;
    type->tp_traverse = ap_no_traverse;
    type->tp_free = PyObject_GC_Del;
    type->tp_flags |= Py_TPFLAGS_HAVE_GC;
}

/* Whether the object has a deferred reference count. 3.14 and 3.15 set this bit of ob_gc_bits (_PyGC_BITS_DEFERRED of
 * their internal headers; tests/runtime/test_sharing.py fails where it is another one). Later versions are asked by the
 * call, which changes nothing the second time. */
static inline bool ap_is_deferred(PyObject *self)
{
#if PY_VERSION_HEX < 0x03100000
    return (_Py_atomic_load_uint8_relaxed(&self->ob_gc_bits) & (1 << 6)) != 0;
#else
    (void)self;
    return false;
#endif
}

static AP_COLD void ap_defer_refcount(PyObject *self) { PyUnstable_Object_EnableDeferredRefcount(self); }

/* Whether a second thread uses the object for the first time. This costs the thread that made the object one
 * comparison, other threads two. */
static inline bool ap_is_first_use(PyObject *self)
{
    return AP_UNLIKELY(!_Py_IsOwnedByCurrentThread(self)) && AP_UNLIKELY(!ap_is_deferred(self));
}

/* Each method, first of all. */
static inline void ap_note_use(PyObject *self)
{
    if (ap_is_first_use(self)) {
        ap_defer_refcount(self);
    }
}

#else

#define ap_defer_when_shared(type) ((void)(type))
#define ap_is_first_use(self) ((void)(self), false)
#define ap_note_use(self) ((void)(self))

#endif

#endif /* AP_DEFERRED_REFCOUNT_H */
