/* SPDX-License-Identifier: MIT
 * In the documentation: docs/design/rwmutex.md
 *
 * ap_rwmutex.h: a lock for many readers or one writer. Go's sync.RWMutex, with timeouts.
 *
 * Writers compete for an ap_mutex. Its holder is the one pending writer, or the writer that holds the write lock. One
 * word holds the state between that writer and the readers:
 *
 *     bit 0         AP_RW_WRITER     a writer is pending or holds the write lock: no new reader gets the read lock
 *     bit 1         AP_RW_WAITERS    with AP_RW_WRITER only: a reader may be parked on the word
 *     bits 63..2    how many readers hold the read lock
 *
 *     state                      read lock                read unlock                 write lock (holds the ap_mutex)
 *     0                          -> 1 reader              an error                    -> WRITER: holds the write lock
 *     n readers                  -> n + 1                 -> n - 1                    -> WRITER, n; parks until n is 0
 *     WRITER, n > 0 [WAITERS]    -> set WAITERS; park     -> n - 1; at 0 unpark the   (impossible)
 *                                                         writer, which then holds
 *                                                         the write lock
 *     WRITER, n = 0 [WAITERS]    -> set WAITERS; park     an error                    (impossible)
 *
 *     write unlock, and a pending writer that gives up, from WRITER, n, with k parked readers: -> n + k readers. The
 *     k readers hold the read lock when they return from the park. Then the ap_mutex is unlocked. A write unlock with
 *     n > 0 or without WRITER is an error.
 *
 * 1. A writer and a reader never hold their locks at once. A reader gets the read lock by a step that found no
 *    WRITER, or from the last step of a writer. A writer holds the write lock from the step that makes n zero with
 *    WRITER set, and n does not rise before its unlock. The ap_mutex ensures that there is one such writer.
 * 2. Phases are fair (Brandenburg and Anderson, "Reader-writer synchronization for shared-memory multiprocessor real-
 *    time systems", 2009; Go's rwmutex.go). A pending writer holds back later readers, so it waits only for the
 *    readers that hold the lock. A write unlock admits all parked readers before the next writer competes, so a
 *    reader waits for one writer, or for two if it left the queue to check for signals. Among writers the ap_mutex is
 *    fair.
 * 3. A reader that locks again may deadlock, because a pending writer may stand between the two locks. A reader
 *    cannot become a writer either. Both are as in Go.
 * 4. After fork(), a pending writer of the parent is lost. The first thread of the child that waits, or the last
 *    reader before it unlocks, takes over its ap_mutex by a step that only one thread can do, and gives up for it. So
 *    a lost owner of the ap_mutex with the state WRITER, n = 0 held the write lock at the fork.
 *
 * Memory order: as ap_mutex. The last reader's step and the writer's validation are sequentially consistent, and so are
 * the writer's last step and a reader's first.
 */
#ifndef AP_RWMUTEX_H
#define AP_RWMUTEX_H

#include "ap_mutex.h"

#define AP_RW_WRITER UINT64_C(1)
#define AP_RW_WAITERS UINT64_C(2)
#define AP_RW_READER UINT64_C(4)

typedef struct {
    ap_mutex writers; /* held by the pending writer, or by the holder of the write lock */
    ap_u64 state;     /* readers park on this word */
    ap_bool drained;  /* the pending writer parks on this address until the readers unlock; the value is unused */
    ap_u64 first;     /* id of the last reader that was the first one in; lost only if lost readers may be counted */
} ap_rwmutex;

static inline void ap_rwmutex_init(ap_rwmutex *rw)
{
    ap_mutex_init(&rw->writers);
    ap_init_u64(&rw->state, 0);
    ap_init_bool(&rw->drained, false);
    ap_init_u64(&rw->first, 0);
}

static inline uint64_t ap_rwmutex_readers_of(uint64_t state) { return state / AP_RW_READER; }
static inline bool ap_rwmutex_is_writing(uint64_t state) { return (state & AP_RW_WRITER) != 0 && state < AP_RW_READER; }
static inline uint64_t ap_rwmutex_state(ap_rwmutex *rw) { return ap_load_u64(&rw->state); }

/* The slow paths, in ap_rwmutex.c. */
bool ap_rwmutex_read_lock_slow(ap_rwmutex *rw, int64_t deadline);
bool ap_rwmutex_read_unlock_slow(ap_rwmutex *rw);
void ap_rwmutex_forget_lost_readers(ap_rwmutex *rw);
bool ap_rwmutex_enter_slow(ap_rwmutex *rw, int64_t since, int64_t deadline);
bool ap_rwmutex_drain(ap_rwmutex *rw, int64_t deadline);
void ap_rwmutex_admit(ap_rwmutex *rw);

/* Get the read lock if no writer is pending or holds the write lock. Never waits. */
static inline bool ap_rwmutex_try_read_lock(ap_rwmutex *rw)
{
    /* A guess replaces the load: a failed compare-and-swap fetches the value, and the cache line for writing, at
     * once. */
    uint64_t seen = 0;
    if (AP_UNLIKELY(*ap_owner_forks != 0)) {
        ap_rwmutex_forget_lost_readers(rw);
    }
    while (!ap_compare_exchange_u64(&rw->state, &seen, seen + AP_RW_READER)) {
        if (seen & AP_RW_WRITER) {
            return false;
        }
    }
    if (seen == 0) {
        ap_store_u64_relaxed(&rw->first, ap_owner_id());
    }
    return true;
}

/* Get the read lock, or return false once the deadline has passed. */
static inline bool ap_rwmutex_read_lock_until(ap_rwmutex *rw, int64_t deadline)
{
    return ap_rwmutex_try_read_lock(rw) || ap_rwmutex_read_lock_slow(rw, deadline);
}

/* Release the read lock. False, without a change, if no reader holds it. */
static inline bool ap_rwmutex_read_unlock(ap_rwmutex *rw)
{
    uint64_t seen = AP_RW_READER;
    while (!ap_compare_exchange_u64(&rw->state, &seen, seen - AP_RW_READER)) {
        if (AP_UNLIKELY(seen < AP_RW_READER || ap_rwmutex_is_writing(seen - AP_RW_READER))) {
            return ap_rwmutex_read_unlock_slow(rw);
        }
    }
    return true;
}

/* The write lock takes three steps, so that the writer can check for signals between two parks and keep its position.
 * enter() makes the caller the pending writer. announce(), called once, holds back new readers. drain(), repeated
 * until it is true, waits for the readers. A writer that gives up after announce() calls retract(). */
static inline bool ap_rwmutex_enter_until(ap_rwmutex *rw, int64_t since, int64_t deadline)
{
    return ap_mutex_try_lock(&rw->writers) || ap_rwmutex_enter_slow(rw, since, deadline);
}

/* True: there were no readers, and the caller holds the write lock. */
static inline bool ap_rwmutex_announce(ap_rwmutex *rw) { return ap_fetch_or_u64(&rw->state, AP_RW_WRITER) == 0; }

static inline void ap_rwmutex_retract(ap_rwmutex *rw)
{
    ap_rwmutex_admit(rw);
    ap_mutex_unlock(&rw->writers);
}

/* Get the write lock if it is free, without readers and without a pending writer. Never waits. */
static inline bool ap_rwmutex_try_write_lock(ap_rwmutex *rw)
{
    uint64_t seen = 0;
    if (!ap_mutex_try_lock(&rw->writers)) {
        return false;
    }
    if (ap_compare_exchange_u64(&rw->state, &seen, AP_RW_WRITER)) {
        return true;
    }
    ap_mutex_unlock(&rw->writers);
    return false;
}

/* Get the write lock, or return false once the deadline has passed. */
static inline bool ap_rwmutex_write_lock_until(ap_rwmutex *rw, int64_t since, int64_t deadline)
{
    if (!ap_rwmutex_enter_until(rw, since, deadline)) {
        return false;
    }
    if (ap_rwmutex_announce(rw) || ap_rwmutex_drain(rw, deadline)) {
        return true;
    }
    ap_rwmutex_retract(rw);
    return false;
}

/* Release the write lock, and admit the parked readers. False, without a change, if no writer holds it. */
bool ap_rwmutex_write_unlock_slow(ap_rwmutex *rw);

static inline bool ap_rwmutex_write_unlock(ap_rwmutex *rw)
{
    uint64_t seen = AP_RW_WRITER;
    if (ap_compare_exchange_u64(&rw->state, &seen, 0)) {
        return ap_mutex_unlock(&rw->writers);
    }
    return ap_rwmutex_write_unlock_slow(rw);
}

/* Were readers lost in fork(), so that a writer would wait for ever? Readers are counted, not listed, so the answer
 * is that of the last reader that was the first one in. It may have unlocked since; then the answer may be wrong for
 * the others. */
static inline bool ap_rwmutex_readers_are_lost(ap_rwmutex *rw)
{
    return ap_rwmutex_readers_of(ap_load_u64(&rw->state)) > 0 && ap_owner_is_lost(ap_load_u64_relaxed(&rw->first));
}

#endif /* AP_RWMUTEX_H */
