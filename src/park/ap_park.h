/* SPDX-License-Identifier: MIT
 * In the documentation: docs/design/parking.md
 *
 * ap_park.h: the parking lot. A thread parks on a word until another thread unparks it or a deadline passes.
 *
 * Waiters are kept in one hash table for the process, keyed by the address of the word, as in WebKit's ParkingLot,
 * parking_lot and the Linux futex. So a primitive needs no more memory than its state word.
 *
 *     the waiter                                      the unparking thread
 *     ap_park(word, validate, what, deadline)         change the word
 *         lock the bucket                             ap_unpark(word, n)
 *             add 1 to the bucket's waiter count          is the waiter count 0? then return
 *             if validate(word, what): enqueue            lock the bucket, dequeue the first n waiters
 *         unlock, park                                    unlock, unpark them
 *
 * Invariants, and why each step keeps them:
 *
 * 1. No wake-up is lost. The change of the word, the unparking thread's load of the waiter count, the waiter's add
 *    and its validation are sequentially consistent, so they have one order. If the load finds 0, the add comes after
 *    it, and the validation after the add: the validation sees the change, and the waiter does not park. If the load
 *    finds a waiter, both threads have a critical section under the bucket's lock. If the waiter's is first, it is in
 *    the queue and is found. If the other is first, the change happened before the validation, which sees it. The
 *    change must therefore be sequentially consistent.
 * 2. A waiter's queue entry lies on its stack, and ap_park returns only when no thread can touch it any more: either
 *    the waiter dequeued itself, or it has been unparked, which is the last step of the thread that dequeued it.
 * 3. Each dequeued waiter is unparked once. If its deadline passes after it was dequeued, it waits for the unpark and
 *    reports AP_UNPARKED: it consumes the wake-up, so the wake-up is not lost.
 * 4. The unpark happens after the bucket is unlocked, and the waiter returns without acquiring a lock. Otherwise the
 *    waiter would block at once on the lock of the thread that unparked it.
 * 5. Waiters are ordered by the time at which they began to wait. A thread that left the queue to check for signals
 *    returns to its old position.
 *
 * A lock that hands itself off changes its word and chooses a waiter in one step. ap_unpark_with() calls the lock's
 * function for both while the bucket is locked, and the waiter reports AP_HANDED_OFF.
 *
 * After fork() the child's parking lot is empty, because the waiting threads do not exist there.
 */
#ifndef AP_PARK_H
#define AP_PARK_H

#include <stddef.h>

#include "../atomic/ap_u32.h"
#include "../platform/ap_clock.h"

typedef enum {
    AP_NOT_PARKED, /* validate() returned false */
    AP_UNPARKED,   /* by ap_unpark, or by ap_unpark_with without a hand-off */
    AP_HANDED_OFF, /* by ap_unpark_with: the caller owns what it waited for */
    AP_TIMED_OUT,  /* the deadline passed, and no wake-up was consumed */
} ap_park_result;

/* Must the thread park? Called while the bucket is locked, so it may read the word and nothing else. */
typedef bool (*ap_validate)(const void *word, uint64_t what);

#define AP_UNPARK_ALL SIZE_MAX

/* For ap_core.c: before the first use, from one thread; and in the child after fork(). */
void ap_park_init(void);

/* Park on word while validate(word, what), until unparked or until the deadline has passed. */
ap_park_result ap_park(const void *word, ap_validate validate, uint64_t what, int64_t deadline);

/* The same for a thread that began to wait at `since`, which is its position in the queue. */
ap_park_result ap_park_at(const void *word, ap_validate validate, uint64_t what, int64_t since, int64_t deadline);

/* The waiter counts, one for each bucket: waiters, and threads that hold the bucket's lock and are about to validate. A
 * pointer, because a module that calls the core through its table shares the core's counts. */
#define AP_BUCKETS 256u
extern ap_u32 *ap_waiters_in;

static inline size_t ap_bucket_of(const void *word)
{
    /* Fibonacci hashing (Knuth, volume 3, 6.4): the top bits of the product depend on all bits of the address. */
    return (size_t)(((uint64_t)(uintptr_t)word * UINT64_C(0x9E3779B97F4A7C15)) >> 56);
}
_Static_assert(AP_BUCKETS == 1u << (64 - 56), "the shift picks one of AP_BUCKETS");

/* The slow path, in ap_park.c. */
size_t ap_unpark_slow(const void *word, size_t n);

/* Unpark the n threads that have waited longest on word, and return their number. Without waiters it takes no lock; see
 * invariant 1. */
static inline size_t ap_unpark(const void *word, size_t n)
{
    return ap_load_u32(&ap_waiters_in[ap_bucket_of(word)]) == 0 ? 0 : ap_unpark_slow(word, n);
}

/* The waiters of one word. */
typedef struct {
    size_t waiters; /* their number, up to the limit that ap_unpark_with was given */
    int64_t since;  /* the first waiter's position */
} ap_wait_queue;

/* Changes the word as the queue requires. Called while the bucket is locked, also with an empty queue. Returns how
 * many of the counted waiters to unpark; *hand_off, false before the call, states whether they own what they waited
 * for. */
typedef size_t (*ap_decide)(void *word, const ap_wait_queue *queue, bool *hand_off, void *context);

/* Count at most `limit` waiters of word, decide, dequeue: one step for all threads that park on the word. Then
 * unpark. */
void ap_unpark_with(void *word, size_t limit, ap_decide decide, void *context);

/* How many threads are parked on word at this moment. */
size_t ap_waiters(const void *word);

#endif /* AP_PARK_H */
