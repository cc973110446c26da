# The atomic values for Cython: `from atomicpy.atomics cimport AtomicInt`, then the C functions on `&a.value`,
# which need neither the GIL nor an attached thread.

from libc.stdint cimport int64_t

cdef extern from "ap_atomic.h" nogil:
    ctypedef struct ap_i64:
        pass

    void ap_init_i64(ap_i64 *a, int64_t value) noexcept
    int64_t ap_load_i64(ap_i64 *a) noexcept
    int64_t ap_load_i64_acquire(ap_i64 *a) noexcept
    int64_t ap_load_i64_relaxed(ap_i64 *a) noexcept
    void ap_store_i64(ap_i64 *a, int64_t value) noexcept
    void ap_store_i64_release(ap_i64 *a, int64_t value) noexcept
    void ap_store_i64_relaxed(ap_i64 *a, int64_t value) noexcept
    int64_t ap_exchange_i64(ap_i64 *a, int64_t value) noexcept
    bint ap_compare_exchange_i64(ap_i64 *a, int64_t *expected, int64_t desired) noexcept
    int64_t ap_fetch_add_i64(ap_i64 *a, int64_t n) noexcept
    int64_t ap_fetch_add_i64_relaxed(ap_i64 *a, int64_t n) noexcept
    int64_t ap_fetch_sub_i64(ap_i64 *a, int64_t n) noexcept
    int64_t ap_fetch_and_i64(ap_i64 *a, int64_t n) noexcept
    int64_t ap_fetch_or_i64(ap_i64 *a, int64_t n) noexcept
    int64_t ap_fetch_xor_i64(ap_i64 *a, int64_t n) noexcept
    int64_t ap_fetch_max_i64(ap_i64 *a, int64_t n) noexcept
    int64_t ap_fetch_min_i64(ap_i64 *a, int64_t n) noexcept
    bint ap_fetch_add_i64_checked(ap_i64 *a, int64_t n, int64_t *seen) noexcept
    bint ap_fetch_sub_i64_checked(ap_i64 *a, int64_t n, int64_t *seen) noexcept


cdef class AtomicInt:
    cdef ap_i64 value            # the shared word
    cdef object __weakref__
