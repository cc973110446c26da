/* SPDX-License-Identifier: MIT
 *
 * ap_bool.h: one byte, 0 or 1.
 */
#ifndef AP_BOOL_H
#define AP_BOOL_H

#include "../platform/ap_base.h"

typedef struct { _Atomic uint8_t v; } ap_bool;

_Static_assert(sizeof(ap_bool) == 1, "ap_bool is one byte");

static inline void ap_init_bool(ap_bool *a, bool value) { atomic_init(&a->v, value); }
static inline bool ap_load_bool(ap_bool *a) { return atomic_load(&a->v); }
static inline bool ap_load_bool_acquire(ap_bool *a) { return atomic_load_explicit(&a->v, memory_order_acquire); }
static inline bool ap_load_bool_relaxed(ap_bool *a) { return atomic_load_explicit(&a->v, memory_order_relaxed); }
static inline void ap_store_bool(ap_bool *a, bool value) { atomic_store(&a->v, value); }
static inline void ap_store_bool_release(ap_bool *a, bool value)
{
    atomic_store_explicit(&a->v, value, memory_order_release);
}
static inline void ap_store_bool_relaxed(ap_bool *a, bool value)
{
    atomic_store_explicit(&a->v, value, memory_order_relaxed);
}
static inline bool ap_exchange_bool(ap_bool *a, bool value) { return atomic_exchange(&a->v, value); }
static inline bool ap_exchange_bool_relaxed(ap_bool *a, bool value)
{
    return atomic_exchange_explicit(&a->v, value, memory_order_relaxed);
}
static inline bool ap_exchange_bool_acquire(ap_bool *a, bool value)
{
    return atomic_exchange_explicit(&a->v, value, memory_order_acquire);
}
static inline bool ap_exchange_bool_release(ap_bool *a, bool value)
{
    return atomic_exchange_explicit(&a->v, value, memory_order_release);
}
static inline bool ap_compare_exchange_bool(ap_bool *a, bool expected, bool desired)
{
    uint8_t old = expected;
    return atomic_compare_exchange_strong(&a->v, &old, desired);
}
static inline bool ap_compare_exchange_bool_relaxed(ap_bool *a, bool expected, bool desired)
{
    uint8_t old = expected;
    return atomic_compare_exchange_strong_explicit(&a->v, &old, desired, memory_order_relaxed, memory_order_relaxed);
}
static inline bool ap_compare_exchange_bool_acquire(ap_bool *a, bool expected, bool desired)
{
    uint8_t old = expected;
    return atomic_compare_exchange_strong_explicit(&a->v, &old, desired, memory_order_acquire, memory_order_acquire);
}
static inline bool ap_compare_exchange_bool_release(ap_bool *a, bool expected, bool desired)
{
    uint8_t old = expected;
    return atomic_compare_exchange_strong_explicit(&a->v, &old, desired, memory_order_release, memory_order_relaxed);
}

/* old = *a; *a = !old; return old.  C11 has no fetch_xor of a bool: hence the byte. */
static inline bool ap_fetch_not_bool(ap_bool *a) { return atomic_fetch_xor(&a->v, (uint8_t)1); }
static inline bool ap_fetch_not_bool_relaxed(ap_bool *a)
{
    return atomic_fetch_xor_explicit(&a->v, (uint8_t)1, memory_order_relaxed);
}
static inline bool ap_fetch_not_bool_acquire(ap_bool *a)
{
    return atomic_fetch_xor_explicit(&a->v, (uint8_t)1, memory_order_acquire);
}
static inline bool ap_fetch_not_bool_release(ap_bool *a)
{
    return atomic_fetch_xor_explicit(&a->v, (uint8_t)1, memory_order_release);
}

#endif /* AP_BOOL_H */
