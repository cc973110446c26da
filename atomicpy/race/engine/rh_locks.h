/* SPDX-License-Identifier: MIT
 *
 * rh_locks.h: threading's Lock and RLock with a clock: a release comes before the acquire that got it after.
 *
 * In C, so that `with lock:` costs little and no frame of ours is on the stack while a thread waits or an error is raised.
 * All but what orders something is the bare lock's: attributes, errors, repr, the refusal to be pickled. A release is told
 * to the clock before the lock is given up: who gets it after finds it there. An acquire learns when it has the lock.
 */
#ifndef RH_LOCKS_H
#define RH_LOCKS_H

#include "rh_around.h"

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
    rc_sync_leave(l->sync);
    Py_TYPE(self)->tp_free(self);
}

/* The bare locks as they were before the detector: what makes one, their type, and its methods. */
typedef struct {
    PyObject *make;
    PyTypeObject *type;
    PyObject *acquire, *release, *save, *restore; /* the last two: of the RLock alone */
} rh_bare;

static rh_bare rh_bare_lock, rh_bare_rlock;

static PyTypeObject rh_lock_type, rh_rlock_type;

static inline const rh_bare *rh_bare_of(const void *type)
{
    return type == (const void *)&rh_rlock_type ? &rh_bare_rlock : &rh_bare_lock;
}

/* The bare lock in one of ours, with that clock. Takes over the references. */
static PyObject *rh_traced(PyTypeObject *type, PyObject *raw, rc_sync *sync)
{
    rh_lock *l = raw == NULL ? NULL : (rh_lock *)type->tp_alloc(type, 0);
    if (l == NULL) {
        Py_XDECREF(raw);
        rc_sync_leave(sync);
        return NULL;
    }
    l->raw = raw;
    l->sync = sync;
    return (PyObject *)l;
}

/* threading.Lock(): the library gets a bare one. */
static PyObject *rh_lock_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
    PyObject *raw = PyObject_Call(rh_bare_of(type)->make, args, named);
    int ours = raw == NULL ? -1 : rh_by_program(true);
    if (ours < 0) {
        Py_CLEAR(raw);
    }
    return ours > 0 ? rh_traced(type, raw, rc_sync_new()) : raw;
}

/* `isinstance(lock, threading.Lock)` is true of the library's locks too. */
static PyObject *rh_is_lock(PyObject *cls, PyObject *obj)
{
    return PyBool_FromLong(Py_IS_TYPE(obj, (PyTypeObject *)cls) || Py_IS_TYPE(obj, rh_bare_of(cls)->type));
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

static inline void rh_learn(PyObject *self)
{
    if (rc_get_mode() != RC_OFF) {
        rc_acquire(rc_this_thread(), ((rh_lock *)self)->sync);
    }
}

static inline void rh_publish(PyObject *self)
{
    if (rc_get_mode() != RC_OFF) {
        rc_release(rc_this_thread(), ((rh_lock *)self)->sync);
    }
}

/* The method of the bare lock, with our arguments. As it was: what stands in its type now is told of those without a clock. */
static PyObject *rh_raw(PyObject *self, PyObject *method, PyObject *const *args, Py_ssize_t n, PyObject *names)
{
    PyObject *few[4] = {((rh_lock *)self)->raw};
    Py_ssize_t total = n + (names == NULL ? 0 : PyTuple_GET_SIZE(names));
    if (total > 3) { /* more than any of them takes: it says so */
        total = n = 3;
        names = NULL;
    }
    memcpy(few + 1, args, total * sizeof *args);
    return PyObject_Vectorcall(method, few, n + 1, names);
}

static PyObject *rh_lock_acquire(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *names)
{
    PyObject *got = rh_raw(self, rh_bare_of(Py_TYPE(self))->acquire, args, n, names);
    if (got == Py_True) {
        rh_learn(self);
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
    rh_publish(self);
    return rh_raw(self, rh_bare_of(Py_TYPE(self))->release, NULL, 0, NULL);
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
    rh_publish(self);
    return rh_raw(self, rh_bare_of(Py_TYPE(self))->save, NULL, 0, NULL);
}

static PyObject *rh_lock_restore(PyObject *self, PyObject *saved)
{
    PyObject *result = rh_raw(self, rh_bare_of(Py_TYPE(self))->restore, &saved, 1, NULL);
    if (result != NULL) {
        rh_learn(self);
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

#define RH_LOCK_METHODS                                                        \
    RH_METHOD("acquire", rh_lock_acquire, METH_FASTCALL | METH_KEYWORDS),      \
        RH_METHOD("release", rh_lock_release, METH_NOARGS),                    \
        RH_METHOD("__enter__", rh_lock_enter, METH_NOARGS),                    \
        RH_METHOD("__exit__", rh_lock_exit, METH_FASTCALL),                    \
        RH_METHOD("__reduce_ex__", rh_lock_reduce, METH_O)

static PyMethodDef rh_lock_methods[] = {
    RH_LOCK_METHODS,
    RH_METHOD("acquire_lock", rh_lock_acquire, METH_FASTCALL | METH_KEYWORDS), /* old names */
    RH_METHOD("release_lock", rh_lock_release, METH_NOARGS),
    {NULL, NULL, 0, NULL},
};

static PyMethodDef rh_rlock_methods[] = {
    RH_LOCK_METHODS,
    RH_METHOD("_release_save", rh_lock_save, METH_NOARGS), /* a condition lets it go as a whole */
    RH_METHOD("_acquire_restore", rh_lock_restore, METH_O),
    {NULL, NULL, 0, NULL},
};

/* The names are those of the library's, and so is that nobody can inherit from a lock. */
#define RH_LOCK_TYPE(NAME, METHODS)                                                                           \
    {                                                                                                         \
        PyVarObject_HEAD_INIT(&rh_kind_type, 0).tp_name = NAME, .tp_basicsize = sizeof(rh_lock),              \
        .tp_dealloc = rh_lock_dealloc, .tp_weaklistoffset = offsetof(rh_lock, weak), .tp_repr = rh_lock_repr, \
        .tp_getattro = rh_lock_get, .tp_methods = METHODS, .tp_new = rh_lock_new,                             \
        .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,                                            \
    }

static PyTypeObject rh_lock_type = RH_LOCK_TYPE("_thread.lock", rh_lock_methods);
static PyTypeObject rh_rlock_type = RH_LOCK_TYPE("_thread.RLock", rh_rlock_methods);

/* ---- what engine.pyx takes ---------------------------------------------------------------------------------------- */

static PyObject *rh_traced_of(PyObject *module, PyObject *raw)
{
    (void)module;
    PyTypeObject *type = Py_IS_TYPE(raw, rh_bare_rlock.type) ? &rh_rlock_type : &rh_lock_type;
    return rh_traced(type, Py_NewRef(raw), rc_sync_of((size_t)raw)); /* who has the bare one shares the clock */
}

static PyMethodDef rh_functions[] = {
    {"traced", rh_traced_of, METH_O,
     PyDoc_STR("traced(raw, /)\n--\n\nThe bare Lock or RLock as one of the program's, whoever asks.")},
    {"for_the_program", rh_for_the_program, METH_NOARGS,
     PyDoc_STR("for_the_program()\n--\n\n"
               "Whether the nearest caller outside the detector is no part of the standard library.")},
    {"set_whose", rh_set_whose, METH_O,
     PyDoc_STR("set_whose(function, /)\n--\n\n"
               "Let function(file) say whose code is in a file: True, the program's; False, the library's; None, ours.")},
    {NULL, NULL, 0, NULL},
};

static int rh_find_bare(rh_bare *bare, PyObject *threading, const char *name)
{
    static const char *const names[] = {"acquire", "release", "_release_save", "_acquire_restore"};
    PyObject **const methods[] = {&bare->acquire, &bare->release, &bare->save, &bare->restore};
    bare->make = PyObject_GetAttrString(threading, name);
    PyObject *one = bare->make == NULL ? NULL : PyObject_CallNoArgs(bare->make);
    if (one == NULL) {
        return -1;
    }
    bare->type = (PyTypeObject *)Py_NewRef(Py_TYPE(one));
    Py_DECREF(one);
    for (int i = 0; i < (bare == &rh_bare_lock ? 2 : 4); i++) {
        if ((*methods[i] = PyObject_GetAttrString((PyObject *)bare->type, names[i])) == NULL) {
            return -1;
        }
    }
    return 0;
}

/* Once, when the module is imported: a dict of its names. */
static PyObject *rh_make(void)
{
    struct {
        const char *name;
        PyTypeObject *type;
    } types[] = {
        {"Around", &rh_around_type}, {NULL, &rh_unbound_type},     {"Each", &rh_each_type},
        {"_Kind", &rh_kind_type},    {"TracedLock", &rh_lock_type}, {"TracedRLock", &rh_rlock_type},
    };
    PyObject *names = PyDict_New(), *threading = PyImport_ImportModule("threading");
    rh_files = PyDict_New();
    if (names == NULL || threading == NULL || rh_files == NULL || rh_find_bare(&rh_bare_lock, threading, "Lock") < 0 ||
        rh_find_bare(&rh_bare_rlock, threading, "RLock") < 0) {
        return NULL;
    }
    Py_DECREF(threading);
    rh_kind_type.tp_base = &PyType_Type;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (PyType_Ready(types[i].type) < 0 ||
            (types[i].name != NULL && PyDict_SetItemString(names, types[i].name, (PyObject *)types[i].type) < 0)) {
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
