/* SPDX-License-Identifier: MIT
 *
 * ap_u32.h: a 32-bit word, for the state of the blocking primitives.
 */
#ifndef AP_U32_H
#define AP_U32_H

#include "../platform/ap_base.h"

typedef struct { _Atomic uint32_t v; } ap_u32;

_Static_assert(sizeof(ap_u32) == 4, "ap_u32 is one 32-bit word");

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

#endif /* AP_U32_H */
