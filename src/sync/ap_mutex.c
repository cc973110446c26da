/* SPDX-License-Identifier: MIT
 *
 * ap_mutex.c: the slow paths of ap_mutex.h, which has the table of states and the invariants.
 */
#include "../platform/ap_os.h"

#include "../park/ap_count.h"
#include "../park/ap_park.h"
#include "ap_mutex.h"

/* The designated waker probes after PROBE_PAUSES pauses of the processor, because a probe takes the cache line from the
 * owner. It acquires the mutex after FREE_PROBES probes in a row that found it unlocked, with fewer pauses between
 * them. A mutex in steady use is unlocked at every other probe, and to acquire it then costs a switch of threads. */
#define PROBE_PAUSES 64
#define FREE_PROBES 12

static bool must_wait(const void *word, uint64_t what)
{
    uint64_t flags = ap_mutex_flags(ap_load_u64((ap_u64 *)word));
    (void)what;
    return ap_mutex_is_held(flags) && (flags & AP_MUTEX_WAITERS) != 0;
}

/* A thread has become the designated waker. It has time to get a core, and time to spin. */
static void delay_hand_off(ap_mutex *m)
{
    int64_t at = ap_os_now() + 2 * AP_MUTEX_FAIR_AFTER, before = ap_load_i64_relaxed(&m->fair_at);
    ap_store_i64_relaxed(&m->fair_at, at > before ? at : before);
}

/* Spin as the designated waker. True: the caller owns the mutex. False: it was locked, and the caller has stopped. */
static bool spin(ap_mutex *m, int64_t deadline)
{
    int64_t began = ap_os_now();
    bool requested = false;
    for (int found_free = 0;;) {
        uint64_t seen = ap_load_u64(&m->state), hand_off = seen & AP_MUTEX_HAND_OFF;
        int64_t now = ap_os_now();
        if ((seen & AP_MUTEX_LOCKED) == 0) {
            uint64_t next = ap_owner_id() | AP_MUTEX_LOCKED | (seen & AP_MUTEX_WAITERS);
            if ((hand_off != 0 || ++found_free >= FREE_PROBES) && ap_compare_exchange_u64(&m->state, &seen, next)) {
                if (hand_off != 0 && !requested) { /* add the time that it took */
                    ap_store_i64_relaxed(&m->fair_at, now + (now - ap_load_i64_relaxed(&m->fair_at)));
                }
                return true;
            }
        } else if (now - began >= 2 * AP_MUTEX_FAIR_AFTER || now >= deadline) {
            uint64_t next = (seen & ~(AP_MUTEX_WAKER | AP_MUTEX_HAND_OFF)) | AP_MUTEX_WAITERS;
            if (ap_compare_exchange_u64(&m->state, &seen, next)) {
                return false;
            }
        } else {
            found_free = 0;
            if (now - began >= AP_MUTEX_FAIR_AFTER && hand_off == 0) {
                requested = ap_compare_exchange_u64(&m->state, &seen, seen | AP_MUTEX_HAND_OFF);
            }
        }
        ap_cpu_relax_for(found_free != 0 || requested ? PROBE_PAUSES / 8 : PROBE_PAUSES);
    }
}

bool ap_mutex_lock_slow(ap_mutex *m, int64_t since, int64_t deadline)
{
    AP_COUNT(AP_MUTEX_LOCK_SLOW);
    while (!ap_mutex_try_lock(m)) {
        uint64_t seen = ap_load_u64(&m->state), flags = ap_mutex_flags(seen);
        ap_park_result parked = AP_NOT_PARKED;
        if (flags == AP_MUTEX_LOCKED && ap_owner_is_current(seen)) {
            if (ap_compare_exchange_u64(&m->state, &seen, seen | AP_MUTEX_WAKER)) {
                delay_hand_off(m);
                parked = AP_UNPARKED; /* without a park: it is the designated waker */
            }
        } else if (ap_mutex_is_held(flags) && ap_compare_exchange_u64(&m->state, &seen, seen | AP_MUTEX_WAITERS)) {
            parked = ap_park_at(&m->state, must_wait, 0, since, deadline);
        }
        if (parked == AP_TIMED_OUT) {
            return ap_mutex_try_lock(m); /* WAITERS may stay set without a waiter: an unlock will clear it */
        }
        if (parked == AP_UNPARKED && spin(m, deadline)) {
            return true;
        }
    }
    return true;
}

/* Unlock a word with WAITERS and without a designated waker. Under the bucket's lock, where such a word changes only if
 * another thread unlocks by mistake; then ap_mutex_unlock_slow() tries again. */
static size_t unlock_and_designate(void *word, const ap_wait_queue *queue, bool *hand_off, void *context)
{
    ap_mutex *m = word; /* its first field */
    bool *unlocked = context;
    int64_t now = ap_os_now();
    bool due = now >= queue->since + 2 * AP_MUTEX_FAIR_AFTER && now >= ap_load_i64_relaxed(&m->fair_at);
    uint64_t seen = ap_load_u64(&m->state);
    uint64_t next = *ap_owner_forks | AP_MUTEX_WAKER | (due ? AP_MUTEX_HAND_OFF : 0);
    next = queue->waiters == 0 ? 0 : queue->waiters == 1 ? next : next | AP_MUTEX_WAITERS;
    (void)hand_off; /* the designated waker acquires the mutex by a step of its own */
    if ((ap_mutex_flags(seen) & (AP_MUTEX_LOCKED | AP_MUTEX_WAKER)) != AP_MUTEX_LOCKED
        || !ap_compare_exchange_u64(&m->state, &seen, next)) {
        return 0;
    }
    *unlocked = true;
    due ? ap_store_i64_relaxed(&m->fair_at, now) : delay_hand_off(m);
    return queue->waiters > 0;
}

bool ap_mutex_unlock_slow(ap_mutex *m)
{
    bool unlocked = false;
    while (!unlocked) {
        uint64_t seen = ap_load_u64(&m->state), flags = ap_mutex_flags(seen), next = 0;
        if (!ap_mutex_is_held(flags)) {
            return false;
        }
        if ((flags & AP_MUTEX_LOCKED) == 0) { /* handed off: wait until its next owner has acquired it */
            ap_os_yield();
            continue;
        }
        if ((flags & (AP_MUTEX_WAITERS | AP_MUTEX_WAKER)) == AP_MUTEX_WAITERS) {
            AP_COUNT(AP_MUTEX_UNLOCK_SLOW);
            ap_unpark_with(&m->state, 2, unlock_and_designate, &unlocked);
            continue;
        }
        if ((flags & AP_MUTEX_WAKER) != 0) {
            int64_t now = ap_os_now();
            next = *ap_owner_forks | (flags & ~AP_MUTEX_LOCKED);
            if ((flags & AP_MUTEX_HAND_OFF) == 0 && now >= ap_load_i64_relaxed(&m->fair_at)) {
                next |= AP_MUTEX_HAND_OFF;
                ap_store_i64_relaxed(&m->fair_at, now);
            }
        }
        unlocked = ap_compare_exchange_weak_u64(&m->state, &seen, next);
    }
    return true;
}
