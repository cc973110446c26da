/* SPDX-License-Identifier: MIT
 *
 * ap_rwmutex.c: the slow paths of ap_rwmutex.h, which has the table of states and the invariants named by number here.
 */
#include "../platform/ap_os.h"

#include "../park/ap_count.h"
#include "ap_rwmutex.h"
#include "../park/ap_park.h"

#define FLAGS (AP_RW_WRITER | AP_RW_WAITERS)

static bool reader_must_wait(const void *word, uint64_t what)
{
    (void)what;
    return (ap_load_u64((ap_u64 *)word) & FLAGS) == FLAGS;
}

/* Give up for a pending writer that was lost in fork() (invariant 4). */
static void retract_for_lost_writer(ap_rwmutex *rw)
{
    uint64_t seen = ap_load_u64(&rw->writers.state), flags = AP_MUTEX_LOCKED | AP_MUTEX_WAITERS;
    if ((seen & AP_MUTEX_LOCKED) != 0 && AP_UNLIKELY(ap_owner_is_lost(ap_mutex_owner_of(seen)))
        && !ap_rwmutex_is_writing(ap_load_u64(&rw->state))
        && ap_compare_exchange_u64(&rw->writers.state, &seen, ap_owner_id() | (seen & flags))) {
        ap_rwmutex_retract(rw);
    }
}

bool ap_rwmutex_enter_slow(ap_rwmutex *rw, int64_t since, int64_t deadline)
{
    retract_for_lost_writer(rw);
    return ap_mutex_lock_until(&rw->writers, since, deadline);
}

bool ap_rwmutex_read_lock_slow(ap_rwmutex *rw, int64_t deadline)
{
    AP_COUNT(AP_RWMUTEX_READ_SLOW);
    retract_for_lost_writer(rw);
    while (!ap_rwmutex_try_read_lock(rw)) {
        uint64_t seen = ap_load_u64(&rw->state);
        if ((seen & FLAGS) == AP_RW_WRITER && !ap_compare_exchange_u64(&rw->state, &seen, seen | AP_RW_WAITERS)) {
            continue;
        }
        switch (ap_park(&rw->state, reader_must_wait, 0, deadline)) {
        case AP_HANDED_OFF:
            ap_store_u64_relaxed(&rw->first, ap_owner_id());
            return true;
        case AP_TIMED_OUT:
            return ap_rwmutex_try_read_lock(rw);
        default:
            break;
        }
    }
    return true;
}

static bool writer_must_wait(const void *drained, uint64_t what)
{
    const ap_rwmutex *rw = (const ap_rwmutex *)((const char *)drained - offsetof(ap_rwmutex, drained));
    (void)what;
    return ap_rwmutex_readers_of(ap_load_u64((ap_u64 *)&rw->state)) > 0;
}

bool ap_rwmutex_drain(ap_rwmutex *rw, int64_t deadline)
{
    AP_COUNT(AP_RWMUTEX_WRITE_SLOW);
    while (writer_must_wait(&rw->drained, 0)) {
        if (ap_park(&rw->drained, writer_must_wait, 0, deadline) == AP_TIMED_OUT) {
            return !writer_must_wait(&rw->drained, 0);
        }
    }
    return true;
}

/* If no reader holds the lock, or if a writer is pending and this may be the last reader. */
bool ap_rwmutex_read_unlock_slow(ap_rwmutex *rw)
{
    /* Before the step that would give a lost pending writer the write lock: see invariant 4. */
    retract_for_lost_writer(rw);
    uint64_t seen = ap_load_u64(&rw->state);
    do {
        if (seen < AP_RW_READER) {
            return false;
        }
    } while (!ap_compare_exchange_weak_u64(&rw->state, &seen, seen - AP_RW_READER));
    if (ap_rwmutex_is_writing(seen - AP_RW_READER)) {
        ap_unpark(&rw->drained, 1);
    }
    return true;
}

/* In a child, before a reader's step. Without readers there are no lost ones, and there will be none. So the older id
 * of a lost reader is replaced here, and no thread finds it between this reader's step and the store of its own id. */
void ap_rwmutex_forget_lost_readers(ap_rwmutex *rw)
{
    uint64_t first = ap_load_u64_relaxed(&rw->first);
    if (ap_owner_is_lost(first) && ap_rwmutex_readers_of(ap_load_u64(&rw->state)) == 0) {
        ap_compare_exchange_u64(&rw->first, &first, ap_owner_id());
    }
}

/* The last step of a writer. Meanwhile readers may unlock, and no new reader gets the lock. */
typedef struct {
    bool holds; /* require the write lock, and fail without it; false for a pending writer that gives up */
    bool done;
} admission;

static size_t admit(void *word, const ap_wait_queue *queue, bool *hand_off, void *context)
{
    ap_u64 *state = word;
    admission *a = context;
    uint64_t seen = ap_load_u64(state);
    do {
        if (a->holds && !ap_rwmutex_is_writing(seen)) {
            a->done = false;
            return 0;
        }
    } while (!ap_compare_exchange_weak_u64(state, &seen, (seen & ~FLAGS) + queue->waiters * AP_RW_READER));
    a->done = true;
    *hand_off = true;
    return queue->waiters;
}

void ap_rwmutex_admit(ap_rwmutex *rw)
{
    admission a = {.holds = false};
    AP_COUNT(AP_RWMUTEX_ADMIT);
    ap_unpark_with(&rw->state, SIZE_MAX, admit, &a);
}

bool ap_rwmutex_write_unlock_slow(ap_rwmutex *rw)
{
    admission a = {.holds = true};
    AP_COUNT(AP_RWMUTEX_ADMIT);
    ap_unpark_with(&rw->state, SIZE_MAX, admit, &a);
    return a.done && ap_mutex_unlock(&rw->writers);
}
