/* SPDX-License-Identifier: MIT
 * In the documentation: docs/design/mutex.md
 *
 * ap_mutex.h: a fair mutex, all of whose state is in one word. Any thread may unlock it, as with Python's threading.Lock.
 *
 *     bit 0         AP_MUTEX_LOCKED    somebody holds it
 *     bit 1         AP_MUTEX_WAITERS   somebody may sleep, or asks for it
 *     bits 63..2    the mark of the owner (ap_thread.h), who may long be gone: zero where nobody holds it
 *
 * Beside the word stands who is awake: the mark of the one thread that was woken to take the mutex and has neither taken
 * it nor gone back to sleep.
 *
 *     state                     lock                              unlock
 *     0                         -> mine, LOCKED                   an error, nothing changes
 *     WAITERS                   -> mine, LOCKED, WAITERS          an error, nothing changes
 *     owner, LOCKED             -> owner, LOCKED, WAITERS; sleep  -> 0
 *     owner, LOCKED, WAITERS    sleep                             where one is awake, and it is not time to be fair
 *                                                                   -> WAITERS
 *                                                                 else, with the table of sleepers locked
 *                                                                   one is awake, and it is time
 *                                                                               -> the one awake, LOCKED [WAITERS];
 *                                                                                  wake the first
 *                                                                   nobody is awake, and it is time
 *                                                                               -> the first, LOCKED [WAITERS]; wake it
 *                                                                   nobody is awake, and it is not
 *                                                                               -> [WAITERS]; wake the first
 *                                                                   nobody sleeps or is awake -> 0
 *
 * [WAITERS] stands where others sleep behind that one.
 *
 * Two owners at once cannot be: a thread owns the mutex only if its own atomic step found no LOCKED there and left it,
 * or if the owner's step put its mark in the place of the owner's.
 *
 * A sleeper cannot be forgotten. It sleeps only while both flags are set (tested with the table locked), and WAITERS
 * goes only with the table locked and nobody else asleep: so an unlock from there either wakes one or counts on the one
 * awake. That one is there whoever counts on it: it withdraws before it tries to take the mutex, and before it sleeps
 * again. An unlock that counts on it changes the state, then looks whether it still is awake, and if not wakes another.
 * Withdrawal, the sleeper's test of the state, the change and that look are sequentially consistent: if the look still
 * finds it awake, the withdrawal comes later, and the test, later still, sees the change: it does not sleep.
 *
 * Nor can the mutex be handed to one that does not wait for it, or to one that does not hear of it. To hand it over is to
 * take the mark out of `awake` first, to withdraw is the same step by the thread itself: one of the two fails. A thread
 * that could not withdraw owns the mutex, even if another thread has unlocked it again before it knew. (Where two threads
 * unlock at once, one of them by mistake, the mark may come back: it asks for that with the table locked.)
 *
 * Fairness. There are two things to want, and one cannot have both all the time. A mutex that goes to whoever comes by
 * is fast: the thread that runs takes it again and again without a switch, and the one that was woken finds it taken and
 * sleeps again, perhaps for ever. A mutex that goes to the one that waits longest starves nobody, and costs a switch of
 * threads for each critical section. Go (mutex.go) does the second while somebody has waited for more than 1 ms; but
 * its switch is cheap, and a thousand threads of the system would never get out of that mode again. So it is for whoever
 * comes by, as in WebKit's ParkingLot and in parking_lot (eventual fairness), until a thread has waited for
 * AP_FAIR_AFTER, and then it is handed over once per AP_FAIR_AFTER:
 * - to the one awake. It stands by: it does not sleep again while the sections of others are short, watches the clock,
 *   and when it is time it asks for the mutex, so the next unlock hands it over and costs no other a look at the clock.
 *   The same step wakes the first that sleeps, to stand by next: it has AP_FAIR_AFTER to come, and nobody waits for it.
 *   Until it stands by, those who begin to sleep look on;
 * - to the one awake though it does not ask, for it may have no core yet: whoever had the mutex soon sleeps on it, and
 *   leaves a core to it. For this, some unlocks look at the clock (the first, second, fourth, and each eighth);
 * - where nobody is awake, to the first that sleeps.
 *
 * It never is free in between, so nobody can come before; and what the switches cost is bounded, however many wait.
 *
 * Hence a bound. Sleepers stand in the order in which they began to wait, the first is woken, and one that was woken and
 * did not get the mutex stands where it stood before. A thread before which n others stand, who began to wait earlier,
 * gets the mutex after n + 2 times the sum of AP_FAIR_AFTER and the longest critical section, at the latest: each time
 * the first of them is gone. Where the one awake gets no core meanwhile, eight sections stand in the place of one.
 * Three things are not in it: the moments in which the main thread of Python is out of the line to look for signals, each
 * 50 ms; how long the system leaves a thread without a core that was woken while nobody else slept, for then no unlock
 * looks before it asks; and on a virtual machine, how long the host leaves it without time, or takes to bring back a core
 * that slept: some milliseconds, on a busy host.
 *
 * Memory order: lock acquires and unlock releases, so what was written under the mutex is seen under it; a hand-over is
 * ordered by the lock of the table. The steps are sequentially consistent here, because x86 and the exclusive
 * instructions of ARM give that for the same price.
 */
#ifndef AP_MUTEX_H
#define AP_MUTEX_H

#include "../atomic/ap_atomic.h"
#include "../platform/ap_thread.h"

#define AP_MUTEX_LOCKED UINT64_C(1)
#define AP_MUTEX_WAITERS UINT64_C(2)

#define AP_FAIR_AFTER INT64_C(125000) /* ns */

typedef struct {
    ap_u64 state;
    ap_u64 awake;    /* with the table of sleepers locked, but for the thread itself */
    ap_i64 fair_at;  /* when it is time to hand it over to the one awake; written with the table locked */
    ap_i64 stood_by; /* when the one awake looked last, for those who look on; nothing depends on it */
    ap_u64 unlocks;  /* how many have counted on the one awake; written by the owner */
} ap_mutex;

static inline void ap_mutex_init(ap_mutex *m)
{
    ap_init_u64(&m->state, 0);
    ap_init_u64(&m->awake, 0);
    ap_init_i64(&m->fair_at, 0);
    ap_init_i64(&m->stood_by, 0);
    ap_init_u64(&m->unlocks, 0);
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

/* Take it if nobody holds it, whoever sleeps. Never waits. */
static inline bool ap_mutex_try_lock(ap_mutex *m)
{
    uint64_t seen = 0;
    do {
        if (ap_compare_exchange_u64(&m->state, &seen, ap_thread_mark() | AP_MUTEX_LOCKED | seen)) {
            return true;
        }
    } while ((seen & AP_MUTEX_LOCKED) == 0); /* then it is WAITERS or nothing */
    return false;
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
