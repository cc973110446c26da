/* SPDX-License-Identifier: MIT
 * In the documentation: docs/design/fast-calls.md
 *
 * fast_calls.h: a cheaper call of a hot method.
 *
 * Where a method takes two arguments, or one with a default, Cython's wrapper counts a reference to each argument and
 * drops it: 2 to 4 ns of a call of 15. A constructor goes through tp_new, a generic allocation and __cinit__: 9 ns of
 * 30. A method that makes a number tests it before it returns it, where a jump would do: up to 5 ns of 50. A method
 * that returns True, False or None tests whether that object is immortal: 1 to 3 ns of 25.
 *
 * A fast call is a function that overrides such a method in the type's own table. It is a calling convention and
 * nothing else: with the right number of plain arguments (small ints, floats or bools of the exact type) and no
 * keywords, it calls the operation, a `cdef inline` function of the .pyx. The method in the .pyx calls the same
 * function, so each operation is stated once. Every other call goes, unchanged, to the method that was overridden,
 * which converts the arguments, reads the keywords or reports the error; so does the first use by a second thread
 * (deferred_refcount.h). The compiler inlines the operation into the fast call, and removes from it what only other
 * arguments need.
 *
 * A method has a fast call only if that saves more than 5 % of an operation that programs run in loops, on 3.13 or on a
 * free-threaded build. The page in the documentation has the figures.
 */
#ifndef AP_FAST_CALLS_H
#define AP_FAST_CALLS_H

#include <Python.h>
#include <string.h>

#include "arguments.h"
#include "deferred_refcount.h"

typedef PyObject *(*ap_method)(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names);

typedef struct {
    const char *name;
    int flags; /* how Cython calls the method, and so the fast call */
    void (*fast)(void);
    PyCFunction *method; /* where the overridden method is kept */
} ap_fast_call;

/* The fast call of `name`, for `least` to `most` arguments that satisfy `plain`. `plain` and `call` are expressions of
 * `args` and `nargs`, `call` also of `self`: a `void *`, because only Cython can name the struct of the class. */
#define AP_FAST_CALL(name, least, most, plain, call) AP_FAST_FUNCTION(name, least, most, plain, (void)0, call)

/* The same for an operation that puts a number into `result` and returns 0, or -1 with an exception. AP_NUMBER is its
 * type in this module, AP_BOX makes the object. */
#define AP_FAST_NUMBER(name, least, most, plain, call) \
    AP_FAST_FUNCTION(name, least, most, plain, AP_NUMBER result, (call) < 0 ? NULL : AP_BOX(result))

/* The same for name(n=1), and for the methods that Cython calls without an array: name(n), and load() with int(). */
#define AP_FAST_STEP(name, is_plain)                            \
    AP_FAST_NUMBER(name, 0, 1, nargs == 0 || is_plain(args[0]), \
                   nargs == 0 ? ap_do_##name(self, ap_default_one(), &result) : ap_do_##name(self, args[0], &result))
#define AP_FAST_ONE(name, plain, call)                                 \
    static PyCFunction name##_method;                                  \
    static PyObject *name##_fast(PyObject *object, PyObject *argument) \
    {                                                                  \
        void *self = object;                                           \
        AP_NUMBER result;                                              \
        if (AP_UNLIKELY(ap_is_first_use(object) || !(plain))) {        \
            return name##_method(object, argument);                    \
        }                                                              \
        return (call) < 0 ? NULL : AP_BOX(result);                     \
    }
#define AP_FAST_NOARGS(name, call)                                   \
    static PyCFunction name##_method;                                \
    static PyObject *name##_fast(PyObject *object, PyObject *unused) \
    {                                                                \
        void *self = object;                                         \
        if (ap_is_first_use(object)) {                               \
            return name##_method(object, unused);                    \
        }                                                            \
        return call;                                                 \
    }
#define AP_FAST_LOAD AP_FAST_NOARGS(load, AP_BOX(ap_do_load(self)))
#define AP_FAST_INT                                                                 \
    static PyObject *int_fast(PyObject *object) { return load_fast(object, NULL); } \
    static void ap_override_int(PyTypeObject *type) { type->tp_as_number->nb_int = int_fast; }

/* The test for a first use comes before `plain`: it loads atomically, and behind such a load the compiler would test
 * the arguments once more. */
#define AP_FAST_FUNCTION(name, least, most, plain, result, value)                                                     \
    static PyCFunction name##_method;                                                                                 \
    static PyObject *name##_fast(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *names)          \
    {                                                                                                                 \
        void *self = object;                                                                                          \
        result;                                                                                                       \
        if (AP_UNLIKELY(names != NULL || nargs < (least) || nargs > (most) || ap_is_first_use(object) || !(plain))) { \
            return ap_call_method(name##_method, object, args, nargs, names);                                         \
        }                                                                                                             \
        return value;                                                                                                 \
    }

static inline PyObject *ap_call_method(PyCFunction method, PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                                       PyObject *names)
{
    return ((ap_method)(void (*)(void))method)(self, args, nargs, names);
}

/* Results of which there is one object each. From 3.12 on they are immortal, and these macros count no reference to
 * them; Py_NewRef and Cython test for it at each call. */
static inline PyObject *ap_none(void) { Py_RETURN_NONE; }

static inline PyObject *ap_truth(bool truth)
{
    if (truth) {
        Py_RETURN_TRUE;
    }
    Py_RETURN_FALSE;
}

/* Results for an operation that returns -1 with an exception. */
static inline PyObject *ap_truth_or_error(int truth) { return truth < 0 ? NULL : ap_truth(truth); }

#define AP_NONE_OR_ERROR(status) ((status) < 0 ? NULL : ap_none())
#define AP_TRUE_OR_ERROR(status) ((status) < 0 ? NULL : ap_truth(true))

/* Entries of a type's table of fast calls. `of` is the name of the fast call in C. */
#define AP_ENTRY(name, flags, of) {name, flags, (void (*)(void))of##_fast, &of##_method}
#define AP_OVERRIDE_AS(name, of) AP_ENTRY(name, METH_FASTCALL | METH_KEYWORDS, of)
#define AP_OVERRIDE(name) AP_OVERRIDE_AS(#name, name)
#define AP_OVERRIDE_ONE(name) AP_ENTRY(#name, METH_O, name)
#define AP_OVERRIDE_NOARGS_AS(name, of) AP_ENTRY(name, METH_NOARGS, of)
#define AP_OVERRIDE_NOARGS(name) AP_OVERRIDE_NOARGS_AS(#name, name)
#define AP_OVERRIDE_END {NULL, 0, NULL, NULL}

/* Arguments that are left out. Small ints: the interpreter keeps them as long as it runs. */
static PyObject *ap_zero, *ap_one;

static inline PyObject *ap_default_zero(void)
{
    AP_ASSUME(ap_is_compact(ap_zero) && ap_read_compact(ap_zero) == 0);
    return ap_zero;
}

static inline PyObject *ap_default_one(void)
{
    AP_ASSUME(ap_is_compact(ap_one) && ap_read_compact(ap_one) == 1);
    return ap_one;
}

/* The table's entry of that method, if Cython calls it in the way that a fast call is called. */
static PyMethodDef *ap_method_named(PyTypeObject *type, const char *name, int flags)
{
    for (PyMethodDef *at = type->tp_methods; at->ml_name != NULL; at++) {
        if (strcmp(at->ml_name, name) == 0 && at->ml_flags == flags) {
            return at;
        }
    }
    PyErr_Format(PyExc_SystemError, "%s.%s is not what its fast call expects", type->tp_name, name);
    return NULL;
}

/* Before the type is used. */
static int ap_override_methods(PyTypeObject *type, const ap_fast_call *calls)
{
    if (ap_zero == NULL && ((ap_zero = PyLong_FromLong(0)) == NULL || (ap_one = PyLong_FromLong(1)) == NULL)) {
        return -1;
    }
    for (const ap_fast_call *c = calls; c->name != NULL; c++) {
        PyMethodDef *at = ap_method_named(type, c->name, c->flags);
        if (at == NULL) {
            return -1;
        }
        void (*found)(void) = (void (*)(void))at->ml_meth;
        if (found != c->fast) { /* a second import finds the fast call of the first one */
            *c->method = (PyCFunction)found;
        }
        at->ml_meth = (PyCFunction)c->fast;
    }
    return 0;
}

/* ---- constructors ---------------------------------------------------------------------------------------------- */

/* An object whose fields are unset, but for its list of weak references. `refers` is whether it refers to objects, so
 * that the collector tracks it: then ap_track() follows when all fields are set. Where counts are deferred the
 * collector tracks the others too, from here on. */
static inline PyObject *ap_allocate(PyTypeObject *type, bool refers)
{
#ifdef AP_DEFERS
    if (!refers) {
        return type->tp_alloc(type, 0);
    }
#endif
    PyObject *self = refers ? PyObject_GC_New(PyObject, type) : PyObject_New(PyObject, type);
    if (self != NULL) {
        *(PyObject **)((char *)self + type->tp_weaklistoffset) = NULL;
    }
    return self;
}

static inline void ap_track(PyObject *self, bool refers)
{
    if (refers) {
        PyObject_GC_Track(self);
    }
}

/* The fast call of Type(value), for at most one argument. `refers` and `plain` are as above; `init`, an expression of
 * `self` too, sets every field. It is -1 with an exception, and then leaves what the destructor of the type can free.
 */
#define AP_FAST_NEW(refers, plain, init)                                                                 \
    static vectorcallfunc ap_new_method;                                                                 \
    static PyObject *ap_new_fast(PyObject *type, PyObject *const *args, size_t nargsf, PyObject *names)  \
    {                                                                                                    \
        Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);                                                   \
        if (AP_UNLIKELY(names != NULL || nargs > 1 || !(plain))) {                                       \
            return ap_new_method(type, args, nargsf, names);                                             \
        }                                                                                                \
        PyObject *object = ap_allocate((PyTypeObject *)type, refers);                                    \
        void *self = object;                                                                             \
        AP_ASSUME(plain); /* still: an allocation changes no argument */                                 \
        if (object == NULL) {                                                                            \
            return NULL;                                                                                 \
        }                                                                                                \
        if ((init) < 0) {                                                                                \
            Py_DECREF(object);                                                                           \
            return NULL;                                                                                 \
        }                                                                                                \
        ap_track(object, refers);                                                                        \
        return object;                                                                                   \
    }                                                                                                    \
    static int ap_override_new(PyTypeObject *type)                                                       \
    {                                                                                                    \
        if (type->tp_vectorcall == NULL) {                                                               \
            PyErr_Format(PyExc_SystemError, "%s is not called as its fast call expects", type->tp_name); \
            return -1;                                                                                   \
        }                                                                                                \
        if (type->tp_vectorcall != ap_new_fast) {                                                        \
            ap_new_method = type->tp_vectorcall;                                                         \
            type->tp_vectorcall = ap_new_fast;                                                           \
        }                                                                                                \
        return 0;                                                                                        \
    }

#endif /* AP_FAST_CALLS_H */
