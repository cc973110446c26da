# SPDX-License-Identifier: MIT
# cython: preliminary_late_includes_cy28=True
"""AtomicBool: a flag that threads share, and the operations of C11 on it.

Every operation is one indivisible, sequentially consistent step (C11, 7.17.3) and none but `wait` blocks. The
algorithms are in `src/ap_atomic.h` and `src/park/ap_park.h`. Here Python's side is decided: arguments, results, errors.
"""

cimport cython
from cpython.object cimport Py_EQ, PyObject_RichCompare, PyTypeObject
from libc.stdint cimport int64_t, uint64_t

from atomicpy._runtime.arguments cimport AP_NO_WAITERS, as_bool, as_waiters, refuse_copy
from atomicpy._runtime.core cimport AP_FOREVER, block, wait_deadline
from atomicpy._runtime.core_calls cimport bind_core
from atomicpy._runtime.deferred_refcount cimport defer_when_shared, note_use
from atomicpy._runtime.public_name cimport name_public
from atomicpy.atomic.ap_atomic cimport *

__all__ = ["AtomicBool"]

cdef extern from "park/ap_wait_value.h" nogil:
    size_t AP_UNPARK_ALL
    size_t ap_unpark(const void *word, size_t n) noexcept
    bint ap_wait_bool(ap_bool *a, bint expected, int64_t deadline) noexcept

bind_core()


cdef bint wait_until(void *word, uint64_t expected, int64_t deadline) noexcept nogil:
    return ap_wait_bool(<ap_bool *>word, expected != 0, deadline)


cdef void atomic_bool_wait(AtomicBool a, bint expected) noexcept nogil:
    ap_wait_bool(&a.value, expected, AP_FOREVER)


cdef size_t atomic_bool_notify(AtomicBool a, size_t n) noexcept nogil:
    return ap_unpark(&a.value, n)


cdef size_t atomic_bool_notify_all(AtomicBool a) noexcept nogil:
    return ap_unpark(&a.value, AP_UNPARK_ALL)


# ---- the operations that have a fast call: for the method and for the fast call ----


cdef inline int init "ap_do_init"(AtomicBool a, object value) except -1:
    ap_init_bool(&a.value, as_bool(value, "AtomicBool"))
    return 0


cdef inline bint load "ap_do_load"(AtomicBool a) noexcept:
    return ap_load_bool(&a.value)


cdef inline bint compare_exchange "ap_do_compare_exchange"(AtomicBool a, object expected, object desired) except -1:
    cdef bint seen = as_bool(expected, "AtomicBool")
    return ap_compare_exchange_bool(&a.value, seen, as_bool(desired, "AtomicBool"))


cdef inline bint differs "ap_do_differs"(AtomicBool a, object expected) except -1:
    return ap_load_bool(&a.value) != as_bool(expected, "AtomicBool")


cdef inline size_t notify_all "ap_do_notify_all"(AtomicBool a) noexcept:
    return ap_unpark(&a.value, AP_UNPARK_ALL)


cdef inline size_t notify "ap_do_notify"(AtomicBool a, object n) except? AP_NO_WAITERS:
    return ap_unpark(&a.value, as_waiters(n))


@cython.final
cdef class AtomicBool:
    """AtomicBool(value=False)
--

    A flag that threads share.

    Every method but `wait` is one atomic step, sequentially consistent, and lock-free. Comparison and `bool()` are
    one `load()`, then plain Python. Arguments are True or False; anything else is TypeError, because the truth of
    "no" or of an empty list is rarely what was meant. Names are those of C11, 7.17.7 and 7.17.8.

    >>> stop = AtomicBool()
    >>> stop.test_and_set(), stop.test_and_set()
    (False, True)
    >>> stop
    AtomicBool(True)
    """

    def __cinit__(self, value=False):
        init(self, value)

    def load(self, /):
        """Atomically read the value and return it.

        >>> AtomicBool(True).load()
        True
        """
        note_use(self)
        return load(self)

    def store(self, value, /):
        """Atomically replace the value.

        Raises TypeError for what is neither True nor False.

        >>> a = AtomicBool()
        >>> a.store(True)
        >>> a.load()
        True
        """
        note_use(self)
        ap_store_bool(&self.value, as_bool(value, "AtomicBool"))

    def exchange(self, value, /):
        """Atomically replace the value and return the old one.

        Equivalent to, in one step: `old = a; a = value; return old`.
        Raises TypeError for what is neither True nor False.

        >>> a = AtomicBool()
        >>> a.exchange(True), a.load()
        (False, True)
        """
        note_use(self)
        return ap_exchange_bool(&self.value, as_bool(value, "AtomicBool"))

    def compare_exchange(self, expected, desired, /):
        """Atomically replace the value by `desired` if it equals `expected`; return whether it was replaced.

        Equivalent to, in one step: `if a == expected: a = desired; return True`, else `return False`.
        Raises TypeError for what is neither True nor False.

        >>> a = AtomicBool()
        >>> a.compare_exchange(False, True), a.compare_exchange(False, True)
        (True, False)
        """
        note_use(self)
        return compare_exchange(self, expected, desired)

    def test_and_set(self, /):
        """Atomically make it True and return the old value: of many threads, one gets False (C11, 7.17.8.1).

        >>> a = AtomicBool()
        >>> a.test_and_set(), a.test_and_set()
        (False, True)
        """
        note_use(self)
        return ap_exchange_bool(&self.value, True)

    def clear(self, /):
        """Atomically make it False (C11, 7.17.8.2).

        >>> a = AtomicBool(True)
        >>> a.clear()
        >>> a.load()
        False
        """
        note_use(self)
        ap_store_bool(&self.value, False)

    def toggle(self, /):
        """Atomically make it the opposite and return the new value.

        Equivalent to, in one step: `a = not a; return a`.

        >>> a = AtomicBool()
        >>> a.toggle(), a.toggle()
        (True, False)
        """
        note_use(self)
        return not ap_fetch_not_bool(&self.value)

    # ---- wait and notify ----

    def wait(self, expected, timeout=None):
        """Sleep while the value equals `expected`; return True, or False after `timeout` seconds (monotonic clock).

        Equivalent to: `while a == expected: sleep until notified`. A thread that changes the value calls `notify()` or
        `notify_all()` afterwards; without that the sleep goes on. No wake-up is lost: a change and its notify that come
        after the value was compared end the sleep. A value that changed and changed back may be missed (C++20,
        std::atomic::wait). Raises ValueError for a negative timeout, OverflowError for one above
        `threading.TIMEOUT_MAX`, and KeyboardInterrupt at Ctrl-C in the main thread.

        >>> a = AtomicBool()
        >>> a.wait(True), a.wait(False, timeout=0.01)
        (True, False)
        """
        note_use(self)
        cdef int64_t deadline = wait_deadline(timeout)  # first: a bad timeout is an error in any case
        return differs(self, expected) or block(
            wait_until, &self.value, <uint64_t>as_bool(expected, "AtomicBool"), deadline
        )

    def notify(self, n=1, /):
        """Wake up to `n` of the threads in `wait()`, those that wait longest; return how many were woken.

        Raises ValueError for a negative `n`, TypeError for what is no integer.

        >>> AtomicBool().notify()
        0
        """
        note_use(self)
        return notify(self, n)

    def notify_all(self, /):
        """Wake all threads in `wait()`; return how many were woken.

        >>> AtomicBool().notify_all()
        0
        """
        note_use(self)
        return notify_all(self)

    # ---- one load(), then plain Python ----

    def __bool__(self):
        note_use(self)
        return ap_load_bool(&self.value)

    def __richcmp__(self, other, int operator):
        # The common case without a call into Python: True and False are one object each.
        if operator == Py_EQ and (other is True or other is False):
            return ap_load_bool(&self.value) == (other is True)
        return PyObject_RichCompare(ap_load_bool(&self.value), other, operator)

    def __repr__(self):
        return f"AtomicBool({ap_load_bool(&self.value)})"

    def __str__(self):
        return str(ap_load_bool(&self.value))

    def __format__(self, spec, /):
        return format(ap_load_bool(&self.value), spec)

    def __reduce_ex__(self, protocol, /):
        refuse_copy(self)


cdef extern from *:
    """
    #include "_runtime/fast_calls.h"

    AP_FAST_NEW(false, nargs == 0 || ap_is_bool(args[0]),
                nargs == 0 ? ap_do_init(self, Py_False) : ap_do_init(self, args[0]))
    AP_FAST_NOARGS(load, ap_truth(ap_do_load(self)))
    AP_FAST_CALL(compare_exchange, 2, 2, ap_is_bool(args[0]) && ap_is_bool(args[1]),
                 ap_truth_or_error(ap_do_compare_exchange(self, args[0], args[1])))
    AP_FAST_CALL(wait, 1, 1, ap_is_bool(args[0]) && ap_do_differs(self, args[0]), ap_truth(true))
    AP_FAST_NOARGS(notify_all, PyLong_FromSize_t(ap_do_notify_all(self)))
    AP_FAST_CALL(notify, 0, 1, nargs == 0 || ap_is_natural(args[0]),
                 PyLong_FromSize_t(ap_do_notify(self, nargs == 0 ? ap_default_one() : args[0])))

    static const ap_fast_call ap_fast_calls[] = {
        AP_OVERRIDE_NOARGS(load), AP_OVERRIDE(compare_exchange), AP_OVERRIDE(wait), AP_OVERRIDE(notify),
        AP_OVERRIDE_NOARGS(notify_all), AP_OVERRIDE_END,
    };
    """
    int ap_override_new(PyTypeObject *type) except -1
    int ap_override_methods(PyTypeObject *type, const void *calls) except -1
    const void *ap_fast_calls

name_public(<PyTypeObject *>AtomicBool, "atomicpy.AtomicBool")
ap_override_new(<PyTypeObject *>AtomicBool)
ap_override_methods(<PyTypeObject *>AtomicBool, ap_fast_calls)
defer_when_shared(<PyTypeObject *>AtomicBool)
