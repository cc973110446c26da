# Generated from atomicpy/atomic/atomic_int_array.pyx.in by .ci/templates.py; edit that file.
# SPDX-License-Identifier: MIT
# cython: preliminary_late_includes_cy28=True
"""AtomicIntArray: signed 64-bit integers side by side, each one atomic, in memory of its own or in a shared buffer.

Every operation on one element is one indivisible, sequentially consistent step (C11, 7.17.3) and none blocks. The
algorithms are those of AtomicInt, in `src/ap_atomic.h`. An atomic 64-bit word is just a word (asserted there), and
lock-free ones are atomic across processes too (C11, 7.17.5: "address-free"): hence `from_buffer`.
"""

cimport cython
from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_WRITABLE, Py_buffer, PyBuffer_Release, PyObject_GetBuffer,
)
from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree
from cpython.object cimport PyTypeObject
from libc.stdint cimport int64_t, uintptr_t

from atomicpy._runtime.arguments cimport (
    ap_compact_value, ap_is_compact, ap_unreachable, as_index, as_int64, refuse_copy, shown,
)
from atomicpy._runtime.deferred_refcount cimport defer_when_shared, note_use
from atomicpy._runtime.public_name cimport name_public
from atomicpy.atomic.ap_atomic cimport *

__all__ = ["AtomicIntArray"]

cdef extern from *:
    const Py_ssize_t ITEM "((Py_ssize_t)sizeof(ap_i64))"  # a constant, so that the compiler divides by no variable

cdef char *INT64_FORMAT = "q"


cdef int out_of_range(int64_t old, str operator, int64_t n) except -1:
    raise OverflowError(f"{old} {operator} {n} is outside the range -2**63 to 2**63 - 1; the element stays {old}")


cdef int out_of_bounds(AtomicIntArray a, object i) except -1:
    raise IndexError(f"index {shown(i.__index__())} is out of range: the AtomicIntArray has {a.length} elements")


cdef inline bint has "ap_do_has"(AtomicIntArray a, Py_ssize_t at) noexcept:
    """Whether the array has that index, counted from the end where it is negative."""
    return <size_t>(at + a.length if at < 0 else at) < <size_t>a.length


cdef inline ap_i64 *element(AtomicIntArray a, object i) except NULL:
    """The word of that index; TypeError or IndexError."""
    cdef Py_ssize_t at = as_index(i, "AtomicIntArray")
    if not has(a, at):
        out_of_bounds(a, i)
        ap_unreachable()
    return &a.words[at + a.length if at < 0 else at]


cdef inline int add_word(ap_i64 *word, int64_t n, int64_t *old) except -1:
    if not ap_fetch_add_i64_checked(word, n, old):
        out_of_range(old[0], "+", n)
        ap_unreachable()
    return 0


cdef inline int sub_word(ap_i64 *word, int64_t n, int64_t *old) except -1:
    if not ap_fetch_sub_i64_checked(word, n, old):
        out_of_range(old[0], "-", n)
        ap_unreachable()
    return 0


cdef int refuse_length(Py_ssize_t length) except -1:
    if length < 0:
        raise ValueError(f"an AtomicIntArray cannot have {length} elements")
    raise MemoryError(f"no memory for {length} elements of 8 bytes")


cdef inline int allocate(AtomicIntArray a, Py_ssize_t length) except -1:
    if length >= 0:
        # One more than asked for: an empty array has an address too, and an error has none. NULL if the size overflows.
        a.words = <ap_i64 *>PyMem_RawCalloc(<size_t>length + 1, <size_t>ITEM)
    if a.words == NULL:
        refuse_length(length)
    a.length = length
    return 0


cdef int init_from(AtomicIntArray a, object length_or_iterable) except -1:
    cdef Py_ssize_t i
    kind = type(length_or_iterable)
    if kind is int or (hasattr(kind, "__index__") and not hasattr(kind, "__iter__")):  # a NumPy array has both
        return allocate(a, as_index(length_or_iterable, "AtomicIntArray"))
    values = list(length_or_iterable)
    allocate(a, len(values))
    for i, value in enumerate(values):
        ap_init_i64(&a.words[i], as_int64(value, "AtomicIntArray"))
    return 0


# ---- the operations that have a fast call: for the method and for the fast call ----


cdef inline int init "ap_do_init"(AtomicIntArray a, object length_or_iterable) except -1:
    a.words = NULL
    a.view = NULL
    a.stride = ITEM
    if ap_is_compact(length_or_iterable):
        return allocate(a, <Py_ssize_t>ap_compact_value(length_or_iterable))
    return init_from(a, length_or_iterable)


cdef inline int load "ap_do_load"(AtomicIntArray a, object i, int64_t *value) except -1:
    value[0] = ap_load_i64(element(a, i))
    return 0


cdef inline int store "ap_do_store"(AtomicIntArray a, object i, object value) except -1:
    cdef ap_i64 *word = element(a, i)
    ap_store_i64(word, as_int64(value, "AtomicIntArray"))
    return 0


cdef inline bint compare_exchange "ap_do_compare_exchange"(
    AtomicIntArray a, object i, object expected, object desired
) except -1:
    cdef ap_i64 *word = element(a, i)
    cdef int64_t seen = as_int64(expected, "AtomicIntArray")
    return ap_compare_exchange_i64(word, &seen, as_int64(desired, "AtomicIntArray"))


cdef inline int add "ap_do_add"(AtomicIntArray a, object i, object n, int64_t *new) except -1:
    cdef ap_i64 *word = element(a, i)
    cdef int64_t old, step = as_int64(n, "AtomicIntArray")
    add_word(word, step, &old)
    new[0] = old + step
    return 0


cdef inline int sub "ap_do_sub"(AtomicIntArray a, object i, object n, int64_t *new) except -1:
    cdef ap_i64 *word = element(a, i)
    cdef int64_t old, step = as_int64(n, "AtomicIntArray")
    sub_word(word, step, &old)
    new[0] = old - step
    return 0


cdef inline int fetch_add "ap_do_fetch_add"(AtomicIntArray a, object i, object n, int64_t *old) except -1:
    cdef ap_i64 *word = element(a, i)
    return add_word(word, as_int64(n, "AtomicIntArray"), old)


cdef inline int fetch_sub "ap_do_fetch_sub"(AtomicIntArray a, object i, object n, int64_t *old) except -1:
    cdef ap_i64 *word = element(a, i)
    return sub_word(word, as_int64(n, "AtomicIntArray"), old)


cdef inline int exchange "ap_do_exchange"(AtomicIntArray a, object i, object n, int64_t *old) except -1:
    cdef ap_i64 *word = element(a, i)
    old[0] = ap_exchange_i64(word, as_int64(n, "AtomicIntArray"))
    return 0


cdef inline int fetch_and "ap_do_fetch_and"(AtomicIntArray a, object i, object n, int64_t *old) except -1:
    cdef ap_i64 *word = element(a, i)
    old[0] = ap_fetch_and_i64(word, as_int64(n, "AtomicIntArray"))
    return 0


cdef inline int fetch_or "ap_do_fetch_or"(AtomicIntArray a, object i, object n, int64_t *old) except -1:
    cdef ap_i64 *word = element(a, i)
    old[0] = ap_fetch_or_i64(word, as_int64(n, "AtomicIntArray"))
    return 0


cdef inline int fetch_xor "ap_do_fetch_xor"(AtomicIntArray a, object i, object n, int64_t *old) except -1:
    cdef ap_i64 *word = element(a, i)
    old[0] = ap_fetch_xor_i64(word, as_int64(n, "AtomicIntArray"))
    return 0


cdef inline int fetch_max "ap_do_fetch_max"(AtomicIntArray a, object i, object n, int64_t *old) except -1:
    cdef ap_i64 *word = element(a, i)
    old[0] = ap_fetch_max_i64(word, as_int64(n, "AtomicIntArray"))
    return 0


cdef inline int fetch_min "ap_do_fetch_min"(AtomicIntArray a, object i, object n, int64_t *old) except -1:
    cdef ap_i64 *word = element(a, i)
    old[0] = ap_fetch_min_i64(word, as_int64(n, "AtomicIntArray"))
    return 0


cdef object update "ap_do_update"(AtomicIntArray a, object i, object fn):
    cdef ap_i64 *word = element(a, i)
    cdef int64_t old = ap_load_i64(word)
    cdef int64_t new
    while True:
        new = as_int64(fn(old), "AtomicIntArray")
        if ap_compare_exchange_i64(word, &old, new):
            return new


@cython.final
cdef class AtomicIntArray:
    """AtomicIntArray(length_or_iterable, /)
--

    Signed 64-bit integers side by side, each one atomic: a histogram, a counter per worker, a ring of tickets.

    `a[i]` loads and `a[i] = v` stores; the methods are those of AtomicInt with the index first, each one atomic step on
    that element, sequentially consistent and lock-free. There is no step on several elements, so slices are TypeError.
    An index counts from the end where it is negative; IndexError where there is no such element. Arguments and results
    outside -2**63 to 2**63 - 1 are OverflowError, and the element is as it was.

    Mind that `a[i] += 1` is, in Python, a load and then a store, and another thread gets in between: write `a.add(i)`
    or `a.inc(i)`.

    The array exports its memory (PEP 3118, format "q"): `numpy.asarray(a)` shows the same words, without a copy. What
    is read or written through such a view is not atomic by any promise of NumPy.

    >>> hits = AtomicIntArray(3)
    >>> hits.inc(0); hits.add(-1, 5)
    5
    >>> hits
    AtomicIntArray([1, 0, 5])
    """

    def __cinit__(self):
        self.stride = ITEM

    def __init__(self, length_or_iterable, /):
        if self.words != NULL:
            raise TypeError("an AtomicIntArray has its length for life: make another one")
        init(self, length_or_iterable)

    def __dealloc__(self):
        if self.view == NULL:
            PyMem_RawFree(self.words)
        else:
            PyBuffer_Release(self.view)
            PyMem_RawFree(self.view)

    @classmethod
    def from_buffer(cls, buf, offset=0, length=None):
        """An array on the memory of `buf`, a writable buffer: the same words, so atomic across processes as well.

        `buf` is a `multiprocessing.shared_memory.SharedMemory().buf`, an `mmap.mmap`, a `bytearray`, ...; the first
        element is at byte `offset` of it, and there are `length` of them, or as many as there is room for. The buffer
        is held while the array lives: closing the shared memory under it is BufferError. The words keep what was in
        them. Raises BufferError for a buffer that is read-only or not contiguous, ValueError for an address that is
        no multiple of 8, a negative offset or length, or one that the buffer has no room for.

        >>> memory = bytearray(24)
        >>> a = AtomicIntArray.from_buffer(memory, offset=8)
        >>> a.add(0, 258), len(a), memory[8:11]
        (258, 2, bytearray(b'\\x02\\x01\\x00'))
        """
        cdef AtomicIntArray a = AtomicIntArray.__new__(AtomicIntArray)
        cdef Py_ssize_t start = as_index(offset, "offset"), room, count
        # Without a buffer in it, PyBuffer_Release does nothing: from here on __dealloc__ may be left to give it back.
        a.view = <Py_buffer *>PyMem_RawCalloc(1, sizeof(Py_buffer))
        if a.view == NULL:
            raise MemoryError("no memory for the view of a buffer")
        PyObject_GetBuffer(buf, a.view, PyBUF_WRITABLE | PyBUF_C_CONTIGUOUS)
        if start < 0 or start > a.view.len:
            raise ValueError(f"offset {start} is outside the buffer of {a.view.len} bytes")
        room = (a.view.len - start) // ITEM
        count = room if length is None else as_index(length, "length")
        if count < 0:
            raise ValueError(f"an AtomicIntArray cannot have {count} elements")
        if count > room:
            raise ValueError(
                f"{count} elements of 8 bytes do not fit: "
                f"after offset {start} the buffer has {a.view.len - start} bytes"
            )
        cdef uintptr_t address = <uintptr_t>a.view.buf + <uintptr_t>start
        if address % <uintptr_t>ITEM:
            raise ValueError(
                f"an atomic word needs an address that is a multiple of 8: byte {start} of this buffer is "
                f"{address % <uintptr_t>ITEM} past one"
            )
        a.words = <ap_i64 *>address
        a.length = count
        return a

    def __getbuffer__(self, Py_buffer *buffer, int flags):
        buffer.buf = self.words
        buffer.obj = self
        buffer.len = self.length * ITEM
        buffer.itemsize = ITEM
        buffer.readonly = 0
        buffer.format = INT64_FORMAT if flags & PyBUF_FORMAT else NULL
        buffer.ndim = 1
        buffer.shape = &self.length
        buffer.strides = &self.stride
        buffer.suboffsets = NULL
        buffer.internal = NULL

    def __len__(self):
        return self.length

    def __getitem__(self, i):
        note_use(self)
        return ap_load_i64(element(self, i))

    def __setitem__(self, i, value):
        note_use(self)
        ap_store_i64(element(self, i), as_int64(value, "AtomicIntArray"))

    def __delitem__(self, i):
        raise TypeError("an AtomicIntArray has its length for life: its elements cannot be deleted")

    # ---- read, write, swap ----

    def load(self, i, /):
        """Atomically read the element and return it.

        >>> AtomicIntArray([7]).load(0)
        7
        """
        note_use(self)
        cdef int64_t value
        load(self, i, &value)
        return value

    def store(self, i, value, /):
        """Atomically replace the element.

        Raises TypeError for what is no integer, OverflowError outside -2**63 to 2**63 - 1.

        >>> a = AtomicIntArray([7])
        >>> a.store(0, 8)
        >>> a.load(0)
        8
        """
        note_use(self)
        store(self, i, value)

    def exchange(self, i, value, /):
        """Atomically replace the element and return the old one.

        Equivalent to, in one step: `old = a[i]; a[i] = value; return old`.
        Raises TypeError for what is no integer, OverflowError outside -2**63 to 2**63 - 1.

        >>> a = AtomicIntArray([7])
        >>> a.exchange(0, 8), a.load(0)
        (7, 8)
        """
        note_use(self)
        cdef int64_t old
        exchange(self, i, value, &old)
        return old

    def compare_exchange(self, i, expected, desired, /):
        """Atomically replace the element by `desired` if it equals `expected`; return whether it was replaced.

        Equivalent to, in one step: `if a[i] == expected: a[i] = desired; return True`, else `return False`.
        It fails only where the elements differ (C11's strong form).
        Raises TypeError for what is no integer, OverflowError outside -2**63 to 2**63 - 1.

        >>> a = AtomicIntArray([7])
        >>> a.compare_exchange(0, 7, 8), a.compare_exchange(0, 7, 9), a.load(0)
        (True, False, 8)
        """
        note_use(self)
        return compare_exchange(self, i, expected, desired)

    # ---- arithmetic ----

    def inc(self, i, /):
        """Atomically add one. Returns None: the fastest step, no result is made.

        Raises OverflowError at 2**63 - 1; the element is as it was.

        >>> a = AtomicIntArray([7])
        >>> a.inc(0)
        >>> a.load(0)
        8
        """
        note_use(self)
        cdef ap_i64 *word = element(self, i)
        cdef int64_t old
        add_word(word, 1, &old)

    def dec(self, i, /):
        """Atomically subtract one. Returns None: the fastest step, no result is made.

        Raises OverflowError at -2**63; the element is as it was.

        >>> a = AtomicIntArray([7])
        >>> a.dec(0)
        >>> a.load(0)
        6
        """
        note_use(self)
        cdef ap_i64 *word = element(self, i)
        cdef int64_t old
        sub_word(word, 1, &old)

    def add(self, i, n=1, /):
        """Atomically add `n` and return the new value.

        Equivalent to, in one step: `a[i] = a[i] + n; return a[i]`.
        Raises OverflowError where the sum leaves -2**63 to 2**63 - 1, and
        TypeError for what is no integer; the element is as it was.

        >>> AtomicIntArray([7]).add(0), AtomicIntArray([7]).add(0, 3)
        (8, 10)
        """
        note_use(self)
        cdef int64_t new
        add(self, i, n, &new)
        return new

    def sub(self, i, n=1, /):
        """Atomically subtract `n` and return the new value.

        Equivalent to, in one step: `a[i] = a[i] - n; return a[i]`.
        Raises OverflowError where the difference leaves -2**63 to 2**63 - 1, and
        TypeError for what is no integer; the element is as it was.

        >>> AtomicIntArray([7]).sub(0), AtomicIntArray([7]).sub(0, 3)
        (6, 4)
        """
        note_use(self)
        cdef int64_t new
        sub(self, i, n, &new)
        return new

    def fetch_add(self, i, n=1, /):
        """Atomically add `n` and return the old value.

        Equivalent to, in one step: `old = a[i]; a[i] = a[i] + n; return old`.
        Raises OverflowError where the sum leaves -2**63 to 2**63 - 1, and
        TypeError for what is no integer; the element is as it was.

        >>> a = AtomicIntArray([7])
        >>> a.fetch_add(0, 3), a.load(0)
        (7, 10)
        """
        note_use(self)
        cdef int64_t old
        fetch_add(self, i, n, &old)
        return old

    def fetch_sub(self, i, n=1, /):
        """Atomically subtract `n` and return the old value.

        Equivalent to, in one step: `old = a[i]; a[i] = a[i] - n; return old`.
        Raises OverflowError where the difference leaves -2**63 to 2**63 - 1, and
        TypeError for what is no integer; the element is as it was.

        >>> a = AtomicIntArray([7])
        >>> a.fetch_sub(0, 3), a.load(0)
        (7, 4)
        """
        note_use(self)
        cdef int64_t old
        fetch_sub(self, i, n, &old)
        return old

    # ---- bits, maximum and minimum ----

    def fetch_and(self, i, n, /):
        """Atomically keep the bits that `n` has too, and return the old value.

        Equivalent to, in one step: `old = a[i]; a[i] = a[i] & n; return old`; negative numbers are two's
        complement.
        Raises TypeError for what is no integer, OverflowError outside -2**63 to 2**63 - 1.

        >>> a = AtomicIntArray([0b0110])
        >>> a.fetch_and(0, 0b0011), a.load(0)
        (6, 2)
        """
        note_use(self)
        cdef int64_t old
        fetch_and(self, i, n, &old)
        return old

    def fetch_or(self, i, n, /):
        """Atomically set the bits that `n` has, and return the old value.

        Equivalent to, in one step: `old = a[i]; a[i] = a[i] | n; return old`; negative numbers are two's
        complement.
        Raises TypeError for what is no integer, OverflowError outside -2**63 to 2**63 - 1.

        >>> a = AtomicIntArray([0b0110])
        >>> a.fetch_or(0, 0b0011), a.load(0)
        (6, 7)
        """
        note_use(self)
        cdef int64_t old
        fetch_or(self, i, n, &old)
        return old

    def fetch_xor(self, i, n, /):
        """Atomically flip the bits that `n` has, and return the old value.

        Equivalent to, in one step: `old = a[i]; a[i] = a[i] ^ n; return old`; negative numbers are two's
        complement.
        Raises TypeError for what is no integer, OverflowError outside -2**63 to 2**63 - 1.

        >>> a = AtomicIntArray([0b0110])
        >>> a.fetch_xor(0, 0b0011), a.load(0)
        (6, 5)
        """
        note_use(self)
        cdef int64_t old
        fetch_xor(self, i, n, &old)
        return old

    def fetch_max(self, i, n, /):
        """Atomically raise the element to `n` where it is less, and return the old value.

        Equivalent to, in one step: `old = a[i]; a[i] = max(a[i], n); return old`.
        Raises TypeError for what is no integer, OverflowError outside -2**63 to 2**63 - 1.

        >>> a = AtomicIntArray([7])
        >>> a.fetch_max(0, 9), a.fetch_max(0, 8), a.load(0)
        (7, 9, 9)
        """
        note_use(self)
        cdef int64_t old
        fetch_max(self, i, n, &old)
        return old

    def fetch_min(self, i, n, /):
        """Atomically lower the element to `n` where it is more, and return the old value.

        Equivalent to, in one step: `old = a[i]; a[i] = min(a[i], n); return old`.
        Raises TypeError for what is no integer, OverflowError outside -2**63 to 2**63 - 1.

        >>> a = AtomicIntArray([7])
        >>> a.fetch_min(0, 5), a.fetch_min(0, 6), a.load(0)
        (7, 5, 5)
        """
        note_use(self)
        cdef int64_t old
        fetch_min(self, i, n, &old)
        return old

    def update(self, i, fn, /):
        """Atomically replace the element by `fn(element)` and return the new value.

        Equivalent to: `old = a.load(i); new = fn(old)`, then `compare_exchange(i, old, new)`, again from the start
        until that succeeds. So `fn` may run more than once, with a fresh value each time, and must have no side
        effect. What `fn` raises is raised here. Raises TypeError where `fn` returns no integer, OverflowError where
        what it returns is outside -2**63 to 2**63 - 1. After an error the element is as it was.

        >>> a = AtomicIntArray([7])
        >>> a.update(0, lambda value: value * 2 % 10)
        4
        """
        note_use(self)
        return update(self, i, fn)

    def __repr__(self):
        # At most a screenful; each element is a load of its own.
        elements = ", ".join([str(self[i]) for i in range(min(self.length, 100))])
        if self.length > 100:
            return f"AtomicIntArray([{elements}, ...], length={self.length})"
        return f"AtomicIntArray([{elements}])"

    def __reduce_ex__(self, protocol, /):
        refuse_copy(self)


cdef extern from *:
    """
    typedef struct __pyx_obj_8atomicpy_6atomic_16atomic_int_array_AtomicIntArray ap_array_object;
    #include "atomic/fast_calls_array.h"
    """
    void ap_override_dealloc(PyTypeObject *type) noexcept
    int ap_override_new(PyTypeObject *type) except -1
    int ap_override_methods(PyTypeObject *type, const void *calls) except -1
    const void *ap_fast_calls

name_public(<PyTypeObject *>AtomicIntArray, "atomicpy.AtomicIntArray")
ap_override_dealloc(<PyTypeObject *>AtomicIntArray)
ap_override_new(<PyTypeObject *>AtomicIntArray)
ap_override_methods(<PyTypeObject *>AtomicIntArray, ap_fast_calls)
defer_when_shared(<PyTypeObject *>AtomicIntArray)
