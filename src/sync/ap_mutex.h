/* SPDX-License-Identifier: MIT
 * In the documentation: docs/design/mutex.md
 *
 * ap_mutex.h: a fair mutex. Any thread may unlock it, as with Python's threading.Lock.
 *
 *     bit 0         AP_MUTEX_LOCKED
 *     bit 1         AP_MUTEX_WAITERS   a thread may be parked on the word, or the designated waker requests a hand-off
 *     bits 63..2    the owner id (ap_owner.h); owner_id == 0 means unlocked
 *
 * `designated` names the designated waker (nsync, abseil): the thread that was unparked to take the mutex and has
 * neither acquired it nor parked again. While there is one, an unlock does not unpark another waiter.
 *
 *     state                     lock                              unlock
 *     0                         -> caller, LOCKED                 an error, no change
 *     WAITERS                   -> caller, LOCKED, WAITERS        an error, no change
 *     owner, LOCKED             -> owner, LOCKED, WAITERS; park   -> 0
 *     owner, LOCKED, WAITERS    park                              designated waker, no hand-off due: -> WAITERS
 *                                                                 else under the bucket's lock:
 *                                                                   designated waker, hand-off due
 *                                                                     -> designated waker, LOCKED [WAITERS];
 *                                                                        unpark the first waiter, which becomes
 *                                                                        the designated waker
 *                                                                   none, hand-off due
 *                                                                     -> first waiter, LOCKED [WAITERS]; unpark it
 *                                                                   none, no hand-off due
 *                                                                     -> [WAITERS]; unpark the first waiter, which
 *                                                                        becomes the designated waker
 *                                                                   no waiter -> 0
 *
 * [WAITERS] stays set if more threads are parked.
 *
 * 1. The mutex has at most one owner. A thread owns it only if its own atomic step found LOCKED clear and set it, or
 *    if the owner's step replaced the owner id by the thread's. LOCKED stays set during a hand-off, so no new arrival
 *    can barge in.
 * 2. No waiter is lost. A thread parks only while both flags are set (validated under the bucket's lock). WAITERS is
 *    cleared only under that lock and with no other waiter. So an unlock from that state unparks a waiter or relies on
 *    the designated waker. The designated waker withdraws (clears `designated`) before it acquires or parks again. An
 *    unlock that relies on it changes the state, then loads `designated`, and unparks a waiter if it is 0. These four
 *    steps are sequentially consistent. If the load still finds the designated waker, the waker withdraws and
 *    validates after the change, sees it, and does not park.
 * 3. A hand-off reaches a thread that waits. The unlocking thread first removes the owner id from `designated` by a
 *    compare-and-swap. The designated waker withdraws by the same compare-and-swap, so only one of the two succeeds. A
 *    designated waker that fails to withdraw owns the mutex. (Two unlocks at once, one of them by mistake, may restore
 *    `designated`: the waker checks under the bucket's lock.)
 *
 * Fairness is eventual, as in WebKit's ParkingLot and parking_lot. Barging is fast: a running thread locks again
 * without a switch of threads. Strict hand-off starves no waiter, but each critical section costs a switch. Go's
 * starvation mode (mutex.go) hands off while any waiter has waited 1 ms; with a thousand operating system threads it
 * would never leave that mode. Here new arrivals barge until a waiter has waited AP_FAIR_AFTER. Then one hand-off
 * happens per AP_FAIR_AFTER. Its recipient is:
 * - the designated waker that requests it. The waker spins while sections are short, reads the clock, and requests the
 *   hand-off when it is due, so an unlock need not read the clock. The hand-off unparks the next designated waker,
 *   which has AP_FAIR_AFTER to start to spin. Until it does, threads that begin to park spin in the queue;
 * - the designated waker without a core, which requests nothing. For it the first, second, fourth and each eighth
 *   unlock reads the clock;
 * - the first waiter, if there is no designated waker.
 *
 * Bound. Waiters are ordered by the time at which they began to wait, and keep their position. A thread behind n
 * waiters gets the mutex after at most (n + 2) * (AP_FAIR_AFTER + the longest critical section), since each period
 * removes the first waiter. If the designated waker has no core, the bound counts eight sections instead of one. It
 * leaves out: the moments in which Python's main thread checks for signals, each 50 ms; how long the scheduler leaves
 * an unparked thread without a core; how long the host of a virtual machine leaves a core without time.
 *
 * Memory order: lock acquires, unlock releases, and a hand-off is ordered by the bucket's lock. The steps are
 * sequentially consistent, because that costs the same on x86 and with the exclusive instructions of ARM.
 */
#ifndef AP_MUTEX_H
#define AP_MUTEX_H

#include "../atomic/ap_atomic.h"
#include "../platform/ap_owner.h"

#define AP_MUTEX_LOCKED UINT64_C(1)
#define AP_MUTEX_WAITERS UINT64_C(2)

#define AP_FAIR_AFTER INT64_C(125000) /* ns */

typedef struct {
    ap_u64 state;
    ap_u64
        designated; /* id of the designated waker, with REQUESTS; changed under the bucket's lock, or by that thread */
    ap_i64 fair_at; /* when the next hand-off is due; written under the bucket's lock */
    ap_i64 spun_at; /* when the designated waker last spun; a hint for threads that spin in the queue */
    ap_u64 unlocks; /* how many unlocks have relied on the designated waker; written by the owner */
} ap_mutex;

static inline void ap_mutex_init(ap_mutex *m)
{
    ap_init_u64(&m->state, 0);
    ap_init_u64(&m->designated, 0);
    ap_init_i64(&m->fair_at, 0);
    ap_init_i64(&m->spun_at, 0);
    ap_init_u64(&m->unlocks, 0);
}

static inline bool ap_mutex_is_locked(ap_mutex *m) { return (ap_load_u64(&m->state) & AP_MUTEX_LOCKED) != 0; }

/* The owner id; 0 if unlocked. */
static inline uint64_t ap_mutex_owner(ap_mutex *m)
{
    return ap_load_u64(&m->state) & ~(AP_MUTEX_LOCKED | AP_MUTEX_WAITERS);
}

/* The slow paths, in ap_mutex.c. */
bool ap_mutex_lock_slow(ap_mutex *m, int64_t since, int64_t deadline);
bool ap_mutex_unlock_slow(ap_mutex *m);

/* Acquire it if it is unlocked, whether or not threads are parked. Never waits. */
static inline bool ap_mutex_try_lock(ap_mutex *m)
{
    uint64_t seen = 0;
    do {
        if (ap_compare_exchange_u64(&m->state, &seen, ap_owner_id() | AP_MUTEX_LOCKED | seen)) {
            return true;
        }
    } while ((seen & AP_MUTEX_LOCKED) == 0); /* then it is WAITERS or nothing */
    return false;
}

/* Acquire it, or return false once the deadline has passed. `since` is ap_now() when the caller began to wait,
 * possibly in an earlier call: it is the position in the queue. */
static inline bool ap_mutex_lock_until(ap_mutex *m, int64_t since, int64_t deadline)
{
    return ap_mutex_try_lock(m) || ap_mutex_lock_slow(m, since, deadline);
}

/* Release it. False, without a change, if it is unlocked. */
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
