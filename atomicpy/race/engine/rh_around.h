/* SPDX-License-Identifier: MIT
 *
 * rh_around.h: a function with something before and behind it, and no frame on the stack while it runs.
 *
 *   Around(original, before=None, after=None, failed=None, end=None, program=False)
 *
 * A call of it is, in this order:
 *   before(*args, **named)         may give back two other (args, named) for the original, in a tuple
 *   result = original(*args, **named)
 *   result = after(result, *args, **named)      if it came back
 *   failed(*args, **named)                      if it raised something
 *   end(*args, **named)                         either way
 * A hook that is a method of an object written in C (clock.release, lock.acquire) is called without arguments. With
 * `program`, the hooks are left out where the standard library calls, or the detector itself (see rh_by_program).
 *
 * In all else it is its original: attributes, __class__, repr, pickling are the original's, and it binds as that does. A
 * traceback, print_stack() or inspect.stack() shows nothing of it: the hooks have returned by then, or have not begun.
 */
#ifndef RH_AROUND_H
#define RH_AROUND_H

#include <Python.h>
#include <stddef.h>

/* ---- who calls: the program, or the standard library for itself --------------------------------------------------- */

static PyObject *rh_whose; /* a function: file name -> True (the program's), False (the library's), None (our own) */
static PyObject *rh_files; /* what it has said */

/* Whether the nearest caller, or with `outside` the nearest outside the detector, is of the program: no part of the
 * standard library. -1: an exception. */
static int rh_by_program(bool outside)
{
#if PY_VERSION_HEX >= 0x030D0000
    for (rc_frame *f = rc_top_frame(); f != NULL && rh_whose != NULL; f = f->previous) {
        PyCodeObject *code = rc_code_of(f);
        if (code == NULL) {
            continue;
        }
        PyObject *verdict;
        int known = PyDict_GetItemRef(rh_files, code->co_filename, &verdict);
        if (known == 0) {
            verdict = PyObject_CallOneArg(rh_whose, code->co_filename);
            if (verdict != NULL && PyDict_SetItem(rh_files, code->co_filename, verdict) < 0) {
                Py_CLEAR(verdict);
            }
        }
        if (verdict == NULL) {
            return -1;
        }
        Py_DECREF(verdict); /* one of three that are for good */
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
    int answer = rh_by_program(true);
    return answer < 0 ? NULL : PyBool_FromLong(answer);
}

static PyObject *rh_set_whose(PyObject *module, PyObject *function)
{
    (void)module;
    Py_XSETREF(rh_whose, Py_NewRef(function));
    PyDict_Clear(rh_files);
    Py_RETURN_NONE;
}

/* ---- the wrapper --------------------------------------------------------------------------------------------------- */

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *original, *before, *after, *failed, *end; /* NULL: none */
    PyObject *weak;
    bool program;
} rh_around;

static int rh_traverse(PyObject *self, visitproc visit, void *arg)
{
    rh_around *w = (rh_around *)self;
    Py_VISIT(w->original);
    Py_VISIT(w->before);
    Py_VISIT(w->after);
    Py_VISIT(w->failed);
    Py_VISIT(w->end);
    return 0;
}

static int rh_clear(PyObject *self)
{
    rh_around *w = (rh_around *)self;
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
    if (((rh_around *)self)->weak != NULL) {
        PyObject_ClearWeakRefs(self);
    }
    rh_clear(self);
    PyObject_GC_Del(self);
}

#define RH_FEW 8

static PyObject *rh_hook(PyObject *hook, PyObject *result, PyObject *const *args, Py_ssize_t n, PyObject *names)
{
    if (PyCFunction_Check(hook)) {
        return PyObject_CallNoArgs(hook);
    }
    if (result == NULL) {
        return PyObject_Vectorcall(hook, args, n, names);
    }
    PyObject *few[RH_FEW], **all = few;
    Py_ssize_t total = n + (names == NULL ? 0 : PyTuple_GET_SIZE(names));
    if (total >= RH_FEW && (all = PyMem_New(PyObject *, total + 1)) == NULL) {
        return PyErr_NoMemory();
    }
    all[0] = result;
    memcpy(all + 1, args, total * sizeof *args);
    PyObject *answer = PyObject_Vectorcall(hook, all, n + 1, names);
    if (all != few) {
        PyMem_Free(all);
    }
    return answer;
}

/* `failed` or `end`, with the exception of the original, if there is one, put aside. Takes and gives back the result. */
static PyObject *rh_behind(PyObject *hook, PyObject *result, PyObject *const *args, Py_ssize_t n, PyObject *names)
{
    PyObject *type = NULL, *value = NULL, *trace = NULL;
    if (result == NULL) {
        PyErr_Fetch(&type, &value, &trace);
    }
    PyObject *answer = rh_hook(hook, NULL, args, n, names);
    if (answer == NULL) { /* a signal's handler has raised something */
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
    rh_around *w = (rh_around *)self;
    Py_ssize_t n = PyVectorcall_NARGS(nargs);
    if (w->original == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the collector has cleared the function");
        return NULL;
    }
    if (w->program) {
        int ours = rh_by_program(false);
        if (ours <= 0) {
            return ours < 0 ? NULL : PyObject_Vectorcall(w->original, args, nargs, names);
        }
    }
    PyObject *instead = NULL;
    if (w->before != NULL) {
        instead = rh_hook(w->before, NULL, args, n, names);
        if (instead == NULL) {
            return NULL;
        }
        if (!PyTuple_CheckExact(instead) || PyTuple_GET_SIZE(instead) != 2 ||
            !PyTuple_CheckExact(PyTuple_GET_ITEM(instead, 0)) || !PyDict_CheckExact(PyTuple_GET_ITEM(instead, 1))) {
            Py_CLEAR(instead);
        }
    }
    PyObject *result = instead == NULL
                           ? PyObject_Vectorcall(w->original, args, nargs, names)
                           : PyObject_Call(w->original, PyTuple_GET_ITEM(instead, 0), PyTuple_GET_ITEM(instead, 1));
    Py_XDECREF(instead);
    if (result != NULL && w->after != NULL) {
        PyObject *old = result;
        result = rh_hook(w->after, old, args, n, names);
        Py_DECREF(old);
    }
    else if (result == NULL && w->failed != NULL) {
        result = rh_behind(w->failed, result, args, n, names);
    }
    return w->end == NULL ? result : rh_behind(w->end, result, args, n, names);
}

/* ---- in all else the original ------------------------------------------------------------------------------------- */

static PyObject *rh_original(PyObject *self)
{
    PyObject *original = ((rh_around *)self)->original;
    return original == NULL ? Py_None : original; /* where the collector has been here */
}

static PyObject *rh_repr(PyObject *self) { return PyObject_Repr(rh_original(self)); }

static PyObject *rh_get_attribute(PyObject *self, PyObject *name)
{
    static const char *const own[] = {"__call__", "__get__", "__reduce__", "__reduce_ex__", "__hash__", "__eq__", "__ne__"};
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

/* As a function is pickled: by its name, under which the wrapper is found. */
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

/* Two types: one binds to an instance where it stands in a class, as a function does; one does not, as a builtin. */
#define RH_TYPE(NAME, BIND, FLAG)                                                                                           \
    {                                                                                                                       \
        PyVarObject_HEAD_INIT(NULL, 0).tp_name = "atomicpy.race.engine.engine." NAME, .tp_basicsize = sizeof(rh_around),           \
        .tp_dealloc = rh_dealloc, .tp_traverse = rh_traverse, .tp_clear = rh_clear, .tp_call = PyVectorcall_Call,           \
        .tp_vectorcall_offset = offsetof(rh_around, call), .tp_weaklistoffset = offsetof(rh_around, weak),                  \
        .tp_repr = rh_repr, .tp_str = rh_repr, .tp_getattro = rh_get_attribute, .tp_setattro = rh_set_attribute,            \
        .tp_methods = rh_methods, .tp_descr_get = BIND, .tp_new = rh_new,                                                   \
        .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_IMMUTABLETYPE | FLAG, \
        .tp_doc = PyDoc_STR(NAME "(original, before=None, after=None, failed=None, end=None, program=False)\n--\n\n"                     \
                            "A function with something before and behind it, and no frame while it runs."),                 \
    }

static PyTypeObject rh_around_type = RH_TYPE("Around", rh_bind, Py_TPFLAGS_METHOD_DESCRIPTOR);
static PyTypeObject rh_unbound_type = RH_TYPE("_AroundBuiltin", NULL, 0);

static PyObject *rh_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
    static char *words[] = {"original", "before", "after", "failed", "end", "program", NULL};
    PyObject *original, *before = NULL, *after = NULL, *failed = NULL, *end = NULL;
    int program = 0;
    if (!PyArg_ParseTupleAndKeywords(args, named, "O|OOOO$p", words, &original, &before, &after, &failed, &end, &program)) {
        return NULL;
    }
    if (!PyCallable_Check(original)) {
        return PyErr_Format(PyExc_TypeError, "what Around() is put around must be callable, not %R", original);
    }
    type = Py_TYPE(original)->tp_descr_get != NULL ? &rh_around_type : &rh_unbound_type;
    rh_around *w = PyObject_GC_New(rh_around, type);
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

/* ---- a generator, each of whose results is told to a hook before the caller gets it ------------------------------- */

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
    if (PyUnicode_CompareWithASCIIString(name, "__next__") == 0 || PyUnicode_CompareWithASCIIString(name, "__iter__") == 0) {
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
    .tp_doc = PyDoc_STR("Each(generator, hook)\n--\n\nThe generator; `hook` is called with each result before it is given out."),
};

#endif
