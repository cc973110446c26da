/* SPDX-License-Identifier: MIT
 * In the documentation: docs/design/fast-calls.md
 *
 * fast_calls.h: a cheaper call of a hot method.
 *
 * Where a method takes two arguments, or one with a default, Cython's wrapper counts a reference to each argument and
 * drops it: 2 to 4 ns of a call of 15. A constructor goes through tp_new, a generic allocation and __cinit__: 9 ns of 30.
 *
 * A fast call is a function that overrides such a method in the type's own table. It is a calling convention and nothing
 * else: with the right number of plain arguments (small ints, floats or bools of the exact type) and no keywords, it
 * calls the operation, a `cdef inline` function of the .pyx. The method in the .pyx calls the same function, so each
 * operation is stated once. Every other call goes, unchanged, to the method that was overridden, which converts the
 * arguments, reads the keywords or reports the error. The compiler inlines the operation into the fast call, and removes
 * from it what only other arguments need.
 *
 * A method has a fast call only if that saves more than 5 % of an operation that programs run in loops. The page in the
 * documentation has the figures.
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
    void (*fast)(void);
    ap_method *method; /* where the overridden method is kept */
} ap_fast_call;

/* The fast call of `name`, for `least` to `most` arguments that satisfy `plain`. `plain` and `call` are expressions of
 * `args` and `nargs`, `call` also of `self`: a `void *`, because only Cython can name the struct of the class. */
#define AP_FAST_CALL(name, least, most, plain, call)                                                         \
    static ap_method name##_method;                                                                          \
    static PyObject *name##_fast(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *names) \
    {                                                                                                        \
        void *self = object;                                                                                 \
        if (AP_UNLIKELY(names != NULL) || nargs < (least) || nargs > (most) || !(plain)) {                   \
            return name##_method(object, args, nargs, names);                                                \
        }                                                                                                    \
        return call;                                                                                         \
    }

/* The fast call of name(n=1). */
#define AP_FAST_STEP(name, is_plain)                          \
    AP_FAST_CALL(name, 0, 1, nargs == 0 || is_plain(args[0]), \
                 nargs == 0 ? ap_do_##name(self, ap_default_one()) : ap_do_##name(self, args[0]))

/* A result for an operation that returns 0, or -1 with an exception. */
#define AP_NONE_OR_ERROR(status) ((status) < 0 ? NULL : Py_NewRef(Py_None))

/* Entries of a type's table of fast calls. `of` is the name of the fast call in C. */
#define AP_OVERRIDE_AS(name, of) {name, (void (*)(void))of##_fast, &of##_method}
#define AP_OVERRIDE(name) AP_OVERRIDE_AS(#name, name)
#define AP_OVERRIDE_END {NULL, NULL, NULL}

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
        PyMethodDef *at = ap_method_named(type, c->name, METH_FASTCALL | METH_KEYWORDS);
        if (at == NULL) {
            return -1;
        }
        void (*found)(void) = (void (*)(void))at->ml_meth;
        if (found != c->fast) { /* a second import finds the fast call of the first one */
            *c->method = (ap_method)found;
        }
        at->ml_meth = (PyCFunction)c->fast;
    }
    return 0;
}

/* ---- constructors ---------------------------------------------------------------------------------------------- */

/* An object whose fields are unset, but for its list of weak references. A type of the collector's is allocated as such,
 * zeroed and tracked. */
static inline PyObject *ap_allocate(PyTypeObject *type)
{
    if (PyType_IS_GC(type)) {
        return type->tp_alloc(type, 0);
    }
    PyObject *self = PyObject_New(PyObject, type);
    if (self != NULL) {
        *(PyObject **)((char *)self + type->tp_weaklistoffset) = NULL;
    }
    return self;
}

/* The fast call of Type(value), for at most one argument. `plain` is as above; `init`, an expression of `self` too, sets
 * every field. It is -1 with an exception, and then leaves what the destructor of the type can free. */
#define AP_FAST_NEW(plain, init)                                                                         \
    static vectorcallfunc ap_new_method;                                                                 \
    static PyObject *ap_new_fast(PyObject *type, PyObject *const *args, size_t nargsf, PyObject *names)  \
    {                                                                                                    \
        Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);                                                   \
        if (AP_UNLIKELY(names != NULL) || nargs > 1 || !(plain)) {                                       \
            return ap_new_method(type, args, nargsf, names);                                             \
        }                                                                                                \
        PyObject *object = ap_allocate((PyTypeObject *)type);                                            \
        void *self = object;                                                                             \
        AP_ASSUME(plain); /* still: an allocation changes no argument */                                 \
        if (object != NULL && (init) < 0) {                                                              \
            Py_CLEAR(object);                                                                            \
        }                                                                                                \
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
