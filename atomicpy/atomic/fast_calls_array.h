/* SPDX-License-Identifier: MIT
 *
 * fast_calls_array.h: the shortcuts of AtomicIntArray; see fast_calls.h.
 */
#ifndef AP_SHORTCUTS_ARRAY_H
#define AP_SHORTCUTS_ARRAY_H

#include "../_runtime/fast_calls.h"

/* The struct of the class, as its .pxd lays it out. */
typedef struct {
    PyObject_HEAD
    ap_i64 *words;
    Py_ssize_t length, stride;
    Py_buffer *view;
    PyObject *weakrefs;
} ap_array_object;

/* The word of a plain index, or NULL. */
static inline ap_i64 *ap_plain_word(PyObject *self, PyObject *i)
{
    ap_array_object *array = (ap_array_object *)self;
    int64_t at;
    if (!ap_plain_i64(i, &at)) {
        return NULL;
    }
    at += at < 0 ? (int64_t)array->length : 0;
    return (uint64_t)at < (uint64_t)array->length ? &array->words[at] : NULL;
}

/* name(i, n), or where `least` is 1 name(i, n=1). `step` is true when it was done; it may set `old`. */
#define AP_SHORTCUT_ELEMENT(name, least, step, value)                                                                 \
    static inline bool name##_plain(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject **result)       \
    {                                                                                                                 \
        int64_t n = 1, old = 0;                                                                                       \
        ap_i64 *word;                                                                                                 \
        if (nargs < least || nargs > 2 || (word = ap_plain_word(self, args[0])) == NULL                               \
            || (nargs == 2 && !ap_plain_i64(args[1], &n)) || !(step)) {                                               \
            return false;                                                                                             \
        }                                                                                                             \
        (void)old;                                                                                                    \
        *result = value;                                                                                              \
        return true;                                                                                                  \
    }                                                                                                                 \
    AP_SHORTCUT(name, name##_plain)

#define AP_DONE(step) (step, true)
AP_SHORTCUT_ELEMENT(store, 2, AP_DONE(ap_store_i64(word, n)), Py_NewRef(Py_None))
AP_SHORTCUT_ELEMENT(exchange, 2, AP_DONE(old = ap_exchange_i64(word, n)), ap_box_i64(old))
AP_SHORTCUT_ELEMENT(add, 1, ap_fetch_add_i64_checked(word, n, &old), ap_box_i64(old + n))
AP_SHORTCUT_ELEMENT(sub, 1, ap_fetch_sub_i64_checked(word, n, &old), ap_box_i64(old - n))
AP_SHORTCUT_ELEMENT(fetch_add, 1, ap_fetch_add_i64_checked(word, n, &old), ap_box_i64(old))
AP_SHORTCUT_ELEMENT(fetch_sub, 1, ap_fetch_sub_i64_checked(word, n, &old), ap_box_i64(old))
AP_SHORTCUT_ELEMENT(fetch_and, 2, AP_DONE(old = ap_fetch_and_i64(word, n)), ap_box_i64(old))
AP_SHORTCUT_ELEMENT(fetch_or, 2, AP_DONE(old = ap_fetch_or_i64(word, n)), ap_box_i64(old))
AP_SHORTCUT_ELEMENT(fetch_xor, 2, AP_DONE(old = ap_fetch_xor_i64(word, n)), ap_box_i64(old))
AP_SHORTCUT_ELEMENT(fetch_max, 2, AP_DONE(old = ap_fetch_max_i64(word, n)), ap_box_i64(old))
AP_SHORTCUT_ELEMENT(fetch_min, 2, AP_DONE(old = ap_fetch_min_i64(word, n)), ap_box_i64(old))

static PyCFunction load_method;
static inline PyObject *load_body(PyObject *self, PyObject *i)
{
    ap_i64 *word = ap_plain_word(self, i);
    return AP_UNLIKELY(word == NULL) ? load_method(self, i) : ap_box_i64(ap_load_i64(word));
}
AP_SHARED(load, (PyObject * self, PyObject *i), (self, i))

static inline bool compare_exchange_plain(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject **result)
{
    int64_t expected, desired;
    ap_i64 *word;
    if (nargs != 3 || (word = ap_plain_word(self, args[0])) == NULL || !ap_plain_i64(args[1], &expected)
        || !ap_plain_i64(args[2], &desired)) {
        return false;
    }
    *result = ap_box_bool(ap_compare_exchange_i64(word, &expected, desired));
    return true;
}
AP_SHORTCUT(compare_exchange, compare_exchange_plain)

/* update(i, fn): the loop is the one of the .pyx, errors included. */
static PyObject *(*ap_update_word)(ap_i64 *word, PyObject *fn);
static inline bool update_plain(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject **result)
{
    ap_i64 *word;
    if (nargs != 2 || (word = ap_plain_word(self, args[0])) == NULL) {
        return false;
    }
    *result = ap_update_word(word, args[1]);
    return true;
}
AP_SHORTCUT(update, update_plain)

/* AtomicIntArray(length) */
static vectorcallfunc ap_new_method;
static PyObject *ap_new_shortcut(PyObject *type, PyObject *const *args, size_t nargsf, PyObject *names)
{
    int64_t length;
    if (names != NULL || PyVectorcall_NARGS(nargsf) != 1 || !ap_plain_i64(args[0], &length) || length < 0) {
        return ap_new_method(type, args, nargsf, names);
    }
    /* One more than asked for, as in the .pyx; a plain length is far from the largest there is. */
    ap_i64 *words = PyMem_RawCalloc((size_t)length + 1, sizeof(ap_i64));
    if (words == NULL) {
        return ap_new_method(type, args, nargsf, names);
    }
    ap_array_object *self = ap_allocate(ap_array_object, (PyTypeObject *)type);
    if (self == NULL) {
        PyMem_RawFree(words);
        return NULL;
    }
    self->words = words;
    self->length = (Py_ssize_t)length;
    self->stride = sizeof(ap_i64);
    self->view = NULL;
    self->weakrefs = NULL;
    return (PyObject *)self;
}

/* Cython's keeps the object and the current exception safe from what __dealloc__ may do; freeing does nothing to them. */
static destructor ap_dealloc_method;
static void ap_dealloc_shortcut(PyObject *self)
{
    ap_array_object *array = (ap_array_object *)self;
    if (array->view != NULL || array->weakrefs != NULL) {
        ap_dealloc_method(self);
        return;
    }
    PyMem_RawFree(array->words);
    Py_TYPE(self)->tp_free(self);
}

static const ap_shortcut ap_shortcuts[] = {
    AP_PUT_O(load), AP_PUT(store), AP_PUT(exchange), AP_PUT(compare_exchange), AP_PUT(add), AP_PUT(sub), AP_PUT(fetch_add),
    AP_PUT(fetch_sub), AP_PUT(fetch_and), AP_PUT(fetch_or), AP_PUT(fetch_xor), AP_PUT(fetch_max), AP_PUT(fetch_min),
    AP_PUT(update),
    AP_PUT_END,
};

static int ap_put_all(PyTypeObject *type, PyObject *(*update_word)(ap_i64 *word, PyObject *fn))
{
    ap_update_word = update_word;
    if (ap_dealloc_method == NULL) {
        ap_dealloc_method = type->tp_dealloc;
        type->tp_dealloc = ap_dealloc_shortcut;
    }
    return ap_put_new(type, sizeof(ap_array_object), ap_new_shortcut, &ap_new_method)
        || ap_put_shortcuts(type, ap_shortcuts);
}

#endif /* AP_SHORTCUTS_ARRAY_H */
