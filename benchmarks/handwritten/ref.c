/* SPDX-License-Identifier: MIT
 *
 * ref.c: Ref, beside atomicpy.AtomicRef: integer.h describes the style. Under the GIL it is plain. Without the GIL it
 * takes the critical section of the object: CPython's own way to load a pointer and count its reference in one step.
 * A reader waits there for another reader. A reader of an AtomicRef never does.
 */
#include "handwritten.h"

#ifndef Py_BEGIN_CRITICAL_SECTION /* before 3.13 */
#define Py_BEGIN_CRITICAL_SECTION(object) {
#define Py_END_CRITICAL_SECTION() }
#endif

typedef struct {
    PyObject_HEAD
    PyObject *value;
} Ref;

static PyObject *ref_load(Ref *self, PyObject *Py_UNUSED(unused))
{
    PyObject *value;
    Py_BEGIN_CRITICAL_SECTION(self);
    value = Py_NewRef(self->value);
    Py_END_CRITICAL_SECTION();
    return value;
}

static PyObject *ref_exchange(Ref *self, PyObject *desired)
{
    PyObject *old;
    Py_INCREF(desired);
    Py_BEGIN_CRITICAL_SECTION(self);
    old = self->value;
    self->value = desired;
    Py_END_CRITICAL_SECTION();
    return old;
}

static PyObject *ref_store(Ref *self, PyObject *desired)
{
    Py_DECREF(ref_exchange(self, desired));
    Py_RETURN_NONE;
}

static inline bool swap(Ref *self, PyObject *expected, PyObject *desired)
{
    bool swapped;
    Py_BEGIN_CRITICAL_SECTION(self);
    swapped = self->value == expected;
    if (swapped) {
        self->value = Py_NewRef(desired);
    }
    Py_END_CRITICAL_SECTION();
    if (swapped) {
        Py_DECREF(expected);
    }
    return swapped;
}

static PyObject *ref_compare_exchange(Ref *self, PyObject *const *args, Py_ssize_t nargs)
{
    return arguments(nargs, 2, 2) ? PyBool_FromLong(swap(self, args[0], args[1])) : NULL;
}

static PyObject *ref_update(Ref *self, PyObject *fn)
{
    for (;;) {
        PyObject *old = ref_load(self, NULL);
        PyObject *desired = PyObject_CallOneArg(fn, old);
        bool done = desired == NULL || swap(self, old, desired);
        Py_DECREF(old);
        if (done) {
            return desired;
        }
        Py_DECREF(desired);
    }
}

static PyObject *ref_vectorcall(PyObject *type, PyObject *const *args, size_t nargsf, PyObject *names)
{
    (void)type;
    if (!new_arguments(nargsf, names, 0, 1)) {
        return NULL;
    }
    Ref *self = PyObject_GC_New(Ref, &Ref_Type);
    if (self != NULL) {
        self->value = Py_NewRef(PyVectorcall_NARGS(nargsf) == 1 ? args[0] : Py_None);
        PyObject_GC_Track(self);
    }
    return (PyObject *)self;
}

static int ref_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((Ref *)self)->value);
    return 0;
}

static int ref_clear(PyObject *self)
{
    Py_SETREF(((Ref *)self)->value, Py_NewRef(Py_None));
    return 0;
}

static void ref_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    Py_DECREF(((Ref *)self)->value);
    PyObject_GC_Del(self);
}

static PyMethodDef ref_methods[] = {
    METHOD("load", ref_load, METH_NOARGS),    METHOD("store", ref_store, METH_O),
    METHOD("exchange", ref_exchange, METH_O), METHOD("compare_exchange", ref_compare_exchange, METH_FASTCALL),
    METHOD("update", ref_update, METH_O),     {NULL, NULL, 0, NULL},
};

PyTypeObject Ref_Type = {
    .ob_base = PyVarObject_HEAD_INIT(NULL, 0).tp_name = "handwritten.Ref",
    .tp_basicsize = sizeof(Ref),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_dealloc = ref_dealloc,
    .tp_traverse = ref_traverse,
    .tp_clear = ref_clear,
    .tp_vectorcall = ref_vectorcall,
    .tp_methods = ref_methods,
};
