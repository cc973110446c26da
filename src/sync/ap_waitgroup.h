/* SPDX-License-Identifier: MIT
 * In the documentation: docs/design/once-and-wait-group.md
 *
 * ap_waitgroup.h: a count of unfinished work, and a wait until it is zero. Go's sync.WaitGroup.
 *
 *     bits 63..56   forks: the fork count (ap_owner.h), modulo 2**8, of the process that counted the waiters bits
 *     55..32   waiters: the threads in wait(), from finding a count above zero to their return; no system runs 2**24
 *     bits 31..0    count, 0 to AP_WAITGROUP_MAX
 *
 *     state                    add(n > 0)                add(n < 0)                             wait
 *     count == 0, no waiters   count + n                 an error, no change                    returns at once
 *     count == 0, waiters      an error: they have not   an error, no change                    returns at once
 *                              returned yet
 *     count > 0                count + n                 count + n; at zero: unpark all         waiters + 1; parks;
 *                                                                                               waiters - 1
 *
 * 1. A waiter returns although the count rises again. Count and waiters change in one atomic step, so add() sees the
 *    waiters that have not returned, and refuses to raise the count from zero. An unparked waiter finds zero, however
 *    late it runs. Go asks this of its users ("new Add calls must happen after all previous Wait calls have
 *    returned") and detects a violation sometimes; this add() refuses it each time.
 * 2. No waiter is lost: invariant 1 of ap_park.h. The step that makes the count zero is sequentially consistent.
 *
 * After fork() the child has no waiters. The first step in the child that finds an older fork count removes them.
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
    AP_WAITGROUP_REUSED, /* the count would rise from zero while waiters have not returned */
} ap_waitgroup_result;

static inline void ap_waitgroup_init(ap_waitgroup *wg) { ap_init_u64(&wg->state, 0); }

static inline int64_t ap_waitgroup_count_of(uint64_t state) { return (int64_t)(state & 0xffffffffu); }

static inline int64_t ap_waitgroup_count(ap_waitgroup *wg) { return ap_waitgroup_count_of(ap_load_u64(&wg->state)); }

/* How many threads of this process are in wait(). */
uint64_t ap_waitgroup_waiters(ap_waitgroup *wg);

/* Add n, which may be negative, to the count. *seen is the count before. At zero all waiters are unparked. */
ap_waitgroup_result ap_waitgroup_add(ap_waitgroup *wg, int64_t n, int64_t *seen);

/* A wait has three steps, so that the waiter can check for signals between two parks and stay a waiter. enter() returns
 * false if the count is zero: the wait is over. Otherwise *ticket is the argument of leave(). */
bool ap_waitgroup_enter(ap_waitgroup *wg, uint64_t *ticket);

/* Park until the count is zero (true) or the deadline has passed (false). */
bool ap_waitgroup_wait(ap_waitgroup *wg, int64_t deadline);

/* End the wait, at any count. */
void ap_waitgroup_leave(ap_waitgroup *wg, uint64_t ticket);

#endif /* AP_WAITGROUP_H */
