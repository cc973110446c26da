/* SPDX-License-Identifier: MIT
 * In the documentation: docs/design/rwmutex.md
 *
 * ap_rwmutex.h: a lock for many readers or one writer. Go's sync.RWMutex, with timeouts.
 *
 * The writers settle among themselves, by an ap_mutex, who is the one that faces the readers. What is between that one
 * and the readers is in one word:
 *
 *     bit 0         AP_RW_WRITER     a writer has come: no more readers get in
 *     bit 1         AP_RW_WAITERS    a reader may sleep; only beside AP_RW_WRITER
 *     bits 63..2    how many readers are inside
 *
 *     state                      read lock                 read unlock                 write lock (holds the ap_mutex)
 *     0                          -> 1 reader               an error                    -> WRITER: inside
 *     n readers                  -> n + 1                  -> n - 1                    -> WRITER, n; sleep until n is 0
 *     WRITER, n > 0 [WAITERS]    -> set WAITERS; sleep     -> n - 1; at 0 wake the     (cannot be)
 *                                                          writer: it is inside
 *     WRITER, n = 0 [WAITERS]    -> set WAITERS; sleep     an error                    (cannot be)
 *
 *     write unlock, and a writer that gives up waiting, from WRITER, n, k readers asleep: -> n + k readers. Those k are
 *     inside when they wake. Then the ap_mutex is unlocked. An unlock where n > 0 or no WRITER is there is an error.
 *
 * A writer and a reader are never both inside: a reader gets in by a step that found no WRITER, or is let in by the
 * writer's own last step; the writer is inside only from the step that makes n zero with WRITER there, and n does not
 * rise before it leaves. That there is one such writer, the ap_mutex sees to.
 *
 * Fairness, in phases (Brandenburg and Anderson, "Reader-writer synchronization for shared-memory multiprocessor
 * real-time systems", 2009; Go does the same). A writer that has come holds back all readers that come later: it waits
 * for those inside and no others. A writer that leaves lets in all readers that sleep, before the next writer has a say:
 * a reader waits for one writer, and one that is back from a look for signals for two at the most. Among the writers
 * the ap_mutex is fair, see there.
 *
 * So who reads and wants to read again may not: a writer may have come in between, which waits for the first to end. Nor
 * can a reader become a writer. Both are a deadlock, as in Go.
 *
 * In the child after fork(), a writer that had come but was not inside is not there to retract. Whoever meets it first,
 * a thread that waits or the last reader before it leaves, takes over its ap_mutex, by a step that only one can do, and
 * retracts for it. So an orphan that holds the ap_mutex while the state is WRITER, n = 0 was inside at the fork.
 *
 * Memory order: as ap_mutex. The last reader's step and the writer's test, and the writer's last step and a reader's
 * first, are sequentially consistent.
 */
#ifndef AP_RWMUTEX_H
#define AP_RWMUTEX_H

#include "ap_mutex.h"

#define AP_RW_WRITER UINT64_C(1)
#define AP_RW_WAITERS UINT64_C(2)
#define AP_RW_READER UINT64_C(4)

typedef struct {
    ap_mutex writers; /* held by the writer that has come */
    ap_u64 state;     /* readers sleep here */
    ap_bool drained;  /* the writer sleeps here until the readers are out; its address counts, its value does not */
    ap_u64 first;     /* the mark of a reader that came when none was inside; an orphan's only if orphans may be inside */
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

/* The cold halves, in ap_rwmutex.c. */
bool ap_rwmutex_read_lock_slow(ap_rwmutex *rw, int64_t deadline);
bool ap_rwmutex_read_unlock_slow(ap_rwmutex *rw);
void ap_rwmutex_forget_orphans(ap_rwmutex *rw);
bool ap_rwmutex_enter_slow(ap_rwmutex *rw, int64_t since, int64_t deadline);
bool ap_rwmutex_drain(ap_rwmutex *rw, int64_t deadline);
void ap_rwmutex_admit(ap_rwmutex *rw);

/* Get in to read where no writer has come. Never waits. */
static inline bool ap_rwmutex_try_read_lock(ap_rwmutex *rw)
{
    /* A guess in the place of a load: a failed step brings the value and the cache line, to write to, in one go. */
    uint64_t seen = 0;
    if (AP_UNLIKELY(ap_forks_mark != 0)) {
        ap_rwmutex_forget_orphans(rw);
    }
    while (!ap_compare_exchange_u64(&rw->state, &seen, seen + AP_RW_READER)) {
        if (seen & AP_RW_WRITER) {
            return false;
        }
    }
    if (seen == 0) {
        ap_store_u64_relaxed(&rw->first, ap_thread_mark());
    }
    return true;
}

/* Get in to read, or return false once the deadline has passed. */
static inline bool ap_rwmutex_read_lock_until(ap_rwmutex *rw, int64_t deadline)
{
    return ap_rwmutex_try_read_lock(rw) || ap_rwmutex_read_lock_slow(rw, deadline);
}

/* Get out. False, and nothing has changed, where no reader was inside. */
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

/* Writing, in two steps, so that who waits can look for signals and keep its place. First: become the one writer.
 * Then, once, ap_rwmutex_announce(); and ap_rwmutex_drain() until it returns true: inside. A writer that has announced
 * itself and gives up calls ap_rwmutex_retract(). */
static inline bool ap_rwmutex_enter_until(ap_rwmutex *rw, int64_t since, int64_t deadline)
{
    return ap_mutex_try_lock(&rw->writers) || ap_rwmutex_enter_slow(rw, since, deadline);
}

/* True: inside already, there were no readers. */
static inline bool ap_rwmutex_announce(ap_rwmutex *rw)
{
    return ap_fetch_or_u64(&rw->state, AP_RW_WRITER) == 0;
}

static inline void ap_rwmutex_retract(ap_rwmutex *rw)
{
    ap_rwmutex_admit(rw);
    ap_mutex_unlock(&rw->writers);
}

/* Get in to write where nobody is inside or waits. Never waits. */
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

/* Get in to write, or return false once the deadline has passed. */
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

/* Get out, and let in the readers that sleep. False, and nothing has changed, where no writer was inside. */
bool ap_rwmutex_write_unlock_slow(ap_rwmutex *rw);

static inline bool ap_rwmutex_write_unlock(ap_rwmutex *rw)
{
    uint64_t seen = AP_RW_WRITER;
    if (ap_compare_exchange_u64(&rw->state, &seen, 0)) {
        return ap_mutex_unlock(&rw->writers);
    }
    return ap_rwmutex_write_unlock_slow(rw);
}

/* Did fork() leave readers in another process, so that a writer would wait for ever? They are counted, not listed, so
 * this is what the one says that came first: it may have left, and then the answer is about another than those inside. */
static inline bool ap_rwmutex_readers_are_orphans(ap_rwmutex *rw)
{
    return ap_rwmutex_readers_of(ap_load_u64(&rw->state)) > 0 && ap_thread_is_orphan(ap_load_u64_relaxed(&rw->first));
}

#endif /* AP_RWMUTEX_H */
