/* SPDX-License-Identifier: MIT
 * In the documentation: docs/design/sleeping.md
 *
 * ap_wait_value.h: sleep until an atomic value differs from one that was seen. C++20's std::atomic::wait.
 *
 * Equivalent to: while (*a == expected) sleep until ap_wake(a, n). Only a waker ends the sleep: who changes the value
 * calls ap_wake afterwards. A value that changed and changed back before the sleeper looked may be missed, as in C++20.
 *
 * Returns true once the value differs; false where the deadline came first. No wake-up is lost: see ap_wait.h.
 */
#ifndef AP_WAIT_VALUE_H
#define AP_WAIT_VALUE_H

#include "../atomic/ap_atomic.h"
#include "ap_wait.h"

static inline bool ap_still_i64(const void *word, uint64_t expected)
{
    return (uint64_t)ap_load_i64((ap_i64 *)word) == expected;
}
static inline bool ap_still_u64(const void *word, uint64_t expected) { return ap_load_u64((ap_u64 *)word) == expected; }
static inline bool ap_still_bool(const void *word, uint64_t expected)
{
    return ap_load_bool((ap_bool *)word) == (expected != 0);
}

/* The loop is here because a wake-up says that somebody called ap_wake, not that the value differs now. */
static inline bool ap_wait_value(const void *word, ap_still still, uint64_t expected, int64_t deadline)
{
    while (still(word, expected)) {
        if (ap_wait(word, still, expected, deadline) == AP_TIMED_OUT) {
            return !still(word, expected);
        }
    }
    return true;
}

static inline bool ap_wait_i64(ap_i64 *a, int64_t expected, int64_t deadline)
{
    return ap_wait_value(a, ap_still_i64, (uint64_t)expected, deadline);
}
static inline bool ap_wait_u64(ap_u64 *a, uint64_t expected, int64_t deadline)
{
    return ap_wait_value(a, ap_still_u64, expected, deadline);
}
static inline bool ap_wait_bool(ap_bool *a, bool expected, int64_t deadline)
{
    return ap_wait_value(a, ap_still_bool, expected, deadline);
}

#endif /* AP_WAIT_VALUE_H */
