# SPDX-License-Identifier: MIT
"""Atomic values: one word that threads share, and the operations of C11 on it.

Every operation is one indivisible, sequentially consistent step (C11, 7.17.3) and none of them blocks: of two threads
that meet on one value, one always gets on. The algorithms, and why they are right, are in `src/ap_atomic.h`; here
Python's side is decided: arguments, results, errors.
"""

cimport cython
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_CheckExact
from cpython.number cimport PyNumber_Index
from cpython.object cimport PyObject_RichCompare
from libc.stdint cimport int64_t

__all__ = ["AtomicInt"]


# ---- arguments and errors --------------------------------------------------------------------------------------


cdef extern from *:
    """
    /* An int of one digit is read in place: its layout is public from 3.12 on (PyUnstable_Long_IsCompact). */
    #if PY_VERSION_HEX >= 0x030C0000
    #define ap_is_compact(n) likely(PyLong_CheckExact(n) && PyUnstable_Long_IsCompact((PyLongObject *)(n)))
    #define ap_compact_value(n) ((int64_t)PyUnstable_Long_CompactValue((PyLongObject *)(n)))
    #else
    #define ap_is_compact(n) 0
    #define ap_compact_value(n) 0
    #endif
    """
    bint ap_is_compact(object n) noexcept
    int64_t ap_compact_value(object n) noexcept


cdef inline int64_t as_int64(object n) except? -1:
    """n as an integer of AtomicInt's range, or TypeError or OverflowError."""
    if ap_is_compact(n):
        return ap_compact_value(n)
    return as_int64_slow(n)


cdef int64_t as_int64_slow(object n) except? -1:
    cdef int overflow = 0
    cdef int64_t value
    if PyLong_CheckExact(n):
        value = PyLong_AsLongLongAndOverflow(n, &overflow)
        if not overflow:
            return value
    if not hasattr(type(n), "__index__"):
        import reprlib  # here, because importing the package is to cost little

        raise TypeError(
            f"AtomicInt needs an integer, not the {type(n).__name__} {reprlib.repr(n)}; convert it with int() first"
        )
    number = PyNumber_Index(n)
    value = PyLong_AsLongLongAndOverflow(number, &overflow)
    if overflow:
        raise OverflowError(f"{shown(number)} is outside the range of AtomicInt, -2**63 to 2**63 - 1")
    return value


cdef str shown(number):
    """The number as an error message shows it: str() of a large one is long, and refused above 4300 digits."""
    if number.bit_length() > 256:
        return f"an integer of {number.bit_length()} bits"
    return str(number)


cdef int out_of_range(int64_t old, str operator, int64_t n) except -1:
    raise OverflowError(
        f"AtomicInt({old}) {operator} {n} is outside the range -2**63 to 2**63 - 1; the value stays {old}"
    )


# ---- AtomicInt -------------------------------------------------------------------------------------------------


@cython.final
cdef class AtomicInt:
    """AtomicInt(value=0)
--

    A signed 64-bit integer that threads share.

    Every method is one atomic step, sequentially consistent, and lock-free. So are `+=`, `-=`, `&=`, `|=` and `^=`;
    `a + 1` and its like do not exist, because `a = a + 1` would be a read and a write that another thread can split.
    Comparison, `int()`, `bool()`, `format()` and the like are one `load()`, then plain Python.

    Arguments are integers: `int`, or anything with `__index__` (`bool`, `IntEnum`, NumPy's integers). An argument or a
    result outside -2**63 to 2**63 - 1 is OverflowError, and the value is as it was.

    Names and meanings are those of C11, 7.17.7; `add` and `sub` return the new value as Go's `Int64.Add` does.

    >>> hits = AtomicInt()
    >>> hits += 2
    >>> hits.add(40)
    42
    >>> hits
    AtomicInt(42)
    """

    def __cinit__(self, value=0):
        ap_init_i64(&self.value, as_int64(value))

    # ---- read, write, swap ----

    def load(self, /):
        """Atomically read the value and return it.

        >>> AtomicInt(7).load()
        7
        """
        return ap_load_i64(&self.value)

    def store(self, value, /):
        """Atomically replace the value.

        Raises TypeError for what is no integer, OverflowError outside -2**63 to 2**63 - 1.

        >>> a = AtomicInt(7)
        >>> a.store(8)
        >>> a.load()
        8
        """
        ap_store_i64(&self.value, as_int64(value))

    def exchange(self, value, /):
        """Atomically replace the value and return the old one.

        Equivalent to, in one step: `old = a; a = value; return old`.
        Raises TypeError for what is no integer, OverflowError outside -2**63 to 2**63 - 1.

        >>> a = AtomicInt(7)
        >>> a.exchange(8), a.load()
        (7, 8)
        """
        return ap_exchange_i64(&self.value, as_int64(value))

    def compare_exchange(self, expected, desired, /):
        """Atomically replace the value by `desired` if it equals `expected`; return whether it was replaced.

        Equivalent to, in one step: `if a == expected: a = desired; return True`, else `return False`.
        It fails only where the values differ (C11's strong form).
        Raises TypeError for what is no integer, OverflowError outside -2**63 to 2**63 - 1.

        >>> a = AtomicInt(7)
        >>> a.compare_exchange(7, 8), a.compare_exchange(7, 9), a.load()
        (True, False, 8)
        """
        cdef int64_t seen = as_int64(expected)
        return ap_compare_exchange_i64(&self.value, &seen, as_int64(desired))

    # ---- arithmetic ----

    def inc(self, /):
        """Atomically add one. Returns None: the fastest step, no result is made.

        Raises OverflowError at 2**63 - 1; the value is as it was.

        >>> a = AtomicInt(7)
        >>> a.inc()
        >>> a.load()
        8
        """
        cdef int64_t old
        if not ap_fetch_add_i64_checked(&self.value, 1, &old):
            out_of_range(old, "+", 1)

    def dec(self, /):
        """Atomically subtract one. Returns None: the fastest step, no result is made.

        Raises OverflowError at -2**63; the value is as it was.

        >>> a = AtomicInt(7)
        >>> a.dec()
        >>> a.load()
        6
        """
        cdef int64_t old
        if not ap_fetch_sub_i64_checked(&self.value, 1, &old):
            out_of_range(old, "-", 1)

    def add(self, n=1, /):
        """Atomically add `n` and return the new value.

        Equivalent to, in one step: `a = a + n; return a`.
        Raises OverflowError where the sum leaves -2**63 to 2**63 - 1, and TypeError for what is no integer; the value
        is as it was.

        >>> AtomicInt(7).add(), AtomicInt(7).add(3)
        (8, 10)
        """
        cdef int64_t old, step = as_int64(n)
        if not ap_fetch_add_i64_checked(&self.value, step, &old):
            out_of_range(old, "+", step)
        return old + step

    def sub(self, n=1, /):
        """Atomically subtract `n` and return the new value.

        Equivalent to, in one step: `a = a - n; return a`.
        Raises OverflowError where the difference leaves -2**63 to 2**63 - 1, and TypeError for what is no integer; the
        value is as it was.

        >>> AtomicInt(7).sub(), AtomicInt(7).sub(3)
        (6, 4)
        """
        cdef int64_t old, step = as_int64(n)
        if not ap_fetch_sub_i64_checked(&self.value, step, &old):
            out_of_range(old, "-", step)
        return old - step

    def fetch_add(self, n=1, /):
        """Atomically add `n` and return the old value.

        Equivalent to, in one step: `old = a; a = a + n; return old`.
        Raises OverflowError where the sum leaves -2**63 to 2**63 - 1, and TypeError for what is no integer; the value
        is as it was.

        >>> a = AtomicInt(7)
        >>> a.fetch_add(3), a.load()
        (7, 10)
        """
        cdef int64_t old, step = as_int64(n)
        if not ap_fetch_add_i64_checked(&self.value, step, &old):
            out_of_range(old, "+", step)
        return old

    def fetch_sub(self, n=1, /):
        """Atomically subtract `n` and return the old value.

        Equivalent to, in one step: `old = a; a = a - n; return old`.
        Raises OverflowError where the difference leaves -2**63 to 2**63 - 1, and TypeError for what is no integer; the
        value is as it was.

        >>> a = AtomicInt(7)
        >>> a.fetch_sub(3), a.load()
        (7, 4)
        """
        cdef int64_t old, step = as_int64(n)
        if not ap_fetch_sub_i64_checked(&self.value, step, &old):
            out_of_range(old, "-", step)
        return old

    # ---- bits, maximum and minimum ----

    def fetch_and(self, n, /):
        """Atomically keep the bits that `n` has too, and return the old value.

        Equivalent to, in one step: `old = a; a = a & n; return old`; negative numbers are two's complement.
        Raises TypeError for what is no integer, OverflowError outside -2**63 to 2**63 - 1.

        >>> a = AtomicInt(0b0110)
        >>> a.fetch_and(0b0011), a.load()
        (6, 2)
        """
        return ap_fetch_and_i64(&self.value, as_int64(n))

    def fetch_or(self, n, /):
        """Atomically set the bits that `n` has, and return the old value.

        Equivalent to, in one step: `old = a; a = a | n; return old`; negative numbers are two's complement.
        Raises TypeError for what is no integer, OverflowError outside -2**63 to 2**63 - 1.

        >>> a = AtomicInt(0b0110)
        >>> a.fetch_or(0b0011), a.load()
        (6, 7)
        """
        return ap_fetch_or_i64(&self.value, as_int64(n))

    def fetch_xor(self, n, /):
        """Atomically flip the bits that `n` has, and return the old value.

        Equivalent to, in one step: `old = a; a = a ^ n; return old`; negative numbers are two's complement.
        Raises TypeError for what is no integer, OverflowError outside -2**63 to 2**63 - 1.

        >>> a = AtomicInt(0b0110)
        >>> a.fetch_xor(0b0011), a.load()
        (6, 5)
        """
        return ap_fetch_xor_i64(&self.value, as_int64(n))

    def fetch_max(self, n, /):
        """Atomically raise the value to `n` where it is less, and return the old value.

        Equivalent to, in one step: `old = a; a = max(a, n); return old`.
        Raises TypeError for what is no integer, OverflowError outside -2**63 to 2**63 - 1.

        >>> a = AtomicInt(7)
        >>> a.fetch_max(9), a.fetch_max(8), a.load()
        (7, 9, 9)
        """
        return ap_fetch_max_i64(&self.value, as_int64(n))

    def fetch_min(self, n, /):
        """Atomically lower the value to `n` where it is more, and return the old value.

        Equivalent to, in one step: `old = a; a = min(a, n); return old`.
        Raises TypeError for what is no integer, OverflowError outside -2**63 to 2**63 - 1.

        >>> a = AtomicInt(7)
        >>> a.fetch_min(5), a.fetch_min(6), a.load()
        (7, 5, 5)
        """
        return ap_fetch_min_i64(&self.value, as_int64(n))

    def update(self, fn, /):
        """Atomically replace the value by `fn(value)` and return the new value.

        Equivalent to: `old = a.load(); new = fn(old)`, then `compare_exchange(old, new)`, again from the start until
        that succeeds. So `fn` may run more than once, with a fresh value each time, and must have no side effect.
        What `fn` raises is raised here. Raises TypeError where `fn` returns no integer, OverflowError where what it
        returns is outside -2**63 to 2**63 - 1. After an error the value is as it was.

        >>> a = AtomicInt(7)
        >>> a.update(lambda value: value * 2 % 10)
        4
        """
        cdef int64_t old = ap_load_i64(&self.value)
        cdef int64_t new
        while True:
            new = as_int64(fn(old))
            if ap_compare_exchange_i64(&self.value, &old, new):
                return new

    # ---- operators: each one atomic step ----

    def __iadd__(self, n):
        cdef int64_t old, step = as_int64(n)
        if not ap_fetch_add_i64_checked(&self.value, step, &old):
            out_of_range(old, "+", step)
        return self

    def __isub__(self, n):
        cdef int64_t old, step = as_int64(n)
        if not ap_fetch_sub_i64_checked(&self.value, step, &old):
            out_of_range(old, "-", step)
        return self

    def __iand__(self, n):
        ap_fetch_and_i64(&self.value, as_int64(n))
        return self

    def __ior__(self, n):
        ap_fetch_or_i64(&self.value, as_int64(n))
        return self

    def __ixor__(self, n):
        ap_fetch_xor_i64(&self.value, as_int64(n))
        return self

    # ---- one load(), then plain Python ----

    def __int__(self):
        return ap_load_i64(&self.value)

    def __index__(self):
        return ap_load_i64(&self.value)

    def __float__(self):
        return <double>ap_load_i64(&self.value)

    def __bool__(self):
        return ap_load_i64(&self.value) != 0

    def __richcmp__(self, other, int operator):
        return PyObject_RichCompare(ap_load_i64(&self.value), other, operator)

    def __format__(self, spec, /):
        return format(ap_load_i64(&self.value), spec)

    def __str__(self):
        return str(ap_load_i64(&self.value))

    def __repr__(self):
        return f"AtomicInt({ap_load_i64(&self.value)})"

    def __reduce_ex__(self, protocol, /):
        raise TypeError(
            f"{self!r} cannot be copied or pickled: the copy would be a counter that is no longer shared. Pass the "
            "object itself to threads; to share a value between processes use AtomicIntArray.from_buffer"
        )
