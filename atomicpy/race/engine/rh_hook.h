/* SPDX-License-Identifier: MIT
 *
 * rh_hook.h: a function with callbacks before and after it, which adds no frame to the stack while the function runs.
 *
 *   Hook(original, before=None, after=None, failed=None, end=None, program=False)
 *
 * A call of a hook is, in this order:
 *
 *   before(*args, **named)                      may return other (args, named) for the original, in a tuple
 *   result = original(*args, **named)
 *   result = after(result, *args, **named)      if the original returned
 *   failed(*args, **named)                      if the original raised
 *   end(*args, **named)                         in both cases
 *
 * A callback that is a method of an object written in C (clock.release, lock.acquire) is called without arguments.
 * With `program`, a call by the standard library or by the detector runs the original alone (rh_ownership.h).
 *
 * In all else a hook behaves as its original: attributes, __class__, repr and pickling are the original's, and it
 * binds as the original does. A traceback, print_stack() or inspect.stack() does not show the hook: while the original
 * runs, each callback has returned or has not begun.
 */
#ifndef RH_HOOK_H
#define RH_HOOK_H

#include <Python.h>
#include <stddef.h>

#include "rh_ownership.h"

/* ---- the call -------------------------------------------------------------------------------------------------- */

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *original, *before, *after, *failed, *end; /* NULL: none */
    PyObject *weak;
    bool program;
} rh_hook;

static int rh_traverse(PyObject *self, visitproc visit, void *arg)
{
    rh_hook *w = (rh_hook *)self;
    Py_VISIT(w->original);
    Py_VISIT(w->before);
    Py_VISIT(w->after);
    Py_VISIT(w->failed);
    Py_VISIT(w->end);
    return 0;
}

static int rh_clear(PyObject *self)
{
    rh_hook *w = (rh_hook *)self;
    Py_CLEAR(w->original);
    Py_CLEAR(w->before);
    Py_CLEAR(w->after);
    Py_CLEAR(w->failed);
    Py_CLEAR(w->end);
    return 0;
}

static void rh_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    if (((rh_hook *)self)->weak != NULL) {
        PyObject_ClearWeakRefs(self);
    }
    rh_clear(self);
    PyObject_GC_Del(self);
}

#define RH_FEW 8

/* Calls a callback; `after` gets the result before the arguments. */
static PyObject *rh_callback(PyObject *callback, PyObject *result, PyObject *const *args, Py_ssize_t n, PyObject *names)
{
    if (PyCFunction_Check(callback)) {
        return PyObject_CallNoArgs(callback);
    }
    if (result == NULL) {
        return PyObject_Vectorcall(callback, args, n, names);
    }
    PyObject *few[RH_FEW], **all = few;
    Py_ssize_t total = n + (names == NULL ? 0 : PyTuple_GET_SIZE(names));
    if (total >= RH_FEW && (all = PyMem_New(PyObject *, total + 1)) == NULL) {
        return PyErr_NoMemory();
    }
    all[0] = result;
    memcpy(all + 1, args, total * sizeof *args);
    PyObject *answer = PyObject_Vectorcall(callback, all, n + 1, names);
    if (all != few) {
        PyMem_Free(all);
    }
    return answer;
}

/* Calls `failed` or `end`. A NULL result means that the original raised: its exception is saved and restored. Takes
 * the reference to the result and returns it. */
static PyObject *rh_last_callback(PyObject *callback, PyObject *result, PyObject *const *args, Py_ssize_t n,
                                  PyObject *names)
{
    PyObject *type = NULL, *value = NULL, *trace = NULL;
    if (result == NULL) {
        PyErr_Fetch(&type, &value, &trace);
    }
    PyObject *answer = rh_callback(callback, NULL, args, n, names);
    if (answer == NULL) { /* the callback raised, or a signal handler did */
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(trace);
        Py_XDECREF(result);
        return NULL;
    }
    Py_DECREF(answer);
    if (result == NULL) {
        PyErr_Restore(type, value, trace);
    }
    return result;
}

static PyObject *rh_call(PyObject *self, PyObject *const *args, size_t nargs, PyObject *names)
{
    rh_hook *w = (rh_hook *)self;
    Py_ssize_t n = PyVectorcall_NARGS(nargs);
    if (w->original == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the garbage collector has cleared the function");
        return NULL;
    }
    if (w->program) {
        int ours = rh_called_by_program(false);
        if (ours <= 0) {
            return ours < 0 ? NULL : PyObject_Vectorcall(w->original, args, nargs, names);
        }
    }
    PyObject *instead = NULL;
    if (w->before != NULL) {
        instead = rh_callback(w->before, NULL, args, n, names);
        if (instead == NULL) {
            return NULL;
        }
        if (!PyTuple_CheckExact(instead) || PyTuple_GET_SIZE(instead) != 2
            || !PyTuple_CheckExact(PyTuple_GET_ITEM(instead, 0)) || !PyDict_CheckExact(PyTuple_GET_ITEM(instead, 1))) {
            Py_CLEAR(instead);
        }
    }
    PyObject *result = instead == NULL
                           ? PyObject_Vectorcall(w->original, args, nargs, names)
                           : PyObject_Call(w->original, PyTuple_GET_ITEM(instead, 0), PyTuple_GET_ITEM(instead, 1));
    Py_XDECREF(instead);
    if (result != NULL && w->after != NULL) {
        PyObject *old = result;
        result = rh_callback(w->after, old, args, n, names);
        Py_DECREF(old);
    } else if (result == NULL && w->failed != NULL) {
        result = rh_last_callback(w->failed, result, args, n, names);
    }
    return w->end == NULL ? result : rh_last_callback(w->end, result, args, n, names);
}

/* ---- the rest is the original's -------------------------------------------------------------------------------- */

static PyObject *rh_original(PyObject *self)
{
    PyObject *original = ((rh_hook *)self)->original;
    return original == NULL ? Py_None : original; /* NULL: cleared by the garbage collector */
}

static PyObject *rh_repr(PyObject *self) { return PyObject_Repr(rh_original(self)); }

static PyObject *rh_get_attribute(PyObject *self, PyObject *name)
{
    static const char *const own[] = {"__call__", "__get__", "__reduce__", "__reduce_ex__",
                                      "__hash__", "__eq__",  "__ne__"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        if (PyUnicode_CompareWithASCIIString(name, own[i]) == 0) {
            return PyObject_GenericGetAttr(self, name);
        }
    }
    return PyObject_GetAttr(rh_original(self), name);
}

static int rh_set_attribute(PyObject *self, PyObject *name, PyObject *value)
{
    return PyObject_SetAttr(rh_original(self), name, value);
}

/* A function is pickled by its name, and that name finds the hook. */
static PyObject *rh_reduce(PyObject *self, PyObject *none)
{
    (void)none;
    return PyObject_GetAttrString(rh_original(self), "__qualname__");
}

static PyObject *rh_bind(PyObject *self, PyObject *obj, PyObject *type)
{
    (void)type;
    return obj == NULL || obj == Py_None ? Py_NewRef(self) : PyMethod_New(self, obj);
}

static PyMethodDef rh_methods[] = {
    {"__reduce__", rh_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyObject *rh_new(PyTypeObject *type, PyObject *args, PyObject *named);

/* Two types. As an attribute of a class, the first binds to an instance, as a function does; the second does not, as a
 * builtin does not. */
#define RH_TYPE(NAME, BIND, FLAG)                                                                                    \
    {                                                                                                                \
        PyVarObject_HEAD_INIT(NULL, 0).tp_name = "atomicpy.race.engine.engine." NAME,                                \
        .tp_basicsize = sizeof(rh_hook),                                                                             \
        .tp_dealloc = rh_dealloc,                                                                                    \
        .tp_traverse = rh_traverse,                                                                                  \
        .tp_clear = rh_clear,                                                                                        \
        .tp_call = PyVectorcall_Call,                                                                                \
        .tp_vectorcall_offset = offsetof(rh_hook, call),                                                             \
        .tp_weaklistoffset = offsetof(rh_hook, weak),                                                                \
        .tp_repr = rh_repr,                                                                                          \
        .tp_str = rh_repr,                                                                                           \
        .tp_getattro = rh_get_attribute,                                                                             \
        .tp_setattro = rh_set_attribute,                                                                             \
        .tp_methods = rh_methods,                                                                                    \
        .tp_descr_get = BIND,                                                                                        \
        .tp_new = rh_new,                                                                                            \
        .tp_flags =                                                                                                  \
            Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_IMMUTABLETYPE | FLAG,  \
        .tp_doc = PyDoc_STR(NAME "(original, before=None, after=None, failed=None, end=None, program=False)\n--\n\n" \
                                 "A function with callbacks before and after it, without a frame of its own."),      \
    }

static PyTypeObject rh_hook_type = RH_TYPE("Hook", rh_bind, Py_TPFLAGS_METHOD_DESCRIPTOR);
static PyTypeObject rh_builtin_hook_type = RH_TYPE("_BuiltinHook", NULL, 0);

static PyObject *rh_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
    static char *words[] = {"original", "before", "after", "failed", "end", "program", NULL};
    PyObject *original, *before = NULL, *after = NULL, *failed = NULL, *end = NULL;
    int program = 0;
    if (!PyArg_ParseTupleAndKeywords(args, named, "O|OOOO$p", words, &original, &before, &after, &failed, &end,
                                     &program)) {
        return NULL;
    }
    if (!PyCallable_Check(original)) {
        return PyErr_Format(PyExc_TypeError, "Hook() needs a callable original, not %R", original);
    }
    type = Py_TYPE(original)->tp_descr_get != NULL ? &rh_hook_type : &rh_builtin_hook_type;
    rh_hook *w = PyObject_GC_New(rh_hook, type);
    if (w == NULL) {
        return NULL;
    }
    w->call = rh_call;
    w->original = Py_NewRef(original);
    w->before = before == Py_None ? NULL : Py_XNewRef(before);
    w->after = after == Py_None ? NULL : Py_XNewRef(after);
    w->failed = failed == Py_None ? NULL : Py_XNewRef(failed);
    w->end = end == Py_None ? NULL : Py_XNewRef(end);
    w->weak = NULL;
    w->program = program;
    PyObject_GC_Track(w);
    return (PyObject *)w;
}

/* ---- a generator, with a callback for each result before the caller gets it ------------------------------------ */

typedef struct {
    PyObject_HEAD
    PyObject *inner, *hook;
} rh_each;

static int rh_each_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((rh_each *)self)->inner);
    Py_VISIT(((rh_each *)self)->hook);
    return 0;
}

static void rh_each_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    Py_CLEAR(((rh_each *)self)->inner);
    Py_CLEAR(((rh_each *)self)->hook);
    PyObject_GC_Del(self);
}

static PyObject *rh_each_next(PyObject *self)
{
    PyObject *inner = ((rh_each *)self)->inner, *next = Py_TYPE(inner)->tp_iternext(inner);
    PyObject *answer = next == NULL ? NULL : PyObject_CallOneArg(((rh_each *)self)->hook, next);
    if (next != NULL && answer == NULL) {
        Py_CLEAR(next);
    }
    Py_XDECREF(answer);
    return next;
}

static PyObject *rh_each_get(PyObject *self, PyObject *name)
{
    if (PyUnicode_CompareWithASCIIString(name, "__next__") == 0
        || PyUnicode_CompareWithASCIIString(name, "__iter__") == 0) {
        return PyObject_GenericGetAttr(self, name);
    }
    return PyObject_GetAttr(((rh_each *)self)->inner, name);
}

static PyObject *rh_each_repr(PyObject *self) { return PyObject_Repr(((rh_each *)self)->inner); }

static PyObject *rh_each_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
    static char *words[] = {"generator", "hook", NULL};
    PyObject *inner, *hook;
    (void)type;
    if (!PyArg_ParseTupleAndKeywords(args, named, "O!O", words, &PyGen_Type, &inner, &hook)) {
        return NULL;
    }
    rh_each *e = PyObject_GC_New(rh_each, type);
    if (e == NULL) {
        return NULL;
    }
    e->inner = Py_NewRef(inner);
    e->hook = Py_NewRef(hook);
    PyObject_GC_Track(e);
    return (PyObject *)e;
}

static PyTypeObject rh_each_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "atomicpy.race.engine.engine.Each",
    .tp_basicsize = sizeof(rh_each),
    .tp_dealloc = rh_each_dealloc,
    .tp_traverse = rh_each_traverse,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = rh_each_next,
    .tp_getattro = rh_each_get,
    .tp_repr = rh_each_repr,
    .tp_new = rh_each_new,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .tp_doc = PyDoc_STR(
        "Each(generator, hook)\n--\n\nThe generator; `hook` is called with each result before the caller gets it."),
};

#endif
