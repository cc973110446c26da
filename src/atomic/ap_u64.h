/* Generated from src/atomic/ap_integer.h.in by .ci/templates.py; edit that file.
 * SPDX-License-Identifier: MIT
 *
 * ap_u64.h: an unsigned 64-bit word. See ap_atomic.h for the names and for the weaker orders.
 */
#ifndef AP_U64_H
#define AP_U64_H

#include "../platform/ap_base.h"

typedef struct { _Atomic uint64_t v; } ap_u64;

/* Shared memory and C arrays rely on it: an atomic word is just as large as the word. */
_Static_assert(sizeof(ap_u64) == 8, "ap_u64 is one 64-bit word");

/* Before another thread can reach the word; C11's atomic_init. */
static inline void ap_init_u64(ap_u64 *a, uint64_t value) { atomic_init(&a->v, value); }

/* value = *a */
static inline uint64_t ap_load_u64(ap_u64 *a) { return atomic_load(&a->v); }
static inline uint64_t ap_load_u64_acquire(ap_u64 *a) { return atomic_load_explicit(&a->v, memory_order_acquire); }
static inline uint64_t ap_load_u64_relaxed(ap_u64 *a) { return atomic_load_explicit(&a->v, memory_order_relaxed); }

/* *a = value */
static inline void ap_store_u64(ap_u64 *a, uint64_t value) { atomic_store(&a->v, value); }
static inline void ap_store_u64_release(ap_u64 *a, uint64_t value)
{
    atomic_store_explicit(&a->v, value, memory_order_release);
}
static inline void ap_store_u64_relaxed(ap_u64 *a, uint64_t value)
{
    atomic_store_explicit(&a->v, value, memory_order_relaxed);
}

/* old = *a; *a = value; return old */
static inline uint64_t ap_exchange_u64(ap_u64 *a, uint64_t value) { return atomic_exchange(&a->v, value); }
static inline uint64_t ap_exchange_u64_relaxed(ap_u64 *a, uint64_t value)
{
    return atomic_exchange_explicit(&a->v, value, memory_order_relaxed);
}
static inline uint64_t ap_exchange_u64_acquire(ap_u64 *a, uint64_t value)
{
    return atomic_exchange_explicit(&a->v, value, memory_order_acquire);
}
static inline uint64_t ap_exchange_u64_release(ap_u64 *a, uint64_t value)
{
    return atomic_exchange_explicit(&a->v, value, memory_order_release);
}

/* if (*a == *expected) { *a = desired; return true; }  *expected = *a; return false
 * The weak one may also fail where the values are equal: for loops that try again anyway. */
static inline bool ap_compare_exchange_u64(ap_u64 *a, uint64_t *expected, uint64_t desired)
{
    return atomic_compare_exchange_strong(&a->v, expected, desired);
}
static inline bool ap_compare_exchange_u64_relaxed(ap_u64 *a, uint64_t *expected, uint64_t desired)
{
    return atomic_compare_exchange_strong_explicit(&a->v, expected, desired, memory_order_relaxed,
                                                   memory_order_relaxed);
}
static inline bool ap_compare_exchange_u64_acquire(ap_u64 *a, uint64_t *expected, uint64_t desired)
{
    return atomic_compare_exchange_strong_explicit(&a->v, expected, desired, memory_order_acquire,
                                                   memory_order_acquire);
}
static inline bool ap_compare_exchange_u64_release(ap_u64 *a, uint64_t *expected, uint64_t desired)
{
    return atomic_compare_exchange_strong_explicit(&a->v, expected, desired, memory_order_release,
                                                   memory_order_relaxed);
}
static inline bool ap_compare_exchange_weak_u64(ap_u64 *a, uint64_t *expected, uint64_t desired)
{
    return atomic_compare_exchange_weak(&a->v, expected, desired);
}
static inline bool ap_compare_exchange_weak_u64_relaxed(ap_u64 *a, uint64_t *expected, uint64_t desired)
{
    return atomic_compare_exchange_weak_explicit(&a->v, expected, desired, memory_order_relaxed, memory_order_relaxed);
}
static inline bool ap_compare_exchange_weak_u64_acquire(ap_u64 *a, uint64_t *expected, uint64_t desired)
{
    return atomic_compare_exchange_weak_explicit(&a->v, expected, desired, memory_order_acquire, memory_order_acquire);
}
static inline bool ap_compare_exchange_weak_u64_release(ap_u64 *a, uint64_t *expected, uint64_t desired)
{
    return atomic_compare_exchange_weak_explicit(&a->v, expected, desired, memory_order_release, memory_order_relaxed);
}

/* old = *a; *a = old <op> n; return old */
static inline uint64_t ap_fetch_add_u64(ap_u64 *a, uint64_t n) { return atomic_fetch_add(&a->v, n); }
static inline uint64_t ap_fetch_add_u64_relaxed(ap_u64 *a, uint64_t n)
{
    return atomic_fetch_add_explicit(&a->v, n, memory_order_relaxed);
}
static inline uint64_t ap_fetch_add_u64_acquire(ap_u64 *a, uint64_t n)
{
    return atomic_fetch_add_explicit(&a->v, n, memory_order_acquire);
}
static inline uint64_t ap_fetch_add_u64_release(ap_u64 *a, uint64_t n)
{
    return atomic_fetch_add_explicit(&a->v, n, memory_order_release);
}
static inline uint64_t ap_fetch_sub_u64(ap_u64 *a, uint64_t n) { return atomic_fetch_sub(&a->v, n); }
static inline uint64_t ap_fetch_sub_u64_relaxed(ap_u64 *a, uint64_t n)
{
    return atomic_fetch_sub_explicit(&a->v, n, memory_order_relaxed);
}
static inline uint64_t ap_fetch_sub_u64_acquire(ap_u64 *a, uint64_t n)
{
    return atomic_fetch_sub_explicit(&a->v, n, memory_order_acquire);
}
static inline uint64_t ap_fetch_sub_u64_release(ap_u64 *a, uint64_t n)
{
    return atomic_fetch_sub_explicit(&a->v, n, memory_order_release);
}
static inline uint64_t ap_fetch_and_u64(ap_u64 *a, uint64_t n) { return atomic_fetch_and(&a->v, n); }
static inline uint64_t ap_fetch_and_u64_relaxed(ap_u64 *a, uint64_t n)
{
    return atomic_fetch_and_explicit(&a->v, n, memory_order_relaxed);
}
static inline uint64_t ap_fetch_and_u64_acquire(ap_u64 *a, uint64_t n)
{
    return atomic_fetch_and_explicit(&a->v, n, memory_order_acquire);
}
static inline uint64_t ap_fetch_and_u64_release(ap_u64 *a, uint64_t n)
{
    return atomic_fetch_and_explicit(&a->v, n, memory_order_release);
}
static inline uint64_t ap_fetch_or_u64(ap_u64 *a, uint64_t n) { return atomic_fetch_or(&a->v, n); }
static inline uint64_t ap_fetch_or_u64_relaxed(ap_u64 *a, uint64_t n)
{
    return atomic_fetch_or_explicit(&a->v, n, memory_order_relaxed);
}
static inline uint64_t ap_fetch_or_u64_acquire(ap_u64 *a, uint64_t n)
{
    return atomic_fetch_or_explicit(&a->v, n, memory_order_acquire);
}
static inline uint64_t ap_fetch_or_u64_release(ap_u64 *a, uint64_t n)
{
    return atomic_fetch_or_explicit(&a->v, n, memory_order_release);
}
static inline uint64_t ap_fetch_xor_u64(ap_u64 *a, uint64_t n) { return atomic_fetch_xor(&a->v, n); }
static inline uint64_t ap_fetch_xor_u64_relaxed(ap_u64 *a, uint64_t n)
{
    return atomic_fetch_xor_explicit(&a->v, n, memory_order_relaxed);
}
static inline uint64_t ap_fetch_xor_u64_acquire(ap_u64 *a, uint64_t n)
{
    return atomic_fetch_xor_explicit(&a->v, n, memory_order_acquire);
}
static inline uint64_t ap_fetch_xor_u64_release(ap_u64 *a, uint64_t n)
{
    return atomic_fetch_xor_explicit(&a->v, n, memory_order_release);
}

/* old = *a; if (n > old) *a = n; return old
 * Where n does not replace the value, the load alone is the operation. It is sequentially consistent itself, and what
 * it read was the value at that moment. */
static inline uint64_t ap_fetch_max_u64(ap_u64 *a, uint64_t n)
{
    uint64_t old = ap_load_u64(a);
    while (n > old && !ap_compare_exchange_weak_u64(a, &old, n)) { }
    return old;
}
static inline uint64_t ap_fetch_max_u64_relaxed(ap_u64 *a, uint64_t n)
{
    uint64_t old = ap_load_u64_relaxed(a);
    while (n > old && !ap_compare_exchange_weak_u64_relaxed(a, &old, n)) { }
    return old;
}
static inline uint64_t ap_fetch_max_u64_acquire(ap_u64 *a, uint64_t n)
{
    uint64_t old = ap_load_u64_acquire(a);
    while (n > old && !ap_compare_exchange_weak_u64_acquire(a, &old, n)) { }
    return old;
}
static inline uint64_t ap_fetch_max_u64_release(ap_u64 *a, uint64_t n)
{
    uint64_t old = ap_load_u64_relaxed(a);
    while (n > old && !ap_compare_exchange_weak_u64_release(a, &old, n)) { }
    return old;
}

/* old = *a; if (n < old) *a = n; return old
 * Where n does not replace the value, the load alone is the operation. It is sequentially consistent itself, and what
 * it read was the value at that moment. */
static inline uint64_t ap_fetch_min_u64(ap_u64 *a, uint64_t n)
{
    uint64_t old = ap_load_u64(a);
    while (n < old && !ap_compare_exchange_weak_u64(a, &old, n)) { }
    return old;
}
static inline uint64_t ap_fetch_min_u64_relaxed(ap_u64 *a, uint64_t n)
{
    uint64_t old = ap_load_u64_relaxed(a);
    while (n < old && !ap_compare_exchange_weak_u64_relaxed(a, &old, n)) { }
    return old;
}
static inline uint64_t ap_fetch_min_u64_acquire(ap_u64 *a, uint64_t n)
{
    uint64_t old = ap_load_u64_acquire(a);
    while (n < old && !ap_compare_exchange_weak_u64_acquire(a, &old, n)) { }
    return old;
}
static inline uint64_t ap_fetch_min_u64_release(ap_u64 *a, uint64_t n)
{
    uint64_t old = ap_load_u64_relaxed(a);
    while (n < old && !ap_compare_exchange_weak_u64_release(a, &old, n)) { }
    return old;
}

#endif /* AP_U64_H */
