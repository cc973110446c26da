/* SPDX-License-Identifier: MIT
 * In the documentation: docs/design/once-and-wait-group.md
 *
 * ap_once.h: one thread runs a function, the others wait until it has finished. Go's sync.Once.
 *
 *     bit 0         AP_ONCE_RUNNING    a thread runs the function
 *     bit 1         AP_ONCE_WAITERS    with RUNNING: a thread may be parked on the word. Alone: AP_ONCE_FINISHED
 *     bits 63..2    the owner id of the running thread (ap_owner.h)
 *
 *     state                        begin                             finish (by the running thread)
 *     0                            -> owner, RUNNING: run it         (impossible)
 *     owner, RUNNING [WAITERS]     -> set WAITERS; park              -> FINISHED; with WAITERS unpark all
 *     FINISHED                     return AP_ONCE_DONE               (impossible)
 *
 * 1. The function runs once. A thread runs it only if its own step changed the state from 0, and no step restores 0.
 * 2. No waiter is lost. A waiter parks only while WAITERS is set (validated under the bucket's lock). finish()
 *    exchanges the word, which is sequentially consistent, and then finds the waiter: invariant 1 of ap_park.h.
 *
 * Memory order: what the running thread wrote before finish() is visible to each thread that loads FINISHED (acquire).
 */
#ifndef AP_ONCE_H
#define AP_ONCE_H

#include "../atomic/ap_atomic.h"

#define AP_ONCE_RUNNING UINT64_C(1)
#define AP_ONCE_WAITERS UINT64_C(2)
#define AP_ONCE_FINISHED UINT64_C(2)

typedef struct { ap_u64 state; } ap_once;

typedef enum {
    AP_ONCE_DONE,      /* the function has finished */
    AP_ONCE_MINE,      /* the caller runs the function, then calls ap_once_finish */
    AP_ONCE_TIMED_OUT, /* another thread still runs it */
} ap_once_result;

static inline void ap_once_init(ap_once *o) { ap_init_u64(&o->state, 0); }

static inline bool ap_once_is_done(ap_once *o) { return ap_load_u64_acquire(&o->state) == AP_ONCE_FINISHED; }

/* The owner id of the running thread, or 0. */
static inline uint64_t ap_once_runner(ap_once *o)
{
    return ap_load_u64(&o->state) & ~(AP_ONCE_RUNNING | AP_ONCE_WAITERS);
}

/* Become the thread that runs the function; or wait until it has finished, or until the deadline has passed. */
ap_once_result ap_once_begin(ap_once *o, int64_t deadline);

void ap_once_finish(ap_once *o);

#endif /* AP_ONCE_H */
