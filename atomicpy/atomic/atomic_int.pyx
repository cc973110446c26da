# Generated from atomicpy/atomic/atomic_integer.pyx.in by .ci/templates.py; edit that file.
# SPDX-License-Identifier: MIT
# cython: preliminary_late_includes_cy28=True
"""AtomicInt: a signed 64-bit integer that threads share, and the operations of C11 on it.

Every operation is one indivisible, sequentially consistent step (C11, 7.17.3) and none but `wait` blocks: of two
threads that contend for one value, one always proceeds. The algorithms, and why they are right, are in
`src/ap_atomic.h` and `src/park/ap_park.h`. Here Python's side is decided: arguments, results, errors.
"""

cimport cython
from cpython.object cimport PyObject_RichCompare, PyTypeObject
from libc.stdint cimport int64_t, uint64_t

from atomicpy.atomic.ap_atomic cimport *
from atomicpy._runtime.arguments cimport (
    AP_NO_WAITERS, ap_is_compact, ap_compact_value, ap_compare_i64, as_int64, as_waiters, refuse_copy,
    ap_unreachable,
)
from atomicpy._runtime.core cimport AP_FOREVER, block, wait_deadline
from atomicpy._runtime.core_calls cimport bind_core
from atomicpy._runtime.deferred_refcount cimport defer_when_shared, note_use
from atomicpy._runtime.public_name cimport name_public

__all__ = ["AtomicInt"]

cdef extern from "park/ap_wait_value.h" nogil:
    size_t AP_UNPARK_ALL
    size_t ap_unpark(const void *word, size_t n) noexcept
    bint ap_wait_i64(ap_i64 *a, int64_t expected, int64_t deadline) noexcept

bind_core()


cdef bint wait_until(void *word, uint64_t expected, int64_t deadline) noexcept nogil:
    return ap_wait_i64(<ap_i64 *>word, <int64_t>expected, deadline)


cdef void atomic_int_wait(AtomicInt a, int64_t expected) noexcept nogil:
    ap_wait_i64(&a.value, expected, AP_FOREVER)


cdef size_t atomic_int_notify(AtomicInt a, size_t n) noexcept nogil:
    return ap_unpark(&a.value, n)


cdef size_t atomic_int_notify_all(AtomicInt a) noexcept nogil:
    return ap_unpark(&a.value, AP_UNPARK_ALL)


# ---- addition and subtraction ----


cdef int out_of_range(int64_t old, str operator, int64_t n) except -1:
    raise OverflowError(
        f"AtomicInt({old}) {operator} {n} is outside the range -2**63 to 2**63 - 1; the value stays {old}"
    )


cdef inline int add_word(AtomicInt a, int64_t n, int64_t *old) except -1:
    if not ap_fetch_add_i64_checked(&a.value, n, old):
        out_of_range(old[0], "+", n)
        ap_unreachable()
    return 0


cdef inline int sub_word(AtomicInt a, int64_t n, int64_t *old) except -1:
    if not ap_fetch_sub_i64_checked(&a.value, n, old):
        out_of_range(old[0], "-", n)
        ap_unreachable()
    return 0


# ---- the operations that have a fast call: for the method and for the fast call ----


cdef inline int init "ap_do_init"(AtomicInt a, object value) except -1:
    ap_init_i64(&a.value, as_int64(value, "AtomicInt"))
    return 0


cdef inline int64_t load "ap_do_load"(AtomicInt a) noexcept:
    return ap_load_i64(&a.value)


cdef inline int add "ap_do_add"(AtomicInt a, object n, int64_t *new) except -1:
    cdef int64_t old, step = as_int64(n, "AtomicInt")
    add_word(a, step, &old)
    new[0] = old + step
    return 0


cdef inline int sub "ap_do_sub"(AtomicInt a, object n, int64_t *new) except -1:
    cdef int64_t old, step = as_int64(n, "AtomicInt")
    sub_word(a, step, &old)
    new[0] = old - step
    return 0


cdef inline int fetch_add "ap_do_fetch_add"(AtomicInt a, object n, int64_t *old) except -1:
    return add_word(a, as_int64(n, "AtomicInt"), old)


cdef inline int fetch_sub "ap_do_fetch_sub"(AtomicInt a, object n, int64_t *old) except -1:
    return sub_word(a, as_int64(n, "AtomicInt"), old)


cdef inline int exchange "ap_do_exchange"(AtomicInt a, object n, int64_t *old) except -1:
    old[0] = ap_exchange_i64(&a.value, as_int64(n, "AtomicInt"))
    return 0


cdef inline int fetch_and "ap_do_fetch_and"(AtomicInt a, object n, int64_t *old) except -1:
    old[0] = ap_fetch_and_i64(&a.value, as_int64(n, "AtomicInt"))
    return 0


cdef inline int fetch_or "ap_do_fetch_or"(AtomicInt a, object n, int64_t *old) except -1:
    old[0] = ap_fetch_or_i64(&a.value, as_int64(n, "AtomicInt"))
    return 0


cdef inline int fetch_xor "ap_do_fetch_xor"(AtomicInt a, object n, int64_t *old) except -1:
    old[0] = ap_fetch_xor_i64(&a.value, as_int64(n, "AtomicInt"))
    return 0


cdef inline int fetch_max "ap_do_fetch_max"(AtomicInt a, object n, int64_t *old) except -1:
    old[0] = ap_fetch_max_i64(&a.value, as_int64(n, "AtomicInt"))
    return 0


cdef inline int fetch_min "ap_do_fetch_min"(AtomicInt a, object n, int64_t *old) except -1:
    old[0] = ap_fetch_min_i64(&a.value, as_int64(n, "AtomicInt"))
    return 0


cdef inline bint compare_exchange "ap_do_compare_exchange"(AtomicInt a, object expected, object desired) except -1:
    cdef int64_t seen = as_int64(expected, "AtomicInt")
    return ap_compare_exchange_i64(&a.value, &seen, as_int64(desired, "AtomicInt"))


cdef inline bint differs "ap_do_differs"(AtomicInt a, object expected) except -1:
    return ap_load_i64(&a.value) != as_int64(expected, "AtomicInt")


cdef inline size_t notify_all "ap_do_notify_all"(AtomicInt a) noexcept:
    return ap_unpark(&a.value, AP_UNPARK_ALL)


cdef inline size_t notify "ap_do_notify"(AtomicInt a, object n) except? AP_NO_WAITERS:
    return ap_unpark(&a.value, as_waiters(n))


@cython.final
cdef class AtomicInt:
    """AtomicInt(value=0)
--

    A signed 64-bit integer that threads share.

    Every method but `wait` is one atomic step, sequentially consistent, and lock-free. So are `+=`, `-=`, `&=`, `|=`
    and `^=`; `a + 1` and its like do not exist, because `a = a + 1` would be a read and a write that another thread
    can split. Comparison, `int()`, `bool()`, `format()` and the like are one `load()`, then plain Python.

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
        init(self, value)

    # ---- read, write, swap ----

    def load(self, /):
        """Atomically read the value and return it.

        >>> AtomicInt(7).load()
        7
        """
        note_use(self)
        return load(self)

    def store(self, value, /):
        """Atomically replace the value.

        Raises TypeError for what is no integer, OverflowError outside -2**63 to 2**63 - 1.

        >>> a = AtomicInt(7)
        >>> a.store(8)
        >>> a.load()
        8
        """
        note_use(self)
        ap_store_i64(&self.value, as_int64(value, "AtomicInt"))

    def exchange(self, value, /):
        """Atomically replace the value and return the old one.

        Equivalent to, in one step: `old = a; a = value; return old`.
        Raises TypeError for what is no integer, OverflowError outside -2**63 to 2**63 - 1.

        >>> a = AtomicInt(7)
        >>> a.exchange(8), a.load()
        (7, 8)
        """
        note_use(self)
        cdef int64_t old
        exchange(self, value, &old)
        return old

    def compare_exchange(self, expected, desired, /):
        """Atomically replace the value by `desired` if it equals `expected`; return whether it was replaced.

        Equivalent to, in one step: `if a == expected: a = desired; return True`, else `return False`.
        It fails only where the values differ (C11's strong form).
        Raises TypeError for what is no integer, OverflowError outside -2**63 to 2**63 - 1.

        >>> a = AtomicInt(7)
        >>> a.compare_exchange(7, 8), a.compare_exchange(7, 9), a.load()
        (True, False, 8)
        """
        note_use(self)
        return compare_exchange(self, expected, desired)

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
        note_use(self)
        add_word(self, 1, &old)

    def dec(self, /):
        """Atomically subtract one. Returns None: the fastest step, no result is made.

        Raises OverflowError at -2**63; the value is as it was.

        >>> a = AtomicInt(7)
        >>> a.dec()
        >>> a.load()
        6
        """
        cdef int64_t old
        note_use(self)
        sub_word(self, 1, &old)

    def add(self, n=1, /):
        """Atomically add `n` and return the new value.

        Equivalent to, in one step: `a = a + n; return a`.
        Raises OverflowError where the sum leaves -2**63 to 2**63 - 1, and TypeError for what is no integer; the value
        is as it was.

        >>> AtomicInt(7).add(), AtomicInt(7).add(3)
        (8, 10)
        """
        note_use(self)
        cdef int64_t new
        add(self, n, &new)
        return new

    def sub(self, n=1, /):
        """Atomically subtract `n` and return the new value.

        Equivalent to, in one step: `a = a - n; return a`.
        Raises OverflowError where the difference leaves -2**63 to 2**63 - 1, and TypeError for what is no integer; the
        value is as it was.

        >>> AtomicInt(7).sub(), AtomicInt(7).sub(3)
        (6, 4)
        """
        note_use(self)
        cdef int64_t new
        sub(self, n, &new)
        return new

    def fetch_add(self, n=1, /):
        """Atomically add `n` and return the old value.

        Equivalent to, in one step: `old = a; a = a + n; return old`.
        Raises OverflowError where the sum leaves -2**63 to 2**63 - 1, and TypeError for what is no integer; the value
        is as it was.

        >>> a = AtomicInt(7)
        >>> a.fetch_add(3), a.load()
        (7, 10)
        """
        note_use(self)
        cdef int64_t old
        fetch_add(self, n, &old)
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
        note_use(self)
        cdef int64_t old
        fetch_sub(self, n, &old)
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
        note_use(self)
        cdef int64_t old
        fetch_and(self, n, &old)
        return old

    def fetch_or(self, n, /):
        """Atomically set the bits that `n` has, and return the old value.

        Equivalent to, in one step: `old = a; a = a | n; return old`; negative numbers are two's complement.
        Raises TypeError for what is no integer, OverflowError outside -2**63 to 2**63 - 1.

        >>> a = AtomicInt(0b0110)
        >>> a.fetch_or(0b0011), a.load()
        (6, 7)
        """
        note_use(self)
        cdef int64_t old
        fetch_or(self, n, &old)
        return old

    def fetch_xor(self, n, /):
        """Atomically flip the bits that `n` has, and return the old value.

        Equivalent to, in one step: `old = a; a = a ^ n; return old`; negative numbers are two's complement.
        Raises TypeError for what is no integer, OverflowError outside -2**63 to 2**63 - 1.

        >>> a = AtomicInt(0b0110)
        >>> a.fetch_xor(0b0011), a.load()
        (6, 5)
        """
        note_use(self)
        cdef int64_t old
        fetch_xor(self, n, &old)
        return old

    def fetch_max(self, n, /):
        """Atomically raise the value to `n` where it is less, and return the old value.

        Equivalent to, in one step: `old = a; a = max(a, n); return old`.
        Raises TypeError for what is no integer, OverflowError outside -2**63 to 2**63 - 1.

        >>> a = AtomicInt(7)
        >>> a.fetch_max(9), a.fetch_max(8), a.load()
        (7, 9, 9)
        """
        note_use(self)
        cdef int64_t old
        fetch_max(self, n, &old)
        return old

    def fetch_min(self, n, /):
        """Atomically lower the value to `n` where it is more, and return the old value.

        Equivalent to, in one step: `old = a; a = min(a, n); return old`.
        Raises TypeError for what is no integer, OverflowError outside -2**63 to 2**63 - 1.

        >>> a = AtomicInt(7)
        >>> a.fetch_min(5), a.fetch_min(6), a.load()
        (7, 5, 5)
        """
        note_use(self)
        cdef int64_t old
        fetch_min(self, n, &old)
        return old

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
            new = as_int64(fn(old), "AtomicInt")
            if ap_compare_exchange_i64(&self.value, &old, new):
                return new

    # ---- wait and notify ----

    def wait(self, expected, timeout=None):
        """Sleep while the value equals `expected`; return True, or False after `timeout` seconds (monotonic clock).

        Equivalent to: `while a == expected: sleep until notified`. A thread that changes the value calls `notify()` or
        `notify_all()` afterwards; without that the sleep goes on. No wake-up is lost: a change and its notify that come
        after the value was compared end the sleep. A value that changed and changed back may be missed (C++20,
        std::atomic::wait). Raises ValueError for a negative timeout, OverflowError for one above
        `threading.TIMEOUT_MAX`, and KeyboardInterrupt at Ctrl-C in the main thread.

        >>> a = AtomicInt(7)
        >>> a.wait(8), a.wait(7, timeout=0.01)
        (True, False)
        """
        note_use(self)
        cdef int64_t deadline = wait_deadline(timeout)  # first: a bad timeout is an error in any case
        return differs(self, expected) or block(
            wait_until, &self.value, <uint64_t>as_int64(expected, "AtomicInt"), deadline
        )

    def notify(self, n=1, /):
        """Wake up to `n` of the threads in `wait()`, those that wait longest; return how many were woken.

        Raises ValueError for a negative `n`, TypeError for what is no integer.

        >>> AtomicInt(7).notify()
        0
        """
        note_use(self)
        return notify(self, n)

    def notify_all(self, /):
        """Wake all threads in `wait()`; return how many were woken.

        >>> AtomicInt(7).notify_all()
        0
        """
        note_use(self)
        return notify_all(self)

    # ---- operators: each one atomic step ----

    def __iadd__(self, n):
        note_use(self)
        cdef int64_t old
        add_word(self, as_int64(n, "AtomicInt"), &old)
        return self

    def __isub__(self, n):
        note_use(self)
        cdef int64_t old
        sub_word(self, as_int64(n, "AtomicInt"), &old)
        return self

    def __iand__(self, n):
        note_use(self)
        ap_fetch_and_i64(&self.value, as_int64(n, "AtomicInt"))
        return self

    def __ior__(self, n):
        note_use(self)
        ap_fetch_or_i64(&self.value, as_int64(n, "AtomicInt"))
        return self

    def __ixor__(self, n):
        note_use(self)
        ap_fetch_xor_i64(&self.value, as_int64(n, "AtomicInt"))
        return self

    # ---- one load(), then plain Python ----

    def __int__(self):
        note_use(self)
        return load(self)

    def __index__(self):
        return ap_load_i64(&self.value)

    def __float__(self):
        return <double>ap_load_i64(&self.value)

    def __bool__(self):
        note_use(self)
        return ap_load_i64(&self.value) != 0

    def __richcmp__(self, other, int operator):
        cdef int64_t value = ap_load_i64(&self.value)
        if ap_is_compact(other):
            return ap_compare_i64(value, <int64_t>ap_compact_value(other), operator)
        return PyObject_RichCompare(value, other, operator)

    def __format__(self, spec, /):
        return format(ap_load_i64(&self.value), spec)

    def __str__(self):
        return str(ap_load_i64(&self.value))

    def __repr__(self):
        return f"AtomicInt({ap_load_i64(&self.value)})"

    def __reduce_ex__(self, protocol, /):
        refuse_copy(self)


cdef extern from *:
    """
    #define AP_NUMBER int64_t
    #define AP_BOX PyLong_FromLongLong
    #define AP_IS_PLAIN ap_is_compact
    #include "atomic/fast_calls_integer.h"
    """
    int ap_override_new(PyTypeObject *type) except -1
    void ap_override_int(PyTypeObject *type) noexcept
    int ap_override_methods(PyTypeObject *type, const void *calls) except -1
    const void *ap_fast_calls

name_public(<PyTypeObject *>AtomicInt, "atomicpy.AtomicInt")
ap_override_new(<PyTypeObject *>AtomicInt)
ap_override_int(<PyTypeObject *>AtomicInt)
ap_override_methods(<PyTypeObject *>AtomicInt, ap_fast_calls)
defer_when_shared(<PyTypeObject *>AtomicInt)
