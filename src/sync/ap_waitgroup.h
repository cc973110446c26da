/* SPDX-License-Identifier: MIT
 * In the documentation: docs/design/once-and-wait-group.md
 *
 * ap_waitgroup.h: a count of what is still to be done, and a way to sleep until it is zero. Go's sync.WaitGroup.
 *
 *     bits 63..56   forks: those of the process (ap_thread.h), modulo 2**8, when the waiters below were counted
 *     bits 55..32   waiters: the threads in wait(), from finding a count above zero until they return; no system runs 2**24
 *     bits 31..0    count, 0 to AP_WAITGROUP_MAX
 *
 *     state                    add(n > 0)                add(n < 0)                               wait
 *     count == 0, no waiters   count + n                 an error, nothing changes                returns at once
 *     count == 0, waiters      an error: they have not   an error, nothing changes                returns at once
 *                              returned yet
 *     count > 0                count + n                 count + n; at zero: wake everybody       waiters + 1; sleeps;
 *                                                                                                 waiters - 1
 *
 * Count and waiters change in one atomic step, so the count cannot rise from zero while a waiter is on its way out: it
 * finds zero when it wakes, however late, and needs no memory of when it came. That also is what Go asks of its users
 * ("new Add calls must happen after all previous Wait calls have returned") and detects by luck only; here the add that
 * comes too early is refused, each time.
 *
 * In the child after fork() there are no waiters: those of another number of forks are taken off by whoever looks first.
 */
#ifndef AP_WAITGROUP_H
#define AP_WAITGROUP_H

#include "../atomic/ap_atomic.h"

#define AP_WAITGROUP_MAX INT64_C(0x7fffffff)
#define AP_WAITGROUP_WAITER (UINT64_C(1) << 32)
#define AP_WAITGROUP_MAX_WAITERS ((UINT64_C(1) << 24) - 1)

typedef struct { ap_u64 state; } ap_waitgroup;

typedef enum {
    AP_WAITGROUP_OK,
    AP_WAITGROUP_NEGATIVE,
    AP_WAITGROUP_TOO_MANY,
    AP_WAITGROUP_REUSED, /* from zero, while waiters have not returned */
} ap_waitgroup_result;

static inline void ap_waitgroup_init(ap_waitgroup *wg) { ap_init_u64(&wg->state, 0); }

static inline int64_t ap_waitgroup_count_of(uint64_t state) { return (int64_t)(state & 0xffffffffu); }

static inline int64_t ap_waitgroup_count(ap_waitgroup *wg) { return ap_waitgroup_count_of(ap_load_u64(&wg->state)); }

/* How many threads are in wait(). */
uint64_t ap_waitgroup_waiters(ap_waitgroup *wg);

/* Add n, which may be negative, to the count; *seen is the count before. At zero everybody who waits is woken. */
ap_waitgroup_result ap_waitgroup_add(ap_waitgroup *wg, int64_t n, int64_t *seen);

/* Waiting, in three steps, so that who waits can look for signals and stay a waiter. First: false, and no more is to be
 * done, where the count is zero; else *ticket is what leave() wants. */
bool ap_waitgroup_enter(ap_waitgroup *wg, uint64_t *ticket);

/* Sleep until the count is zero: true; false where the deadline came first. */
bool ap_waitgroup_wait(ap_waitgroup *wg, int64_t deadline);

/* Wait no more, whatever the count. */
void ap_waitgroup_leave(ap_waitgroup *wg, uint64_t ticket);

#endif /* AP_WAITGROUP_H */
