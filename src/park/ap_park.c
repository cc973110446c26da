/* SPDX-License-Identifier: MIT
 *
 * ap_park.c: the parking lot's table. The invariants, which the comments here name by number, are in ap_park.h.
 */
#include "../platform/ap_os.h"

#include "../atomic/ap_atomic.h"
#include "ap_count.h"
#include "ap_park.h"

/* A queue entry, on the waiting thread's stack (invariant 2). */
typedef struct waiter {
    const void *word;
    struct waiter *next; /* in the queue; after dequeuing, in the list of waiters to unpark */
    ap_os_parker parker;
    int64_t since;
    bool handed_off; /* written before the unpark, read after it */
} waiter;

/* The waiters of all words that hash to this bucket, ordered by `since`. */
typedef struct {
    ap_os_lock lock;
    waiter *first;
    waiter **end;   /* the next pointer to which a waiter is appended */
    int64_t latest; /* the largest `since` that was ever enqueued */
} bucket;

/* Threads that begin to wait within this time may be enqueued in any order. A thread that has waited longer than the
 * last waiter by more than this is back from a check for signals, or lost a race for a lock, and regains its
 * position. */
#define SAME_TIME 100000 /* ns */

static bucket table[AP_BUCKETS];
static ap_u32 waiter_counts[AP_BUCKETS];
ap_u32 *ap_waiters_in = waiter_counts;

void ap_park_init(void)
{
    for (size_t i = 0; i < AP_BUCKETS; i++) {
        ap_os_lock_init(&table[i].lock);
        table[i].first = NULL;
        table[i].end = &table[i].first;
        table[i].latest = 0;
        ap_init_u32(&waiter_counts[i], 0);
    }
}

static bucket *bucket_of(const void *word) { return &table[ap_bucket_of(word)]; }

static ap_u32 *waiters_in(const bucket *b) { return &waiter_counts[b - table]; }

/* Keeps invariant 5. */
static void enqueue(bucket *b, waiter *w)
{
    waiter **at = b->end;
    if (w->since < b->latest - SAME_TIME) {
        for (at = &b->first; *at != NULL && (*at)->since <= w->since;) {
            at = &(*at)->next;
        }
    } else if (w->since > b->latest) {
        b->latest = w->since;
    }
    w->next = *at;
    *at = w;
    if (w->next == NULL) {
        b->end = &w->next;
    }
}

static void dequeue(bucket *b, waiter **at)
{
    waiter *w = *at;
    *at = w->next;
    if (b->end == &w->next) {
        b->end = at;
    }
    ap_fetch_sub_u32(waiters_in(b), 1);
}

/* After the deadline: dequeue the calling thread. False: another thread has dequeued it, and this one waits for the
 * unpark (invariants 2 and 3). */
static bool leave(bucket *b, waiter *self)
{
    ap_os_lock_acquire(&b->lock);
    waiter **at = &b->first;
    while (*at != NULL && *at != self) {
        at = &(*at)->next;
    }
    bool left = *at == self;
    if (left) {
        dequeue(b, at);
    }
    ap_os_lock_release(&b->lock);
    return left || !ap_os_park_until(&self->parker, AP_FOREVER);
}

ap_park_result ap_park(const void *word, ap_validate validate, uint64_t what, int64_t deadline)
{
    return ap_park_at(word, validate, what, ap_os_now(), deadline);
}

ap_park_result ap_park_at(const void *word, ap_validate validate, uint64_t what, int64_t since, int64_t deadline)
{
    bucket *b = bucket_of(word);

    ap_os_lock_acquire(&b->lock);
    ap_fetch_add_u32(waiters_in(b), 1);
    if (!validate(word, what)) {
        ap_fetch_sub_u32(waiters_in(b), 1);
        ap_os_lock_release(&b->lock);
        return AP_NOT_PARKED;
    }

    AP_COUNT(AP_PARK);
    waiter self = {.word = word, .since = since};
    ap_os_parker_init(&self.parker);
    enqueue(b, &self);
    ap_os_lock_release(&b->lock);

    bool timed_out = !ap_os_park_until(&self.parker, deadline) && leave(b, &self);
    ap_os_parker_destroy(&self.parker);
    return timed_out ? AP_TIMED_OUT : self.handed_off ? AP_HANDED_OFF : AP_UNPARKED;
}

/* Dequeue the first n waiters of word, and link them into a list. The bucket is locked. */
static waiter *dequeue_first(bucket *b, const void *word, size_t n, bool handed_off)
{
    waiter *list = NULL, **end = &list;
    for (waiter **at = &b->first; *at != NULL && n > 0;) {
        waiter *w = *at;
        if (w->word != word) {
            at = &w->next;
            continue;
        }
        dequeue(b, at);
        w->handed_off = handed_off;
        w->next = NULL;
        *end = w;
        end = &w->next;
        n--;
        AP_COUNT(AP_UNPARK);
    }
    return list;
}

/* Unpark the list, and return its length. The bucket is unlocked (invariant 4). */
static size_t unpark(waiter *list)
{
    size_t n = 0;
    while (list != NULL) {
        waiter *next = list->next; /* read first: the unparked thread frees its entry */
        ap_os_unpark(&list->parker);
        list = next;
        n++;
    }
    return n;
}

static ap_wait_queue queue_of(const bucket *b, const void *word, size_t limit)
{
    ap_wait_queue queue = {0};
    for (const waiter *w = b->first; w != NULL && queue.waiters < limit; w = w->next) {
        if (w->word == word && queue.waiters++ == 0) {
            queue.since = w->since;
        }
    }
    return queue;
}

size_t ap_unpark_slow(const void *word, size_t n)
{
    bucket *b = bucket_of(word);
    ap_os_lock_acquire(&b->lock);
    waiter *list = dequeue_first(b, word, n, false);
    ap_os_lock_release(&b->lock);
    return unpark(list);
}

void ap_unpark_with(void *word, size_t limit, ap_decide decide, void *context)
{
    bucket *b = bucket_of(word);
    bool hand_off = false;

    ap_os_lock_acquire(&b->lock);
    ap_wait_queue queue = queue_of(b, word, limit);
    size_t n = decide(word, &queue, &hand_off, context);
    waiter *list = dequeue_first(b, word, n, hand_off);
    ap_os_lock_release(&b->lock);
    unpark(list);
}

size_t ap_waiters(const void *word)
{
    bucket *b = bucket_of(word);
    ap_os_lock_acquire(&b->lock);
    size_t n = queue_of(b, word, SIZE_MAX).waiters;
    ap_os_lock_release(&b->lock);
    return n;
}
