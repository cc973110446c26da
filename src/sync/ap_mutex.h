/* SPDX-License-Identifier: MIT
 * In the documentation: docs/design/mutex.md
 *
 * ap_mutex.h: a fair mutex. Any thread may unlock it, as with Python's threading.Lock.
 *
 *     bit 0         LOCKED
 *     bit 1         WAITERS    a thread may be parked on the word
 *     bits 47..2    the owner's thread id (ap_owner.h)
 *     bit 48        WAKER      there is a designated waker (nsync, abseil): one thread that is awake to acquire it
 *     bit 49        HAND_OFF   with LOCKED: the designated waker requests the mutex; without: it is handed off to it
 *     bits 63..50   the fork count of the owner or of the last unlock. In a word with an older one, WAKER and HAND_OFF
 *                   count as clear, because that designated waker was lost in fork().
 *
 *     state                       lock                        unlock
 *     0                           -> LOCKED                   an error, no change
 *     LOCKED                      -> LOCKED, WAKER: spin      -> 0
 *     LOCKED, WAITERS             park                        unpark the first waiter, the new designated waker
 *                                                             -> WAKER, or WAKER, HAND_OFF if due; no waiter: -> 0
 *     LOCKED, WAKER               set WAITERS, park           -> WAKER, or WAKER, HAND_OFF if due
 *     LOCKED, WAKER, HAND_OFF     set WAITERS, park           -> WAKER, HAND_OFF
 *     WAKER                       -> LOCKED, WAKER (barging)  an error, no change
 *     WAKER, HAND_OFF             set WAITERS, park           wait until the designated waker has acquired it
 *
 * The designated waker spins. It acquires a mutex that is handed off to it or stays unlocked, and clears WAKER and
 * HAND_OFF. While the mutex is locked it may set HAND_OFF; or it clears both, sets WAITERS, and parks.
 *
 * 1. The mutex has at most one owner. A thread owns it only if its own step set LOCKED in a word without LOCKED, and
 *    the thread was the designated waker if that word had HAND_OFF.
 * 2. There is at most one designated waker: WAKER is set by the step that makes a thread one, in a word without WAKER,
 *    and only that thread clears it.
 * 3. No waiter is lost: while threads are parked, the mutex is locked or has a designated waker. A thread parks only if
 *    the word has WAITERS and is locked or handed off (validated under the bucket's lock). An unlock that finds WAITERS
 *    without WAKER designates the first waiter. A designated waker parks only after a step that found LOCKED: the next
 *    unlock finds WAITERS without WAKER. WAITERS is cleared under the bucket's lock, if no other thread is parked.
 * 4. A hand-off reaches its thread: only the designated waker can lock that word, and it does not park meanwhile.
 *
 * Fairness is eventual, as in WebKit's ParkingLot and parking_lot. New arrivals barge: a running thread locks again
 * without a switch of threads. A hand-off costs little if the next owner runs, and much if it first needs a core: until
 * then the mutex serves no thread. So:
 * - A designated waker that has spun for AP_MUTEX_FAIR_AFTER requests the mutex, and the next unlock hands it off.
 * - To one that does not spin an unlock hands it off at `fair_at`, twice AP_MUTEX_FAIR_AFTER after it was designated: a
 *   thread that is queued behind the owner, on the owner's core, would else wait for the end of its time slice.
 * - If that took long, the next hand-off of this kind waits for as long. So they take at most half of the time. (Go's
 *   mutex.go hands off to each thread that has waited for 1 ms: on a busy machine, one section for each such wait.)
 *
 * Bound. Waiters are ordered by the time at which they began to wait. Assume that an unparked thread gets a core within
 * L, and that sections are shorter than AP_MUTEX_FAIR_AFTER. Then a thread behind n waiters owns the mutex after at
 * most (n + 1) * (L + 3 * AP_MUTEX_FAIR_AFTER). With longer sections the first waiter parks again and gets a hand-off:
 * add 2 * L and two sections. Not counted: Python's main thread checks for signals each 50 ms.
 *
 * Memory order: lock acquires, unlock releases. Each step is one seq_cst compare-and-swap (ap_park.h, invariant 1).
 */
#ifndef AP_MUTEX_H
#define AP_MUTEX_H

#include "../atomic/ap_atomic.h"
#include "../platform/ap_owner.h"

#define AP_MUTEX_LOCKED UINT64_C(1)
#define AP_MUTEX_WAITERS UINT64_C(2)
#define AP_MUTEX_WAKER (UINT64_C(1) << 48)
#define AP_MUTEX_HAND_OFF (UINT64_C(1) << 49)
#define AP_MUTEX_FLAGS (AP_MUTEX_LOCKED | AP_MUTEX_WAITERS | AP_MUTEX_WAKER | AP_MUTEX_HAND_OFF)
#define AP_MUTEX_FAIR_AFTER INT64_C(75000) /* ns */

typedef struct {
    ap_u64 state;
    ap_i64 fair_at; /* a hint: when a thread that does not spin may get a hand-off, or when the last one did */
} ap_mutex;

static inline void ap_mutex_init(ap_mutex *m)
{
    ap_init_u64(&m->state, 0);
    ap_init_i64(&m->fair_at, 0);
}

/* The flags that count in this process. */
static inline uint64_t ap_mutex_flags(uint64_t state)
{
    return state & (ap_owner_is_current(state) ? AP_MUTEX_FLAGS : AP_MUTEX_LOCKED | AP_MUTEX_WAITERS);
}

/* Must a new arrival wait? It is locked, or handed off to the designated waker. */
static inline bool ap_mutex_is_held(uint64_t flags) { return (flags & (AP_MUTEX_LOCKED | AP_MUTEX_HAND_OFF)) != 0; }
static inline bool ap_mutex_is_locked(ap_mutex *m) { return ap_mutex_is_held(ap_mutex_flags(ap_load_u64(&m->state))); }

/* The owner id in a state; 0 if it is not LOCKED. */
static inline uint64_t ap_mutex_owner_of(uint64_t s) { return (s & AP_MUTEX_LOCKED) != 0 ? s & ~AP_MUTEX_FLAGS : 0; }
static inline uint64_t ap_mutex_owner(ap_mutex *m) { return ap_mutex_owner_of(ap_load_u64(&m->state)); }

/* The slow paths, in ap_mutex.c. */
bool ap_mutex_lock_slow(ap_mutex *m, int64_t since, int64_t deadline);
bool ap_mutex_unlock_slow(ap_mutex *m);

/* Acquire it if it is unlocked, whether or not threads are parked. Never waits. */
static inline bool ap_mutex_try_lock(ap_mutex *m)
{
    uint64_t flags = 0;
    for (uint64_t seen = 0; !ap_mutex_is_held(flags); flags = ap_mutex_flags(seen)) {
        if (ap_compare_exchange_u64(&m->state, &seen, ap_owner_id() | AP_MUTEX_LOCKED | flags)) {
            return true;
        }
    }
    return false;
}

/* Acquire it, or return false at the deadline. `since`: ap_now() when the caller began to wait, perhaps earlier. */
static inline bool ap_mutex_lock_until(ap_mutex *m, int64_t since, int64_t deadline)
{
    return ap_mutex_try_lock(m) || ap_mutex_lock_slow(m, since, deadline);
}

/* Release it. False, without a change, if it is unlocked. */
static inline bool ap_mutex_unlock(ap_mutex *m)
{
    uint64_t seen = ap_load_u64_relaxed(&m->state);
    if ((seen & AP_MUTEX_FLAGS) == AP_MUTEX_LOCKED && ap_compare_exchange_u64(&m->state, &seen, 0)) {
        return true;
    }
    return ap_mutex_unlock_slow(m);
}

#endif /* AP_MUTEX_H */
