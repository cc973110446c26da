/* SPDX-License-Identifier: MIT
 *
 * ap_rwmutex.c: readers that wait for a writer, and a writer that waits for readers. The state table is in ap_rwmutex.h.
 */
#include "../platform/ap_os.h"

#include "../park/ap_count.h"
#include "ap_rwmutex.h"
#include "../park/ap_wait.h"

#define FLAGS (AP_RW_WRITER | AP_RW_WAITERS)

static bool still_held_back(const void *word, uint64_t what)
{
    (void)what;
    return (ap_load_u64((ap_u64 *)word) & FLAGS) == FLAGS;
}

/* Retract for a writer that had come, and was not inside, when fork() left it in another process. */
static void retract_for_orphan(ap_rwmutex *rw)
{
    uint64_t seen = ap_load_u64(&rw->writers.state), flags = AP_MUTEX_LOCKED | AP_MUTEX_WAITERS;
    if ((seen & AP_MUTEX_LOCKED) != 0 && AP_UNLIKELY(ap_thread_is_orphan(seen & ~flags))
        && !ap_rwmutex_is_writing(ap_load_u64(&rw->state))
        && ap_compare_exchange_u64(&rw->writers.state, &seen, ap_thread_mark() | (seen & flags))) {
        ap_rwmutex_retract(rw);
    }
}

bool ap_rwmutex_enter_slow(ap_rwmutex *rw, int64_t since, int64_t deadline)
{
    retract_for_orphan(rw);
    return ap_mutex_lock_until(&rw->writers, since, deadline);
}

bool ap_rwmutex_read_lock_slow(ap_rwmutex *rw, int64_t deadline)
{
    AP_COUNT(AP_RWMUTEX_READ_SLOW);
    retract_for_orphan(rw);
    while (!ap_rwmutex_try_read_lock(rw)) {
        uint64_t seen = ap_load_u64(&rw->state);
        if ((seen & FLAGS) == AP_RW_WRITER && !ap_compare_exchange_u64(&rw->state, &seen, seen | AP_RW_WAITERS)) {
            continue;
        }
        switch (ap_wait(&rw->state, still_held_back, 0, deadline)) {
        case AP_HANDED:
            ap_store_u64_relaxed(&rw->first, ap_thread_mark());
            return true;
        case AP_TIMED_OUT:
            return ap_rwmutex_try_read_lock(rw);
        default:
            break;
        }
    }
    return true;
}

static bool still_reading(const void *drained, uint64_t what)
{
    const ap_rwmutex *rw = (const ap_rwmutex *)((const char *)drained - offsetof(ap_rwmutex, drained));
    (void)what;
    return ap_rwmutex_readers_of(ap_load_u64((ap_u64 *)&rw->state)) > 0;
}

bool ap_rwmutex_drain(ap_rwmutex *rw, int64_t deadline)
{
    AP_COUNT(AP_RWMUTEX_WRITE_SLOW);
    while (still_reading(&rw->drained, 0)) {
        if (ap_wait(&rw->drained, still_reading, 0, deadline) == AP_TIMED_OUT) {
            return !still_reading(&rw->drained, 0);
        }
    }
    return true;
}

/* Where nobody is inside, or a writer has come and this may be its last reader. */
bool ap_rwmutex_read_unlock_slow(ap_rwmutex *rw)
{
    /* Before the step that would let the writer in, and look as if it had been inside: it may not be there. */
    retract_for_orphan(rw);
    uint64_t seen = ap_load_u64(&rw->state);
    do {
        if (seen < AP_RW_READER) {
            return false;
        }
    } while (!ap_compare_exchange_weak_u64(&rw->state, &seen, seen - AP_RW_READER));
    if (ap_rwmutex_is_writing(seen - AP_RW_READER)) {
        ap_wake(&rw->drained, 1);
    }
    return true;
}

/* In a child, before a reader gets in: with no reader inside, none of the parent's is or will be. So who asks finds no
 * orphan's mark from earlier days between this reader's step and its own mark. */
void ap_rwmutex_forget_orphans(ap_rwmutex *rw)
{
    uint64_t first = ap_load_u64_relaxed(&rw->first);
    if (ap_thread_is_orphan(first) && ap_rwmutex_readers_of(ap_load_u64(&rw->state)) == 0) {
        ap_compare_exchange_u64(&rw->first, &first, ap_thread_mark());
    }
}

/* What a writer that leaves does to the state; the readers may still leave, and no other can come. */
typedef struct {
    bool inside; /* only a writer inside may; else it is an error, or a writer that gives up */
    bool left;
} leaving;

static size_t admit(void *word, const ap_line *line, bool *hand_over, void *context)
{
    ap_u64 *state = word;
    leaving *l = context;
    uint64_t seen = ap_load_u64(state);
    do {
        if (l->inside && !ap_rwmutex_is_writing(seen)) {
            l->left = false;
            return 0;
        }
    } while (!ap_compare_exchange_weak_u64(state, &seen, (seen & ~FLAGS) + line->sleepers * AP_RW_READER));
    l->left = true;
    *hand_over = true;
    return line->sleepers;
}

void ap_rwmutex_admit(ap_rwmutex *rw)
{
    leaving l = {.inside = false};
    AP_COUNT(AP_RWMUTEX_ADMIT);
    ap_wake_by(&rw->state, SIZE_MAX, admit, &l);
}

bool ap_rwmutex_write_unlock_slow(ap_rwmutex *rw)
{
    leaving l = {.inside = true};
    AP_COUNT(AP_RWMUTEX_ADMIT);
    ap_wake_by(&rw->state, SIZE_MAX, admit, &l);
    return l.left && ap_mutex_unlock(&rw->writers);
}
