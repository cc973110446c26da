/* SPDX-License-Identifier: MIT
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
 * In the child after fork() the table is empty: the threads that slept are not there.
 */
#ifndef AP_WAIT_H
#define AP_WAIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    AP_CHANGED,   /* still() said no: did not sleep */
    AP_WOKEN,     /* by ap_wake */
    AP_TIMED_OUT, /* and no ap_wake was spent on this thread */
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

/* Wake the n threads that have slept longest on word; returns how many there were. */
size_t ap_wake(const void *word, size_t n);

#endif /* AP_WAIT_H */
