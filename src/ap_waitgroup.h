/* SPDX-License-Identifier: MIT
 *
 * ap_waitgroup.h: a count of what is still to be done, and a way to sleep until it is zero. Go's sync.WaitGroup.
 *
 *     bits 63..32   round: how often the count has come down to zero, modulo 2**32
 *     bits 31..0    count, 0 to AP_WAITGROUP_MAX
 *
 *     state              add(n > 0)              add(n < 0)                                      wait
 *     count == 0         count + n               an error, nothing changes                       returns at once
 *     count > 0          count + n               count + n; at zero: round + 1, wake everybody   sleeps
 *
 * Count and round change in one atomic step. A waiter notes the round it came in (its ticket) and leaves when the
 * round is another one, so it leaves although the group was reused before it came to run again. The round comes back
 * after 2**32 of them; a waiter would have to be runnable, and not run, all that time.
 */
#ifndef AP_WAITGROUP_H
#define AP_WAITGROUP_H

#include "ap_atomic.h"

#define AP_WAITGROUP_MAX INT64_C(0x7fffffff)

typedef struct { ap_u64 state; } ap_waitgroup;

typedef enum { AP_WAITGROUP_OK, AP_WAITGROUP_NEGATIVE, AP_WAITGROUP_TOO_MANY } ap_waitgroup_result;

static inline void ap_waitgroup_init(ap_waitgroup *wg) { ap_init_u64(&wg->state, 0); }

static inline int64_t ap_waitgroup_count_of(uint64_t state) { return (int64_t)(state & 0xffffffffu); }
static inline uint64_t ap_waitgroup_round_of(uint64_t state) { return state >> 32; }

static inline int64_t ap_waitgroup_count(ap_waitgroup *wg) { return ap_waitgroup_count_of(ap_load_u64(&wg->state)); }

/* Add n, which may be negative, to the count; *seen is the count before. At zero everybody who waits is woken. */
ap_waitgroup_result ap_waitgroup_add(ap_waitgroup *wg, int64_t n, int64_t *seen);

/* The present round, for ap_waitgroup_wait. */
static inline uint64_t ap_waitgroup_ticket(ap_waitgroup *wg) { return ap_waitgroup_round_of(ap_load_u64(&wg->state)); }

/* True once the count is zero or the round of the ticket is over; false where the deadline came first. */
bool ap_waitgroup_wait(ap_waitgroup *wg, uint64_t ticket, int64_t deadline);

#endif /* AP_WAITGROUP_H */
