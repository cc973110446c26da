# SPDX-License-Identifier: MIT
# cython: preliminary_late_includes_cy28=True
"""AtomicFloat: a double that threads share, and the operations of C11 on it.

Every operation is one indivisible, sequentially consistent step (C11, 7.17.3) and none blocks. C11 has no arithmetic on
an atomic double: the algorithms, and why they are right, are in `src/ap_atomic.h`. Here Python's side is decided:
arguments, results, errors.
"""

cimport cython
from cpython.float cimport PyFloat_AS_DOUBLE
from cpython.object cimport PyObject_RichCompare, PyTypeObject

from atomicpy._runtime.arguments cimport ap_compare_f64, as_double, refuse_copy
from atomicpy._runtime.deferred_refcount cimport defer_when_shared, note_use
from atomicpy._runtime.public_name cimport name_public
from atomicpy.atomic.ap_atomic cimport *

__all__ = ["AtomicFloat"]


# ---- the operations that have a fast call: for the method and for the fast call ----


cdef inline int init "ap_do_init"(AtomicFloat a, object value) except -1:
    cdef double initial
    as_double(value, "AtomicFloat", &initial)
    ap_init_f64(&a.value, initial)
    return 0


cdef inline double load "ap_do_load"(AtomicFloat a) noexcept:
    return ap_load_f64(&a.value)


cdef inline bint compare_exchange "ap_do_compare_exchange"(AtomicFloat a, object expected, object desired) except -1:
    cdef double seen, new
    as_double(expected, "AtomicFloat", &seen)
    as_double(desired, "AtomicFloat", &new)
    return ap_compare_exchange_f64(&a.value, seen, new)


cdef inline int add "ap_do_add"(AtomicFloat a, object n, double *new) except -1:
    cdef double step
    as_double(n, "AtomicFloat", &step)
    new[0] = ap_fetch_add_f64(&a.value, step) + step
    return 0


cdef inline int sub "ap_do_sub"(AtomicFloat a, object n, double *new) except -1:
    cdef double step
    as_double(n, "AtomicFloat", &step)
    new[0] = ap_fetch_sub_f64(&a.value, step) - step
    return 0


cdef inline int fetch_add "ap_do_fetch_add"(AtomicFloat a, object n, double *old) except -1:
    cdef double step
    as_double(n, "AtomicFloat", &step)
    old[0] = ap_fetch_add_f64(&a.value, step)
    return 0


cdef inline int fetch_sub "ap_do_fetch_sub"(AtomicFloat a, object n, double *old) except -1:
    cdef double step
    as_double(n, "AtomicFloat", &step)
    old[0] = ap_fetch_sub_f64(&a.value, step)
    return 0


@cython.final
cdef class AtomicFloat:
    """AtomicFloat(value=0.0)
--

    A double that threads share.

    Every method is one atomic step, sequentially consistent, and lock-free. So are `+=` and `-=`; `a + 1` and its
    like do not exist, because `a = a + 1` would be a read and a write that another thread can split. Comparison,
    `float()`, `int()`, `bool()`, `format()` and the like are one `load()`, then plain Python.

    Arguments are numbers: `float`, or anything with `__float__` or `__index__`; an int too large for a double is
    OverflowError, and the value is as it was. Sums are those of `float`: rounded once, infinite where they are too
    large. The order in which threads add is not fixed, so neither is the last digit of what they add up to.

    >>> seconds = AtomicFloat()
    >>> seconds += 0.5
    >>> seconds.add(0.25)
    0.75
    >>> seconds
    AtomicFloat(0.75)
    """

    def __cinit__(self, value=0.0):
        init(self, value)

    # ---- read, write, swap ----

    def load(self, /):
        """Atomically read the value and return it.

        >>> AtomicFloat(1.5).load()
        1.5
        """
        note_use(self)
        return load(self)

    def store(self, value, /):
        """Atomically replace the value.

        Raises TypeError for what is no number, OverflowError for an int too large for a double.

        >>> a = AtomicFloat(1.5)
        >>> a.store(2)
        >>> a.load()
        2.0
        """
        note_use(self)
        cdef double operand
        as_double(value, "AtomicFloat", &operand)
        ap_store_f64(&self.value, operand)

    def exchange(self, value, /):
        """Atomically replace the value and return the old one.

        Equivalent to, in one step: `old = a; a = value; return old`.
        Raises TypeError for what is no number, OverflowError for an int too large for a double.

        >>> a = AtomicFloat(1.5)
        >>> a.exchange(2.5), a.load()
        (1.5, 2.5)
        """
        note_use(self)
        cdef double operand
        as_double(value, "AtomicFloat", &operand)
        return ap_exchange_f64(&self.value, operand)

    def compare_exchange(self, expected, desired, /):
        """Atomically replace the value by `desired` if it equals `expected`; return whether it was replaced.

        Equivalent to, in one step: `if a == expected: a = desired; return True`, else `return False`. Equal as floats:
        0.0 equals -0.0, and NaN equals nothing, so a NaN is never replaced.
        Raises TypeError for what is no number, OverflowError for an int too large for a double.

        >>> a = AtomicFloat(1.5)
        >>> a.compare_exchange(1.5, 2.5), a.compare_exchange(1.5, 3.5), a.load()
        (True, False, 2.5)
        """
        note_use(self)
        return compare_exchange(self, expected, desired)

    # ---- arithmetic, maximum and minimum ----

    def add(self, n=1, /):
        """Atomically add `n` and return the new value.

        Equivalent to, in one step: `a = a + n; return a`.
        Raises TypeError for what is no number, OverflowError for an int too large for a double.

        >>> AtomicFloat(1.5).add(), AtomicFloat(1.5).add(0.25)
        (2.5, 1.75)
        """
        note_use(self)
        cdef double new
        add(self, n, &new)
        return new

    def sub(self, n=1, /):
        """Atomically subtract `n` and return the new value.

        Equivalent to, in one step: `a = a - n; return a`.
        Raises TypeError for what is no number, OverflowError for an int too large for a double.

        >>> AtomicFloat(1.5).sub(), AtomicFloat(1.5).sub(0.25)
        (0.5, 1.25)
        """
        note_use(self)
        cdef double new
        sub(self, n, &new)
        return new

    def fetch_add(self, n=1, /):
        """Atomically add `n` and return the old value.

        Equivalent to, in one step: `old = a; a = a + n; return old`.
        Raises TypeError for what is no number, OverflowError for an int too large for a double.

        >>> a = AtomicFloat(1.5)
        >>> a.fetch_add(0.25), a.load()
        (1.5, 1.75)
        """
        note_use(self)
        cdef double old
        fetch_add(self, n, &old)
        return old

    def fetch_sub(self, n=1, /):
        """Atomically subtract `n` and return the old value.

        Equivalent to, in one step: `old = a; a = a - n; return old`.
        Raises TypeError for what is no number, OverflowError for an int too large for a double.

        >>> a = AtomicFloat(1.5)
        >>> a.fetch_sub(0.25), a.load()
        (1.5, 1.25)
        """
        note_use(self)
        cdef double old
        fetch_sub(self, n, &old)
        return old

    def fetch_max(self, n, /):
        """Atomically raise the value to `n` where it is less, and return the old value.

        Equivalent to, in one step: `old = a; a = n if n > old else old; return old`: a NaN neither replaces nor is
        replaced. Raises TypeError for what is no number, OverflowError for an int too large for a double.

        >>> a = AtomicFloat(1.5)
        >>> a.fetch_max(2.5), a.fetch_max(2.0), a.load()
        (1.5, 2.5, 2.5)
        """
        note_use(self)
        cdef double operand
        as_double(n, "AtomicFloat", &operand)
        return ap_fetch_max_f64(&self.value, operand)

    def fetch_min(self, n, /):
        """Atomically lower the value to `n` where it is more, and return the old value.

        Equivalent to, in one step: `old = a; a = n if n < old else old; return old`: a NaN neither replaces nor is
        replaced. Raises TypeError for what is no number, OverflowError for an int too large for a double.

        >>> a = AtomicFloat(1.5)
        >>> a.fetch_min(0.5), a.fetch_min(1.0), a.load()
        (1.5, 0.5, 0.5)
        """
        note_use(self)
        cdef double operand
        as_double(n, "AtomicFloat", &operand)
        return ap_fetch_min_f64(&self.value, operand)

    def update(self, fn, /):
        """Atomically replace the value by `fn(value)` and return the new value.

        Equivalent to: `old = a.load(); new = fn(old)`, then the new in the place of the very old one (its bits, so a
        NaN too), again from the start until that succeeds. So `fn` may run more than once, with a fresh value each
        time, and must have no side effect. What `fn` raises is raised here; TypeError where it returns no number.
        After an error the value is as it was.

        >>> a = AtomicFloat(1.5)
        >>> a.update(lambda value: value * 2)
        3.0
        """
        cdef double old = ap_load_f64(&self.value)
        cdef double new
        while True:
            as_double(fn(old), "AtomicFloat", &new)
            if ap_replace_seen_f64(&self.value, &old, new):
                return new

    # ---- operators: each one atomic step ----

    def __iadd__(self, n):
        note_use(self)
        cdef double operand
        as_double(n, "AtomicFloat", &operand)
        ap_fetch_add_f64(&self.value, operand)
        return self

    def __isub__(self, n):
        note_use(self)
        cdef double operand
        as_double(n, "AtomicFloat", &operand)
        ap_fetch_sub_f64(&self.value, operand)
        return self

    # ---- one load(), then plain Python ----

    def __int__(self):
        return int(ap_load_f64(&self.value))

    def __float__(self):
        return ap_load_f64(&self.value)

    def __bool__(self):
        note_use(self)
        return ap_load_f64(&self.value) != 0

    def __richcmp__(self, other, int operator):
        cdef double value = ap_load_f64(&self.value)
        if type(other) is float:
            return ap_compare_f64(value, PyFloat_AS_DOUBLE(other), operator)
        return PyObject_RichCompare(value, other, operator)

    def __format__(self, spec, /):
        return format(ap_load_f64(&self.value), spec)

    def __str__(self):
        return str(ap_load_f64(&self.value))

    def __repr__(self):
        return f"AtomicFloat({<object>ap_load_f64(&self.value)!r})"

    def __reduce_ex__(self, protocol, /):
        refuse_copy(self)


cdef extern from *:
    """
    #include "_runtime/fast_calls.h"

    #define AP_NUMBER double
    #define AP_BOX PyFloat_FromDouble

    AP_FAST_NEW(false, nargs == 0 || PyFloat_CheckExact(args[0]),
                nargs == 0 ? ap_do_init(self, ap_default_zero()) : ap_do_init(self, args[0]))
    AP_FAST_LOAD
    AP_FAST_STEP(add, PyFloat_CheckExact)
    AP_FAST_STEP(sub, PyFloat_CheckExact)
    AP_FAST_STEP(fetch_add, PyFloat_CheckExact)
    AP_FAST_STEP(fetch_sub, PyFloat_CheckExact)
    AP_FAST_CALL(compare_exchange, 2, 2, PyFloat_CheckExact(args[0]) && PyFloat_CheckExact(args[1]),
                 ap_truth_or_error(ap_do_compare_exchange(self, args[0], args[1])))

    static const ap_fast_call ap_fast_calls[] = {
        AP_OVERRIDE_NOARGS(load), AP_OVERRIDE(add), AP_OVERRIDE(sub), AP_OVERRIDE(fetch_add), AP_OVERRIDE(fetch_sub),
        AP_OVERRIDE(compare_exchange), AP_OVERRIDE_END,
    };
    """
    int ap_override_new(PyTypeObject *type) except -1
    int ap_override_methods(PyTypeObject *type, const void *calls) except -1
    const void *ap_fast_calls

name_public(<PyTypeObject *>AtomicFloat, "atomicpy.AtomicFloat")
ap_override_new(<PyTypeObject *>AtomicFloat)
ap_override_methods(<PyTypeObject *>AtomicFloat, ap_fast_calls)
defer_when_shared(<PyTypeObject *>AtomicFloat)
