/* SPDX-License-Identifier: MIT
 *
 * ap_waitgroup.c: adding to the count, and waiting for zero. ap_waitgroup.h has the layout and the table of states.
 */
#include "../platform/ap_owner.h"
#include "../park/ap_park.h"
#include "ap_waitgroup.h"

#define FORKS_SHIFT 56

static uint64_t forks_of(uint64_t state) { return state >> FORKS_SHIFT; }
static uint64_t waiters_of(uint64_t state) { return (state / AP_WAITGROUP_WAITER) & AP_WAITGROUP_MAX_WAITERS; }

/* The state without the waiters of the parent process. */
static uint64_t of_this_process(uint64_t state)
{
    uint64_t forks = ap_fork_count() & 0xff;
    if (AP_UNLIKELY(forks_of(state) != forks)) {
        return (forks << FORKS_SHIFT) | (uint64_t)ap_waitgroup_count_of(state);
    }
    return state;
}

uint64_t ap_waitgroup_waiters(ap_waitgroup *wg) { return waiters_of(of_this_process(ap_load_u64(&wg->state))); }

ap_waitgroup_result ap_waitgroup_add(ap_waitgroup *wg, int64_t n, int64_t *seen)
{
    uint64_t old = ap_load_u64(&wg->state), next;
    int64_t count;
    do {
        *seen = count = ap_waitgroup_count_of(old);
        next = of_this_process(old);
        if (n < -count) {
            return AP_WAITGROUP_NEGATIVE;
        }
        if (n > AP_WAITGROUP_MAX - count) {
            return AP_WAITGROUP_TOO_MANY;
        }
        if (count == 0 && n > 0 && waiters_of(next) > 0) {
            return AP_WAITGROUP_REUSED;
        }
        next = next - (uint64_t)count + (uint64_t)(count + n);
    } while (!ap_compare_exchange_weak_u64(&wg->state, &old, next));
    if (count + n == 0 && waiters_of(next) > 0) {
        ap_unpark(&wg->state, AP_UNPARK_ALL);
    }
    return AP_WAITGROUP_OK;
}

bool ap_waitgroup_enter(ap_waitgroup *wg, uint64_t *ticket)
{
    uint64_t old = ap_load_u64(&wg->state), next;
    do {
        next = of_this_process(old);
        if (ap_waitgroup_count_of(next) == 0) {
            return false;
        }
        *ticket = forks_of(next);
        next += AP_WAITGROUP_WAITER;
    } while (!ap_compare_exchange_weak_u64(&wg->state, &old, next));
    return true;
}

static bool must_wait(const void *word, uint64_t what)
{
    (void)what;
    return ap_waitgroup_count_of(ap_load_u64((ap_u64 *)word)) > 0;
}

bool ap_waitgroup_wait(ap_waitgroup *wg, int64_t deadline)
{
    while (must_wait(&wg->state, 0)) {
        if (ap_park(&wg->state, must_wait, 0, deadline) == AP_TIMED_OUT) {
            return !must_wait(&wg->state, 0);
        }
    }
    return true;
}

void ap_waitgroup_leave(ap_waitgroup *wg, uint64_t ticket)
{
    uint64_t old = ap_load_u64(&wg->state);
    do {
        if (forks_of(old) != ticket || waiters_of(old) == 0) {
            return; /* entered in the parent process, and not counted here */
        }
    } while (!ap_compare_exchange_weak_u64(&wg->state, &old, old - AP_WAITGROUP_WAITER));
}
