/* SPDX-License-Identifier: MIT
 *
 * fast_calls.h: the plain call of a hot method, without the toll of Cython's wrapper.
 *
 * Where a method takes two arguments, or one that may be left out, Cython's wrapper counts a reference to each and takes
 * it back, 2 to 4 ns of a call of 15; a constructor goes through tp_new, a generic allocation and __cinit__, 9 ns of 30;
 * load(), and whatever else makes an int, looks at its result before it returns it, 1 ns of 20.
 * A shortcut is a function put in front of such a method, in the type's own table. It does the plain case (the right
 * number of arguments, no keywords, exact small ints, floats or bools) and knows no error: it gives whatever else
 * comes, untouched and before anything was done, to the method that stands in the .pyx. So a shortcut says again what
 * its method says, in one line, and the models of the tests hold both to the same.
 */
#ifndef AP_SHORTCUTS_H
#define AP_SHORTCUTS_H

#include "arguments.h"
#include "deferred_refcount.h"
#include "ap_atomic.h"

/* ---- how a shortcut is put in front of its method ------------------------------------------------------------- */

typedef PyObject *(*ap_method)(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names);

typedef struct {
    const char *name;
    int flags;
    void (*shortcut)(void);
    PyCFunction *method; /* where the one of the .pyx is kept, if anybody asks for it */
} ap_shortcut;

/* `of` is what the shortcut is called in C. */
#define AP_PUT_AS(name, of) {name, METH_FASTCALL | METH_KEYWORDS, (void (*)(void))of##_shortcut, &of##_method}
#define AP_PUT(name) AP_PUT_AS(#name, name)
#define AP_PUT_O(name) {#name, METH_O, (void (*)(void))name##_shortcut, &name##_method}
#define AP_PUT_NOARGS_AS(name, of) {name, METH_NOARGS, (void (*)(void))of##_shortcut, &of##_method}
#define AP_PUT_NOARGS(name) {#name, METH_NOARGS, (void (*)(void))name##_shortcut, NULL} /* one that does all */
#define AP_PUT_END {NULL, 0, NULL, NULL}

/* The method of that name, if it is called as we call it: else this Cython is another one. */
static PyMethodDef *ap_method_named(PyTypeObject *type, const char *name, int flags)
{
    for (PyMethodDef *at = type->tp_methods; at->ml_name != NULL; at++) {
        if (strcmp(at->ml_name, name) == 0 && at->ml_flags == flags) {
            return at;
        }
    }
    PyErr_Format(PyExc_SystemError, "%s.%s is not what its shortcut expects", type->tp_name, name);
    return NULL;
}

/* Before the type is used. */
static int ap_put_shortcuts(PyTypeObject *type, const ap_shortcut *shortcuts)
{
    for (const ap_shortcut *s = shortcuts; s->name != NULL; s++) {
        PyMethodDef *at = ap_method_named(type, s->name, s->flags);
        if (at == NULL) {
            return -1;
        }
        void (*found)(void) = (void (*)(void))at->ml_meth;
        if (s->method != NULL && found != s->shortcut) { /* a second import finds the first one's */
            *s->method = (PyCFunction)found;
        }
        at->ml_meth = (PyCFunction)s->shortcut;
    }
    return 0;
}

/* name_shortcut of name_body, which are functions of (self, ...): the owner's call asks nothing of anybody and needs no
 * frame of its own; who else calls goes by name_shared. */
#define AP_SHARED(name, parameters, arguments)                            \
    static AP_COLD PyObject *name##_shared parameters                     \
    {                                                                     \
        ap_share(self);                                                   \
        return name##_body arguments;                                     \
    }                                                                     \
    static PyObject *name##_shortcut parameters                           \
    {                                                                     \
        return ap_is_mine(self) ? name##_body arguments : name##_shared arguments; \
    }

/* `plain` is a function that returns whether it did it; it is inlined. */
#define AP_SHORTCUT(name, plain)                                                                               \
    static PyCFunction name##_method;                                                                          \
    static PyObject *name##_shortcut(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names) \
    {                                                                                                          \
        PyObject *result;                                                                                      \
        ap_used(self);                                                                                         \
        if (!AP_UNLIKELY(names != NULL) && plain(self, args, nargs, &result)) {                                \
            return result;                                                                                     \
        }                                                                                                      \
        return ((ap_method)(void (*)(void))name##_method)(self, args, nargs, names);                           \
    }

/* ---- plain arguments, and results ----------------------------------------------------------------------------- */

typedef int64_t ap_i64_c;
typedef uint64_t ap_u64_c;
typedef double ap_f64_c;
typedef bool ap_bool_c;

static inline bool ap_plain_i64(PyObject *o, int64_t *n)
{
    if (!ap_is_compact(o)) {
        return false;
    }
    *n = ap_compact_value(o);
    return true;
}

static inline bool ap_plain_u64(PyObject *o, uint64_t *n)
{
    if (!ap_is_compact(o) || ap_compact_value(o) < 0) {
        return false;
    }
    *n = (uint64_t)ap_compact_value(o);
    return true;
}

static inline bool ap_plain_f64(PyObject *o, double *n)
{
    if (!PyFloat_CheckExact(o)) {
        return false;
    }
    *n = PyFloat_AS_DOUBLE(o);
    return true;
}

static inline bool ap_plain_bool(PyObject *o, bool *value)
{
    *value = o == Py_True;
    return *value || o == Py_False;
}

#define ap_box_i64 PyLong_FromLongLong
#define ap_box_u64 PyLong_FromUnsignedLongLong
#define ap_box_f64 PyFloat_FromDouble
static inline PyObject *ap_box_bool(bool value)
{
    if (value) {
        Py_RETURN_TRUE;
    }
    Py_RETURN_FALSE;
}

/* ---- values: W is i64, u64, f64 or bool ------------------------------------------------------------------------ */

/* The struct of the class, as its .pxd lays it out; AP_SHORTCUT_NEW checks the size. */
#define AP_OBJECT(W)                                    \
    typedef struct {                                    \
        PyObject_HEAD ap_##W value;                     \
        PyObject *weakrefs;                             \
    } ap_##W##_object;                                  \
    static inline ap_##W *ap_##W##_of(PyObject *self) { return &((ap_##W##_object *)self)->value; }

/* load() and int(): returning a new int is the last that they do, where Cython's look whether there was memory for it. */
#define AP_SHORTCUT_LOAD(W)                                          \
    static inline PyObject *load_body(PyObject *self, PyObject *unused) \
    {                                                                \
        (void)unused;                                                \
        return ap_box_##W(ap_load_##W(ap_##W##_of(self)));           \
    }                                                                \
    AP_SHARED(load, (PyObject * self, PyObject *unused), (self, unused))

#define AP_SHORTCUT_INT(W)                                                                    \
    static PyObject *ap_int(PyObject *self) { return ap_box_##W(ap_load_##W(ap_##W##_of(self))); } \
    static void ap_put_int(PyTypeObject *type) { type->tp_as_number->nb_int = ap_int; }

/* name(n), which returns the old value; `step` does it. */
#define AP_SHORTCUT_FETCH(W, name, step)                                                  \
    static PyCFunction name##_method;                                                     \
    static inline PyObject *name##_body(PyObject *self, PyObject *argument)               \
    {                                                                                     \
        ap_##W##_c n;                                                                     \
        ap_##W *word = ap_##W##_of(self);                                                 \
        return ap_plain_##W(argument, &n) ? ap_box_##W(step) : name##_method(self, argument); \
    }                                                                                     \
    AP_SHARED(name, (PyObject * self, PyObject *argument), (self, argument))

/* name(n=1). `step` is true when it was done; it may set `old`, from which `value` is the result. */
#define AP_SHORTCUT_STEP(W, name, step, value)                                                                        \
    static inline bool name##_plain(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject **result)       \
    {                                                                                                                 \
        ap_##W##_c n = 1, old;                                                                                        \
        ap_##W *word = ap_##W##_of(self);                                                                             \
        if (nargs > 1 || (nargs == 1 && !ap_plain_##W(args[0], &n)) || !(step)) {                                     \
            return false;                                                                                             \
        }                                                                                                             \
        *result = ap_box_##W(value);                                                                                  \
        return true;                                                                                                  \
    }                                                                                                                 \
    AP_SHORTCUT(name, name##_plain)

/* compare_exchange(expected, desired); `swap` is whether it was swapped. */
#define AP_SHORTCUT_COMPARE_EXCHANGE(W, swap)                                                                         \
    static inline bool compare_exchange_plain(                                                                        \
        PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject **result)                                   \
    {                                                                                                                 \
        ap_##W##_c expected, desired;                                                                                 \
        ap_##W *word = ap_##W##_of(self);                                                                             \
        if (nargs != 2 || !ap_plain_##W(args[0], &expected) || !ap_plain_##W(args[1], &desired)) {                    \
            return false;                                                                                             \
        }                                                                                                             \
        *result = ap_box_bool(swap);                                                                                  \
        return true;                                                                                                  \
    }                                                                                                                 \
    AP_SHORTCUT(compare_exchange, compare_exchange_plain)

/* wait(expected, timeout=None) where there is nothing to wait for. */
#define AP_SHORTCUT_WAIT(W)                                                                                           \
    static inline bool wait_plain(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject **result)         \
    {                                                                                                                 \
        ap_##W##_c expected;                                                                                          \
        if (nargs != 1 || !ap_plain_##W(args[0], &expected) || ap_load_##W(ap_##W##_of(self)) == expected) {          \
            return false;                                                                                             \
        }                                                                                                             \
        *result = ap_box_bool(true);                                                                                  \
        return true;                                                                                                  \
    }                                                                                                                 \
    AP_SHORTCUT(wait, wait_plain)

/* notify_all() and notify(n=1) */
#define AP_SHORTCUT_NOTIFY(W)                                                                                         \
    static PyObject *notify_all_shortcut(PyObject *self, PyObject *unused)                                            \
    {                                                                                                                 \
        (void)unused;                                                                                                 \
        ap_used(self);                                                                                                \
        return PyLong_FromSize_t(ap_unpark(ap_##W##_of(self), AP_UNPARK_ALL));                                            \
    }                                                                                                                 \
    static inline bool notify_plain(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject **result)       \
    {                                                                                                                 \
        uint64_t n = 1;                                                                                               \
        if (nargs > 1 || (nargs == 1 && !ap_plain_u64(args[0], &n))) {                                                \
            return false;                                                                                             \
        }                                                                                                             \
        *result = PyLong_FromSize_t(ap_unpark(ap_##W##_of(self), (size_t)n));                                           \
        return true;                                                                                                  \
    }                                                                                                                 \
    AP_SHORTCUT(notify, notify_plain)

/* ---- constructors ---------------------------------------------------------------------------------------------- */

/* A class that ap_defer_when_shared() has made one of the collector's is allocated as such. */
#ifdef AP_DEFERS
#define ap_allocate(object, type) ((object *)(type)->tp_alloc(type, 0))
#else
#define ap_allocate(object, type) PyObject_New(object, type)
#endif

/* Puts `shortcuts` and, for Type(value=none), a constructor in their places. */
#define AP_SHORTCUT_NEW(W, none)                                                                                      \
    static vectorcallfunc ap_new_method;                                                                              \
    static PyObject *ap_new_shortcut(PyObject *type, PyObject *const *args, size_t nargsf, PyObject *names)           \
    {                                                                                                                 \
        ap_##W##_c value = none;                                                                                      \
        Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);                                                                \
        if (AP_UNLIKELY(names != NULL) || nargs > 1 || (nargs == 1 && !ap_plain_##W(args[0], &value))) {              \
            return ap_new_method(type, args, nargsf, names);                                                          \
        }                                                                                                             \
        ap_##W##_object *self = ap_allocate(ap_##W##_object, (PyTypeObject *)type);                                   \
        if (self != NULL) {                                                                                           \
            ap_init_##W(&self->value, value);                                                                         \
            self->weakrefs = NULL;                                                                                    \
        }                                                                                                             \
        return (PyObject *)self;                                                                                      \
    }                                                                                                                 \
    static int ap_put_all(PyTypeObject *type, const ap_shortcut *shortcuts)                                           \
    {                                                                                                                 \
        return ap_put_new(type, sizeof(ap_##W##_object), ap_new_shortcut, &ap_new_method)                             \
            || ap_put_shortcuts(type, shortcuts);                                                                     \
    }

static inline int ap_put_new(PyTypeObject *type, size_t size, vectorcallfunc shortcut, vectorcallfunc *method)
{
    if ((size_t)type->tp_basicsize != size || type->tp_vectorcall == NULL) {
        PyErr_Format(PyExc_SystemError, "%s is not laid out or called as its shortcut expects", type->tp_name);
        return -1;
    }
    if (type->tp_vectorcall != shortcut) {
        *method = type->tp_vectorcall;
        type->tp_vectorcall = shortcut;
    }
    return 0;
}

#endif /* AP_SHORTCUTS_H */
