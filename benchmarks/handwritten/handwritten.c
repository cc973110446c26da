/* SPDX-License-Identifier: MIT
 *
 * handwritten.c: the baseline of the benchmarks. A counter as an expert writes it against the API of CPython,
 * for speed and nothing else: a static type, vectorcall, positional arguments only, integers of one digit read in
 * place, and a bare fetch-add that wraps at 2**63 where atomicpy.AtomicInt raises OverflowError.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    PyObject_HEAD
    _Atomic int64_t value;
} Counter;

/* False with an exception set where o is no integer or does not fit. */
static inline bool as_int64(PyObject *o, int64_t *result)
{
#if PY_VERSION_HEX >= 0x030C0000
    if (PyLong_CheckExact(o) && PyUnstable_Long_IsCompact((PyLongObject *)o)) {
        *result = PyUnstable_Long_CompactValue((PyLongObject *)o);
        return true;
    }
#endif
    *result = PyLong_AsLongLong(o);
    return *result != -1 || !PyErr_Occurred();
}

static bool wrong_count(const char *name, Py_ssize_t n)
{
    PyErr_Format(PyExc_TypeError, "%s() got %zd arguments", name, n);
    return false;
}

/* The argument of name(n=1). */
static inline bool step_of(const char *name, PyObject *const *args, Py_ssize_t nargs, int64_t *step)
{
    if (nargs == 0) {
        *step = 1;
        return true;
    }
    return nargs == 1 ? as_int64(args[0], step) : wrong_count(name, nargs);
}

static PyObject *counter_inc(Counter *self, PyObject *unused)
{
    (void)unused;
    atomic_fetch_add(&self->value, 1);
    Py_RETURN_NONE;
}

static PyObject *counter_load(Counter *self, PyObject *unused)
{
    (void)unused;
    return PyLong_FromLongLong(atomic_load(&self->value));
}

static PyObject *counter_add(Counter *self, PyObject *const *args, Py_ssize_t nargs)
{
    int64_t step;
    if (!step_of("add", args, nargs, &step)) {
        return NULL;
    }
    /* Unsigned, because the sum may wrap. */
    return PyLong_FromLongLong((int64_t)((uint64_t)atomic_fetch_add(&self->value, step) + (uint64_t)step));
}

static PyObject *counter_fetch_add(Counter *self, PyObject *const *args, Py_ssize_t nargs)
{
    int64_t step;
    if (!step_of("fetch_add", args, nargs, &step)) {
        return NULL;
    }
    return PyLong_FromLongLong(atomic_fetch_add(&self->value, step));
}

static PyObject *counter_store(Counter *self, PyObject *value)
{
    int64_t desired;
    if (!as_int64(value, &desired)) {
        return NULL;
    }
    atomic_store(&self->value, desired);
    Py_RETURN_NONE;
}

static PyObject *counter_exchange(Counter *self, PyObject *value)
{
    int64_t desired;
    if (!as_int64(value, &desired)) {
        return NULL;
    }
    return PyLong_FromLongLong(atomic_exchange(&self->value, desired));
}

static PyObject *counter_compare_exchange(Counter *self, PyObject *const *args, Py_ssize_t nargs)
{
    int64_t expected, desired;
    if (nargs != 2) {
        wrong_count("compare_exchange", nargs);
        return NULL;
    }
    if (!as_int64(args[0], &expected) || !as_int64(args[1], &desired)) {
        return NULL;
    }
    return PyBool_FromLong(atomic_compare_exchange_strong(&self->value, &expected, desired));
}

static PyObject *counter_iadd(Counter *self, PyObject *n)
{
    int64_t step;
    if (!as_int64(n, &step)) {
        return NULL;
    }
    atomic_fetch_add(&self->value, step);
    return Py_NewRef(self);
}

static PyTypeObject Counter_Type;

/* Counter(value=0). The way of every Counter into the world: the type has no tp_new. */
static PyObject *counter_vectorcall(PyObject *type, PyObject *const *args, size_t nargsf, PyObject *names)
{
    Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
    int64_t value = 0;
    (void)type;
    if (nargs > 1 || (names != NULL && PyTuple_GET_SIZE(names) > 0)) {
        wrong_count("Counter", nargs);
        return NULL;
    }
    if (nargs == 1 && !as_int64(args[0], &value)) {
        return NULL;
    }
    Counter *self = PyObject_New(Counter, &Counter_Type);
    if (self != NULL) {
        atomic_init(&self->value, value);
    }
    return (PyObject *)self;
}

static void counter_dealloc(PyObject *self) { PyObject_Free(self); }

static PyMethodDef counter_methods[] = {
    {"inc", (PyCFunction)(void (*)(void))counter_inc, METH_NOARGS, NULL},
    {"load", (PyCFunction)(void (*)(void))counter_load, METH_NOARGS, NULL},
    {"add", (PyCFunction)(void (*)(void))counter_add, METH_FASTCALL, NULL},
    {"fetch_add", (PyCFunction)(void (*)(void))counter_fetch_add, METH_FASTCALL, NULL},
    {"store", (PyCFunction)(void (*)(void))counter_store, METH_O, NULL},
    {"exchange", (PyCFunction)(void (*)(void))counter_exchange, METH_O, NULL},
    {"compare_exchange", (PyCFunction)(void (*)(void))counter_compare_exchange, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyNumberMethods counter_as_number = {.nb_inplace_add = (binaryfunc)(void (*)(void))counter_iadd};

static PyTypeObject Counter_Type = {
    .ob_base = PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "handwritten.Counter",
    .tp_basicsize = sizeof(Counter),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_dealloc = counter_dealloc,
    .tp_vectorcall = counter_vectorcall,
    .tp_methods = counter_methods,
    .tp_as_number = &counter_as_number,
};

static int module_exec(PyObject *module) { return PyModule_AddType(module, &Counter_Type); }

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, (void *)module_exec},
#if PY_VERSION_HEX >= 0x030D0000
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "handwritten",
    .m_doc = "The baseline of atomicpy's benchmarks.",
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit_handwritten(void) { return PyModuleDef_Init(&module); }
