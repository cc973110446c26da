/* SPDX-License-Identifier: MIT
 * In the documentation: docs/design/parking.md
 *
 * ap_wait_value.h: wait until an atomic value differs from an expected one, as C++20's std::atomic::wait.
 *
 * Equivalent to: while (*a == expected) park until ap_unpark(a, n). A thread that changes the value calls ap_unpark
 * after the change; only that ends the wait. A value that changes and changes back before the waiter validates may be
 * missed, as in C++20.
 *
 * Returns true if the value differs, false if the deadline passed first. No wake-up is lost (ap_park.h, invariant 1).
 */
#ifndef AP_WAIT_VALUE_H
#define AP_WAIT_VALUE_H

#include "../atomic/ap_atomic.h"
#include "ap_park.h"

static inline bool ap_validate_i64(const void *word, uint64_t expected)
{
    return (uint64_t)ap_load_i64((ap_i64 *)word) == expected;
}
static inline bool ap_validate_u64(const void *word, uint64_t expected)
{
    return ap_load_u64((ap_u64 *)word) == expected;
}
static inline bool ap_validate_bool(const void *word, uint64_t expected)
{
    return ap_load_bool((ap_bool *)word) == (expected != 0);
}

/* The loop, because a wake-up states that another thread called ap_unpark, not that the value differs now. */
static inline bool ap_wait_value(const void *word, ap_validate equal, uint64_t expected, int64_t deadline)
{
    while (equal(word, expected)) {
        if (ap_park(word, equal, expected, deadline) == AP_TIMED_OUT) {
            return !equal(word, expected);
        }
    }
    return true;
}

static inline bool ap_wait_i64(ap_i64 *a, int64_t expected, int64_t deadline)
{
    return ap_wait_value(a, ap_validate_i64, (uint64_t)expected, deadline);
}
static inline bool ap_wait_u64(ap_u64 *a, uint64_t expected, int64_t deadline)
{
    return ap_wait_value(a, ap_validate_u64, expected, deadline);
}
static inline bool ap_wait_bool(ap_bool *a, bool expected, int64_t deadline)
{
    return ap_wait_value(a, ap_validate_bool, expected, deadline);
}

#endif /* AP_WAIT_VALUE_H */
