/* SPDX-License-Identifier: MIT
 *
 * ap_atomic.h: atomic values of one word.
 *
 * One struct with one _Atomic field per type: ap_i64, ap_u64, ap_bool, ap_f64, ap_u32. A function is named ap_<operation>_<type>;
 * the operations are those of C11, 7.17.7. Without a suffix it is sequentially consistent; a suffix (_relaxed,
 * _acquire, _release) names a weaker order. Arithmetic wraps modulo 2**64, as C11 says of atomic types (7.17.7.5),
 * signed ones included; the *_checked functions refuse instead.
 */
#ifndef AP_ATOMIC_H
#define AP_ATOMIC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if ATOMIC_CHAR_LOCK_FREE != 2 || ATOMIC_INT_LOCK_FREE != 2 || ATOMIC_LLONG_LOCK_FREE != 2
#error "atomicpy needs lock-free atomics of 8, 32 and 64 bits; this target has none"
#endif

typedef struct { _Atomic int64_t v; } ap_i64;
typedef struct { _Atomic uint64_t v; } ap_u64;
typedef struct { _Atomic uint32_t v; } ap_u32;
typedef struct { _Atomic uint8_t v; } ap_bool;
typedef struct { ap_u64 bits; } ap_f64;

/* Shared memory and C arrays rely on it: an atomic word is just as large as the word. */
_Static_assert(sizeof(ap_i64) == 8, "ap_i64 is one 64-bit word");
_Static_assert(sizeof(ap_u64) == 8, "ap_u64 is one 64-bit word");
_Static_assert(sizeof(ap_u32) == 4, "ap_u32 is one 32-bit word");
_Static_assert(sizeof(ap_bool) == 1, "ap_bool is one byte");
_Static_assert(sizeof(ap_f64) == 8 && sizeof(double) == 8, "ap_f64 is one 64-bit word");

/* The way that is almost never taken stays out of the straight line. */
#if defined(__GNUC__)
#define AP_UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#else
#define AP_UNLIKELY(condition) (condition)
#endif

/* ---- ap_i64 ------------------------------------------------------------------------------------------------- */

/* Before anybody shares it; C11's atomic_init. */
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

/* if (*a == *expected) { *a = desired; return true; }  *expected = *a; return false
 * The weak one may also fail where the values are equal: for loops that try again anyway. */
static inline bool ap_compare_exchange_i64(ap_i64 *a, int64_t *expected, int64_t desired)
{
    return atomic_compare_exchange_strong(&a->v, expected, desired);
}
static inline bool ap_compare_exchange_weak_i64(ap_i64 *a, int64_t *expected, int64_t desired)
{
    return atomic_compare_exchange_weak(&a->v, expected, desired);
}

/* old = *a; *a = old <op> n; return old */
static inline int64_t ap_fetch_add_i64(ap_i64 *a, int64_t n) { return atomic_fetch_add(&a->v, n); }
static inline int64_t ap_fetch_add_i64_relaxed(ap_i64 *a, int64_t n)
{
    return atomic_fetch_add_explicit(&a->v, n, memory_order_relaxed);
}
static inline int64_t ap_fetch_sub_i64(ap_i64 *a, int64_t n) { return atomic_fetch_sub(&a->v, n); }
static inline int64_t ap_fetch_and_i64(ap_i64 *a, int64_t n) { return atomic_fetch_and(&a->v, n); }
static inline int64_t ap_fetch_or_i64(ap_i64 *a, int64_t n) { return atomic_fetch_or(&a->v, n); }
static inline int64_t ap_fetch_xor_i64(ap_i64 *a, int64_t n) { return atomic_fetch_xor(&a->v, n); }

/* old = *a; if (n > old) *a = n; return old
 *
 * Where nothing is to be written the load alone is the operation: it is sequentially consistent itself, and the
 * value it saw was the value at that moment. */
static inline int64_t ap_fetch_max_i64(ap_i64 *a, int64_t n)
{
    int64_t old = ap_load_i64(a);
    while (n > old && !ap_compare_exchange_weak_i64(a, &old, n)) { }
    return old;
}

/* old = *a; if (n < old) *a = n; return old */
static inline int64_t ap_fetch_min_i64(ap_i64 *a, int64_t n)
{
    int64_t old = ap_load_i64(a);
    while (n < old && !ap_compare_exchange_weak_i64(a, &old, n)) { }
    return old;
}

/* old = *a; if (old + n does not fit) return false; *a = old + n; return true.  *seen = old either way.
 *
 * A compare-and-swap, not a fetch-add that is taken back when it went wrong: between the two, another thread would
 * load a value that never was. Nor is "load, see that it is far from the limits, fetch-add" enough: a store of
 * 2**63 - 1 fits in between. The swap succeeds only on the very value that was tested, so the step is the test and
 * the addition at once; where it fails, another thread's step succeeded (lock-free). Measured against a fetch-add: in a
 * bare C loop 8 ns instead of 5, and 42 instead of 18 where two cores fight; called from Python within 3 % either way. */
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

/* ---- ap_u64: as ap_i64, but for the sign ------------------------------------------------------------------------ */

static inline void ap_init_u64(ap_u64 *a, uint64_t value) { atomic_init(&a->v, value); }
static inline uint64_t ap_load_u64(ap_u64 *a) { return atomic_load(&a->v); }
static inline uint64_t ap_load_u64_acquire(ap_u64 *a) { return atomic_load_explicit(&a->v, memory_order_acquire); }
static inline uint64_t ap_load_u64_relaxed(ap_u64 *a) { return atomic_load_explicit(&a->v, memory_order_relaxed); }
static inline void ap_store_u64(ap_u64 *a, uint64_t value) { atomic_store(&a->v, value); }
static inline void ap_store_u64_release(ap_u64 *a, uint64_t value)
{
    atomic_store_explicit(&a->v, value, memory_order_release);
}
static inline void ap_store_u64_relaxed(ap_u64 *a, uint64_t value)
{
    atomic_store_explicit(&a->v, value, memory_order_relaxed);
}
static inline uint64_t ap_exchange_u64(ap_u64 *a, uint64_t value) { return atomic_exchange(&a->v, value); }
static inline bool ap_compare_exchange_u64(ap_u64 *a, uint64_t *expected, uint64_t desired)
{
    return atomic_compare_exchange_strong(&a->v, expected, desired);
}
static inline bool ap_compare_exchange_weak_u64(ap_u64 *a, uint64_t *expected, uint64_t desired)
{
    return atomic_compare_exchange_weak(&a->v, expected, desired);
}
static inline uint64_t ap_fetch_add_u64(ap_u64 *a, uint64_t n) { return atomic_fetch_add(&a->v, n); }
static inline uint64_t ap_fetch_add_u64_relaxed(ap_u64 *a, uint64_t n)
{
    return atomic_fetch_add_explicit(&a->v, n, memory_order_relaxed);
}
static inline uint64_t ap_fetch_sub_u64(ap_u64 *a, uint64_t n) { return atomic_fetch_sub(&a->v, n); }
static inline uint64_t ap_fetch_and_u64(ap_u64 *a, uint64_t n) { return atomic_fetch_and(&a->v, n); }
static inline uint64_t ap_fetch_or_u64(ap_u64 *a, uint64_t n) { return atomic_fetch_or(&a->v, n); }
static inline uint64_t ap_fetch_xor_u64(ap_u64 *a, uint64_t n) { return atomic_fetch_xor(&a->v, n); }
static inline uint64_t ap_fetch_max_u64(ap_u64 *a, uint64_t n)
{
    uint64_t old = ap_load_u64(a);
    while (n > old && !ap_compare_exchange_weak_u64(a, &old, n)) { }
    return old;
}
static inline uint64_t ap_fetch_min_u64(ap_u64 *a, uint64_t n)
{
    uint64_t old = ap_load_u64(a);
    while (n < old && !ap_compare_exchange_weak_u64(a, &old, n)) { }
    return old;
}

/* ---- ap_bool: one byte, 0 or 1 ---------------------------------------------------------------------------------- */

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
static inline bool ap_compare_exchange_bool(ap_bool *a, bool expected, bool desired)
{
    uint8_t old = expected;
    return atomic_compare_exchange_strong(&a->v, &old, desired);
}
/* old = *a; *a = !old; return old.  C11 has no fetch_xor of a bool: hence the byte. */
static inline bool ap_fetch_not_bool(ap_bool *a) { return atomic_fetch_xor(&a->v, (uint8_t)1); }

/* ---- ap_f64: a double, kept as its bits ------------------------------------------------------------------------- *
 *
 * C11 has neither arithmetic on an atomic double nor a promise that it is lock-free; the 64 bits of one have both. */

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

/* Replace the bits that were seen in *old, or see what is there now: for loops that compute the new from the old. */
static inline bool ap_replace_seen_f64(ap_f64 *a, double *old, double desired)
{
    uint64_t bits = ap_bits_of_f64(*old);
    bool replaced = ap_compare_exchange_weak_u64(&a->bits, &bits, ap_bits_of_f64(desired));
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
static inline double ap_fetch_sub_f64(ap_f64 *a, double n) { return ap_fetch_add_f64(a, -n); }

/* old = *a; if (n > old) *a = n; return old.  NaN is greater than nothing, and nothing is greater than NaN. */
static inline double ap_fetch_max_f64(ap_f64 *a, double n)
{
    double old = ap_load_f64(a);
    while (n > old && !ap_replace_seen_f64(a, &old, n)) { }
    return old;
}
/* old = *a; if (n < old) *a = n; return old.  NaN as above. */
static inline double ap_fetch_min_f64(ap_f64 *a, double n)
{
    double old = ap_load_f64(a);
    while (n < old && !ap_replace_seen_f64(a, &old, n)) { }
    return old;
}

/* ---- ap_u32: state words of the blocking primitives ----------------------------------------------------------- */

static inline void ap_init_u32(ap_u32 *a, uint32_t value) { atomic_init(&a->v, value); }
static inline uint32_t ap_load_u32(ap_u32 *a) { return atomic_load(&a->v); }
static inline uint32_t ap_load_u32_relaxed(ap_u32 *a) { return atomic_load_explicit(&a->v, memory_order_relaxed); }
static inline uint32_t ap_fetch_add_u32(ap_u32 *a, uint32_t n) { return atomic_fetch_add(&a->v, n); }
static inline uint32_t ap_fetch_sub_u32(ap_u32 *a, uint32_t n) { return atomic_fetch_sub(&a->v, n); }
static inline uint32_t ap_exchange_u32(ap_u32 *a, uint32_t value) { return atomic_exchange(&a->v, value); }
static inline bool ap_compare_exchange_u32(ap_u32 *a, uint32_t *expected, uint32_t desired)
{
    return atomic_compare_exchange_strong(&a->v, expected, desired);
}

#endif /* AP_ATOMIC_H */
