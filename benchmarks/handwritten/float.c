/* SPDX-License-Identifier: MIT
 *
 * float.c: Float, beside atomicpy.AtomicFloat: integer.h describes the style. The bits of a double are in an
 * integer word, which is lock-free.
 */
#include "handwritten.h"

typedef struct {
    PyObject_HEAD
    _Atomic uint64_t bits;
} Float;

static inline uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline double of_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline double float_value(Float *self) { return of_bits(atomic_load(&self->bits)); }

/* Each function is a loop of compare-and-swap. It returns the old value. */
#define SWAP_LOOP(name, wanted, desired)                                                          \
    static inline double name(Float *self, double n)                                              \
    {                                                                                             \
        uint64_t seen = atomic_load(&self->bits);                                                 \
        double old = of_bits(seen);                                                               \
        while ((wanted) && !atomic_compare_exchange_weak(&self->bits, &seen, bits_of(desired))) { \
            old = of_bits(seen);                                                                  \
        }                                                                                         \
        return old;                                                                               \
    }

SWAP_LOOP(sum, true, old + n)
SWAP_LOOP(raise, n > old, n)
SWAP_LOOP(lower, n < old, n)

static PyObject *float_load(Float *self, PyObject *Py_UNUSED(unused)) { return PyFloat_FromDouble(float_value(self)); }

static PyObject *float_store(Float *self, PyObject *value)
{
    double desired;
    if (!as_double(value, &desired)) {
        return NULL;
    }
    atomic_store(&self->bits, bits_of(desired));
    Py_RETURN_NONE;
}

#define ONE_DOUBLE(name, result)                                         \
    static PyObject *float_##name(Float *self, PyObject *value)          \
    {                                                                    \
        double n;                                                        \
        return as_double(value, &n) ? PyFloat_FromDouble(result) : NULL; \
    }

ONE_DOUBLE(exchange, of_bits(atomic_exchange(&self->bits, bits_of(n))))
ONE_DOUBLE(fetch_max, raise(self, n))
ONE_DOUBLE(fetch_min, lower(self, n))

#define STEP(name, result)                                                              \
    static PyObject *float_##name(Float *self, PyObject *const *args, Py_ssize_t nargs) \
    {                                                                                   \
        double n = 1;                                                                   \
        if (nargs != 0 && !(arguments(nargs, 1, 1) && as_double(args[0], &n))) {        \
            return NULL;                                                                \
        }                                                                               \
        return PyFloat_FromDouble(result);                                              \
    }

STEP(add, sum(self, n) + n)
STEP(sub, sum(self, -n) - n)
STEP(fetch_add, sum(self, n))
STEP(fetch_sub, sum(self, -n))

static PyObject *float_compare_exchange(Float *self, PyObject *const *args, Py_ssize_t nargs)
{
    double expected, desired;
    if (!arguments(nargs, 2, 2) || !as_double(args[0], &expected) || !as_double(args[1], &desired)) {
        return NULL;
    }
    uint64_t seen = atomic_load(&self->bits);
    while (of_bits(seen) == expected) {
        if (atomic_compare_exchange_weak(&self->bits, &seen, bits_of(desired))) {
            Py_RETURN_TRUE;
        }
    }
    Py_RETURN_FALSE;
}

static PyObject *float_update(Float *self, PyObject *fn)
{
    uint64_t seen = atomic_load(&self->bits);
    double desired;
    do {
        PyObject *old = PyFloat_FromDouble(of_bits(seen));
        PyObject *result = old == NULL ? NULL : PyObject_CallOneArg(fn, old);
        Py_XDECREF(old);
        bool fits = result != NULL && as_double(result, &desired);
        Py_XDECREF(result);
        if (!fits) {
            return NULL;
        }
    } while (!atomic_compare_exchange_weak(&self->bits, &seen, bits_of(desired)));
    return PyFloat_FromDouble(desired);
}

#define IN_PLACE(name, step)                                   \
    static PyObject *float_##name(PyObject *self, PyObject *o) \
    {                                                          \
        double n;                                              \
        if (!as_double(o, &n)) {                               \
            return NULL;                                       \
        }                                                      \
        sum((Float *)self, step);                              \
        return Py_NewRef(self);                                \
    }

IN_PLACE(iadd, n)
IN_PLACE(isub, -n)

static PyObject *float_float(PyObject *self) { return PyFloat_FromDouble(float_value((Float *)self)); }
static PyObject *float_int(PyObject *self) { return PyLong_FromDouble(float_value((Float *)self)); }
static int float_bool(PyObject *self) { return float_value((Float *)self) != 0; }

static PyObject *float_richcompare(PyObject *self, PyObject *other, int op)
{
    double value = float_value((Float *)self);
    if (PyFloat_CheckExact(other)) {
        Py_RETURN_RICHCOMPARE(value, PyFloat_AS_DOUBLE(other), op);
    }
    PyObject *number = PyFloat_FromDouble(value);
    PyObject *result = number == NULL ? NULL : PyObject_RichCompare(number, other, op);
    Py_XDECREF(number);
    return result;
}

static PyObject *float_vectorcall(PyObject *type, PyObject *const *args, size_t nargsf, PyObject *names)
{
    double value = 0;
    (void)type;
    if (!new_arguments(nargsf, names, 0, 1) || (PyVectorcall_NARGS(nargsf) == 1 && !as_double(args[0], &value))) {
        return NULL;
    }
    Float *self = PyObject_New(Float, &Float_Type);
    if (self != NULL) {
        atomic_init(&self->bits, bits_of(value));
    }
    return (PyObject *)self;
}

static PyMethodDef float_methods[] = {
    METHOD("load", float_load, METH_NOARGS),
    METHOD("store", float_store, METH_O),
    METHOD("exchange", float_exchange, METH_O),
    METHOD("compare_exchange", float_compare_exchange, METH_FASTCALL),
    METHOD("add", float_add, METH_FASTCALL),
    METHOD("sub", float_sub, METH_FASTCALL),
    METHOD("fetch_add", float_fetch_add, METH_FASTCALL),
    METHOD("fetch_sub", float_fetch_sub, METH_FASTCALL),
    METHOD("fetch_max", float_fetch_max, METH_O),
    METHOD("fetch_min", float_fetch_min, METH_O),
    METHOD("update", float_update, METH_O),
    {NULL, NULL, 0, NULL},
};

static PyNumberMethods float_as_number = {
    .nb_inplace_add = float_iadd,
    .nb_inplace_subtract = float_isub,
    .nb_int = float_int,
    .nb_float = float_float,
    .nb_bool = float_bool,
};

PyTypeObject Float_Type = {
    .ob_base = PyVarObject_HEAD_INIT(NULL, 0).tp_name = "handwritten.Float",
    .tp_basicsize = sizeof(Float),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_dealloc = (destructor)PyObject_Free,
    .tp_vectorcall = float_vectorcall,
    .tp_methods = float_methods,
    .tp_as_number = &float_as_number,
    .tp_richcompare = float_richcompare,
    .tp_hash = PyObject_HashNotImplemented,
};
