/* SPDX-License-Identifier: MIT
 *
 * ap_mutex.h: a mutex in one word. Any thread may unlock it, as with Python's threading.Lock.
 *
 *     state             meaning                      lock                        unlock
 *     AP_UNLOCKED  0    nobody holds it              -> AP_LOCKED                an error, nothing changes
 *     AP_LOCKED    1    held, nobody sleeps          -> AP_CONTENDED, sleep      -> AP_UNLOCKED
 *     AP_CONTENDED 2    held, somebody may sleep     sleep                       -> AP_UNLOCKED, wake one
 *
 * The algorithm is the third mutex of Drepper, "Futexes are tricky" (2011). Two owners at once cannot be: a thread
 * owns it only if its own atomic step found AP_UNLOCKED there and left another state. A sleeper cannot be forgotten:
 * it sleeps only while the state is AP_CONTENDED (tested with the table of sleepers locked), every unlock from there
 * wakes one, and the one that wakes takes the mutex as AP_CONTENDED, since others may still be asleep.
 *
 * Memory order: lock acquires and unlock releases, so what was written under the mutex is seen under it. Both are
 * sequentially consistent here, because x86 and the exclusive instructions of ARM give that for the same price.
 */
#ifndef AP_MUTEX_H
#define AP_MUTEX_H

#include "ap_atomic.h"

enum { AP_UNLOCKED, AP_LOCKED, AP_CONTENDED };

typedef struct { ap_u32 state; } ap_mutex;

static inline void ap_mutex_init(ap_mutex *m) { ap_init_u32(&m->state, AP_UNLOCKED); }

static inline bool ap_mutex_is_locked(ap_mutex *m) { return ap_load_u32(&m->state) != AP_UNLOCKED; }

/* Take it if nobody holds it. Never waits. */
static inline bool ap_mutex_try_lock(ap_mutex *m)
{
    uint32_t expected = AP_UNLOCKED;
    return ap_compare_exchange_u32(&m->state, &expected, AP_LOCKED);
}

/* The cold halves, in ap_mutex.c. */
bool ap_mutex_lock_slow(ap_mutex *m, int64_t deadline);
void ap_mutex_wake(ap_mutex *m);

/* Take it, or return false once the deadline (see ap_wait.h) has passed. */
static inline bool ap_mutex_lock_until(ap_mutex *m, int64_t deadline)
{
    return ap_mutex_try_lock(m) || ap_mutex_lock_slow(m, deadline);
}

/* Give it back. False, and nothing has changed, where nobody held it. */
static inline bool ap_mutex_unlock(ap_mutex *m)
{
    uint32_t old = ap_exchange_u32(&m->state, AP_UNLOCKED);
    if (old == AP_CONTENDED) {
        ap_mutex_wake(m);
    }
    return old != AP_UNLOCKED;
}

#endif /* AP_MUTEX_H */
