/* SPDX-License-Identifier: MIT
 *
 * rh_ownership.h: who calls: the program, the standard library, or the detector.
 *
 * What the standard library does for itself orders nothing for the program, so hooks and traced locks look at the code
 * of their caller. set_ownership() gives a function from a file name to True (the program's), False (the library's),
 * or None (the detector's). It is called once for each file.
 */
#ifndef RH_OWNERSHIP_H
#define RH_OWNERSHIP_H

#include <Python.h>

static PyObject *rh_ownership; /* the function */
static PyObject *rh_files;     /* a dict of its results */

/* 1: the nearest caller is the program's; 0: it is not; -1: an exception. With `outside`, callers in the detector are
 * skipped. Without a caller or a function of ownership the answer is 1. */
static int rh_called_by_program(bool outside)
{
#if PY_VERSION_HEX >= 0x030D0000
    for (rc_frame *f = rc_top_frame(); f != NULL && rh_ownership != NULL; f = f->previous) {
        PyCodeObject *code = rc_code_of(f);
        if (code == NULL) {
            continue;
        }
        PyObject *verdict;
        int found = PyDict_GetItemRef(rh_files, code->co_filename, &verdict);
        if (found == 0) {
            verdict = PyObject_CallOneArg(rh_ownership, code->co_filename);
            if (verdict != NULL && PyDict_SetItem(rh_files, code->co_filename, verdict) < 0) {
                Py_CLEAR(verdict);
            }
        }
        if (verdict == NULL) {
            return -1;
        }
        Py_DECREF(verdict); /* True, False and None are immortal */
        if (verdict != Py_None || !outside) {
            return verdict == Py_True;
        }
    }
#else
    (void)outside;
#endif
    return 1;
}

static PyObject *rh_for_the_program(PyObject *module, PyObject *none)
{
    (void)module;
    (void)none;
    int answer = rh_called_by_program(true);
    return answer < 0 ? NULL : PyBool_FromLong(answer);
}

static PyObject *rh_set_ownership(PyObject *module, PyObject *function)
{
    (void)module;
    Py_XSETREF(rh_ownership, Py_NewRef(function));
    PyDict_Clear(rh_files);
    Py_RETURN_NONE;
}

#endif
