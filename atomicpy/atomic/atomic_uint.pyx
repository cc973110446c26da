# SPDX-License-Identifier: MIT
"""AtomicUInt: an unsigned 64-bit integer that threads share, and the operations of C11 on it.

Every operation is one indivisible, sequentially consistent step (C11, 7.17.3) and none but `wait` blocks: of two
threads that meet on one value, one always gets on. The algorithms, and why they are right, are in `src/ap_atomic.h`
and `src/park/ap_park.h`; here Python's side is decided: arguments, results, errors.
"""

cimport cython
from cpython.object cimport PyObject_RichCompare, PyTypeObject
from libc.stdint cimport int64_t, uint64_t

from atomicpy.atomic.ap_atomic cimport *
from atomicpy._runtime.arguments cimport ap_compact_value, ap_compare_u64, ap_is_compact, as_uint64, as_waiters, refuse_copy
from atomicpy._runtime.blocking cimport AP_FOREVER, block, wait_deadline
from atomicpy._runtime.core_calls cimport bind_core
from atomicpy._runtime.deferred_refcount cimport defer_when_shared, used

__all__ = ["AtomicUInt"]

cdef extern from "park/ap_wait_value.h" nogil:
    size_t AP_UNPARK_ALL
    size_t ap_unpark(const void *word, size_t n) noexcept
    bint ap_wait_u64(ap_u64 *a, uint64_t expected, int64_t deadline) noexcept

bind_core()


cdef bint wait_until(void *word, uint64_t expected, int64_t deadline) noexcept nogil:
    return ap_wait_u64(<ap_u64 *>word, expected, deadline)


cdef void atomic_uint_wait(AtomicUInt a, uint64_t expected) noexcept nogil:
    ap_wait_u64(&a.value, expected, AP_FOREVER)


cdef size_t atomic_uint_notify(AtomicUInt a, size_t n) noexcept nogil:
    return ap_unpark(&a.value, n)


cdef size_t atomic_uint_notify_all(AtomicUInt a) noexcept nogil:
    return ap_unpark(&a.value, AP_UNPARK_ALL)


@cython.final
cdef class AtomicUInt:
    """AtomicUInt(value=0)
--

    An unsigned 64-bit integer that threads share: hashes, bit sets, sequence numbers.

    Every method but `wait` is one atomic step, sequentially consistent, and lock-free. So are `+=`, `-=`, `&=`, `|=`
    and `^=`; `a + 1` and its like do not exist, because `a = a + 1` would be a read and a write that another thread
    can split. Comparison, `int()`, `bool()`, `format()` and the like are one `load()`, then plain Python.

    Arguments are integers from 0 to 2**64 - 1: `int`, or anything with `__index__`; others are OverflowError, and the
    value is as it was. Results wrap modulo 2**64, as unsigned integers do in C (C11, 6.2.5) and in Go.

    >>> sequence = AtomicUInt(2**64 - 1)
    >>> sequence += 1
    >>> sequence
    AtomicUInt(0)
    >>> sequence.sub(1) == 2**64 - 1
    True
    """

    def __cinit__(self, value=0):
        ap_init_u64(&self.value, as_uint64(value, "AtomicUInt"))

    # ---- read, write, swap ----

    def load(self, /):
        """Atomically read the value and return it.

        >>> AtomicUInt(7).load()
        7
        """
        used(self)
        return ap_load_u64(&self.value)

    def store(self, value, /):
        """Atomically replace the value.

        Raises TypeError for what is no integer, OverflowError outside 0 to 2**64 - 1.

        >>> a = AtomicUInt(7)
        >>> a.store(8)
        >>> a.load()
        8
        """
        used(self)
        ap_store_u64(&self.value, as_uint64(value, "AtomicUInt"))

    def exchange(self, value, /):
        """Atomically replace the value and return the old one.

        Equivalent to, in one step: `old = a; a = value; return old`.
        Raises TypeError for what is no integer, OverflowError outside 0 to 2**64 - 1.

        >>> a = AtomicUInt(7)
        >>> a.exchange(8), a.load()
        (7, 8)
        """
        used(self)
        return ap_exchange_u64(&self.value, as_uint64(value, "AtomicUInt"))

    def compare_exchange(self, expected, desired, /):
        """Atomically replace the value by `desired` if it equals `expected`; return whether it was replaced.

        Equivalent to, in one step: `if a == expected: a = desired; return True`, else `return False`.
        It fails only where the values differ (C11's strong form).
        Raises TypeError for what is no integer, OverflowError outside 0 to 2**64 - 1.

        >>> a = AtomicUInt(7)
        >>> a.compare_exchange(7, 8), a.compare_exchange(7, 9), a.load()
        (True, False, 8)
        """
        used(self)
        cdef uint64_t seen = as_uint64(expected, "AtomicUInt")
        return ap_compare_exchange_u64(&self.value, &seen, as_uint64(desired, "AtomicUInt"))

    # ---- arithmetic ----

    def inc(self, /):
        """Atomically add one. Returns None: the fastest step, no result is made.

        Wraps: 2**64 - 1 becomes 0.

        >>> a = AtomicUInt(7)
        >>> a.inc()
        >>> a.load()
        8
        """
        used(self)
        ap_fetch_add_u64(&self.value, 1)

    def dec(self, /):
        """Atomically subtract one. Returns None: the fastest step, no result is made.

        Wraps: 0 becomes 2**64 - 1.

        >>> a = AtomicUInt(7)
        >>> a.dec()
        >>> a.load()
        6
        """
        used(self)
        ap_fetch_sub_u64(&self.value, 1)

    def add(self, n=1, /):
        """Atomically add `n` and return the new value.

        Equivalent to, in one step: `a = (a + n) % 2**64; return a`.
        The result wraps modulo 2**64. Raises OverflowError for an `n` outside 0 to 2**64 - 1, a negative one say, and
        TypeError for what is no integer; the value is as it was.

        >>> AtomicUInt(7).add(), AtomicUInt(7).add(3)
        (8, 10)
        """
        used(self)
        cdef uint64_t step = as_uint64(n, "AtomicUInt")
        return ap_fetch_add_u64(&self.value, step) + step

    def sub(self, n=1, /):
        """Atomically subtract `n` and return the new value.

        Equivalent to, in one step: `a = (a - n) % 2**64; return a`.
        The result wraps modulo 2**64. Raises OverflowError for an `n` outside 0 to 2**64 - 1, a negative one say, and
        TypeError for what is no integer; the value is as it was.

        >>> AtomicUInt(7).sub(), AtomicUInt(7).sub(3)
        (6, 4)
        """
        used(self)
        cdef uint64_t step = as_uint64(n, "AtomicUInt")
        return ap_fetch_sub_u64(&self.value, step) - step

    def fetch_add(self, n=1, /):
        """Atomically add `n` and return the old value.

        Equivalent to, in one step: `old = a; a = (a + n) % 2**64; return old`.
        The result wraps modulo 2**64. Raises OverflowError for an `n` outside 0 to 2**64 - 1, a negative one say, and
        TypeError for what is no integer; the value is as it was.

        >>> a = AtomicUInt(7)
        >>> a.fetch_add(3), a.load()
        (7, 10)
        """
        used(self)
        return ap_fetch_add_u64(&self.value, as_uint64(n, "AtomicUInt"))

    def fetch_sub(self, n=1, /):
        """Atomically subtract `n` and return the old value.

        Equivalent to, in one step: `old = a; a = (a - n) % 2**64; return old`.
        The result wraps modulo 2**64. Raises OverflowError for an `n` outside 0 to 2**64 - 1, a negative one say, and
        TypeError for what is no integer; the value is as it was.

        >>> a = AtomicUInt(7)
        >>> a.fetch_sub(3), a.load()
        (7, 4)
        """
        used(self)
        return ap_fetch_sub_u64(&self.value, as_uint64(n, "AtomicUInt"))

    # ---- bits, maximum and minimum ----

    def fetch_and(self, n, /):
        """Atomically keep the bits that `n` has too, and return the old value.

        Equivalent to, in one step: `old = a; a = a & n; return old`.
        Raises TypeError for what is no integer, OverflowError outside 0 to 2**64 - 1.

        >>> a = AtomicUInt(0b0110)
        >>> a.fetch_and(0b0011), a.load()
        (6, 2)
        """
        used(self)
        return ap_fetch_and_u64(&self.value, as_uint64(n, "AtomicUInt"))

    def fetch_or(self, n, /):
        """Atomically set the bits that `n` has, and return the old value.

        Equivalent to, in one step: `old = a; a = a | n; return old`.
        Raises TypeError for what is no integer, OverflowError outside 0 to 2**64 - 1.

        >>> a = AtomicUInt(0b0110)
        >>> a.fetch_or(0b0011), a.load()
        (6, 7)
        """
        used(self)
        return ap_fetch_or_u64(&self.value, as_uint64(n, "AtomicUInt"))

    def fetch_xor(self, n, /):
        """Atomically flip the bits that `n` has, and return the old value.

        Equivalent to, in one step: `old = a; a = a ^ n; return old`.
        Raises TypeError for what is no integer, OverflowError outside 0 to 2**64 - 1.

        >>> a = AtomicUInt(0b0110)
        >>> a.fetch_xor(0b0011), a.load()
        (6, 5)
        """
        used(self)
        return ap_fetch_xor_u64(&self.value, as_uint64(n, "AtomicUInt"))

    def fetch_max(self, n, /):
        """Atomically raise the value to `n` where it is less, and return the old value.

        Equivalent to, in one step: `old = a; a = max(a, n); return old`.
        Raises TypeError for what is no integer, OverflowError outside 0 to 2**64 - 1.

        >>> a = AtomicUInt(7)
        >>> a.fetch_max(9), a.fetch_max(8), a.load()
        (7, 9, 9)
        """
        used(self)
        return ap_fetch_max_u64(&self.value, as_uint64(n, "AtomicUInt"))

    def fetch_min(self, n, /):
        """Atomically lower the value to `n` where it is more, and return the old value.

        Equivalent to, in one step: `old = a; a = min(a, n); return old`.
        Raises TypeError for what is no integer, OverflowError outside 0 to 2**64 - 1.

        >>> a = AtomicUInt(7)
        >>> a.fetch_min(5), a.fetch_min(6), a.load()
        (7, 5, 5)
        """
        used(self)
        return ap_fetch_min_u64(&self.value, as_uint64(n, "AtomicUInt"))

    def update(self, fn, /):
        """Atomically replace the value by `fn(value)` and return the new value.

        Equivalent to: `old = a.load(); new = fn(old)`, then `compare_exchange(old, new)`, again from the start until
        that succeeds. So `fn` may run more than once, with a fresh value each time, and must have no side effect.
        What `fn` raises is raised here. Raises TypeError where `fn` returns no integer, OverflowError where what it
        returns is outside 0 to 2**64 - 1. After an error the value is as it was.

        >>> a = AtomicUInt(7)
        >>> a.update(lambda value: value * 2 % 10)
        4
        """
        cdef uint64_t old = ap_load_u64(&self.value)
        cdef uint64_t new
        while True:
            new = as_uint64(fn(old), "AtomicUInt")
            if ap_compare_exchange_u64(&self.value, &old, new):
                return new

    # ---- wait and notify ----

    def wait(self, expected, timeout=None):
        """Sleep while the value equals `expected`; return True, or False after `timeout` seconds (monotonic clock).

        Equivalent to: `while a == expected: sleep until notified`. Who changes the value calls `notify()` or
        `notify_all()` afterwards; without that the sleep goes on. No wake-up is lost: a change and its notify that come
        after the value was compared end the sleep. A value that changed and changed back may be missed (C++20,
        std::atomic::wait). Raises ValueError for a negative timeout, OverflowError for one above
        `threading.TIMEOUT_MAX`, and KeyboardInterrupt at Ctrl-C in the main thread.

        >>> a = AtomicUInt(7)
        >>> a.wait(8), a.wait(7, timeout=0.01)
        (True, False)
        """
        cdef uint64_t seen = as_uint64(expected, "AtomicUInt")
        cdef int64_t deadline = wait_deadline(timeout)  # first: a bad timeout is an error in any case
        if ap_load_u64(&self.value) != <uint64_t>seen:
            return True
        return block(wait_until, &self.value, seen, deadline)

    def notify(self, n=1, /):
        """Wake up to `n` of the threads in `wait()`, those that wait longest; return how many were woken.

        Raises ValueError for a negative `n`, TypeError for what is no integer.

        >>> AtomicUInt(7).notify()
        0
        """
        return ap_unpark(&self.value, as_waiters(n))

    def notify_all(self, /):
        """Wake all threads in `wait()`; return how many were woken.

        >>> AtomicUInt(7).notify_all()
        0
        """
        return ap_unpark(&self.value, AP_UNPARK_ALL)

    # ---- operators: each one atomic step ----

    def __iadd__(self, n):
        used(self)
        ap_fetch_add_u64(&self.value, as_uint64(n, "AtomicUInt"))
        return self

    def __isub__(self, n):
        used(self)
        ap_fetch_sub_u64(&self.value, as_uint64(n, "AtomicUInt"))
        return self

    def __iand__(self, n):
        used(self)
        ap_fetch_and_u64(&self.value, as_uint64(n, "AtomicUInt"))
        return self

    def __ior__(self, n):
        used(self)
        ap_fetch_or_u64(&self.value, as_uint64(n, "AtomicUInt"))
        return self

    def __ixor__(self, n):
        used(self)
        ap_fetch_xor_u64(&self.value, as_uint64(n, "AtomicUInt"))
        return self

    # ---- one load(), then plain Python ----

    def __int__(self):
        return ap_load_u64(&self.value)

    def __index__(self):
        return ap_load_u64(&self.value)

    def __float__(self):
        return <double>ap_load_u64(&self.value)

    def __bool__(self):
        used(self)
        return ap_load_u64(&self.value) != 0

    def __richcmp__(self, other, int operator):
        cdef uint64_t value = ap_load_u64(&self.value)
        if ap_is_compact(other) and ap_compact_value(other) >= 0:
            return ap_compare_u64(value, <uint64_t>ap_compact_value(other), operator)
        return PyObject_RichCompare(value, other, operator)

    def __format__(self, spec, /):
        return format(ap_load_u64(&self.value), spec)

    def __str__(self):
        return str(ap_load_u64(&self.value))

    def __repr__(self):
        return f"AtomicUInt({ap_load_u64(&self.value)})"

    def __reduce_ex__(self, protocol, /):
        refuse_copy(self)


cdef extern from *:
    """
    #include "_runtime/fast_calls.h"
    #include "park/ap_park.h"

    AP_OBJECT(u64)
    AP_SHORTCUT_LOAD(u64)
    AP_SHORTCUT_INT(u64)
    AP_SHORTCUT_FETCH(u64, exchange, ap_exchange_u64(word, n))
    AP_SHORTCUT_FETCH(u64, fetch_and, ap_fetch_and_u64(word, n))
    AP_SHORTCUT_FETCH(u64, fetch_or, ap_fetch_or_u64(word, n))
    AP_SHORTCUT_FETCH(u64, fetch_xor, ap_fetch_xor_u64(word, n))
    AP_SHORTCUT_FETCH(u64, fetch_max, ap_fetch_max_u64(word, n))
    AP_SHORTCUT_FETCH(u64, fetch_min, ap_fetch_min_u64(word, n))
    AP_SHORTCUT_STEP(u64, add, (old = ap_fetch_add_u64(word, n), true), old + n)
    AP_SHORTCUT_STEP(u64, sub, (old = ap_fetch_sub_u64(word, n), true), old - n)
    AP_SHORTCUT_STEP(u64, fetch_add, (old = ap_fetch_add_u64(word, n), true), old)
    AP_SHORTCUT_STEP(u64, fetch_sub, (old = ap_fetch_sub_u64(word, n), true), old)
    AP_SHORTCUT_COMPARE_EXCHANGE(u64, ap_compare_exchange_u64(word, &expected, desired))
    AP_SHORTCUT_WAIT(u64)
    AP_SHORTCUT_NOTIFY(u64)
    AP_SHORTCUT_NEW(u64, 0)

    static const ap_shortcut ap_shortcuts[] = {
        AP_PUT_NOARGS(load), AP_PUT_O(exchange), AP_PUT(compare_exchange), AP_PUT(add), AP_PUT(sub),
        AP_PUT(fetch_add), AP_PUT(fetch_sub), AP_PUT_O(fetch_and), AP_PUT_O(fetch_or), AP_PUT_O(fetch_xor),
        AP_PUT_O(fetch_max), AP_PUT_O(fetch_min), AP_PUT(wait), AP_PUT(notify), AP_PUT_NOARGS(notify_all),
        AP_PUT_END,
    };
    """
    int ap_put_all(PyTypeObject *type, const void *shortcuts) except -1
    void ap_put_int(PyTypeObject *type) noexcept
    const void *ap_shortcuts

ap_put_all(<PyTypeObject *>AtomicUInt, ap_shortcuts)
ap_put_int(<PyTypeObject *>AtomicUInt)
defer_when_shared(<PyTypeObject *>AtomicUInt)
