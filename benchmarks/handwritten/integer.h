/* SPDX-License-Identifier: MIT
 *
 * integer.h: the hand-written counter, a template: integers.c includes it once with WORD int64_t, once with uint64_t.
 * A static type, vectorcall, positional arguments only, integers of one digit read in place, and bare instructions
 * that wrap, where atomicpy.AtomicInt raises OverflowError. wait() never parks. notify() reads the number of waiters,
 * which is always 0, from a word beside the value.
 */

typedef struct {
    PyObject_HEAD
    _Atomic WORD value;
    _Atomic uint32_t waiters;
} CLASS;

/* ---- no argument, one argument, or n=1 ---- */

static PyObject *F(inc)(CLASS *self, PyObject *Py_UNUSED(unused))
{
    atomic_fetch_add(&self->value, 1);
    Py_RETURN_NONE;
}

static PyObject *F(dec)(CLASS *self, PyObject *Py_UNUSED(unused))
{
    atomic_fetch_sub(&self->value, 1);
    Py_RETURN_NONE;
}

static PyObject *F(load)(CLASS *self, PyObject *Py_UNUSED(unused)) { return FROM_WORD(atomic_load(&self->value)); }

static PyObject *F(store)(CLASS *self, PyObject *value)
{
    WORD desired;
    if (!AS_WORD(value, &desired)) {
        return NULL;
    }
    atomic_store(&self->value, desired);
    Py_RETURN_NONE;
}

#define ONE_ARGUMENT(name, step)                             \
    static PyObject *F(name)(CLASS * self, PyObject * value) \
    {                                                        \
        WORD n;                                              \
        return AS_WORD(value, &n) ? FROM_WORD(step) : NULL;  \
    }

ONE_ARGUMENT(exchange, atomic_exchange(&self->value, n))
ONE_ARGUMENT(fetch_and, atomic_fetch_and(&self->value, n))
ONE_ARGUMENT(fetch_or, atomic_fetch_or(&self->value, n))
ONE_ARGUMENT(fetch_xor, atomic_fetch_xor(&self->value, n))

#define RAISE_OR_LOWER(name, relation)                                                     \
    static inline WORD F(name##_word)(CLASS * self, WORD n)                                \
    {                                                                                      \
        WORD old = atomic_load(&self->value);                                              \
        while (n relation old && !atomic_compare_exchange_weak(&self->value, &old, n)) { } \
        return old;                                                                        \
    }                                                                                      \
    ONE_ARGUMENT(name, F(name##_word)(self, n))

RAISE_OR_LOWER(fetch_max, >)
RAISE_OR_LOWER(fetch_min, <)

/* Unsigned, because the sum may wrap. */
#define STEP(name, result)                                                          \
    static PyObject *F(name)(CLASS * self, PyObject *const *args, Py_ssize_t nargs) \
    {                                                                               \
        WORD n = 1;                                                                 \
        if (nargs != 0 && !(arguments(nargs, 1, 1) && AS_WORD(args[0], &n))) {      \
            return NULL;                                                            \
        }                                                                           \
        return FROM_WORD(result);                                                   \
    }

STEP(add, (WORD)((uint64_t)atomic_fetch_add(&self->value, n) + (uint64_t)n))
STEP(sub, (WORD)((uint64_t)atomic_fetch_sub(&self->value, n) - (uint64_t)n))
STEP(fetch_add, atomic_fetch_add(&self->value, n))
STEP(fetch_sub, atomic_fetch_sub(&self->value, n))

static PyObject *F(compare_exchange)(CLASS *self, PyObject *const *args, Py_ssize_t nargs)
{
    WORD expected, desired;
    if (!arguments(nargs, 2, 2) || !AS_WORD(args[0], &expected) || !AS_WORD(args[1], &desired)) {
        return NULL;
    }
    return PyBool_FromLong(atomic_compare_exchange_strong(&self->value, &expected, desired));
}

static PyObject *F(update)(CLASS *self, PyObject *fn)
{
    WORD old = atomic_load(&self->value), desired;
    do {
        PyObject *seen = FROM_WORD(old);
        if (seen == NULL) {
            return NULL;
        }
        PyObject *result = PyObject_CallOneArg(fn, seen);
        Py_DECREF(seen);
        if (result == NULL) {
            return NULL;
        }
        bool fits = AS_WORD(result, &desired);
        Py_DECREF(result);
        if (!fits) {
            return NULL;
        }
    } while (!atomic_compare_exchange_strong(&self->value, &old, desired));
    return FROM_WORD(desired);
}

/* ---- wait and notify, without parking ---- */

static PyObject *F(wait)(CLASS *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    WORD n;
    if (!wait_arguments(args, nargs, names) || !AS_WORD(args[0], &n)) {
        return NULL;
    }
    if (atomic_load(&self->value) == n) {
        PyErr_SetString(PyExc_NotImplementedError, "the baseline does not sleep");
        return NULL;
    }
    Py_RETURN_TRUE;
}

static PyObject *F(notify)(CLASS *self, PyObject *const *args, Py_ssize_t nargs)
{
    int64_t n = 1;
    if (nargs != 0 && !(arguments(nargs, 1, 1) && as_int64(args[0], &n))) {
        return NULL;
    }
    return PyLong_FromLong(atomic_load(&self->waiters) == 0 ? 0 : (long)n);
}

static PyObject *F(notify_all)(CLASS *self, PyObject *Py_UNUSED(unused))
{
    return PyLong_FromLong((long)atomic_load(&self->waiters));
}

/* ---- operators and conversions ---- */

#define IN_PLACE(name, operation)                           \
    static PyObject *F(name)(PyObject * self, PyObject * o) \
    {                                                       \
        WORD n;                                             \
        if (!AS_WORD(o, &n)) {                              \
            return NULL;                                    \
        }                                                   \
        operation(&((CLASS *)self)->value, n);              \
        return Py_NewRef(self);                             \
    }

IN_PLACE(iadd, atomic_fetch_add)
IN_PLACE(isub, atomic_fetch_sub)
IN_PLACE(iand, atomic_fetch_and)
IN_PLACE(ior, atomic_fetch_or)
IN_PLACE(ixor, atomic_fetch_xor)

static PyObject *F(int)(PyObject *self) { return FROM_WORD(atomic_load(&((CLASS *)self)->value)); }
static PyObject *F(float)(PyObject *self) { return PyFloat_FromDouble((double)atomic_load(&((CLASS *)self)->value)); }
static int F(bool)(PyObject *self) { return atomic_load(&((CLASS *)self)->value) != 0; }

static PyObject *F(richcompare)(PyObject *self, PyObject *other, int op)
{
    WORD value = atomic_load(&((CLASS *)self)->value), n;
    if (PyLong_CheckExact(other) && AS_WORD(other, &n)) {
        Py_RETURN_RICHCOMPARE(value, n, op);
    }
    PyErr_Clear();
    PyObject *number = FROM_WORD(value);
    PyObject *result = number == NULL ? NULL : PyObject_RichCompare(number, other, op);
    Py_XDECREF(number);
    return result;
}

static PyObject *F(repr)(PyObject *self) { return PyUnicode_FromFormat(SHOWN, atomic_load(&((CLASS *)self)->value)); }

static PyObject *F(str)(PyObject *self)
{
    PyObject *number = FROM_WORD(atomic_load(&((CLASS *)self)->value));
    PyObject *result = number == NULL ? NULL : PyObject_Str(number);
    Py_XDECREF(number);
    return result;
}

static PyObject *F(format)(CLASS *self, PyObject *spec)
{
    PyObject *number = FROM_WORD(atomic_load(&self->value));
    PyObject *result = number == NULL ? NULL : PyObject_Format(number, spec);
    Py_XDECREF(number);
    return result;
}

/* ---- the type: it has no tp_new, tp_vectorcall constructs ---- */

static PyObject *F(vectorcall)(PyObject *type, PyObject *const *args, size_t nargsf, PyObject *names)
{
    WORD value = 0;
    (void)type;
    if (!new_arguments(nargsf, names, 0, 1) || (PyVectorcall_NARGS(nargsf) == 1 && !AS_WORD(args[0], &value))) {
        return NULL;
    }
    CLASS *self = PyObject_New(CLASS, &TYPE);
    if (self != NULL) {
        atomic_init(&self->value, value);
        atomic_init(&self->waiters, 0);
    }
    return (PyObject *)self;
}

static PyMethodDef F(methods)[] = {
    METHOD("inc", F(inc), METH_NOARGS),
    METHOD("dec", F(dec), METH_NOARGS),
    METHOD("load", F(load), METH_NOARGS),
    METHOD("store", F(store), METH_O),
    METHOD("exchange", F(exchange), METH_O),
    METHOD("compare_exchange", F(compare_exchange), METH_FASTCALL),
    METHOD("add", F(add), METH_FASTCALL),
    METHOD("sub", F(sub), METH_FASTCALL),
    METHOD("fetch_add", F(fetch_add), METH_FASTCALL),
    METHOD("fetch_sub", F(fetch_sub), METH_FASTCALL),
    METHOD("fetch_and", F(fetch_and), METH_O),
    METHOD("fetch_or", F(fetch_or), METH_O),
    METHOD("fetch_xor", F(fetch_xor), METH_O),
    METHOD("fetch_max", F(fetch_max), METH_O),
    METHOD("fetch_min", F(fetch_min), METH_O),
    METHOD("update", F(update), METH_O),
    METHOD("wait", F(wait), METH_FASTCALL | METH_KEYWORDS),
    METHOD("notify", F(notify), METH_FASTCALL),
    METHOD("notify_all", F(notify_all), METH_NOARGS),
    METHOD("__format__", F(format), METH_O),
    {NULL, NULL, 0, NULL},
};

static PyNumberMethods F(as_number) = {
    .nb_inplace_add = F(iadd),
    .nb_inplace_subtract = F(isub),
    .nb_inplace_and = F(iand),
    .nb_inplace_or = F(ior),
    .nb_inplace_xor = F(ixor),
    .nb_int = F(int),
    .nb_index = F(int),
    .nb_float = F(float),
    .nb_bool = F(bool),
};

PyTypeObject TYPE = {
    .ob_base = PyVarObject_HEAD_INIT(NULL, 0).tp_name = NAME,
    .tp_basicsize = sizeof(CLASS),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_dealloc = (destructor)PyObject_Free,
    .tp_vectorcall = F(vectorcall),
    .tp_methods = F(methods),
    .tp_as_number = &F(as_number),
    .tp_richcompare = F(richcompare),
    .tp_hash = PyObject_HashNotImplemented,
    .tp_repr = F(repr),
    .tp_str = F(str),
};

#undef ONE_ARGUMENT
#undef RAISE_OR_LOWER
#undef STEP
#undef IN_PLACE
