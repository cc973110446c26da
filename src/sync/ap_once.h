/* SPDX-License-Identifier: MIT
 * In the documentation: docs/design/once-and-wait-group.md
 *
 * ap_once.h: one thread does it, the others wait until it is done. Go's sync.Once.
 *
 *     bit 0         AP_ONCE_RUNNING    somebody is at it
 *     bit 1         AP_ONCE_WAITERS    beside it: somebody may sleep until it is done; AP_ONCE_FINISHED alone: it is
 *     bits 63..2    the mark of who is at it (ap_thread.h)
 *
 *     state                        begin                            finish (by who is at it)
 *     0                            -> mine, RUNNING: do it          (cannot be)
 *     owner, RUNNING [WAITERS]     -> set WAITERS; sleep            -> FINISHED; wake everybody where WAITERS was
 *     FINISHED                     it is done                       (cannot be)
 *
 * It is done once, because a thread does it only if its own step made 0 into something else, and nothing makes it 0
 * again. Nobody is forgotten: who sleeps joined the queue where WAITERS was set (tested with the table of sleepers
 * locked), and finish, whose step is sequentially consistent, finds it there: see ap_wait.h.
 *
 * Memory order: what was written before finish is seen by everybody who sees FINISHED, by an acquire.
 */
#ifndef AP_ONCE_H
#define AP_ONCE_H

#include "../atomic/ap_atomic.h"

#define AP_ONCE_RUNNING UINT64_C(1)
#define AP_ONCE_WAITERS UINT64_C(2)
#define AP_ONCE_FINISHED UINT64_C(2)

typedef struct { ap_u64 state; } ap_once;

typedef enum {
    AP_ONCE_DONE,      /* it is done */
    AP_ONCE_MINE,      /* do it, then call ap_once_finish */
    AP_ONCE_TIMED_OUT, /* another one is still at it */
} ap_once_result;

static inline void ap_once_init(ap_once *o) { ap_init_u64(&o->state, 0); }

static inline bool ap_once_is_done(ap_once *o) { return ap_load_u64_acquire(&o->state) == AP_ONCE_FINISHED; }

/* The mark of the thread that is at it; zero where none is. */
static inline uint64_t ap_once_runner(ap_once *o) { return ap_load_u64(&o->state) & ~(AP_ONCE_RUNNING | AP_ONCE_WAITERS); }

/* Become the one that does it; or wait until it is done, or until the deadline has passed. */
ap_once_result ap_once_begin(ap_once *o, int64_t deadline);

void ap_once_finish(ap_once *o);

#endif /* AP_ONCE_H */
