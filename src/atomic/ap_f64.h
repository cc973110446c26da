/* SPDX-License-Identifier: MIT
 * In the documentation: docs/design/atomic-values.md
 *
 * ap_f64.h: a double, kept as its bits.
 *
 * C11 has neither arithmetic on an atomic double nor a promise that it is lock-free; the 64 bits of one have both.
 */
#ifndef AP_F64_H
#define AP_F64_H

#include <string.h>

#include "ap_u64.h"

typedef struct { ap_u64 bits; } ap_f64;

_Static_assert(sizeof(ap_f64) == 8 && sizeof(double) == 8, "ap_f64 is one 64-bit word");

static inline uint64_t ap_bits_of_f64(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}
static inline double ap_f64_of_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline void ap_init_f64(ap_f64 *a, double value) { ap_init_u64(&a->bits, ap_bits_of_f64(value)); }
static inline double ap_load_f64(ap_f64 *a) { return ap_f64_of_bits(ap_load_u64(&a->bits)); }
static inline double ap_load_f64_acquire(ap_f64 *a) { return ap_f64_of_bits(ap_load_u64_acquire(&a->bits)); }
static inline double ap_load_f64_relaxed(ap_f64 *a) { return ap_f64_of_bits(ap_load_u64_relaxed(&a->bits)); }
static inline void ap_store_f64(ap_f64 *a, double value) { ap_store_u64(&a->bits, ap_bits_of_f64(value)); }
static inline void ap_store_f64_release(ap_f64 *a, double value)
{
    ap_store_u64_release(&a->bits, ap_bits_of_f64(value));
}
static inline void ap_store_f64_relaxed(ap_f64 *a, double value)
{
    ap_store_u64_relaxed(&a->bits, ap_bits_of_f64(value));
}
static inline double ap_exchange_f64(ap_f64 *a, double value)
{
    return ap_f64_of_bits(ap_exchange_u64(&a->bits, ap_bits_of_f64(value)));
}
static inline double ap_exchange_f64_relaxed(ap_f64 *a, double value)
{
    return ap_f64_of_bits(ap_exchange_u64_relaxed(&a->bits, ap_bits_of_f64(value)));
}
static inline double ap_exchange_f64_acquire(ap_f64 *a, double value)
{
    return ap_f64_of_bits(ap_exchange_u64_acquire(&a->bits, ap_bits_of_f64(value)));
}
static inline double ap_exchange_f64_release(ap_f64 *a, double value)
{
    return ap_f64_of_bits(ap_exchange_u64_release(&a->bits, ap_bits_of_f64(value)));
}

/* if (*a == expected) { *a = desired; return true; }  return false
 *
 * Equal as floats: 0.0 equals -0.0, NaN equals nothing. A swap of bits that fails on changed bits looks again; one
 * that succeeds did so on the bits that were compared. */
static inline bool ap_compare_exchange_f64(ap_f64 *a, double expected, double desired)
{
    uint64_t old = ap_load_u64(&a->bits);
    while (ap_f64_of_bits(old) == expected) {
        if (ap_compare_exchange_weak_u64(&a->bits, &old, ap_bits_of_f64(desired))) {
            return true;
        }
    }
    return false;
}
static inline bool ap_compare_exchange_f64_relaxed(ap_f64 *a, double expected, double desired)
{
    uint64_t old = ap_load_u64_relaxed(&a->bits);
    while (ap_f64_of_bits(old) == expected) {
        if (ap_compare_exchange_weak_u64_relaxed(&a->bits, &old, ap_bits_of_f64(desired))) {
            return true;
        }
    }
    return false;
}
static inline bool ap_compare_exchange_f64_acquire(ap_f64 *a, double expected, double desired)
{
    uint64_t old = ap_load_u64_acquire(&a->bits);
    while (ap_f64_of_bits(old) == expected) {
        if (ap_compare_exchange_weak_u64_acquire(&a->bits, &old, ap_bits_of_f64(desired))) {
            return true;
        }
    }
    return false;
}
static inline bool ap_compare_exchange_f64_release(ap_f64 *a, double expected, double desired)
{
    uint64_t old = ap_load_u64_relaxed(&a->bits);
    while (ap_f64_of_bits(old) == expected) {
        if (ap_compare_exchange_weak_u64_release(&a->bits, &old, ap_bits_of_f64(desired))) {
            return true;
        }
    }
    return false;
}

/* Replace the bits that were seen in *old, or see what is there now: for loops that compute the new from the old. */
static inline bool ap_replace_seen_f64(ap_f64 *a, double *old, double desired)
{
    uint64_t bits = ap_bits_of_f64(*old);
    bool replaced = ap_compare_exchange_weak_u64(&a->bits, &bits, ap_bits_of_f64(desired));
    *old = ap_f64_of_bits(bits);
    return replaced;
}
static inline bool ap_replace_seen_f64_relaxed(ap_f64 *a, double *old, double desired)
{
    uint64_t bits = ap_bits_of_f64(*old);
    bool replaced = ap_compare_exchange_weak_u64_relaxed(&a->bits, &bits, ap_bits_of_f64(desired));
    *old = ap_f64_of_bits(bits);
    return replaced;
}
static inline bool ap_replace_seen_f64_acquire(ap_f64 *a, double *old, double desired)
{
    uint64_t bits = ap_bits_of_f64(*old);
    bool replaced = ap_compare_exchange_weak_u64_acquire(&a->bits, &bits, ap_bits_of_f64(desired));
    *old = ap_f64_of_bits(bits);
    return replaced;
}
static inline bool ap_replace_seen_f64_release(ap_f64 *a, double *old, double desired)
{
    uint64_t bits = ap_bits_of_f64(*old);
    bool replaced = ap_compare_exchange_weak_u64_release(&a->bits, &bits, ap_bits_of_f64(desired));
    *old = ap_f64_of_bits(bits);
    return replaced;
}

/* old = *a; *a = old + n; return old.  Rounded once, as any addition of doubles. */
static inline double ap_fetch_add_f64(ap_f64 *a, double n)
{
    double old = ap_load_f64(a);
    while (!ap_replace_seen_f64(a, &old, old + n)) { }
    return old;
}
/* The first load may be relaxed in all three: the order is that of the swap that succeeds. */
static inline double ap_fetch_add_f64_relaxed(ap_f64 *a, double n)
{
    double old = ap_load_f64_relaxed(a);
    while (!ap_replace_seen_f64_relaxed(a, &old, old + n)) { }
    return old;
}
static inline double ap_fetch_add_f64_acquire(ap_f64 *a, double n)
{
    double old = ap_load_f64_relaxed(a);
    while (!ap_replace_seen_f64_acquire(a, &old, old + n)) { }
    return old;
}
static inline double ap_fetch_add_f64_release(ap_f64 *a, double n)
{
    double old = ap_load_f64_relaxed(a);
    while (!ap_replace_seen_f64_release(a, &old, old + n)) { }
    return old;
}
static inline double ap_fetch_sub_f64(ap_f64 *a, double n) { return ap_fetch_add_f64(a, -n); }
static inline double ap_fetch_sub_f64_relaxed(ap_f64 *a, double n) { return ap_fetch_add_f64_relaxed(a, -n); }
static inline double ap_fetch_sub_f64_acquire(ap_f64 *a, double n) { return ap_fetch_add_f64_acquire(a, -n); }
static inline double ap_fetch_sub_f64_release(ap_f64 *a, double n) { return ap_fetch_add_f64_release(a, -n); }

/* old = *a; if (n > old) *a = n; return old.  NaN is greater than nothing, and nothing is greater than NaN. */
static inline double ap_fetch_max_f64(ap_f64 *a, double n)
{
    double old = ap_load_f64(a);
    while (n > old && !ap_replace_seen_f64(a, &old, n)) { }
    return old;
}
static inline double ap_fetch_max_f64_relaxed(ap_f64 *a, double n)
{
    double old = ap_load_f64_relaxed(a);
    while (n > old && !ap_replace_seen_f64_relaxed(a, &old, n)) { }
    return old;
}
static inline double ap_fetch_max_f64_acquire(ap_f64 *a, double n)
{
    double old = ap_load_f64_acquire(a);
    while (n > old && !ap_replace_seen_f64_acquire(a, &old, n)) { }
    return old;
}
static inline double ap_fetch_max_f64_release(ap_f64 *a, double n)
{
    double old = ap_load_f64_relaxed(a);
    while (n > old && !ap_replace_seen_f64_release(a, &old, n)) { }
    return old;
}

/* old = *a; if (n < old) *a = n; return old.  NaN as above. */
static inline double ap_fetch_min_f64(ap_f64 *a, double n)
{
    double old = ap_load_f64(a);
    while (n < old && !ap_replace_seen_f64(a, &old, n)) { }
    return old;
}
static inline double ap_fetch_min_f64_relaxed(ap_f64 *a, double n)
{
    double old = ap_load_f64_relaxed(a);
    while (n < old && !ap_replace_seen_f64_relaxed(a, &old, n)) { }
    return old;
}
static inline double ap_fetch_min_f64_acquire(ap_f64 *a, double n)
{
    double old = ap_load_f64_acquire(a);
    while (n < old && !ap_replace_seen_f64_acquire(a, &old, n)) { }
    return old;
}
static inline double ap_fetch_min_f64_release(ap_f64 *a, double n)
{
    double old = ap_load_f64_relaxed(a);
    while (n < old && !ap_replace_seen_f64_release(a, &old, n)) { }
    return old;
}

#endif /* AP_F64_H */
