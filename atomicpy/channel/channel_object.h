/* SPDX-License-Identifier: MIT
 *
 * channel_object.h: a channel as an object that the garbage collector knows. Cython knows the references in the fields of
 * a class, and a channel's are in its buffer.
 *
 * The type's own functions stand before those that Cython made.
 */
#ifndef AP_CHANNEL_OBJECT_H
#define AP_CHANNEL_OBJECT_H

#include <Python.h>

#include "channel/attached.h"

typedef struct {
    visitproc visit;
    void *arg;
} ap_visitor;

static int ap_visit_reference(void *value, void *context)
{
    const ap_visitor *visitor = context;
    return visitor->visit(value, visitor->arg);
}

static int ap_channel_traverse(PyObject *self, visitproc visit, void *arg)
{
    ap_visitor visitor = {visit, arg};
    return ap_channel_visit(&((ap_channel_object *)self)->channel, ap_visit_reference, &visitor);
}

static int ap_channel_clear(PyObject *self)
{
    ap_drop_all(&((ap_channel_object *)self)->channel);
    return 0;
}

static destructor ap_cython_dealloc;

static void ap_channel_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    /* A channel in a channel in a channel: without this, each takes a frame of the C stack. */
    Py_TRASHCAN_BEGIN(self, ap_channel_dealloc) ap_cython_dealloc(self);
    Py_TRASHCAN_END
}

/* Before there is an instance. */
static void ap_make_collectable(PyTypeObject *type)
{
    if (PyType_IS_GC(type)) {
        return; /* a second import of the module */
    }
    ap_cython_dealloc = type->tp_dealloc;
    type->tp_dealloc = ap_channel_dealloc;
    type->tp_traverse = ap_channel_traverse;
    type->tp_clear = ap_channel_clear;
    type->tp_free = PyObject_GC_Del;
    type->tp_flags |= Py_TPFLAGS_HAVE_GC;
}

#endif /* AP_CHANNEL_OBJECT_H */
