/* SPDX-License-Identifier: MIT
 *
 * ap_base.h: what the header of each atomic type needs.
 */
#ifndef AP_BASE_H
#define AP_BASE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#if ATOMIC_CHAR_LOCK_FREE != 2 || ATOMIC_INT_LOCK_FREE != 2 || ATOMIC_LLONG_LOCK_FREE != 2
#error "atomicpy needs lock-free atomics of 8, 32 and 64 bits; this target has none"
#endif

/* The way that is almost never taken stays out of the straight line. */
#if defined(__GNUC__)
#define AP_UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#define AP_COLD __attribute__((noinline, cold))
#else
#define AP_UNLIKELY(condition) (condition)
#define AP_COLD
#endif

#endif /* AP_BASE_H */
