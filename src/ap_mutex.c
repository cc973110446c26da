/* SPDX-License-Identifier: MIT
 *
 * ap_mutex.c: what ap_mutex does when it has to wait. The state table is in ap_mutex.h.
 */
#include "ap_os.h"

#include "ap_count.h"
#include "ap_mutex.h"
#include "ap_wait.h"

/* Before it sleeps, a thread looks again after 1, 2, 4 ... 64 pauses of the processor, as parking_lot's SpinWait: for a
 * critical section of a few instructions on another core. It takes some microseconds in all, which is less than to sleep
 * and be woken. Not where others sleep: more threads that are awake would only take the cache line from the owner. And
 * it does not yield to the scheduler in between: on a busy machine that gives the core away for milliseconds. */
#define SPIN_ROUNDS 7

#define FLAGS (AP_MUTEX_LOCKED | AP_MUTEX_WAITERS)

static bool still_contended(const void *word, uint64_t what)
{
    (void)what;
    return (ap_load_u64((ap_u64 *)word) & FLAGS) == FLAGS;
}

/* Take it if nobody holds it, with these flags. */
static bool take(ap_mutex *m, uint64_t flags)
{
    uint64_t seen = 0;
    return ap_load_u64_relaxed(&m->state) == 0
        && ap_compare_exchange_u64(&m->state, &seen, ap_thread_mark() | AP_MUTEX_LOCKED | flags);
}

static bool spin(ap_mutex *m, uint64_t flags)
{
    for (int i = 0; i < SPIN_ROUNDS && (ap_load_u64_relaxed(&m->state) & AP_MUTEX_WAITERS) == 0; i++) {
        if (take(m, flags)) {
            return true;
        }
        for (int pauses = 1 << i; pauses > 0; pauses--) {
            ap_cpu_relax();
        }
    }
    return false;
}

bool ap_mutex_lock_slow(ap_mutex *m, int64_t since, int64_t deadline)
{
    AP_COUNT(AP_MUTEX_LOCK_SLOW);
    uint64_t flags = 0; /* AP_MUTEX_WAITERS once this thread was woken, and answers for those that still sleep */
    while (!spin(m, flags) && !take(m, flags)) {
        uint64_t seen = ap_load_u64(&m->state);
        if ((seen & FLAGS) == AP_MUTEX_LOCKED
            && !ap_compare_exchange_u64(&m->state, &seen, seen | AP_MUTEX_WAITERS)) {
            continue;
        }
        switch (ap_wait_in_line(&m->state, still_contended, 0, since, ap_thread_mark(), deadline)) {
        case AP_HANDED:
            return true;
        case AP_TIMED_OUT:
            /* Perhaps WAITERS stays without a sleeper: the next unlock looks for one in vain, and takes it away. */
            return take(m, flags);
        case AP_WOKEN:
            /* Who slept then is counted until it wakes. Who comes later sets WAITERS itself. */
            flags = ap_may_sleep(&m->state) ? AP_MUTEX_WAITERS : 0;
            break;
        default: /* the state is another one: try again */
            break;
        }
    }
    return true;
}

typedef struct {
    ap_mutex *mutex;
    bool unlocked;
} unlocking;

/* With the table locked, where nobody joins the queue and nobody but us changes a state that has both flags. */
static size_t pass_on(void *word, const ap_line *line, bool *hand_over, void *context)
{
    ap_u64 *state = word;
    unlocking *u = context;
    uint64_t seen = ap_load_u64(state), next;
    int64_t now = line->sleepers > 0 ? ap_os_now() : 0;

    u->unlocked = false;
    do {
        if ((seen & AP_MUTEX_LOCKED) == 0) {
            return 0; /* another thread was first to unlock it: a mistake, of one of the two */
        }
        next = 0;
        *hand_over = line->sleepers > 0 && now - line->since >= AP_FAIR_AFTER && now >= u->mutex->fair_at;
        if (*hand_over) {
            next = line->mark | AP_MUTEX_LOCKED | (line->sleepers > 1 ? AP_MUTEX_WAITERS : 0);
        }
    } while (!ap_compare_exchange_weak_u64(state, &seen, next));
    if (*hand_over) {
        AP_COUNT(AP_MUTEX_HAND_OVER);
        u->mutex->fair_at = now + AP_FAIR_AFTER;
    }
    u->unlocked = true;
    return 1;
}

bool ap_mutex_unlock_slow(ap_mutex *m)
{
    uint64_t seen = ap_load_u64(&m->state);
    while ((seen & FLAGS) != FLAGS) {
        if ((seen & AP_MUTEX_LOCKED) == 0) {
            return false;
        }
        if (ap_compare_exchange_weak_u64(&m->state, &seen, 0)) {
            return true;
        }
    }
    AP_COUNT(AP_MUTEX_UNLOCK_SLOW);
    unlocking u = {.mutex = m};
    ap_wake_by(&m->state, 2, pass_on, &u);
    return u.unlocked;
}
