/* SPDX-License-Identifier: MIT
 *
 * ap_waitgroup.c: adding to the count, and waiting for zero. The layout and the state table are in ap_waitgroup.h.
 */
#include "ap_waitgroup.h"

#include "ap_wait.h"

ap_waitgroup_result ap_waitgroup_add(ap_waitgroup *wg, int64_t n, int64_t *seen)
{
    uint64_t old = ap_load_u64(&wg->state), next;
    bool over;
    do {
        int64_t count = ap_waitgroup_count_of(old);
        *seen = count;
        if (n < -count) {
            return AP_WAITGROUP_NEGATIVE;
        }
        if (n > AP_WAITGROUP_MAX - count) {
            return AP_WAITGROUP_TOO_MANY;
        }
        over = count > 0 && count + n == 0;
        next = ((ap_waitgroup_round_of(old) + over) << 32) | (uint64_t)(count + n);
    } while (!ap_compare_exchange_weak_u64(&wg->state, &old, next));
    if (over) {
        ap_wake(&wg->state, AP_WAKE_ALL);
    }
    return AP_WAITGROUP_OK;
}

static bool still_open(const void *word, uint64_t ticket)
{
    uint64_t state = ap_load_u64((ap_u64 *)word);
    return ap_waitgroup_round_of(state) == ticket && ap_waitgroup_count_of(state) > 0;
}

bool ap_waitgroup_wait(ap_waitgroup *wg, uint64_t ticket, int64_t deadline)
{
    /* Each return of ap_wait is tested: a waker that is late may still be waking those of the round before. */
    while (still_open(&wg->state, ticket)) {
        if (ap_wait(&wg->state, still_open, ticket, deadline) == AP_TIMED_OUT) {
            return !still_open(&wg->state, ticket);
        }
    }
    return true;
}
