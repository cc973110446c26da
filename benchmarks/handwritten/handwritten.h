/* SPDX-License-Identifier: MIT
 *
 * handwritten.h: how the hand-written types take arguments, and the type objects.
 */
#ifndef HANDWRITTEN_H
#define HANDWRITTEN_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

extern PyTypeObject Counter_Type, Unsigned_Type, Flag_Type, Float_Type, Ref_Type, Array_Type;

#define METHOD(name, function, flags) {name, (PyCFunction)(void (*)(void))function, flags, NULL}

/* False with an exception set: o is no integer or does not fit. */
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

static inline bool as_uint64(PyObject *o, uint64_t *result)
{
#if PY_VERSION_HEX >= 0x030C0000
    if (PyLong_CheckExact(o) && PyUnstable_Long_IsCompact((PyLongObject *)o)) {
        Py_ssize_t value = PyUnstable_Long_CompactValue((PyLongObject *)o);
        if (value >= 0) {
            *result = (uint64_t)value;
            return true;
        }
    }
#endif
    *result = PyLong_AsUnsignedLongLong(o);
    return *result != UINT64_MAX || !PyErr_Occurred();
}

static inline bool as_double(PyObject *o, double *result)
{
    if (PyFloat_CheckExact(o)) {
        *result = PyFloat_AS_DOUBLE(o);
        return true;
    }
    *result = PyFloat_AsDouble(o);
    return *result != -1 || !PyErr_Occurred();
}

static inline bool as_bool(PyObject *o, bool *result)
{
    if (!PyBool_Check(o)) {
        PyErr_SetString(PyExc_TypeError, "not a bool");
        return false;
    }
    *result = o == Py_True;
    return true;
}

/* False with an exception set: there are not at least `least` and at most `most` arguments. */
static inline bool arguments(Py_ssize_t nargs, Py_ssize_t least, Py_ssize_t most)
{
    if (nargs >= least && nargs <= most) {
        return true;
    }
    PyErr_Format(PyExc_TypeError, "got %zd arguments", nargs);
    return false;
}

/* The arguments of a constructor. */
static inline bool new_arguments(size_t nargsf, PyObject *names, Py_ssize_t least, Py_ssize_t most)
{
    if (names != NULL && PyTuple_GET_SIZE(names) > 0) {
        PyErr_SetString(PyExc_TypeError, "takes no keyword arguments");
        return false;
    }
    return arguments(PyVectorcall_NARGS(nargsf), least, most);
}

/* wait(expected, timeout=None): the timeout is not used, because wait() never parks. */
static inline bool wait_arguments(PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    (void)args;
    if (names == NULL) {
        return arguments(nargs, 1, 2);
    }
    if (nargs == 1 && PyTuple_GET_SIZE(names) == 1
        && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "timeout") == 0) {
        return true;
    }
    PyErr_SetString(PyExc_TypeError, "wait(expected, timeout=None)");
    return false;
}

#endif /* HANDWRITTEN_H */
