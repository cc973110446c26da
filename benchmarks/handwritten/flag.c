/* SPDX-License-Identifier: MIT
 *
 * flag.c: Flag, beside atomicpy.AtomicBool: integer.h describes the style.
 */
#include "handwritten.h"

typedef struct {
    PyObject_HEAD
    _Atomic uint8_t value;
    _Atomic uint32_t waiters;
} Flag;

static PyObject *flag_load(Flag *self, PyObject *Py_UNUSED(unused))
{
    return PyBool_FromLong(atomic_load(&self->value));
}

static PyObject *flag_store(Flag *self, PyObject *value)
{
    bool desired;
    if (!as_bool(value, &desired)) {
        return NULL;
    }
    atomic_store(&self->value, desired);
    Py_RETURN_NONE;
}

static PyObject *flag_exchange(Flag *self, PyObject *value)
{
    bool desired;
    return as_bool(value, &desired) ? PyBool_FromLong(atomic_exchange(&self->value, desired)) : NULL;
}

static PyObject *flag_compare_exchange(Flag *self, PyObject *const *args, Py_ssize_t nargs)
{
    bool expected, desired;
    if (!arguments(nargs, 2, 2) || !as_bool(args[0], &expected) || !as_bool(args[1], &desired)) {
        return NULL;
    }
    uint8_t old = expected;
    return PyBool_FromLong(atomic_compare_exchange_strong(&self->value, &old, desired));
}

static PyObject *flag_test_and_set(Flag *self, PyObject *Py_UNUSED(unused))
{
    return PyBool_FromLong(atomic_exchange(&self->value, 1));
}

static PyObject *flag_clear(Flag *self, PyObject *Py_UNUSED(unused))
{
    atomic_store(&self->value, 0);
    Py_RETURN_NONE;
}

static PyObject *flag_toggle(Flag *self, PyObject *Py_UNUSED(unused))
{
    return PyBool_FromLong(!atomic_fetch_xor(&self->value, 1));
}

static PyObject *flag_wait(Flag *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    bool seen;
    if (!wait_arguments(args, nargs, names) || !as_bool(args[0], &seen)) {
        return NULL;
    }
    if (atomic_load(&self->value) == seen) {
        PyErr_SetString(PyExc_NotImplementedError, "the baseline does not sleep");
        return NULL;
    }
    Py_RETURN_TRUE;
}

static PyObject *flag_notify(Flag *self, PyObject *const *args, Py_ssize_t nargs)
{
    int64_t n = 1;
    if (nargs != 0 && !(arguments(nargs, 1, 1) && as_int64(args[0], &n))) {
        return NULL;
    }
    return PyLong_FromLong(atomic_load(&self->waiters) == 0 ? 0 : (long)n);
}

static PyObject *flag_notify_all(Flag *self, PyObject *Py_UNUSED(unused))
{
    return PyLong_FromLong((long)atomic_load(&self->waiters));
}

static int flag_bool(PyObject *self) { return atomic_load(&((Flag *)self)->value); }

static PyObject *flag_richcompare(PyObject *self, PyObject *other, int op)
{
    bool value = atomic_load(&((Flag *)self)->value);
    if (PyBool_Check(other)) {
        Py_RETURN_RICHCOMPARE(value, other == Py_True, op);
    }
    return PyObject_RichCompare(value ? Py_True : Py_False, other, op);
}

static PyObject *flag_repr(PyObject *self)
{
    return PyUnicode_FromString(atomic_load(&((Flag *)self)->value) ? "AtomicBool(True)" : "AtomicBool(False)");
}

static PyObject *flag_vectorcall(PyObject *type, PyObject *const *args, size_t nargsf, PyObject *names)
{
    bool value = false;
    (void)type;
    if (!new_arguments(nargsf, names, 0, 1) || (PyVectorcall_NARGS(nargsf) == 1 && !as_bool(args[0], &value))) {
        return NULL;
    }
    Flag *self = PyObject_New(Flag, &Flag_Type);
    if (self != NULL) {
        atomic_init(&self->value, value);
        atomic_init(&self->waiters, 0);
    }
    return (PyObject *)self;
}

static PyMethodDef flag_methods[] = {
    METHOD("load", flag_load, METH_NOARGS),
    METHOD("store", flag_store, METH_O),
    METHOD("exchange", flag_exchange, METH_O),
    METHOD("compare_exchange", flag_compare_exchange, METH_FASTCALL),
    METHOD("test_and_set", flag_test_and_set, METH_NOARGS),
    METHOD("clear", flag_clear, METH_NOARGS),
    METHOD("toggle", flag_toggle, METH_NOARGS),
    METHOD("wait", flag_wait, METH_FASTCALL | METH_KEYWORDS),
    METHOD("notify", flag_notify, METH_FASTCALL),
    METHOD("notify_all", flag_notify_all, METH_NOARGS),
    {NULL, NULL, 0, NULL},
};

static PyNumberMethods flag_as_number = {.nb_bool = flag_bool};

PyTypeObject Flag_Type = {
    .ob_base = PyVarObject_HEAD_INIT(NULL, 0).tp_name = "handwritten.Flag",
    .tp_basicsize = sizeof(Flag),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_dealloc = (destructor)PyObject_Free,
    .tp_vectorcall = flag_vectorcall,
    .tp_methods = flag_methods,
    .tp_as_number = &flag_as_number,
    .tp_richcompare = flag_richcompare,
    .tp_hash = PyObject_HashNotImplemented,
    .tp_repr = flag_repr,
};
