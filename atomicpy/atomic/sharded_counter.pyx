# SPDX-License-Identifier: MIT
"""ShardedCounter: a number that many threads count up and few read, with a cell for each thread.

Threads that add to one shared word take turns on its cache line, with any instruction. Here each thread adds to a word
of its own, and a reader sums them. `src/counter/ap_shards.h` has the algorithm, and why it loses or doubles no count.
"""

cimport cython
from cpython.object cimport PyObject_RichCompare, PyTypeObject
from libc.stdint cimport int64_t, uint64_t

from atomicpy._runtime.arguments cimport ap_unreachable, as_int64, refuse_copy
from atomicpy._runtime.core_calls cimport bind_core
from atomicpy._runtime.deferred_refcount cimport defer_when_shared, note_use
from atomicpy._runtime.public_name cimport name_public

import threading

__all__ = ["LocalCounter", "ShardedCounter"]

cdef extern from "counter/ap_shards.h" nogil:
    size_t AP_CACHE_LINE

    ctypedef struct ap_wide:
        int64_t high
        uint64_t low

    void ap_shards_init(ap_shards *c, int64_t value) noexcept
    void ap_shards_destroy(ap_shards *c) noexcept
    bint ap_shards_add(ap_shards *c, int64_t n) noexcept
    bint ap_shards_sub(ap_shards *c, int64_t n) noexcept
    ap_wide ap_shards_load(ap_shards *c) noexcept
    bint ap_shards_drain(ap_shards *c, ap_wide *sum) noexcept
    bint ap_wide_fits(ap_wide w) noexcept
    size_t ap_shards_cells(ap_shards *c) noexcept
    ap_shard_cell *ap_shards_peek(ap_shards *c) noexcept
    ap_shard_cell *ap_shards_find(ap_shards *c) noexcept
    void ap_shard_add(ap_shard_cell *cell, int64_t n) noexcept
    void ap_shard_sub(ap_shard_cell *cell, int64_t n) noexcept
    uint64_t ap_shards_thread() noexcept

bind_core()


# ---- for nogil code ----------------------------------------------------------------------------------------------


cdef bint sharded_counter_add(ShardedCounter c, int64_t n) noexcept nogil:
    return ap_shards_add(&c.shards, n)


cdef bint sharded_counter_sub(ShardedCounter c, int64_t n) noexcept nogil:
    return ap_shards_sub(&c.shards, n)


cdef bint sharded_counter_load(ShardedCounter c, int64_t *value) noexcept nogil:
    cdef ap_wide total = ap_shards_load(&c.shards)
    value[0] = <int64_t>total.low
    return ap_wide_fits(total)


cdef bint sharded_counter_drain(ShardedCounter c, int64_t *value) noexcept nogil:
    cdef ap_wide total
    cdef bint fits = ap_shards_drain(&c.shards, &total)
    value[0] = <int64_t>total.low
    return fits


# ---- ShardedCounter ----------------------------------------------------------------------------------------------


cdef inline ap_shard_cell *cell_of(ShardedCounter c) except NULL:
    """The cell of this thread."""
    cdef ap_shard_cell *cell = ap_shards_peek(&c.shards)
    return find_cell(c) if cell == NULL else cell


cdef ap_shard_cell *find_cell(ShardedCounter c) except NULL:
    cdef ap_shard_cell *cell = ap_shards_find(&c.shards)
    if cell == NULL:
        raise MemoryError("no memory for the cell of a thread in a ShardedCounter")
    # Each thread gets here before its first count, and rarely later.
    note_use(c)
    return cell


cdef object as_object(ap_wide total):
    """The sum, of any size."""
    return (<object>total.high << 64) | total.low


cdef int out_of_range(ap_wide total) except -1:
    raise OverflowError(
        f"the value of the ShardedCounter is {as_object(total)}, outside the range -2**63 to 2**63 - 1; it stays"
    )


cdef inline int64_t fitting(ap_wide total) except? -1:
    if not ap_wide_fits(total):
        out_of_range(total)
        ap_unreachable()
    return <int64_t>total.low


@cython.final
cdef class ShardedCounter:
    """ShardedCounter(value=0)
--

    A signed 64-bit number that many threads count up or down at full speed, and that few read.

    Each thread adds to a cell of its own, on a cache line of its own: a load, an add and a store. So threads that count
    do not slow each other down, where those of an `AtomicInt` take turns; `load()` has to sum the cells. What a thread
    wrote before it counted is visible to a thread that reads a value with that count in it (release and acquire).
    Counting is not ordered with what the thread reads later, so the counter is no flag between threads. Counts of
    threads that have ended are kept.

    Without the GIL, threads that reach the counter through a global or an attribute also share the cache line of its
    reference count. From 3.14 on the counter gets a deferred reference count when a second thread uses it; the garbage
    collector then frees it. On 3.13, count on the handle that `local()` gives.

    Arguments are integers: `int`, or anything with `__index__`; one outside -2**63 to 2**63 - 1 is OverflowError. The
    value may leave that range: counting goes on, and reading raises OverflowError until it is back. Comparison,
    `int()`, `bool()`, `format()` and the like are one `load()`, then plain Python; `c + 1` does not exist.

    Memory: a cache line (128 bytes; 64 on 32-bit machines) for each thread, for as many as have used this counter at
    one time, until the counter is freed; a thread that comes later takes over the line of one that has ended.
    The algorithm is that of `LongAdder` (Doug Lea, java.util.concurrent), with a cell per thread.

    >>> hits = ShardedCounter()
    >>> hits.inc()
    >>> hits += 41
    >>> hits.load()
    42
    """

    def __cinit__(self, value=0):
        ap_shards_init(&self.shards, as_int64(value, "ShardedCounter"))

    def __dealloc__(self):
        ap_shards_destroy(&self.shards)

    # ---- count ----

    def inc(self, /):
        """Add one. Returns None.

        Raises MemoryError where this thread counts here for the first time and there is no memory for its cell.

        >>> c = ShardedCounter(7)
        >>> c.inc()
        >>> c.load()
        8
        """
        ap_shard_add(cell_of(self), 1)

    def dec(self, /):
        """Subtract one. Returns None.

        Raises MemoryError where this thread counts here for the first time and there is no memory for its cell.

        >>> c = ShardedCounter(7)
        >>> c.dec()
        >>> c.load()
        6
        """
        ap_shard_sub(cell_of(self), 1)

    def add(self, n=1, /):
        """Add `n`. Returns None: the new value would be the sum of all cells.

        Raises TypeError for what is no integer, OverflowError for an `n` outside -2**63 to 2**63 - 1, MemoryError where
        there is no memory for the cell of this thread; the value is as it was.

        >>> c = ShardedCounter(7)
        >>> c.add(3)
        >>> c.load()
        10
        """
        cdef int64_t step = as_int64(n, "ShardedCounter")
        ap_shard_add(cell_of(self), step)

    def sub(self, n=1, /):
        """Subtract `n`. Returns None: the new value would be the sum of all cells.

        Raises TypeError for what is no integer, OverflowError for an `n` outside -2**63 to 2**63 - 1, MemoryError where
        there is no memory for the cell of this thread; the value is as it was.

        >>> c = ShardedCounter(7)
        >>> c.sub(3)
        >>> c.load()
        4
        """
        cdef int64_t step = as_int64(n, "ShardedCounter")
        ap_shard_sub(cell_of(self), step)

    def __iadd__(self, n):
        cdef int64_t step = as_int64(n, "ShardedCounter")
        ap_shard_add(cell_of(self), step)
        return self

    def __isub__(self, n):
        cdef int64_t step = as_int64(n, "ShardedCounter")
        ap_shard_sub(cell_of(self), step)
        return self

    def local(self, /):
        """Return a handle for the calling thread alone: its `inc`, `dec`, `add`, `sub`, `+=` and `-=` count here.

        It shares no cache line and no reference count with another thread, so it is the fastest way to count
        in a loop, on 3.13 without the GIL by far. Make one in each thread; in another thread than its own it raises
        RuntimeError. What it counts is in this counter at once.

        >>> c = ShardedCounter()
        >>> hits = c.local()
        >>> for _ in range(3):
        ...     hits.inc()
        >>> c.load()
        3
        """
        cdef LocalCounter handle = LocalCounter.__new__(LocalCounter)
        handle.cell = cell_of(self)
        handle.thread = ap_shards_thread()
        handle.counter = self
        handle.made_in = threading.current_thread().name
        return handle

    # ---- read ----

    def load(self, /):
        """Return the value: the sum of all cells.

        Exact where no thread counts meanwhile. Otherwise it contains every count from before the call, and any part of
        the counts during the call; a drain is contained wholly or not at all. It waits only for a drain in progress.
        Raises OverflowError where the value is outside -2**63 to 2**63 - 1.

        >>> ShardedCounter(7).load()
        7
        """
        return fitting(ap_shards_load(&self.shards))

    def drain(self, /):
        """Take the value away and return it; what is left is zero.

        Every count is in exactly one drain, or still there, though all threads go on counting meanwhile.
        Raises OverflowError where the value is outside -2**63 to 2**63 - 1, and takes nothing away.

        >>> c = ShardedCounter(7)
        >>> c.drain(), c.drain()
        (7, 0)
        """
        cdef ap_wide total
        if not ap_shards_drain(&self.shards, &total):
            fitting(total)
        return <int64_t>total.low

    # ---- one load(), then plain Python ----

    def __int__(self):
        return self.load()

    def __index__(self):
        return self.load()

    def __float__(self):
        return <double>fitting(ap_shards_load(&self.shards))

    def __bool__(self):
        return fitting(ap_shards_load(&self.shards)) != 0

    def __richcmp__(self, other, int operator):
        return PyObject_RichCompare(self.load(), other, operator)

    def __format__(self, spec, /):
        return format(self.load(), spec)

    def __str__(self):
        return str(as_object(ap_shards_load(&self.shards)))

    def __repr__(self):
        return f"ShardedCounter({as_object(ap_shards_load(&self.shards))})"

    def __sizeof__(self, /):
        return object.__sizeof__(self) + ap_shards_cells(&self.shards) * AP_CACHE_LINE

    def __reduce_ex__(self, protocol, /):
        refuse_copy(self)


name_public(<PyTypeObject *>ShardedCounter, "atomicpy.ShardedCounter")
defer_when_shared(<PyTypeObject *>ShardedCounter)


# ---- the handle of one thread ------------------------------------------------------------------------------------


cdef int wrong_thread(LocalCounter handle) except -1:
    raise RuntimeError(
        f"this handle counts for the thread {handle.made_in!r} alone and was used in "
        f"{threading.current_thread().name!r}: call local() in each thread that counts"
    )


cdef inline ap_shard_cell *own_cell(LocalCounter handle) except NULL:
    if handle.thread != ap_shards_thread():
        wrong_thread(handle)
    return handle.cell


@cython.final
cdef class LocalCounter:
    """LocalCounter()
--

    The handle of one thread on a ShardedCounter, as `ShardedCounter.local()` returns it.

    It counts in its counter; in another thread than the one that made it every method raises RuntimeError.

    >>> c = ShardedCounter()
    >>> hits = c.local()
    >>> hits += 2
    >>> hits.dec()
    >>> c
    ShardedCounter(1)
    """

    def __init__(self):
        raise TypeError("a LocalCounter is made by ShardedCounter.local()")

    def inc(self, /):
        """Add one. Returns None.

        Raises RuntimeError in another thread than the handle's.

        >>> c = ShardedCounter(7)
        >>> c.local().inc()
        >>> c.load()
        8
        """
        ap_shard_add(own_cell(self), 1)

    def dec(self, /):
        """Subtract one. Returns None.

        Raises RuntimeError in another thread than the handle's.

        >>> c = ShardedCounter(7)
        >>> c.local().dec()
        >>> c.load()
        6
        """
        ap_shard_sub(own_cell(self), 1)

    def add(self, n=1, /):
        """Add `n`. Returns None.

        Raises RuntimeError in another thread than the handle's, TypeError for what is no integer, OverflowError for an
        `n` outside -2**63 to 2**63 - 1; the value is as it was.

        >>> c = ShardedCounter(7)
        >>> c.local().add(3)
        >>> c.load()
        10
        """
        cdef int64_t step = as_int64(n, "ShardedCounter")
        ap_shard_add(own_cell(self), step)

    def sub(self, n=1, /):
        """Subtract `n`. Returns None.

        Raises RuntimeError in another thread than the handle's, TypeError for what is no integer, OverflowError for an
        `n` outside -2**63 to 2**63 - 1; the value is as it was.

        >>> c = ShardedCounter(7)
        >>> c.local().sub(3)
        >>> c.load()
        4
        """
        cdef int64_t step = as_int64(n, "ShardedCounter")
        ap_shard_sub(own_cell(self), step)

    def __iadd__(self, n):
        cdef int64_t step = as_int64(n, "ShardedCounter")
        ap_shard_add(own_cell(self), step)
        return self

    def __isub__(self, n):
        cdef int64_t step = as_int64(n, "ShardedCounter")
        ap_shard_sub(own_cell(self), step)
        return self

    def __repr__(self):
        return f"<atomicpy.LocalCounter of {self.counter!r} for the thread {self.made_in!r}>"

    def __reduce_ex__(self, protocol, /):
        raise TypeError("a LocalCounter belongs to one thread: it cannot be copied or pickled; call local() instead")
