/* SPDX-License-Identifier: MIT
 *
 * rc_calls.h: the calls of instrumented code for attributes, globals and captured variables. Most return their first
 * argument: the instrumented expression then does the access itself.
 */
#ifndef RC_CALLS_H
#define RC_CALLS_H

#include "rc_keys.h"

#define RC_CALL(name) static PyObject *name(PyObject *module, PyObject *const *args, Py_ssize_t n)

static bool rc_wrong_count(const char *name, Py_ssize_t n, Py_ssize_t wanted)
{
    if (RC_LIKELY(n == wanted)) {
        return false;
    }
    PyErr_Format(PyExc_TypeError, "%s takes %zd arguments: it is for instrumented code", name, wanted);
    return true;
}

RC_CALL(rc_call_read)
{
    (void)module;
    if (rc_wrong_count("_race_read__", n, 2)) {
        return NULL;
    }
    rc_thread *t = rc_recording_thread();
    if (t != NULL) {
        rc_attribute(t, args[0], args[1], false);
    }
    return Py_NewRef(args[0]);
}

RC_CALL(rc_call_write)
{
    (void)module;
    if (rc_wrong_count("_race_write__", n, 2)) {
        return NULL;
    }
    rc_thread *t = rc_recording_thread();
    if (t != NULL) {
        rc_attribute(t, args[0], args[1], true);
    }
    return Py_NewRef(args[0]);
}

RC_CALL(rc_call_wrote)
{
    (void)module;
    if (rc_wrong_count("_race_wrote__", n, 3)) {
        return NULL;
    }
    rc_thread *t = rc_recording_thread();
    if (t != NULL) {
        rc_attribute(t, args[1], args[2], true);
    }
    return Py_NewRef(args[0]);
}

RC_CALL(rc_call_global_read)
{
    (void)module;
    if (rc_wrong_count("_race_global_read__", n, 2)) {
        return NULL;
    }
    rc_thread *t = rc_recording_thread();
    if (t != NULL) {
        PyObject *globals = PyEval_GetGlobals();
        rc_access_name(t, globals, args[1], false, RC_GLOBAL, globals);
    }
    return Py_NewRef(args[0]);
}

RC_CALL(rc_call_global_write)
{
    (void)module;
    if (rc_wrong_count("_race_global_write__", n, 1)) {
        return NULL;
    }
    rc_thread *t = rc_recording_thread();
    if (t != NULL) {
        PyObject *globals = PyEval_GetGlobals();
        rc_access_name(t, globals, args[0], true, RC_GLOBAL, globals);
    }
    Py_RETURN_NONE;
}

RC_CALL(rc_call_var_read)
{
    (void)module;
    if (rc_wrong_count("_race_var_read__", n, 3)) {
        return NULL;
    }
    rc_thread *t = rc_recording_thread();
    if (t != NULL) {
        rc_access_name(t, args[1], args[2], false, RC_VARIABLE, args[1]);
    }
    return Py_NewRef(args[0]);
}

RC_CALL(rc_call_var_write)
{
    (void)module;
    if (rc_wrong_count("_race_var_write__", n, 2)) {
        return NULL;
    }
    rc_thread *t = rc_recording_thread();
    if (t != NULL) {
        rc_access_name(t, args[0], args[1], true, RC_VARIABLE, args[0]);
    }
    Py_RETURN_NONE;
}

RC_CALL(rc_call_del_entry)
{
    (void)module;
    if (rc_wrong_count("_race_del_entry__", n, 1)) {
        return NULL;
    }
    rc_thread *t = rc_recording_thread();
    if (t != NULL) {
        rc_acquire_all_uses(t, (uintptr_t)args[0]);
    }
    Py_RETURN_NONE;
}

/* ---- a scope: the object that stands for one call of a function, for its captured variables -------------------- */

static void rc_plain_dealloc(PyObject *self) { PyObject_Free(self); }

static PyTypeObject rc_scope_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "atomicpy.race.engine.engine._Scope",
    .tp_basicsize = sizeof(PyObject),
    .tp_dealloc = rc_plain_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
};

static PyObject *rc_call_scope(PyObject *module, PyObject *none)
{
    (void)module;
    (void)none;
    return (PyObject *)PyObject_New(PyObject, &rc_scope_type);
}

/* The number of keys of a dict or set. A change of it means that keys were inserted or deleted. */
static bool rc_has_keys(PyObject *c) { return PyDict_Check(c) || PySet_Check(c); }
static Py_ssize_t rc_n_of(PyObject *c) { return PyDict_Check(c) ? PyDict_GET_SIZE(c) : PySet_GET_SIZE(c); }

/* `s ^= x` may insert as many keys as it deletes. It inserts or deletes each value of x, so the set changes unless x
 * is empty; then this stands for the size before. Where x is no set, `^=` changes nothing in place. */
#define RC_CHANGES ((Py_ssize_t)-1)
static bool rc_is_some_set(PyObject *x) { return PyAnySet_Check(x) && PySet_GET_SIZE(x) > 0; }
static bool rc_flips(PyObject *c)
{
    return PySet_Check(c) && Py_TYPE(c)->tp_as_number->nb_inplace_xor == PySet_Type.tp_as_number->nb_inplace_xor;
}

/* ---- proxies: for augmented assignments, and for targets whose object is an expression ------------------------- */

typedef struct {
    PyObject_HEAD
    PyObject *of;
    PyObject *got;   /* the last set or dict that was read; compared, never dereferenced */
    Py_ssize_t size; /* its size then */
    bool flips;      /* for a `^=`: _race_before__ has noted in the thread whether its operand is empty */
} rc_proxy;

static void rc_proxy_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    Py_CLEAR(((rc_proxy *)self)->of);
    PyObject_GC_Del(self);
}

static int rc_proxy_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((rc_proxy *)self)->of);
    return 0;
}

static PyObject *rc_proxy_new(PyTypeObject *type, PyObject *of, bool flips)
{
    rc_proxy *p = PyObject_GC_New(rc_proxy, type);
    if (p == NULL) {
        return NULL;
    }
    p->of = Py_NewRef(of);
    p->got = NULL;
    p->flips = flips;
    PyObject_GC_Track(p);
    return (PyObject *)p;
}

/* `o.s |= more` and `d[k] |= more` read a container, change it in place, and store it again. */
static PyObject *rc_proxy_got(PyObject *self, PyObject *value)
{
    rc_proxy *p = (rc_proxy *)self;
    p->got = value != NULL && rc_has_keys(value) ? value : NULL;
    p->size = p->got != NULL ? rc_n_of(value) : 0;
    return value;
}

static void rc_proxy_stores(rc_thread *t, PyObject *self, PyObject *value)
{
    rc_proxy *p = (rc_proxy *)self;
    if (t != NULL && value != NULL && value == p->got
        && (rc_n_of(value) != p->size || (p->flips && t->size == RC_CHANGES && rc_flips(value)))) {
        rc_access_keys(t, value, true);
    }
}

static PyObject *rc_attr_get(PyObject *self, PyObject *name)
{
    PyObject *of = ((rc_proxy *)self)->of;
    rc_thread *t = rc_recording_thread();
    if (t != NULL && PyUnicode_CheckExact(name)) {
        rc_attribute(t, of, name, false);
    }
    return rc_proxy_got(self, PyObject_GetAttr(of, name));
}

static int rc_attr_set(PyObject *self, PyObject *name, PyObject *value)
{
    PyObject *of = ((rc_proxy *)self)->of;
    rc_thread *t = rc_recording_thread();
    if (t != NULL && PyUnicode_CheckExact(name)) {
        rc_attribute(t, of, name, true);
    }
    rc_proxy_stores(t, self, value);
    return PyObject_SetAttr(of, name, value);
}

static PyTypeObject rc_attr_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "atomicpy.race.engine.engine._Attributes",
    .tp_basicsize = sizeof(rc_proxy),
    .tp_dealloc = rc_proxy_dealloc,
    .tp_traverse = rc_proxy_traverse,
    .tp_getattro = rc_attr_get,
    .tp_setattro = rc_attr_set,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
};

/* A second argument means a `^=`. */
RC_CALL(rc_call_attr)
{
    (void)module;
    if (n != 2 && rc_wrong_count("_race_attr__", n, 1)) {
        return NULL;
    }
    return rc_recording_thread() == NULL ? Py_NewRef(args[0]) : rc_proxy_new(&rc_attr_type, args[0], n == 2);
}

#endif
