/* SPDX-License-Identifier: MIT
 *
 * rh_locks.h: traced locks: threading's Lock and RLock with a clock. A release happens before a later acquire of the
 * lock.
 *
 *   1. The clock is released before the raw lock is. So a thread that acquires the raw lock afterwards finds the
 *      release in the clock.
 *   2. The clock is acquired after the raw lock was, and only if it was.
 *
 * Attributes, errors, repr, and the refusal to be pickled are the raw lock's. The types are written in C: `with lock:`
 * costs little, and no frame of the detector is on the stack of a thread that waits or raises.
 */
#ifndef RH_LOCKS_H
#define RH_LOCKS_H

#include "rh_ownership.h"

typedef struct {
    PyObject_HEAD
    PyObject *raw;
    rc_sync *sync;
    PyObject *weak;
} rh_lock;

static void rh_lock_dealloc(PyObject *self)
{
    rh_lock *l = (rh_lock *)self;
    if (l->weak != NULL) {
        PyObject_ClearWeakRefs(self);
    }
    Py_CLEAR(l->raw);
    rc_sync_unref(l->sync);
    Py_TYPE(self)->tp_free(self);
}

/* A raw kind of lock as it was before the detector: what makes one, its type, and the methods of the type. */
typedef struct {
    PyObject *make;
    PyTypeObject *type;
    PyObject *acquire, *release, *save, *restore; /* the last two of the RLock alone */
} rh_raw_kind;

static rh_raw_kind rh_raw_lock, rh_raw_rlock;

static PyTypeObject rh_lock_type, rh_rlock_type;

static inline const rh_raw_kind *rh_raw_kind_of(const void *type)
{
    return type == (const void *)&rh_rlock_type ? &rh_raw_rlock : &rh_raw_lock;
}

/* A traced lock of the raw one, with that clock. Takes both references. */
static PyObject *rh_traced(PyTypeObject *type, PyObject *raw, rc_sync *sync)
{
    rh_lock *l = raw == NULL ? NULL : (rh_lock *)type->tp_alloc(type, 0);
    if (l == NULL) {
        Py_XDECREF(raw);
        rc_sync_unref(sync);
        return NULL;
    }
    l->raw = raw;
    l->sync = sync;
    return (PyObject *)l;
}

/* threading.Lock(): the program gets a traced lock, the standard library a raw one. */
static PyObject *rh_lock_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
    PyObject *raw = PyObject_Call(rh_raw_kind_of(type)->make, args, named);
    int ours = raw == NULL ? -1 : rh_called_by_program(true);
    if (ours < 0) {
        Py_CLEAR(raw);
    }
    return ours > 0 ? rh_traced(type, raw, rc_sync_new()) : raw;
}

/* `isinstance(lock, threading.Lock)` is true of the library's locks too. */
static PyObject *rh_is_lock(PyObject *cls, PyObject *obj)
{
    return PyBool_FromLong(Py_IS_TYPE(obj, (PyTypeObject *)cls) || Py_IS_TYPE(obj, rh_raw_kind_of(cls)->type));
}

static PyMethodDef rh_kind_methods[] = {
    {"__instancecheck__", rh_is_lock, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject rh_kind_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "atomicpy.race.engine.engine._Kind",
    .tp_methods = rh_kind_methods,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
};

static inline void rh_clock_acquire(PyObject *self)
{
    if (rc_get_mode() != RC_OFF) {
        rc_acquire(rc_this_thread(), ((rh_lock *)self)->sync);
    }
}

static inline void rh_clock_release(PyObject *self)
{
    if (rc_get_mode() != RC_OFF) {
        rc_release(rc_this_thread(), ((rh_lock *)self)->sync);
    }
}

/* Calls a method of the raw lock with the arguments. It is the original method: the type may have a hook by now, which
 * is for locks without a clock. */
static PyObject *rh_call_raw(PyObject *self, PyObject *method, PyObject *const *args, Py_ssize_t n, PyObject *names)
{
    PyObject *few[4] = {((rh_lock *)self)->raw};
    Py_ssize_t total = n + (names == NULL ? 0 : PyTuple_GET_SIZE(names));
    if (total > 3) { /* more than any method takes: with three arguments it raises the error too */
        total = n = 3;
        names = NULL;
    }
    memcpy(few + 1, args, total * sizeof *args);
    return PyObject_Vectorcall(method, few, n + 1, names);
}

static PyObject *rh_lock_acquire(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *names)
{
    PyObject *got = rh_call_raw(self, rh_raw_kind_of(Py_TYPE(self))->acquire, args, n, names);
    if (got == Py_True) {
        rh_clock_acquire(self);
    }
    return got;
}

static PyObject *rh_lock_enter(PyObject *self, PyObject *none)
{
    (void)none;
    return rh_lock_acquire(self, NULL, 0, NULL);
}

static PyObject *rh_lock_release(PyObject *self, PyObject *none)
{
    (void)none;
    rh_clock_release(self);
    return rh_call_raw(self, rh_raw_kind_of(Py_TYPE(self))->release, NULL, 0, NULL);
}

static PyObject *rh_lock_exit(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    (void)args;
    (void)n;
    return rh_lock_release(self, NULL);
}

static PyObject *rh_lock_save(PyObject *self, PyObject *none)
{
    (void)none;
    rh_clock_release(self);
    return rh_call_raw(self, rh_raw_kind_of(Py_TYPE(self))->save, NULL, 0, NULL);
}

static PyObject *rh_lock_restore(PyObject *self, PyObject *saved)
{
    PyObject *result = rh_call_raw(self, rh_raw_kind_of(Py_TYPE(self))->restore, &saved, 1, NULL);
    if (result != NULL) {
        rh_clock_acquire(self);
    }
    return result;
}

static PyObject *rh_lock_reduce(PyObject *self, PyObject *protocol)
{
    return PyObject_CallMethod(((rh_lock *)self)->raw, "__reduce_ex__", "O", protocol);
}

static PyObject *rh_lock_repr(PyObject *self) { return PyObject_Repr(((rh_lock *)self)->raw); }

static PyObject *rh_lock_get(PyObject *self, PyObject *name)
{
    PyObject *value = PyObject_GenericGetAttr(self, name);
    if (value == NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
        value = PyObject_GetAttr(((rh_lock *)self)->raw, name);
    }
    return value;
}

#define RH_METHOD(name, function, flags) {name, (PyCFunction)(void (*)(void))(function), flags, NULL}

#define RH_LOCK_METHODS                                                                                         \
    RH_METHOD("acquire", rh_lock_acquire, METH_FASTCALL | METH_KEYWORDS),                                       \
        RH_METHOD("release", rh_lock_release, METH_NOARGS), RH_METHOD("__enter__", rh_lock_enter, METH_NOARGS), \
        RH_METHOD("__exit__", rh_lock_exit, METH_FASTCALL), RH_METHOD("__reduce_ex__", rh_lock_reduce, METH_O)

static PyMethodDef rh_lock_methods[] = {
    RH_LOCK_METHODS,
    RH_METHOD("acquire_lock", rh_lock_acquire, METH_FASTCALL | METH_KEYWORDS), /* old names */
    RH_METHOD("release_lock", rh_lock_release, METH_NOARGS),
    {NULL, NULL, 0, NULL},
};

static PyMethodDef rh_rlock_methods[] = {
    RH_LOCK_METHODS,
    RH_METHOD("_release_save", rh_lock_save, METH_NOARGS), /* Condition.wait() releases all levels at once */
    RH_METHOD("_acquire_restore", rh_lock_restore, METH_O),
    {NULL, NULL, 0, NULL},
};

/* Names, and that no class can inherit from a lock, are as in the standard library. */
#define RH_LOCK_TYPE(NAME, METHODS)                                \
    {                                                              \
        PyVarObject_HEAD_INIT(&rh_kind_type, 0).tp_name = NAME,    \
        .tp_basicsize = sizeof(rh_lock),                           \
        .tp_dealloc = rh_lock_dealloc,                             \
        .tp_weaklistoffset = offsetof(rh_lock, weak),              \
        .tp_repr = rh_lock_repr,                                   \
        .tp_getattro = rh_lock_get,                                \
        .tp_methods = METHODS,                                     \
        .tp_new = rh_lock_new,                                     \
        .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, \
    }

static PyTypeObject rh_lock_type = RH_LOCK_TYPE("_thread.lock", rh_lock_methods);
static PyTypeObject rh_rlock_type = RH_LOCK_TYPE("_thread.RLock", rh_rlock_methods);

/* ---- the names for engine.pyx ---------------------------------------------------------------------------------- */

static PyObject *rh_traced_of(PyObject *module, PyObject *raw)
{
    (void)module;
    PyTypeObject *type = Py_IS_TYPE(raw, rh_raw_rlock.type) ? &rh_rlock_type : &rh_lock_type;
    return rh_traced(type, Py_NewRef(raw),
                     rc_sync_of((size_t)raw)); /* all traced locks of one raw lock share its clock */
}

static PyMethodDef rh_functions[] = {
    {"traced", rh_traced_of, METH_O,
     PyDoc_STR("traced(raw, /)\n--\n\nThe raw Lock or RLock as a traced lock, for any caller.")},
    {"for_the_program", rh_for_the_program, METH_NOARGS,
     PyDoc_STR("for_the_program()\n--\n\n"
               "Whether the nearest caller outside the detector is no part of the standard library.")},
    {"set_ownership", rh_set_ownership, METH_O,
     PyDoc_STR("set_ownership(function, /)\n--\n\n"
               "Let function(file) decide whose a file is: True, the program's; False, the library's; None, the "
               "detector's.")},
    {NULL, NULL, 0, NULL},
};

static int rh_find_raw_kind(rh_raw_kind *kind, PyObject *threading, const char *name)
{
    static const char *const names[] = {"acquire", "release", "_release_save", "_acquire_restore"};
    PyObject **const methods[] = {&kind->acquire, &kind->release, &kind->save, &kind->restore};
    kind->make = PyObject_GetAttrString(threading, name);
    PyObject *one = kind->make == NULL ? NULL : PyObject_CallNoArgs(kind->make);
    if (one == NULL) {
        return -1;
    }
    kind->type = (PyTypeObject *)Py_NewRef(Py_TYPE(one));
    Py_DECREF(one);
    for (int i = 0; i < (kind == &rh_raw_lock ? 2 : 4); i++) {
        if ((*methods[i] = PyObject_GetAttrString((PyObject *)kind->type, names[i])) == NULL) {
            return -1;
        }
    }
    return 0;
}

/* Called once, when the module is imported. A dict of the names. */
static PyObject *rh_make_types(void)
{
    struct {
        const char *name;
        PyTypeObject *type;
    } types[] = {
        {"Hook", &rh_hook_type},  {NULL, &rh_builtin_hook_type}, {"Each", &rh_each_type},
        {"_Kind", &rh_kind_type}, {"TracedLock", &rh_lock_type}, {"TracedRLock", &rh_rlock_type},
    };
    PyObject *names = PyDict_New(), *threading = PyImport_ImportModule("threading");
    rh_files = PyDict_New();
    if (names == NULL || threading == NULL || rh_files == NULL || rh_find_raw_kind(&rh_raw_lock, threading, "Lock") < 0
        || rh_find_raw_kind(&rh_raw_rlock, threading, "RLock") < 0) {
        return NULL;
    }
    Py_DECREF(threading);
    rh_kind_type.tp_base = &PyType_Type;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (PyType_Ready(types[i].type) < 0
            || (types[i].name != NULL && PyDict_SetItemString(names, types[i].name, (PyObject *)types[i].type) < 0)) {
            return NULL;
        }
    }
    for (PyMethodDef *d = rh_functions; d->ml_name != NULL; d++) {
        PyObject *f = PyCFunction_New(d, NULL);
        if (f == NULL || PyDict_SetItemString(names, d->ml_name, f) < 0) {
            return NULL;
        }
        Py_DECREF(f);
    }
    return names;
}

#endif
