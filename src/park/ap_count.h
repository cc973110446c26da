/* SPDX-License-Identifier: MIT
 *
 * ap_count.h: counts how often the core takes a slow path. Only tests/c/Makefile defines AP_COUNT_SLOW_PATHS; without
 * it AP_COUNT(x) does nothing.
 */
#ifndef AP_COUNT_H
#define AP_COUNT_H

#if defined(AP_COUNT_SLOW_PATHS)

#include "../atomic/ap_atomic.h"

typedef enum {
    AP_PARK,              /* a thread was enqueued on a word */
    AP_UNPARK,            /* a thread was dequeued by another thread */
    AP_MUTEX_LOCK_SLOW,   /* a lock whose first step failed */
    AP_MUTEX_UNLOCK_SLOW, /* an unlock that locked the bucket */
    AP_RWMUTEX_READ_SLOW,
    AP_RWMUTEX_WRITE_SLOW, /* a writer that waited for readers */
    AP_RWMUTEX_ADMIT,      /* a write unlock that found readers waiting */
    AP_ONCE_SLOW,
    AP_COUNTS,
} ap_count;

extern ap_u64 ap_counts[AP_COUNTS];

#define AP_COUNT(what) ((void)ap_fetch_add_u64_relaxed(&ap_counts[what], 1))

#else
#define AP_COUNT(what) ((void)0)
#endif

#endif /* AP_COUNT_H */
