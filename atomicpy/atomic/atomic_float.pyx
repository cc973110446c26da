# SPDX-License-Identifier: MIT
"""AtomicFloat: a double that threads share, and the operations of C11 on it.

Every operation is one indivisible, sequentially consistent step (C11, 7.17.3) and none blocks. C11 has no arithmetic on
an atomic double: the algorithms, and why they are right, are in `src/ap_atomic.h`; here Python's side is decided:
arguments, results, errors.
"""

cimport cython
from cpython.float cimport PyFloat_AS_DOUBLE
from cpython.object cimport PyObject_RichCompare, PyTypeObject

from atomicpy._runtime.arguments cimport ap_compare_f64, as_double, refuse_copy
from atomicpy._runtime.deferred_refcount cimport defer_when_shared, used
from atomicpy.atomic.ap_atomic cimport *

__all__ = ["AtomicFloat"]


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
        ap_init_f64(&self.value, as_double(value, "AtomicFloat"))

    # ---- read, write, swap ----

    def load(self, /):
        """Atomically read the value and return it.

        >>> AtomicFloat(1.5).load()
        1.5
        """
        used(self)
        return ap_load_f64(&self.value)

    def store(self, value, /):
        """Atomically replace the value.

        Raises TypeError for what is no number, OverflowError for an int too large for a double.

        >>> a = AtomicFloat(1.5)
        >>> a.store(2)
        >>> a.load()
        2.0
        """
        used(self)
        ap_store_f64(&self.value, as_double(value, "AtomicFloat"))

    def exchange(self, value, /):
        """Atomically replace the value and return the old one.

        Equivalent to, in one step: `old = a; a = value; return old`.
        Raises TypeError for what is no number, OverflowError for an int too large for a double.

        >>> a = AtomicFloat(1.5)
        >>> a.exchange(2.5), a.load()
        (1.5, 2.5)
        """
        used(self)
        return ap_exchange_f64(&self.value, as_double(value, "AtomicFloat"))

    def compare_exchange(self, expected, desired, /):
        """Atomically replace the value by `desired` if it equals `expected`; return whether it was replaced.

        Equivalent to, in one step: `if a == expected: a = desired; return True`, else `return False`. Equal as floats:
        0.0 equals -0.0, and NaN equals nothing, so a NaN is never replaced.
        Raises TypeError for what is no number, OverflowError for an int too large for a double.

        >>> a = AtomicFloat(1.5)
        >>> a.compare_exchange(1.5, 2.5), a.compare_exchange(1.5, 3.5), a.load()
        (True, False, 2.5)
        """
        used(self)
        cdef double seen = as_double(expected, "AtomicFloat")
        return ap_compare_exchange_f64(&self.value, seen, as_double(desired, "AtomicFloat"))

    # ---- arithmetic, maximum and minimum ----

    def add(self, n=1, /):
        """Atomically add `n` and return the new value.

        Equivalent to, in one step: `a = a + n; return a`.
        Raises TypeError for what is no number, OverflowError for an int too large for a double.

        >>> AtomicFloat(1.5).add(), AtomicFloat(1.5).add(0.25)
        (2.5, 1.75)
        """
        used(self)
        cdef double step = as_double(n, "AtomicFloat")
        return ap_fetch_add_f64(&self.value, step) + step

    def sub(self, n=1, /):
        """Atomically subtract `n` and return the new value.

        Equivalent to, in one step: `a = a - n; return a`.
        Raises TypeError for what is no number, OverflowError for an int too large for a double.

        >>> AtomicFloat(1.5).sub(), AtomicFloat(1.5).sub(0.25)
        (0.5, 1.25)
        """
        used(self)
        cdef double step = as_double(n, "AtomicFloat")
        return ap_fetch_sub_f64(&self.value, step) - step

    def fetch_add(self, n=1, /):
        """Atomically add `n` and return the old value.

        Equivalent to, in one step: `old = a; a = a + n; return old`.
        Raises TypeError for what is no number, OverflowError for an int too large for a double.

        >>> a = AtomicFloat(1.5)
        >>> a.fetch_add(0.25), a.load()
        (1.5, 1.75)
        """
        used(self)
        return ap_fetch_add_f64(&self.value, as_double(n, "AtomicFloat"))

    def fetch_sub(self, n=1, /):
        """Atomically subtract `n` and return the old value.

        Equivalent to, in one step: `old = a; a = a - n; return old`.
        Raises TypeError for what is no number, OverflowError for an int too large for a double.

        >>> a = AtomicFloat(1.5)
        >>> a.fetch_sub(0.25), a.load()
        (1.5, 1.25)
        """
        used(self)
        return ap_fetch_sub_f64(&self.value, as_double(n, "AtomicFloat"))

    def fetch_max(self, n, /):
        """Atomically raise the value to `n` where it is less, and return the old value.

        Equivalent to, in one step: `old = a; a = n if n > old else old; return old`: a NaN neither replaces nor is
        replaced. Raises TypeError for what is no number, OverflowError for an int too large for a double.

        >>> a = AtomicFloat(1.5)
        >>> a.fetch_max(2.5), a.fetch_max(2.0), a.load()
        (1.5, 2.5, 2.5)
        """
        used(self)
        return ap_fetch_max_f64(&self.value, as_double(n, "AtomicFloat"))

    def fetch_min(self, n, /):
        """Atomically lower the value to `n` where it is more, and return the old value.

        Equivalent to, in one step: `old = a; a = n if n < old else old; return old`: a NaN neither replaces nor is
        replaced. Raises TypeError for what is no number, OverflowError for an int too large for a double.

        >>> a = AtomicFloat(1.5)
        >>> a.fetch_min(0.5), a.fetch_min(1.0), a.load()
        (1.5, 0.5, 0.5)
        """
        used(self)
        return ap_fetch_min_f64(&self.value, as_double(n, "AtomicFloat"))

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
            new = as_double(fn(old), "AtomicFloat")
            if ap_replace_seen_f64(&self.value, &old, new):
                return new

    # ---- operators: each one atomic step ----

    def __iadd__(self, n):
        used(self)
        ap_fetch_add_f64(&self.value, as_double(n, "AtomicFloat"))
        return self

    def __isub__(self, n):
        used(self)
        ap_fetch_sub_f64(&self.value, as_double(n, "AtomicFloat"))
        return self

    # ---- one load(), then plain Python ----

    def __int__(self):
        return int(ap_load_f64(&self.value))

    def __float__(self):
        return ap_load_f64(&self.value)

    def __bool__(self):
        used(self)
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

    AP_OBJECT(f64)
    AP_SHORTCUT_LOAD(f64)
    AP_SHORTCUT_STEP(f64, add, (old = ap_fetch_add_f64(word, n), true), old + n)
    AP_SHORTCUT_STEP(f64, sub, (old = ap_fetch_sub_f64(word, n), true), old - n)
    AP_SHORTCUT_STEP(f64, fetch_add, (old = ap_fetch_add_f64(word, n), true), old)
    AP_SHORTCUT_STEP(f64, fetch_sub, (old = ap_fetch_sub_f64(word, n), true), old)
    AP_SHORTCUT_COMPARE_EXCHANGE(f64, ap_compare_exchange_f64(word, expected, desired))
    AP_SHORTCUT_NEW(f64, 0.0)

    static const ap_shortcut ap_shortcuts[] = {
        AP_PUT_NOARGS(load), AP_PUT(add), AP_PUT(sub), AP_PUT(fetch_add), AP_PUT(fetch_sub), AP_PUT(compare_exchange),
        AP_PUT_END,
    };
    """
    int ap_put_all(PyTypeObject *type, const void *shortcuts) except -1
    const void *ap_shortcuts

ap_put_all(<PyTypeObject *>AtomicFloat, ap_shortcuts)
defer_when_shared(<PyTypeObject *>AtomicFloat)
