# cython: language_level=3, freethreading_compatible=True
"""A Cython module that uses atomicpy: its loops run without the GIL, on objects that Python made.

In a `nogil` block Cython compiles no use of a Python object and no call of Python's C API.
"""

cimport cython
from cython.parallel cimport prange, threadid
from libc.stdint cimport int64_t, uint64_t

from atomicpy cimport (
    AtomicBool,
    AtomicFloat,
    AtomicInt,
    AtomicIntArray,
    AtomicUInt,
    Mutex,
    RWMutex,
    ShardedCounter,
    WaitGroup,
    ap_compare_exchange_weak_i64_release,
    ap_exchange_bool_acquire,
    ap_fetch_add_f64,
    ap_fetch_add_f64_relaxed,
    ap_fetch_add_i64,
    ap_fetch_add_i64_relaxed,
    ap_fetch_add_u64,
    ap_fetch_max_i64_acquire,
    ap_fetch_not_bool,
    ap_fetch_or_u64_relaxed,
    ap_fetch_xor_u64_release,
    ap_i64,
    ap_load_bool_acquire,
    ap_load_i64_acquire,
    ap_load_i64_relaxed,
    ap_store_bool,
    ap_store_bool_release,
    ap_store_i64,
    atomic_bool_notify_all,
    atomic_bool_wait,
    atomic_int_notify,
    atomic_int_wait,
    atomic_uint_notify,
    atomic_uint_wait,
    mutex_lock,
    mutex_unlock,
    rwmutex_read_lock,
    rwmutex_read_unlock,
    rwmutex_write_lock,
    rwmutex_write_unlock,
    sharded_counter_add,
    sharded_counter_drain,
    sharded_counter_load,
    sharded_counter_sub,
    wait_group_add,
    wait_group_wait,
)

cdef extern from *:
    """
    #if defined(_OPENMP)
    #define HAS_OPENMP 1
    #else
    #define HAS_OPENMP 0
    #endif
    """
    bint HAS_OPENMP

cdef extern from "threads.h" nogil:
    void add_in_c(ap_i64 *count, int64_t times) noexcept
    int call_on_threads(void (*callback)(void *context) noexcept nogil, void *context, int threads) noexcept

OPENMP = bool(HAS_OPENMP)


# ---- loops that several Python threads run on the same object ----


def count_int(AtomicInt a not None, int64_t times):
    cdef int64_t _i
    with nogil:
        for _i in range(times):
            ap_fetch_add_i64(&a.value, 1)


def count_int_relaxed(AtomicInt a not None, int64_t times):
    cdef int64_t _i
    with nogil:
        for _i in range(times):
            ap_fetch_add_i64_relaxed(&a.value, 1)


def count_int_by_swaps(AtomicInt a not None, int64_t times):
    cdef int64_t _i, old
    with nogil:
        for _i in range(times):
            old = ap_load_i64_relaxed(&a.value)
            while not ap_compare_exchange_weak_i64_release(&a.value, &old, old + 1):
                pass


def count_int_in_c(AtomicInt a not None, int64_t times):
    with nogil:
        add_in_c(&a.value, times)


def count_uint(AtomicUInt a not None, int64_t times):
    cdef int64_t _i
    with nogil:
        for _i in range(times):
            ap_fetch_add_u64(&a.value, 1)


def flip_bit(AtomicUInt a not None, int bit, int64_t times):
    cdef int64_t _i
    with nogil:
        for _i in range(times):
            ap_fetch_xor_u64_release(&a.value, <uint64_t>1 << bit)


def toggle(AtomicBool a not None, int64_t times):
    cdef int64_t _i
    with nogil:
        for _i in range(times):
            ap_fetch_not_bool(&a.value)


def count_halves(AtomicFloat a not None, int64_t times):
    cdef int64_t i
    with nogil:
        for i in range(times):
            if i % 2:
                ap_fetch_add_f64(&a.value, 0.5)
            else:
                ap_fetch_add_f64_relaxed(&a.value, 0.5)


def count_array(AtomicIntArray a not None, int64_t times):
    cdef int64_t i
    with nogil:
        for i in range(times):
            ap_fetch_add_i64(&a.words[i % a.length], 1)


def raise_to(AtomicInt a not None, int64_t times):
    cdef int64_t i
    with nogil:
        for i in range(times):
            ap_fetch_max_i64_acquire(&a.value, i)


@cython.final
cdef class Guarded:
    """A plain count that is guarded by a Mutex, or by an AtomicBool as a spin lock."""

    cdef Mutex mutex
    cdef AtomicBool spin
    cdef int64_t n

    def __cinit__(self):
        self.mutex = Mutex()
        self.spin = AtomicBool()

    def count(self, int64_t times):
        cdef int64_t _i
        cdef Mutex mutex = self.mutex
        with nogil:
            for _i in range(times):
                mutex_lock(mutex)
                self.n += 1
                mutex_unlock(mutex)

    def count_spinning(self, int64_t times):
        cdef int64_t _i
        cdef AtomicBool spin = self.spin
        with nogil:
            for _i in range(times):
                while ap_exchange_bool_acquire(&spin.value, True):
                    pass
                self.n += 1
                ap_store_bool_release(&spin.value, False)

    def total(self):
        with self.mutex:
            return self.n


@cython.final
cdef class Pair:
    """Two plain counts that an RWMutex guards. A writer changes both; a reader must see them equal."""

    cdef RWMutex lock
    cdef int64_t one, two

    def __cinit__(self):
        self.lock = RWMutex()

    def count(self, int64_t times):
        """Write and read in turn. Return how often a reader saw different counts."""
        cdef int64_t i, differed = 0
        cdef RWMutex lock = self.lock
        with nogil:
            for i in range(2 * times):
                if i % 2:
                    rwmutex_write_lock(lock)
                    self.one += 1
                    self.two += 1
                    rwmutex_write_unlock(lock)
                else:
                    rwmutex_read_lock(lock)
                    differed += self.one != self.two
                    rwmutex_read_unlock(lock)
        return differed

    def release_unlocked(self):
        cdef bint released
        with nogil:
            released = rwmutex_read_unlock(self.lock) or rwmutex_write_unlock(self.lock)
        return released

    def total(self):
        with self.lock.read():
            return self.one


# ---- prange ----


def count_parallel(AtomicInt a not None, AtomicUInt seen not None, int64_t times, int threads):
    """Add 1, `times` times, on so many OpenMP threads. Each thread sets its bit in `seen`."""
    cdef int64_t _i
    for _i in prange(times, nogil=True, num_threads=threads, schedule="static"):
        ap_fetch_add_i64(&a.value, 1)
        ap_fetch_or_u64_relaxed(&seen.value, <uint64_t>1 << threadid())


# ---- callbacks on threads without a Python thread state ----

cdef struct job:
    ap_i64 *count
    int64_t times


cdef void run_job(void *context) noexcept nogil:
    cdef job *j = <job *>context
    cdef int64_t _i
    for _i in range(j.times):
        ap_fetch_add_i64(j.count, 1)


def count_on_c_threads(AtomicInt a not None, int64_t times, int threads):
    """Add 1, `times` times, on each of so many C threads. Return the number of threads.

    The caller holds the GIL all the time, so a C thread that called Python would never return.
    """
    cdef job j
    j.count = &a.value
    j.times = times
    return call_on_threads(run_job, &j, threads)


cdef void run_sharded_job(void *context) noexcept nogil:
    cdef int64_t _i
    cdef sharded_job *j = <sharded_job *>context
    for _i in range(j.times):
        # The caller holds a reference to the counter, so this function needs none.
        sharded_counter_add(<ShardedCounter>j.counter, 3)
        sharded_counter_sub(<ShardedCounter>j.counter, 2)


cdef struct sharded_job:
    void *counter
    int64_t times


def count_sharded_on_c_threads(ShardedCounter c not None, int64_t times, int threads):
    """Add to a ShardedCounter on so many C threads. Each C thread has a cell, whose number stays after its end."""
    cdef sharded_job j
    j.counter = <void *>c
    j.times = times
    return call_on_threads(run_sharded_job, &j, threads)


def count_sharded(ShardedCounter c not None, int64_t times):
    cdef int64_t _i
    cdef bint counted = True
    with nogil:
        for _i in range(times):
            counted &= sharded_counter_add(c, 1)
    return counted


def read_sharded(ShardedCounter c not None):
    """Call load() and drain(). Return for each whether the value was in range, and the value."""
    cdef int64_t loaded, drained
    cdef bint could_load, could_drain
    with nogil:
        could_load = sharded_counter_load(c, &loaded)
        could_drain = sharded_counter_drain(c, &drained)
    return (could_load, loaded), (could_drain, drained)


# ---- together with threads that wait or poll in Python ----


def store_and_notify(AtomicInt a not None, int64_t value):
    """Store a value and unpark at most one waiter of `a`, in Python or in nogil code."""
    with nogil:
        ap_store_i64(&a.value, value)
        atomic_int_notify(a, 1)


def take_turns(AtomicInt turn not None, int64_t me, int64_t times):
    """Two threads, me = 0 and me = 1, increment `turn` alternately and park in between."""
    cdef int64_t i
    with nogil:
        for i in range(times):
            atomic_int_wait(turn, 2 * i - 1 + me)
            ap_store_i64(&turn.value, 2 * i + 1 + me)
            atomic_int_notify(turn, 1)


def wait_for_start(AtomicBool start not None, AtomicUInt ready not None):
    """Add 1 to `ready`, then wait until `start` is true."""
    with nogil:
        ap_fetch_add_u64(&ready.value, 1)
        atomic_uint_notify(ready, 1)
        atomic_bool_wait(start, False)


def start_all(AtomicBool start not None, AtomicUInt ready not None, uint64_t threads):
    cdef uint64_t seen
    cdef size_t unparked
    with nogil:
        for seen in range(threads):
            atomic_uint_wait(ready, seen)
        ap_store_bool(&start.value, True)  # no weaker order suffices: see atomic_bool.pxd
        unparked = atomic_bool_notify_all(start)
    return unparked


def finish(WaitGroup wg not None):
    """Call done(). Return whether it succeeded."""
    cdef bint succeeded
    with nogil:
        succeeded = wait_group_add(wg, -1)
    return succeeded


def wait_for_group(WaitGroup wg not None):
    with nogil:
        wait_group_wait(wg)


def spin_until(AtomicBool stop not None, AtomicInt a not None):
    """Add 1 in a loop until Python sets `stop`. Return the count after the loop."""
    with nogil:
        while not ap_load_bool_acquire(&stop.value):
            ap_fetch_add_i64(&a.value, 1)
    return ap_load_i64_acquire(&a.value)
