/* SPDX-License-Identifier: MIT
 *
 * select_call.h: the call of select(), and its result. Most calls only receive, and find a channel that is ready: those
 * end here. Every other call goes to the function of select.pyx.
 */
#ifndef AP_SELECT_CALL_H
#define AP_SELECT_CALL_H

#include <Python.h>

#include "_runtime/deferred_refcount.h"
#include "channel/attached.h"

/* Fill in a tuple of three. It is made before the operation is done, so no error loses a value. `value` is the reference
 * itself. */
static inline int ap_select_result_fill(PyObject *result, Py_ssize_t index, void *value, bool ok)
{
    PyObject *number = PyLong_FromSsize_t(index);
    PyTuple_SET_ITEM(result, 0, number);
    PyTuple_SET_ITEM(result, 1, value);
    PyTuple_SET_ITEM(result, 2, Py_NewRef(ok ? Py_True : Py_False));
    return number == NULL ? -1 : 0;
}

/* The same for a tuple that was not filled in while the thread waited: the collector did not show it meanwhile. */
static inline PyObject *ap_select_result_new(void)
{
    PyObject *result = PyTuple_New(3);
    if (result != NULL) {
        PyObject_GC_UnTrack(result);
    }
    return result;
}

static inline int ap_select_result_end(PyObject *result, Py_ssize_t index, void *value, bool ok)
{
    int status = ap_select_result_fill(result, index, value, ok);
    PyObject_GC_Track(result);
    return status;
}

/* Receive from one of the channels that look ready, each with equal chance. NULL without an exception: none does, or a
 * case is no receive. */
static inline PyObject *ap_receive_from_ready(PyTypeObject *type, PyObject *const *args, Py_ssize_t n)
{
    Py_ssize_t chosen = -1;
    uint32_t ready = 0;
    for (Py_ssize_t i = 0; i < n; i++) {
        if (!Py_IS_TYPE(args[i], type) || ap_is_first_use(args[i])) {
            return NULL;
        }
        ap_channel *ch = &((ap_channel_object *)args[i])->channel;
        if (ch->interval != 0 || ap_load_u64_relaxed(&ch->watch) != 0) {
            return NULL;
        }
        if (ap_channel_receive_would_block(ch)) {
            continue;
        }
        ready++;
        if (ready == 1 || ap_random_below(ready) == 0) {
            chosen = i;
        }
    }
    PyObject *result = chosen < 0 ? NULL : PyTuple_New(3);
    void *value;
    if (result == NULL) {
        return NULL;
    }
    if (ap_channel_try_receive(&((ap_channel_object *)args[chosen])->channel, &value) != AP_CHANNEL_DONE) {
        Py_DECREF(result);
        return NULL;
    }
    if (ap_select_result_fill(result, chosen, value, true) < 0) {
        Py_CLEAR(result);
    }
    return result;
}

static PyTypeObject *ap_channel_type;
static PyObject *ap_general_select;

static PyObject *ap_select_call(PyObject *unused, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    (void)unused;
    PyObject *result = names == NULL ? ap_receive_from_ready(ap_channel_type, args, nargs) : NULL;
    if (result != NULL || PyErr_Occurred()) {
        return result;
    }
    return PyObject_Vectorcall(ap_general_select, args, (size_t)nargs, names);
}

static PyMethodDef ap_select_method = {
    "select", (PyCFunction)(void (*)(void))ap_select_call, METH_FASTCALL | METH_KEYWORDS, NULL};

/* The public select(), with the docstring of `general`, the function of select.pyx. */
static PyObject *ap_public_select(PyTypeObject *channel, PyObject *general, PyObject *module_name)
{
    ap_channel_type = channel;
    ap_general_select = Py_NewRef(general);
    ap_select_method.ml_doc = ((PyCFunctionObject *)general)->m_ml->ml_doc;
    return PyCFunction_NewEx(&ap_select_method, NULL, module_name);
}

#endif /* AP_SELECT_CALL_H */
