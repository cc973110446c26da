/* SPDX-License-Identifier: MIT
 * In the documentation: docs/design/sharing.md
 *
 * deferred_refcount.h: relief from the fight over the reference count of a shared object.
 *
 * Without the GIL, each call of a method on an object that a global or an attribute holds counts a reference to it up
 * and down, on a cache line that all its users want: 150 ns with two threads, where the operation itself takes 10. From
 * 3.14 on an object may be counted in a deferred way: the interpreter then counts nothing while its own stack refers to
 * it. The price is that such an object is freed by the garbage collector, and no longer at its last reference. So it is
 * paid for an object only when a second thread uses it: one that a single thread made, used and dropped is freed at
 * once.
 *
 * Only objects that the collector tracks can be deferred, and a class without object fields is not tracked. There
 * ap_defer_when_shared() makes the class one that is. On other builds all of this is nothing.
 */
#ifndef AP_SHARING_H
#define AP_SHARING_H

#include <Python.h>

#include "platform/ap_base.h"

#if defined(Py_GIL_DISABLED) && PY_VERSION_HEX >= 0x030E0000

#define AP_DEFERS

/* One class in each module. */
static destructor ap_sharing_dealloc_inner;

static int ap_sharing_traverse(PyObject *self, visitproc visit, void *arg)
{
    (void)self, (void)visit, (void)arg; /* it was hidden from the collector before */
    return 0;
}

static void ap_sharing_dealloc(PyObject *self)
{
    /* First: what a weak reference calls back may start a collection, and that must not find it half gone. */
    PyObject_GC_UnTrack(self);
    ap_sharing_dealloc_inner(self);
}

/* Before there is an instance: from here on the collector tracks those that are made. */
static void ap_defer_when_shared(PyTypeObject *type)
{
    if (PyType_IS_GC(type)) {
        return; /* its instances refer to objects, and are tracked already */
    }
    ap_sharing_dealloc_inner = type->tp_dealloc;
    type->tp_dealloc = ap_sharing_dealloc;
    type->tp_traverse = ap_sharing_traverse;
    type->tp_free = PyObject_GC_Del;
    type->tp_flags |= Py_TPFLAGS_HAVE_GC;
}

/* The thread that made the object goes on for the price of a comparison. */
static inline bool ap_is_mine(PyObject *self) { return !AP_UNLIKELY(!_Py_IsOwnedByCurrentThread(self)); }

static inline void ap_share(PyObject *self)
{
    PyUnstable_Object_EnableDeferredRefcount(self); /* once; later calls see that it has been done */
}

#else

#define ap_defer_when_shared(type) ((void)(type))
#define ap_is_mine(self) ((void)(self), true)
#define ap_share(self) ((void)(self))

#endif

static inline void ap_used(PyObject *self)
{
    if (!ap_is_mine(self)) {
        ap_share(self);
    }
}

#endif /* AP_SHARING_H */
