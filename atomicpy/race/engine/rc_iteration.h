/* SPDX-License-Identifier: MIT
 *
 * rc_iteration.h: the calls of instrumented code for `for`, and for methods that change a container.
 */
#ifndef RC_ITERATION_H
#define RC_ITERATION_H

#include "rc_items.h"

/* ---- iteration: each step reads the set of keys, and the item that it visits ----------------------------------- */

enum { RC_OVER_KEYS, RC_OVER_VALUES, RC_OVER_ITEMS, RC_OVER_INDICES };

/* The layout of a view of a dict, whose definition is internal to CPython; the same since 3.0. */
typedef struct {
    PyObject_HEAD
    PyObject *dict;
} rc_view;

/* Does each kind of view have this layout? The answer cannot change while the process runs. */
static int rc_views_work(void)
{
    static const char *const views[] = {"keys", "values", "items"};
    PyTypeObject *const types[] = {&PyDict_Type, rc_ordered_type};
    int work = 1;
    for (int i = 0; i < 6 && work; i++) {
        PyObject *dict = PyObject_CallNoArgs((PyObject *)types[i / 3]);
        PyObject *view = dict == NULL ? NULL : PyObject_CallMethod(dict, views[i % 3], NULL);
        work = view != NULL && Py_TYPE(view)->tp_basicsize == (Py_ssize_t)sizeof(rc_view)
               && ((rc_view *)view)->dict == dict;
        Py_XDECREF(view);
        Py_XDECREF(dict);
    }
    return work;
}

typedef struct {
    PyObject_HEAD
    PyObject *under, *inner; /* the container and its own iterator */
    Py_ssize_t index;
    uint8_t over, rule;
} rc_iter;

static void rc_iter_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    Py_CLEAR(((rc_iter *)self)->under);
    Py_CLEAR(((rc_iter *)self)->inner);
    PyObject_GC_Del(self);
}

static int rc_iter_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((rc_iter *)self)->under);
    Py_VISIT(((rc_iter *)self)->inner);
    return 0;
}

static PyObject *rc_iter_next(PyObject *self)
{
    rc_iter *it = (rc_iter *)self;
    rc_thread *t = rc_recording_thread();
    if (t != NULL && it->over != RC_OVER_INDICES) {
        rc_access_keys(t, it->under, false);
    }
    PyObject *next = Py_TYPE(it->inner)->tp_iternext(it->inner);
    if (next == NULL) {
        return NULL;
    }
    if (t != NULL) {
        switch (it->over) {
        case RC_OVER_INDICES: {
            uint64_t id = (uint64_t)it->index++;
            if (!rc_same_epoch(t, (uintptr_t)it->under, RC_INDEX, id, false)) {
                PyObject *index = PyLong_FromUnsignedLongLong(id);
                if (index != NULL) {
                    rc_access_item(t, it->under, it->rule, index, false);
                    Py_DECREF(index);
                }
                PyErr_Clear();
            }
            break;
        }
        case RC_OVER_VALUES:
        case RC_OVER_ITEMS:
            rc_access_item(t, it->under, it->rule, PyTuple_GET_ITEM(next, 0), false);
            break;
        default: /* the keys alone: the values under them are not read */
            break;
        }
    }
    if (it->over == RC_OVER_VALUES) {
        PyObject *value = Py_NewRef(PyTuple_GET_ITEM(next, 1));
        Py_DECREF(next);
        return value;
    }
    return next;
}

static PyTypeObject rc_iter_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "atomicpy.race.engine.engine._Iteration",
    .tp_basicsize = sizeof(rc_iter),
    .tp_dealloc = rc_iter_dealloc,
    .tp_traverse = rc_iter_traverse,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = rc_iter_next,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
};

RC_CALL(rc_call_iter)
{
    (void)module;
    if (rc_wrong_count("_race_iter__", n, 1)) {
        return NULL;
    }
    PyObject *c = args[0], *under = c;
    PyTypeObject *type = Py_TYPE(c);
    getiterfunc goes = type->tp_iter; /* of a subclass: inherited, or its own */
    uint8_t over;
    rc_thread *t = rc_recording_thread();
    if (t == NULL) {
        return Py_NewRef(c);
    }
    bool keys = type == &PyDictKeys_Type || type == &PyODictKeys_Type;
    bool values = type == &PyDictValues_Type || type == &PyODictValues_Type;
    bool items = type == &PyDictItems_Type || type == &PyODictItems_Type;
    if (keys || goes == PyDict_Type.tp_iter || goes == rc_ordered_type->tp_iter
        || (goes == PySet_Type.tp_iter && PySet_Check(c))) {
        over = RC_OVER_KEYS;
    } else if (goes == PyList_Type.tp_iter || goes == rc_deque_type->tp_iter) {
        over = RC_OVER_INDICES;
    } else if (values) {
        over = RC_OVER_VALUES;
    } else if (items) {
        over = RC_OVER_ITEMS;
    } else {
        return Py_NewRef(c);
    }
    PyObject *iterated = c, *inner = NULL;
    if (keys || values || items) {
        under = ((rc_view *)c)->dict;
    }
    uint8_t rule = over == RC_OVER_KEYS ? RC_NO_CONTAINER : rc_container_of(t, under);
    if (over != RC_OVER_KEYS && !(rule & RC_GETS)) {
        return Py_NewRef(c); /* its items are no locations */
    }
    if (over == RC_OVER_VALUES) { /* the item that a value belongs to is named by its key */
        PyTypeObject *of = type == &PyDictValues_Type ? &PyDict_Type : rc_ordered_type;
        iterated = PyObject_CallMethod((PyObject *)of, "items", "O", under);
        inner = iterated == NULL ? NULL : PyObject_GetIter(iterated);
        Py_XDECREF(iterated);
    } else {
        inner = PyObject_GetIter(c);
    }
    rc_iter *it = inner == NULL ? NULL : PyObject_GC_New(rc_iter, &rc_iter_type);
    if (it == NULL) {
        Py_XDECREF(inner);
        return NULL;
    }
    it->under = Py_NewRef(under);
    it->inner = inner;
    it->index = 0;
    it->over = over;
    it->rule = rule;
    PyObject_GC_Track(it);
    if (over != RC_OVER_INDICES) {
        rc_access_keys(t, under, false);
    }
    return (PyObject *)it;
}

/* ---- methods --------------------------------------------------------------------------------------------------- */

enum { RC_CHANGES_KEYS, RC_FLIPS_KEYS, RC_INSERTS, RC_REMOVES };

typedef struct {
    PyObject_HEAD
    PyObject *method; /* bound */
    vectorcallfunc call;
    uint8_t effect;
} rc_method;

/* s.symmetric_difference_update(x) may change the keys and not their number. Where x is neither a set nor a dict, the
 * method makes a set of it first. So does this function, and calls the method with that set: x is iterated once, and
 * it is certain whether x is empty. */
static PyObject *rc_flip_keys(PyObject *method, PyObject *c, PyObject *x, Py_ssize_t *before)
{
    PyObject *made = PyAnySet_Check(x) || PyDict_CheckExact(x) ? Py_NewRef(x) : PySet_New(x);
    if (made == NULL) {
        return NULL;
    }
    bool some = PyDict_CheckExact(made) ? PyDict_GET_SIZE(made) > 0 : rc_is_some_set(made);
    PyObject *result = PyObject_CallOneArg(method, made);
    if (some && result != NULL) {
        *before = RC_CHANGES;
    }
    Py_DECREF(made);
    return result;
}

static PyObject *rc_method_call(PyObject *self, PyObject *const *args, size_t nargs, PyObject *names)
{
    rc_method *m = (rc_method *)self;
    PyObject *c = PyCFunction_GET_SELF(m->method);
    rc_thread *t = rc_recording_thread();
    if (t == NULL) {
        return PyObject_Vectorcall(m->method, args, nargs, names);
    }
    if (m->effect == RC_CHANGES_KEYS || m->effect == RC_FLIPS_KEYS) {
        Py_ssize_t before = rc_n_of(c);
        bool flips = m->effect == RC_FLIPS_KEYS && PyVectorcall_NARGS(nargs) == 1 && names == NULL;
        PyObject *result =
            flips ? rc_flip_keys(m->method, c, args[0], &before) : PyObject_Vectorcall(m->method, args, nargs, names);
        if (rc_n_of(c) != before) { /* also where it raised half way */
            PyObject *error = PyErr_GetRaisedException();
            rc_access_keys(t, c, true);
            PyErr_SetRaisedException(error);
        }
        return result;
    }
    /* An insertion happens before a removal after it. */
    rc_sync *s = rc_sync_of((uintptr_t)c);
    if (m->effect == RC_INSERTS) {
        rc_release(t, s);
    }
    PyObject *result = PyObject_Vectorcall(m->method, args, nargs, names);
    if (m->effect == RC_REMOVES && result != NULL) {
        rc_acquire(t, s);
    }
    rc_sync_unref(s);
    return result;
}

/* `s |= more`, for a name, becomes `s |= _race_before__(more, s)` and then `_race_after__(s)`. It is one step, as the
 * method that does the same: it writes the set of keys if their number changes, and an insertion into a list or deque
 * happens before a removal after it. A third argument means `^=`. There s is None for an attribute or item: their
 * proxy compares the keys. */
RC_CALL(rc_call_before)
{
    (void)module;
    if (n != 3 && rc_wrong_count("_race_before__", n, 2)) {
        return NULL;
    }
    rc_thread *t = rc_recording_thread();
    if (t != NULL) {
        PyObject *c = args[1];
        bool flips = n == 3 && rc_is_some_set(args[0]);
        t->changing = NULL;
        t->size = flips ? RC_CHANGES : 0;
        if (rc_has_keys(c)) {
            t->changing = c;
            t->size = flips && rc_flips(c) ? RC_CHANGES : rc_n_of(c);
        } else if (PyList_Check(c) || PyObject_TypeCheck(c, rc_deque_type)) {
            rc_sync *s = rc_sync_of((uintptr_t)c);
            rc_release(t, s);
            rc_sync_unref(s);
        }
    }
    return Py_NewRef(args[0]);
}

RC_CALL(rc_call_after)
{
    (void)module;
    if (rc_wrong_count("_race_after__", n, 1)) {
        return NULL;
    }
    rc_thread *t = rc_recording_thread();
    if (t != NULL && t->changing == args[0] && rc_n_of(args[0]) != t->size) {
        rc_access_keys(t, args[0], true);
    }
    Py_RETURN_NONE;
}

static void rc_method_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    Py_CLEAR(((rc_method *)self)->method);
    PyObject_GC_Del(self);
}

static int rc_method_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((rc_method *)self)->method);
    return 0;
}

static PyTypeObject rc_method_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "atomicpy.race.engine.engine._Method",
    .tp_basicsize = sizeof(rc_method),
    .tp_dealloc = rc_method_dealloc,
    .tp_traverse = rc_method_traverse,
    .tp_call = PyVectorcall_Call,
    .tp_vectorcall_offset = offsetof(rc_method, call),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_IMMUTABLETYPE
                | Py_TPFLAGS_DISALLOW_INSTANTIATION,
};

RC_CALL(rc_call_method)
{
    (void)module;
    if (rc_wrong_count("_race_method__", n, 2)) {
        return NULL;
    }
    PyObject *obj = args[0], *name = args[1];
    rc_thread *t = rc_recording_thread();
    if (t == NULL) {
        return PyObject_GetAttr(obj, name);
    }
    rc_attribute(t, obj, name, false);
    PyObject *method = PyObject_GetAttr(obj, name);
    if (method == NULL || !PyCFunction_Check(method) || PyCFunction_GET_SELF(method) != obj) {
        return method;
    }
    uint8_t effect;
    if (PyDict_Check(obj) || PySet_Check(obj)) {
        const char *flips = "symmetric_difference_update";
        effect = PySet_Check(obj) && PyUnicode_EqualToUTF8(name, flips) && rc_is_of(Py_TYPE(obj), flips, &PySet_Type)
                     ? RC_FLIPS_KEYS
                     : RC_CHANGES_KEYS;
    } else if (PyList_Check(obj) || PyObject_TypeCheck(obj, rc_deque_type)) {
        const char *text = PyUnicode_AsUTF8(name);
        if (text == NULL || strncmp(text, "pop", 3) == 0) {
            effect = RC_REMOVES;
        } else if (strncmp(text, "append", 6) == 0 || strncmp(text, "extend", 6) == 0 || strcmp(text, "insert") == 0) {
            effect = RC_INSERTS;
        } else {
            return method;
        }
    } else {
        return method;
    }
    rc_method *m = PyObject_GC_New(rc_method, &rc_method_type);
    if (m == NULL) {
        Py_DECREF(method);
        return NULL;
    }
    m->method = method;
    m->call = rc_method_call;
    m->effect = effect;
    PyObject_GC_Track(m);
    return (PyObject *)m;
}

#endif
