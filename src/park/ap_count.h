/* SPDX-License-Identifier: MIT
 *
 * ap_count.h: counts how often the core leaves its fast paths, in the build of tests/c/slow_paths.c and no other.
 *
 * Without AP_COUNT_SLOW_PATHS, AP_COUNT(x) is nothing.
 */
#ifndef AP_COUNT_H
#define AP_COUNT_H

#if defined(AP_COUNT_SLOW_PATHS)

#include "../atomic/ap_atomic.h"

typedef enum {
    AP_SLEEP,             /* a thread joined the queue of a word */
    AP_WAKE,              /* a thread was taken out of it by another */
    AP_MUTEX_LOCK_SLOW,   /* a lock that did not get it by its first step */
    AP_MUTEX_UNLOCK_SLOW, /* an unlock that had to look for sleepers */
    AP_MUTEX_HAND_OVER,   /* and gave the mutex to the first of them */
    AP_RWMUTEX_READ_SLOW,
    AP_RWMUTEX_WRITE_SLOW, /* a writer that found readers inside */
    AP_RWMUTEX_ADMIT,      /* a writer that left and found readers asleep */
    AP_ONCE_SLOW,
    AP_COUNTS,
} ap_count;

extern ap_u64 ap_counts[AP_COUNTS];

#define AP_COUNT(what) ((void)ap_fetch_add_u64_relaxed(&ap_counts[what], 1))

#else
#define AP_COUNT(what) ((void)0)
#endif

#endif /* AP_COUNT_H */
