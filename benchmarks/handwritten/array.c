/* SPDX-License-Identifier: MIT
 *
 * array.c: Array, beside atomicpy.AtomicIntArray: integer.h describes the style.
 */
#include "handwritten.h"

typedef struct {
    PyObject_HEAD
    Py_ssize_t length;
    _Atomic int64_t *words;
} Array;

/* NULL with an exception set: there is no such element. */
static inline _Atomic int64_t *word_at(Array *self, PyObject *index)
{
    int64_t i;
    if (!as_int64(index, &i)) {
        return NULL;
    }
    if (i < 0) {
        i += self->length;
    }
    if ((uint64_t)i >= (uint64_t)self->length) {
        PyErr_SetString(PyExc_IndexError, "index out of range");
        return NULL;
    }
    return &self->words[i];
}

static PyObject *array_load(Array *self, PyObject *i)
{
    _Atomic int64_t *word = word_at(self, i);
    return word == NULL ? NULL : PyLong_FromLongLong(atomic_load(word));
}

static PyObject *array_subscript(PyObject *self, PyObject *i) { return array_load((Array *)self, i); }

static int array_ass_subscript(PyObject *self, PyObject *i, PyObject *value)
{
    int64_t n;
    if (value == NULL) {
        PyErr_SetString(PyExc_TypeError, "elements cannot be deleted");
        return -1;
    }
    _Atomic int64_t *word = word_at((Array *)self, i);
    if (word == NULL || !as_int64(value, &n)) {
        return -1;
    }
    atomic_store(word, n);
    return 0;
}

static PyObject *array_inc(Array *self, PyObject *i)
{
    _Atomic int64_t *word = word_at(self, i);
    if (word == NULL) {
        return NULL;
    }
    atomic_fetch_add(word, 1);
    Py_RETURN_NONE;
}

static PyObject *array_dec(Array *self, PyObject *i)
{
    _Atomic int64_t *word = word_at(self, i);
    if (word == NULL) {
        return NULL;
    }
    atomic_fetch_sub(word, 1);
    Py_RETURN_NONE;
}

/* name(i, n), or name(i, n=1) where least is 1. */
#define ELEMENT(name, least, result)                                                    \
    static PyObject *array_##name(Array *self, PyObject *const *args, Py_ssize_t nargs) \
    {                                                                                   \
        int64_t n = 1;                                                                  \
        if (!arguments(nargs, least, 2)) {                                              \
            return NULL;                                                                \
        }                                                                               \
        _Atomic int64_t *word = word_at(self, args[0]);                                 \
        if (word == NULL || (nargs == 2 && !as_int64(args[1], &n))) {                   \
            return NULL;                                                                \
        }                                                                               \
        return result;                                                                  \
    }

static inline int64_t raise_word(_Atomic int64_t *word, int64_t n)
{
    int64_t old = atomic_load(word);
    while (n > old && !atomic_compare_exchange_weak(word, &old, n)) { }
    return old;
}

static inline int64_t lower_word(_Atomic int64_t *word, int64_t n)
{
    int64_t old = atomic_load(word);
    while (n < old && !atomic_compare_exchange_weak(word, &old, n)) { }
    return old;
}

ELEMENT(store, 2, (atomic_store(word, n), Py_NewRef(Py_None)))
ELEMENT(exchange, 2, PyLong_FromLongLong(atomic_exchange(word, n)))
ELEMENT(add, 1, PyLong_FromLongLong((int64_t)((uint64_t)atomic_fetch_add(word, n) + (uint64_t)n)))
ELEMENT(sub, 1, PyLong_FromLongLong((int64_t)((uint64_t)atomic_fetch_sub(word, n) - (uint64_t)n)))
ELEMENT(fetch_add, 1, PyLong_FromLongLong(atomic_fetch_add(word, n)))
ELEMENT(fetch_sub, 1, PyLong_FromLongLong(atomic_fetch_sub(word, n)))
ELEMENT(fetch_and, 2, PyLong_FromLongLong(atomic_fetch_and(word, n)))
ELEMENT(fetch_or, 2, PyLong_FromLongLong(atomic_fetch_or(word, n)))
ELEMENT(fetch_xor, 2, PyLong_FromLongLong(atomic_fetch_xor(word, n)))
ELEMENT(fetch_max, 2, PyLong_FromLongLong(raise_word(word, n)))
ELEMENT(fetch_min, 2, PyLong_FromLongLong(lower_word(word, n)))

static PyObject *array_compare_exchange(Array *self, PyObject *const *args, Py_ssize_t nargs)
{
    int64_t expected, desired;
    _Atomic int64_t *word = arguments(nargs, 3, 3) ? word_at(self, args[0]) : NULL;
    if (word == NULL || !as_int64(args[1], &expected) || !as_int64(args[2], &desired)) {
        return NULL;
    }
    return PyBool_FromLong(atomic_compare_exchange_strong(word, &expected, desired));
}

static PyObject *array_update(Array *self, PyObject *const *args, Py_ssize_t nargs)
{
    _Atomic int64_t *word = arguments(nargs, 2, 2) ? word_at(self, args[0]) : NULL;
    if (word == NULL) {
        return NULL;
    }
    int64_t old = atomic_load(word), desired;
    do {
        PyObject *seen = PyLong_FromLongLong(old);
        PyObject *result = seen == NULL ? NULL : PyObject_CallOneArg(args[1], seen);
        Py_XDECREF(seen);
        bool fits = result != NULL && as_int64(result, &desired);
        Py_XDECREF(result);
        if (!fits) {
            return NULL;
        }
    } while (!atomic_compare_exchange_strong(word, &old, desired));
    return PyLong_FromLongLong(desired);
}

static Py_ssize_t array_length(PyObject *self) { return ((Array *)self)->length; }

/* Array(length) */
static PyObject *array_vectorcall(PyObject *type, PyObject *const *args, size_t nargsf, PyObject *names)
{
    int64_t length;
    (void)type;
    if (!new_arguments(nargsf, names, 1, 1) || !as_int64(args[0], &length)) {
        return NULL;
    }
    void *words = length < 0 ? NULL : PyMem_RawCalloc((size_t)length, sizeof(int64_t));
    Array *self = words == NULL ? (Array *)PyErr_NoMemory() : PyObject_New(Array, &Array_Type);
    if (self == NULL) {
        PyMem_RawFree(words);
        return NULL;
    }
    self->length = (Py_ssize_t)length;
    self->words = words;
    return (PyObject *)self;
}

static void array_dealloc(PyObject *self)
{
    PyMem_RawFree((void *)((Array *)self)->words);
    PyObject_Free(self);
}

static PyMethodDef array_methods[] = {
    METHOD("load", array_load, METH_O),
    METHOD("store", array_store, METH_FASTCALL),
    METHOD("exchange", array_exchange, METH_FASTCALL),
    METHOD("compare_exchange", array_compare_exchange, METH_FASTCALL),
    METHOD("inc", array_inc, METH_O),
    METHOD("dec", array_dec, METH_O),
    METHOD("add", array_add, METH_FASTCALL),
    METHOD("sub", array_sub, METH_FASTCALL),
    METHOD("fetch_add", array_fetch_add, METH_FASTCALL),
    METHOD("fetch_sub", array_fetch_sub, METH_FASTCALL),
    METHOD("fetch_and", array_fetch_and, METH_FASTCALL),
    METHOD("fetch_or", array_fetch_or, METH_FASTCALL),
    METHOD("fetch_xor", array_fetch_xor, METH_FASTCALL),
    METHOD("fetch_max", array_fetch_max, METH_FASTCALL),
    METHOD("fetch_min", array_fetch_min, METH_FASTCALL),
    METHOD("update", array_update, METH_FASTCALL),
    {NULL, NULL, 0, NULL},
};

static PyMappingMethods array_as_mapping = {
    .mp_length = array_length,
    .mp_subscript = array_subscript,
    .mp_ass_subscript = array_ass_subscript,
};

PyTypeObject Array_Type = {
    .ob_base = PyVarObject_HEAD_INIT(NULL, 0).tp_name = "handwritten.Array",
    .tp_basicsize = sizeof(Array),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_dealloc = array_dealloc,
    .tp_vectorcall = array_vectorcall,
    .tp_methods = array_methods,
    .tp_as_mapping = &array_as_mapping,
};
