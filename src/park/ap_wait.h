/* SPDX-License-Identifier: MIT
 * In the documentation: docs/design/sleeping.md
 *
 * ap_wait.h: put a thread to sleep on a word until another one wakes it or a deadline passes.
 *
 * The word stays as small as its owner made it: who sleeps on what is kept in one table for the whole process, by
 * address, as in WebKit's ParkingLot and the Linux futex. Every primitive that blocks is built on these two calls:
 *
 *     the sleeper                                   the waker
 *     ap_wait(word, still, what, deadline)          change the word
 *         table locked:                             ap_wake(word, n)
 *             count itself among the sleepers           no sleepers counted? nobody to wake
 *             still(word, what)? then sleep             table locked: wake the first n that sleep on it
 *
 * No wake-up is lost. The change of the word, which must be sequentially consistent, the waker's look at the count, the
 * sleeper's counting and its test of the word are in one order. If the waker sees no sleeper, the counting comes after
 * its look, and the test later still: it sees the change, and does not sleep. Otherwise both have a critical section of
 * one lock. If the sleeper's comes first, the waker finds it in the queue. If the waker's comes first, its change
 * happened before the sleeper's test, which sees it.
 *
 * A woken thread is taken out of the queue with the table locked, and unparked after that: then it goes on without a lock
 * to take, which the thread that woke it might still hold. One whose deadline passes in between is woken all the same,
 * so no wake-up is spent in vain; and since it waits to be unparked, its place on its stack is there until then.
 *
 * A lock that hands itself over needs more: what becomes of its word and who is woken must be one step to all others.
 * ap_wake_by() asks the lock for both with the table locked, and tells the sleeper that the lock is its own already.
 *
 * In the child after fork() the table is empty: the threads that slept are not there.
 */
#ifndef AP_WAIT_H
#define AP_WAIT_H

#include <stddef.h>

#include "../atomic/ap_u32.h"

typedef enum {
    AP_CHANGED,   /* still() said no: did not sleep */
    AP_WOKEN,     /* by ap_wake, or by ap_wake_by with nothing in hand */
    AP_HANDED,    /* by ap_wake_by, which gave this thread what it waited for */
    AP_TIMED_OUT, /* and no wake-up was spent on this thread */
} ap_wait_result;

/* Is there still a reason to sleep? Called with the table locked: it reads the word and nothing else. */
typedef bool (*ap_still)(const void *word, uint64_t what);

#define AP_WAKE_ALL SIZE_MAX

/* Times are int64_t nanoseconds of the monotonic clock; this deadline never comes. */
#define AP_FOREVER INT64_MAX

/* The monotonic clock. */
int64_t ap_now(void);

/* Call once before the rest, from one thread. False: no memory for the handler of fork(). */
bool ap_wait_init(void);

/* Sleep on word while still(word, what), until woken or until the deadline has passed. */
ap_wait_result ap_wait(const void *word, ap_still still, uint64_t what, int64_t deadline);

/* A place in the line: among those who sleep on a word, and after those who began to wait before. */
typedef struct {
    int64_t since; /* when it began to wait */
    uint64_t mark; /* its name, for ap_line */
    /* Before it sleeps, in the queue already, it looks whether it is woken, and yields, until this says that it is not
     * worth it any more: as long as it looks on, to wake it costs nobody a call of the system. NULL: it sleeps at once. */
    bool (*looks_on)(void *context, int64_t now);
    void *context;
} ap_place;

/* The same in such a place. */
ap_wait_result ap_wait_in_line(
    const void *word, ap_still still, uint64_t what, const ap_place *place, int64_t deadline);

/* The table's buckets, and how many sleep in each, or have it locked and are about to look whether to. */
#define AP_BUCKETS 256u
extern ap_u32 ap_sleepers_in[AP_BUCKETS];

static inline size_t ap_bucket_of(const void *word)
{
    /* Fibonacci hashing (Knuth, volume 3, 6.4): the top bits of the product depend on all bits of the address. */
    return (size_t)(((uint64_t)(uintptr_t)word * UINT64_C(0x9E3779B97F4A7C15)) >> 56);
}
_Static_assert(AP_BUCKETS == 1u << (64 - 56), "the shift picks one of AP_BUCKETS");

/* The cold half, in ap_wait.c. */
size_t ap_wake_slow(const void *word, size_t n);

/* Wake the n threads that have waited longest on word; returns how many there were. Nobody here, no lock: see above why
 * none is missed. */
static inline size_t ap_wake(const void *word, size_t n)
{
    return ap_load_u32(&ap_sleepers_in[ap_bucket_of(word)]) == 0 ? 0 : ap_wake_slow(word, n);
}

/* Who sleeps on a word. */
typedef struct {
    size_t sleepers; /* how many, as far as they were counted */
    int64_t since;   /* of the first of them: what it gave as its place */
    uint64_t mark;
} ap_line;

/* Changes the word as is right for that line; called with the table locked, also where nobody sleeps. Returns how many
 * of the counted sleepers to wake; *hand_over, false before, is whether they have what they wait for. */
typedef size_t (*ap_decide)(void *word, const ap_line *line, bool *hand_over, void *context);

/* Count the first `most` sleepers on word, decide, and wake so many, as one step to all who sleep or are about to. */
void ap_wake_by(void *word, size_t most, ap_decide decide, void *context);

/* How many sleep on word at this moment. */
size_t ap_sleepers(const void *word);

#endif /* AP_WAIT_H */
