/* SPDX-License-Identifier: MIT
 * In the documentation: docs/design/mutex.md
 *
 * ap_mutex.h: a fair mutex, all of whose state is in one word. Any thread may unlock it, as with Python's threading.Lock.
 *
 *     bit 0         AP_MUTEX_LOCKED    somebody holds it
 *     bit 1         AP_MUTEX_WAITERS   somebody may sleep
 *     bits 63..2    the mark of the owner (ap_thread.h), who may long be gone: zero where nobody holds it
 *
 *     state                     lock                              unlock
 *     0                         -> mine, LOCKED [WAITERS]         an error, nothing changes
 *     owner, LOCKED             -> owner, LOCKED, WAITERS; sleep  -> 0
 *     owner, LOCKED, WAITERS    sleep                             with the table of sleepers locked, by who sleeps there:
 *                                                                   nobody                      -> 0
 *                                                                   it is not time to be fair   -> 0; wake the first
 *                                                                   it is, and the first is
 *                                                                     alone                     -> first, LOCKED
 *                                                                     not alone                 -> first, LOCKED, WAITERS
 *
 * Two owners at once cannot be: a thread owns the mutex only if its own atomic step found no LOCKED there and left it,
 * or if the owner's step put its mark in the place of the owner's. A sleeper cannot be forgotten, as in the third mutex
 * of Drepper, "Futexes are tricky" (2011): it sleeps only while both flags are set (tested with the table locked), every
 * unlock from there wakes one, and one that was woken while others slept answers for them: it takes the mutex with
 * WAITERS, or sets WAITERS before it sleeps again. Until it does, whoever comes by locks and unlocks without a look at the
 * table. One that was woken as the last answers for nobody: who comes to sleep after it sets WAITERS itself, and the mutex
 * it takes lets the next thread spin rather than sleep.
 *
 * Fairness. There are two things to want, and one cannot have both all the time. A mutex that goes to whoever comes by
 * is fast: the thread that runs takes it again and again without a switch, and the one that was woken finds it taken and
 * sleeps again, perhaps for ever. A mutex that goes to the one that waits longest starves nobody, and costs a switch of
 * threads for each critical section. Go (mutex.go) does the second while somebody has waited for more than 1 ms; but
 * its switch is cheap, and a thousand threads of the system would never get out of that mode again. So, as in WebKit's
 * ParkingLot and in parking_lot (eventual fairness): it is for whoever comes by, but once per AP_FAIR_AFTER an unlock
 * hands it to the one that waits longest, if that has waited for AP_FAIR_AFTER. It never is free in between, so nobody
 * can come before; and what the switches cost is bounded, however many wait.
 *
 * Hence a bound. Sleepers stand in the order in which they began to wait, and one that was woken and lost the race stands
 * where it stood before. A thread before which n others stand, who began to wait earlier, gets the mutex after n + 2
 * times the sum of AP_FAIR_AFTER and the longest critical section, at the latest: each time the first of them is gone.
 * (But for the moments when it is awake itself, between a wake-up and its return to its place, or to look for signals, as
 * the main thread of Python does each 50 ms.)
 *
 * Memory order: lock acquires and unlock releases, so what was written under the mutex is seen under it; a hand-over is
 * ordered by the lock of the table. The steps are sequentially consistent here, because x86 and the exclusive
 * instructions of ARM give that for the same price.
 */
#ifndef AP_MUTEX_H
#define AP_MUTEX_H

#include "ap_atomic.h"
#include "ap_thread.h"

#define AP_MUTEX_LOCKED UINT64_C(1)
#define AP_MUTEX_WAITERS UINT64_C(2)

#define AP_FAIR_AFTER INT64_C(1000000) /* ns */

typedef struct {
    ap_u64 state;
    int64_t fair_at; /* when it may be handed over next; with the table of sleepers locked */
} ap_mutex;

static inline void ap_mutex_init(ap_mutex *m)
{
    ap_init_u64(&m->state, 0);
    m->fair_at = 0;
}

static inline bool ap_mutex_is_locked(ap_mutex *m) { return (ap_load_u64(&m->state) & AP_MUTEX_LOCKED) != 0; }

/* The mark of the owner; zero where nobody holds it. */
static inline uint64_t ap_mutex_owner(ap_mutex *m)
{
    return ap_load_u64(&m->state) & ~(AP_MUTEX_LOCKED | AP_MUTEX_WAITERS);
}

/* The cold halves, in ap_mutex.c. */
bool ap_mutex_lock_slow(ap_mutex *m, int64_t since, int64_t deadline);
bool ap_mutex_unlock_slow(ap_mutex *m);

/* Take it if nobody holds it. Never waits. */
static inline bool ap_mutex_try_lock(ap_mutex *m)
{
    uint64_t seen = 0;
    return ap_compare_exchange_u64(&m->state, &seen, ap_thread_mark() | AP_MUTEX_LOCKED);
}

/* Take it, or return false once the deadline (see ap_wait.h) has passed. `since`: ap_now() when the caller began to
 * wait, which may have been before an earlier call. */
static inline bool ap_mutex_lock_until(ap_mutex *m, int64_t since, int64_t deadline)
{
    return ap_mutex_try_lock(m) || ap_mutex_lock_slow(m, since, deadline);
}

/* Give it back. False, and nothing has changed, where nobody held it. */
static inline bool ap_mutex_unlock(ap_mutex *m)
{
    uint64_t seen = ap_load_u64_relaxed(&m->state);
    if ((seen & (AP_MUTEX_LOCKED | AP_MUTEX_WAITERS)) == AP_MUTEX_LOCKED
        && ap_compare_exchange_u64(&m->state, &seen, 0)) {
        return true;
    }
    return ap_mutex_unlock_slow(m);
}

#endif /* AP_MUTEX_H */
