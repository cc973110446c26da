# Generated from atomicpy/atomic/ap_atomic.pxd.in by .ci/templates.py; edit that file.
#
# The atomic operations of the core, for nogil code: C11's names, sequentially consistent where no suffix names a weaker
# order. See ap_atomic.h for what each does, and for the order of those that have one.

from libc.stdint cimport int64_t, uint64_t

cdef extern from "ap_atomic.h" nogil:
    ctypedef struct ap_i64:
        pass
    ctypedef struct ap_u64:
        pass
    ctypedef struct ap_bool:
        pass
    ctypedef struct ap_f64:
        pass

    void ap_init_i64(ap_i64 *a, int64_t value) noexcept
    int64_t ap_load_i64(ap_i64 *a) noexcept
    int64_t ap_load_i64_acquire(ap_i64 *a) noexcept
    int64_t ap_load_i64_relaxed(ap_i64 *a) noexcept
    void ap_store_i64(ap_i64 *a, int64_t value) noexcept
    void ap_store_i64_release(ap_i64 *a, int64_t value) noexcept
    void ap_store_i64_relaxed(ap_i64 *a, int64_t value) noexcept
    int64_t ap_exchange_i64(ap_i64 *a, int64_t value) noexcept
    int64_t ap_exchange_i64_relaxed(ap_i64 *a, int64_t value) noexcept
    int64_t ap_exchange_i64_acquire(ap_i64 *a, int64_t value) noexcept
    int64_t ap_exchange_i64_release(ap_i64 *a, int64_t value) noexcept
    bint ap_compare_exchange_i64(ap_i64 *a, int64_t *expected, int64_t desired) noexcept
    bint ap_compare_exchange_i64_relaxed(ap_i64 *a, int64_t *expected, int64_t desired) noexcept
    bint ap_compare_exchange_i64_acquire(ap_i64 *a, int64_t *expected, int64_t desired) noexcept
    bint ap_compare_exchange_i64_release(ap_i64 *a, int64_t *expected, int64_t desired) noexcept
    bint ap_compare_exchange_weak_i64(ap_i64 *a, int64_t *expected, int64_t desired) noexcept
    bint ap_compare_exchange_weak_i64_relaxed(ap_i64 *a, int64_t *expected, int64_t desired) noexcept
    bint ap_compare_exchange_weak_i64_acquire(ap_i64 *a, int64_t *expected, int64_t desired) noexcept
    bint ap_compare_exchange_weak_i64_release(ap_i64 *a, int64_t *expected, int64_t desired) noexcept
    int64_t ap_fetch_add_i64(ap_i64 *a, int64_t n) noexcept
    int64_t ap_fetch_add_i64_relaxed(ap_i64 *a, int64_t n) noexcept
    int64_t ap_fetch_add_i64_acquire(ap_i64 *a, int64_t n) noexcept
    int64_t ap_fetch_add_i64_release(ap_i64 *a, int64_t n) noexcept
    int64_t ap_fetch_sub_i64(ap_i64 *a, int64_t n) noexcept
    int64_t ap_fetch_sub_i64_relaxed(ap_i64 *a, int64_t n) noexcept
    int64_t ap_fetch_sub_i64_acquire(ap_i64 *a, int64_t n) noexcept
    int64_t ap_fetch_sub_i64_release(ap_i64 *a, int64_t n) noexcept
    int64_t ap_fetch_and_i64(ap_i64 *a, int64_t n) noexcept
    int64_t ap_fetch_and_i64_relaxed(ap_i64 *a, int64_t n) noexcept
    int64_t ap_fetch_and_i64_acquire(ap_i64 *a, int64_t n) noexcept
    int64_t ap_fetch_and_i64_release(ap_i64 *a, int64_t n) noexcept
    int64_t ap_fetch_or_i64(ap_i64 *a, int64_t n) noexcept
    int64_t ap_fetch_or_i64_relaxed(ap_i64 *a, int64_t n) noexcept
    int64_t ap_fetch_or_i64_acquire(ap_i64 *a, int64_t n) noexcept
    int64_t ap_fetch_or_i64_release(ap_i64 *a, int64_t n) noexcept
    int64_t ap_fetch_xor_i64(ap_i64 *a, int64_t n) noexcept
    int64_t ap_fetch_xor_i64_relaxed(ap_i64 *a, int64_t n) noexcept
    int64_t ap_fetch_xor_i64_acquire(ap_i64 *a, int64_t n) noexcept
    int64_t ap_fetch_xor_i64_release(ap_i64 *a, int64_t n) noexcept
    int64_t ap_fetch_max_i64(ap_i64 *a, int64_t n) noexcept
    int64_t ap_fetch_max_i64_relaxed(ap_i64 *a, int64_t n) noexcept
    int64_t ap_fetch_max_i64_acquire(ap_i64 *a, int64_t n) noexcept
    int64_t ap_fetch_max_i64_release(ap_i64 *a, int64_t n) noexcept
    int64_t ap_fetch_min_i64(ap_i64 *a, int64_t n) noexcept
    int64_t ap_fetch_min_i64_relaxed(ap_i64 *a, int64_t n) noexcept
    int64_t ap_fetch_min_i64_acquire(ap_i64 *a, int64_t n) noexcept
    int64_t ap_fetch_min_i64_release(ap_i64 *a, int64_t n) noexcept
    bint ap_fetch_add_i64_checked(ap_i64 *a, int64_t n, int64_t *seen) noexcept
    bint ap_fetch_sub_i64_checked(ap_i64 *a, int64_t n, int64_t *seen) noexcept

    void ap_init_u64(ap_u64 *a, uint64_t value) noexcept
    uint64_t ap_load_u64(ap_u64 *a) noexcept
    uint64_t ap_load_u64_acquire(ap_u64 *a) noexcept
    uint64_t ap_load_u64_relaxed(ap_u64 *a) noexcept
    void ap_store_u64(ap_u64 *a, uint64_t value) noexcept
    void ap_store_u64_release(ap_u64 *a, uint64_t value) noexcept
    void ap_store_u64_relaxed(ap_u64 *a, uint64_t value) noexcept
    uint64_t ap_exchange_u64(ap_u64 *a, uint64_t value) noexcept
    uint64_t ap_exchange_u64_relaxed(ap_u64 *a, uint64_t value) noexcept
    uint64_t ap_exchange_u64_acquire(ap_u64 *a, uint64_t value) noexcept
    uint64_t ap_exchange_u64_release(ap_u64 *a, uint64_t value) noexcept
    bint ap_compare_exchange_u64(ap_u64 *a, uint64_t *expected, uint64_t desired) noexcept
    bint ap_compare_exchange_u64_relaxed(ap_u64 *a, uint64_t *expected, uint64_t desired) noexcept
    bint ap_compare_exchange_u64_acquire(ap_u64 *a, uint64_t *expected, uint64_t desired) noexcept
    bint ap_compare_exchange_u64_release(ap_u64 *a, uint64_t *expected, uint64_t desired) noexcept
    bint ap_compare_exchange_weak_u64(ap_u64 *a, uint64_t *expected, uint64_t desired) noexcept
    bint ap_compare_exchange_weak_u64_relaxed(ap_u64 *a, uint64_t *expected, uint64_t desired) noexcept
    bint ap_compare_exchange_weak_u64_acquire(ap_u64 *a, uint64_t *expected, uint64_t desired) noexcept
    bint ap_compare_exchange_weak_u64_release(ap_u64 *a, uint64_t *expected, uint64_t desired) noexcept
    uint64_t ap_fetch_add_u64(ap_u64 *a, uint64_t n) noexcept
    uint64_t ap_fetch_add_u64_relaxed(ap_u64 *a, uint64_t n) noexcept
    uint64_t ap_fetch_add_u64_acquire(ap_u64 *a, uint64_t n) noexcept
    uint64_t ap_fetch_add_u64_release(ap_u64 *a, uint64_t n) noexcept
    uint64_t ap_fetch_sub_u64(ap_u64 *a, uint64_t n) noexcept
    uint64_t ap_fetch_sub_u64_relaxed(ap_u64 *a, uint64_t n) noexcept
    uint64_t ap_fetch_sub_u64_acquire(ap_u64 *a, uint64_t n) noexcept
    uint64_t ap_fetch_sub_u64_release(ap_u64 *a, uint64_t n) noexcept
    uint64_t ap_fetch_and_u64(ap_u64 *a, uint64_t n) noexcept
    uint64_t ap_fetch_and_u64_relaxed(ap_u64 *a, uint64_t n) noexcept
    uint64_t ap_fetch_and_u64_acquire(ap_u64 *a, uint64_t n) noexcept
    uint64_t ap_fetch_and_u64_release(ap_u64 *a, uint64_t n) noexcept
    uint64_t ap_fetch_or_u64(ap_u64 *a, uint64_t n) noexcept
    uint64_t ap_fetch_or_u64_relaxed(ap_u64 *a, uint64_t n) noexcept
    uint64_t ap_fetch_or_u64_acquire(ap_u64 *a, uint64_t n) noexcept
    uint64_t ap_fetch_or_u64_release(ap_u64 *a, uint64_t n) noexcept
    uint64_t ap_fetch_xor_u64(ap_u64 *a, uint64_t n) noexcept
    uint64_t ap_fetch_xor_u64_relaxed(ap_u64 *a, uint64_t n) noexcept
    uint64_t ap_fetch_xor_u64_acquire(ap_u64 *a, uint64_t n) noexcept
    uint64_t ap_fetch_xor_u64_release(ap_u64 *a, uint64_t n) noexcept
    uint64_t ap_fetch_max_u64(ap_u64 *a, uint64_t n) noexcept
    uint64_t ap_fetch_max_u64_relaxed(ap_u64 *a, uint64_t n) noexcept
    uint64_t ap_fetch_max_u64_acquire(ap_u64 *a, uint64_t n) noexcept
    uint64_t ap_fetch_max_u64_release(ap_u64 *a, uint64_t n) noexcept
    uint64_t ap_fetch_min_u64(ap_u64 *a, uint64_t n) noexcept
    uint64_t ap_fetch_min_u64_relaxed(ap_u64 *a, uint64_t n) noexcept
    uint64_t ap_fetch_min_u64_acquire(ap_u64 *a, uint64_t n) noexcept
    uint64_t ap_fetch_min_u64_release(ap_u64 *a, uint64_t n) noexcept

    void ap_init_bool(ap_bool *a, bint value) noexcept
    bint ap_load_bool(ap_bool *a) noexcept
    bint ap_load_bool_acquire(ap_bool *a) noexcept
    bint ap_load_bool_relaxed(ap_bool *a) noexcept
    void ap_store_bool(ap_bool *a, bint value) noexcept
    void ap_store_bool_release(ap_bool *a, bint value) noexcept
    void ap_store_bool_relaxed(ap_bool *a, bint value) noexcept
    bint ap_exchange_bool(ap_bool *a, bint value) noexcept
    bint ap_exchange_bool_relaxed(ap_bool *a, bint value) noexcept
    bint ap_exchange_bool_acquire(ap_bool *a, bint value) noexcept
    bint ap_exchange_bool_release(ap_bool *a, bint value) noexcept
    bint ap_compare_exchange_bool(ap_bool *a, bint expected, bint desired) noexcept
    bint ap_compare_exchange_bool_relaxed(ap_bool *a, bint expected, bint desired) noexcept
    bint ap_compare_exchange_bool_acquire(ap_bool *a, bint expected, bint desired) noexcept
    bint ap_compare_exchange_bool_release(ap_bool *a, bint expected, bint desired) noexcept
    bint ap_fetch_not_bool(ap_bool *a) noexcept
    bint ap_fetch_not_bool_relaxed(ap_bool *a) noexcept
    bint ap_fetch_not_bool_acquire(ap_bool *a) noexcept
    bint ap_fetch_not_bool_release(ap_bool *a) noexcept

    void ap_init_f64(ap_f64 *a, double value) noexcept
    double ap_load_f64(ap_f64 *a) noexcept
    double ap_load_f64_acquire(ap_f64 *a) noexcept
    double ap_load_f64_relaxed(ap_f64 *a) noexcept
    void ap_store_f64(ap_f64 *a, double value) noexcept
    void ap_store_f64_release(ap_f64 *a, double value) noexcept
    void ap_store_f64_relaxed(ap_f64 *a, double value) noexcept
    double ap_exchange_f64(ap_f64 *a, double value) noexcept
    double ap_exchange_f64_relaxed(ap_f64 *a, double value) noexcept
    double ap_exchange_f64_acquire(ap_f64 *a, double value) noexcept
    double ap_exchange_f64_release(ap_f64 *a, double value) noexcept
    bint ap_compare_exchange_f64(ap_f64 *a, double expected, double desired) noexcept
    bint ap_compare_exchange_f64_relaxed(ap_f64 *a, double expected, double desired) noexcept
    bint ap_compare_exchange_f64_acquire(ap_f64 *a, double expected, double desired) noexcept
    bint ap_compare_exchange_f64_release(ap_f64 *a, double expected, double desired) noexcept
    double ap_fetch_add_f64(ap_f64 *a, double n) noexcept
    double ap_fetch_add_f64_relaxed(ap_f64 *a, double n) noexcept
    double ap_fetch_add_f64_acquire(ap_f64 *a, double n) noexcept
    double ap_fetch_add_f64_release(ap_f64 *a, double n) noexcept
    double ap_fetch_sub_f64(ap_f64 *a, double n) noexcept
    double ap_fetch_sub_f64_relaxed(ap_f64 *a, double n) noexcept
    double ap_fetch_sub_f64_acquire(ap_f64 *a, double n) noexcept
    double ap_fetch_sub_f64_release(ap_f64 *a, double n) noexcept
    double ap_fetch_max_f64(ap_f64 *a, double n) noexcept
    double ap_fetch_max_f64_relaxed(ap_f64 *a, double n) noexcept
    double ap_fetch_max_f64_acquire(ap_f64 *a, double n) noexcept
    double ap_fetch_max_f64_release(ap_f64 *a, double n) noexcept
    double ap_fetch_min_f64(ap_f64 *a, double n) noexcept
    double ap_fetch_min_f64_relaxed(ap_f64 *a, double n) noexcept
    double ap_fetch_min_f64_acquire(ap_f64 *a, double n) noexcept
    double ap_fetch_min_f64_release(ap_f64 *a, double n) noexcept
    bint ap_replace_seen_f64(ap_f64 *a, double *old, double desired) noexcept
    bint ap_replace_seen_f64_relaxed(ap_f64 *a, double *old, double desired) noexcept
    bint ap_replace_seen_f64_acquire(ap_f64 *a, double *old, double desired) noexcept
    bint ap_replace_seen_f64_release(ap_f64 *a, double *old, double desired) noexcept
