/* SPDX-License-Identifier: MIT
 *
 * rc_items.h: the calls of instrumented code for subscripts. The call does the access itself: only the container can
 * compare keys, and only the store shows whether it was an insertion.
 */
#ifndef RC_ITEMS_H
#define RC_ITEMS_H

#include "rc_calls.h"

static PyObject *rc_item_get(rc_thread *t, PyObject *c, PyObject *k)
{
    uint8_t rule = rc_container_of(t, c);
    if (!(rule & RC_GETS)) {
        return PyObject_GetItem(c, k);
    }
    if (rule != (RC_DICT | RC_GETS | RC_SETS | RC_DELETES) || PyDict_CheckExact(c)) {
        rc_access_item(t, c, rule, k, false);
        return PyObject_GetItem(c, k);
    }
    /* A subclass may have a __missing__ that inserts the key, as defaultdict's does. */
    Py_ssize_t before = PyDict_GET_SIZE(c);
    rc_access_item(t, c, rule, k, false);
    PyObject *value = PyObject_GetItem(c, k);
    if (value != NULL && PyDict_GET_SIZE(c) > before && Py_TYPE(c) != rc_ordered_type
        && (rc_defaultdict_type != NULL && PyType_IsSubtype(Py_TYPE(c), rc_defaultdict_type))) {
        rc_access_item(t, c, rule, k, true);
        rc_access_keys(t, c, true);
    }
    return value;
}

static int rc_item_set(rc_thread *t, PyObject *c, PyObject *k, PyObject *value)
{
    uint8_t rule = rc_container_of(t, c);
    if (!(rule & RC_SETS)) {
        return PyObject_SetItem(c, k, value);
    }
    /* A write in the same epoch: the key was there, or its insertion is recorded. A deletion by another thread since
     * is a race that was found. */
    bool same_epoch = rc_item_same_epoch(t, c, rule, k, true);
    if (same_epoch || (rule & 7) != RC_DICT) {
        int result = PyObject_SetItem(c, k, value);
        if (result == 0 && !same_epoch) {
            rc_access_item(t, c, rule, k, true);
        }
        return result;
    }
    if (PyDict_CheckExact(c)) {
        int there = PyDict_SetDefaultRef(c, k, value, NULL);
        if (there < 0 || (there > 0 && PyDict_SetItem(c, k, value) < 0)) {
            return -1;
        }
        rc_access_item(t, c, rule, k, true);
        if (!there) {
            rc_access_keys(t, c, true);
        }
        return 0;
    }
    int there = PyDict_Contains(c, k);
    if (there < 0 || PyObject_SetItem(c, k, value) < 0) {
        return -1;
    }
    rc_access_item(t, c, rule, k, true);
    if (!there) {
        rc_access_keys(t, c, true);
    }
    return 0;
}

static int rc_item_del(rc_thread *t, PyObject *c, PyObject *k)
{
    uint8_t rule = rc_container_of(t, c);
    if (!(rule & RC_DELETES)) {
        return PyObject_DelItem(c, k);
    }
    if ((rule & 7) != RC_DICT) {
        rc_access_item(t, c, rule, k, true);
        return PyObject_DelItem(c, k);
    }
    if (PyObject_DelItem(c, k) < 0) {
        PyObject *error = PyErr_GetRaisedException();
        rc_access_item(t, c, rule, k, false); /* a read: the key was not there */
        PyErr_SetRaisedException(error);
        return -1;
    }
    rc_access_item(t, c, rule, k, true);
    rc_access_keys(t, c, true);
    return 0;
}

RC_CALL(rc_call_get)
{
    (void)module;
    if (rc_wrong_count("_race_get__", n, 2)) {
        return NULL;
    }
    rc_thread *t = rc_recording_thread();
    return t == NULL ? PyObject_GetItem(args[0], args[1]) : rc_item_get(t, args[0], args[1]);
}

RC_CALL(rc_call_set)
{
    (void)module;
    if (rc_wrong_count("_race_set__", n, 3)) {
        return NULL;
    }
    rc_thread *t = rc_recording_thread();
    if ((t == NULL ? PyObject_SetItem(args[1], args[2], args[0]) : rc_item_set(t, args[1], args[2], args[0])) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

RC_CALL(rc_call_del)
{
    (void)module;
    if (rc_wrong_count("_race_del__", n, 2)) {
        return NULL;
    }
    rc_thread *t = rc_recording_thread();
    if ((t == NULL ? PyObject_DelItem(args[0], args[1]) : rc_item_del(t, args[0], args[1])) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

/* ---- the proxy ------------------------------------------------------------------------------------------------- */

static PyObject *rc_proxy_item_get(PyObject *self, PyObject *k)
{
    rc_thread *t = rc_recording_thread();
    PyObject *c = ((rc_proxy *)self)->of;
    return rc_proxy_got(self, t == NULL ? PyObject_GetItem(c, k) : rc_item_get(t, c, k));
}

static int rc_proxy_item_set(PyObject *self, PyObject *k, PyObject *value)
{
    rc_thread *t = rc_recording_thread();
    PyObject *c = ((rc_proxy *)self)->of;
    if (value == NULL) {
        return t == NULL ? PyObject_DelItem(c, k) : rc_item_del(t, c, k);
    }
    rc_proxy_stores(t, self, value);
    return t == NULL ? PyObject_SetItem(c, k, value) : rc_item_set(t, c, k, value);
}

static PyMappingMethods rc_item_mapping = {
    .mp_subscript = rc_proxy_item_get,
    .mp_ass_subscript = rc_proxy_item_set,
};

static PyTypeObject rc_item_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "atomicpy.race.engine.engine._Items",
    .tp_basicsize = sizeof(rc_proxy),
    .tp_dealloc = rc_proxy_dealloc,
    .tp_traverse = rc_proxy_traverse,
    .tp_as_mapping = &rc_item_mapping,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
};

/* A second argument means a `^=`. */
RC_CALL(rc_call_item)
{
    (void)module;
    if (n != 2 && rc_wrong_count("_race_item__", n, 1)) {
        return NULL;
    }
    rc_thread *t = rc_recording_thread();
    if (t == NULL || rc_container_of(t, args[0]) == RC_NO_CONTAINER) {
        return Py_NewRef(args[0]);
    }
    return rc_proxy_new(&rc_item_type, args[0], n == 2);
}

#endif
