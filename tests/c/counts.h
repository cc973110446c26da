/* SPDX-License-Identifier: MIT
 *
 * counts.h: exact counts of the core's slow paths, in a build with AP_COUNT_SLOW_PATHS, and threads that park.
 */
#ifndef COUNTS_H
#define COUNTS_H

#include "hammer.h" /* first */

#include "park/ap_count.h"
#include "park/ap_park.h"

ap_u64 ap_counts[AP_COUNTS];

static const char *const names[AP_COUNTS] = {
    [AP_PARK] = "park",
    [AP_UNPARK] = "unpark",
    [AP_MUTEX_LOCK_SLOW] = "mutex lock slow",
    [AP_MUTEX_UNLOCK_SLOW] = "mutex unlock slow",
    [AP_RWMUTEX_READ_SLOW] = "rwmutex read slow",
    [AP_RWMUTEX_WRITE_SLOW] = "rwmutex write slow",
    [AP_RWMUTEX_ADMIT] = "rwmutex admit",
    [AP_ONCE_SLOW] = "once slow",
};

/* All counts since the last call: those named, and no others. */
static inline void expect_counts(const char *what, const uint64_t (*expected)[AP_COUNTS])
{
    for (int i = 0; i < AP_COUNTS; i++) {
        uint64_t got = ap_exchange_u64(&ap_counts[i], 0);
        if (got != (*expected)[i]) {
            fprintf(stderr, "%s: %s: %d times, not %d\n", what, names[i], (int)got, (int)(*expected)[i]);
            abort();
        }
    }
}
#define EXPECT_COUNTS(what, ...) expect_counts(what, &(const uint64_t[AP_COUNTS]){__VA_ARGS__})
#define EXPECT(what, ...) (EXPECT_COUNTS(what, __VA_ARGS__), (void)printf("ok  %s\n", what))

static inline void start_thread(pthread_t *thread, void *(*run)(void *), void *argument)
{
    CHECK(pthread_create(thread, NULL, run, argument) == 0);
}

static inline void until_parked(const void *word, size_t n)
{
    while (ap_waiters(word) != n) { }
}

#endif /* COUNTS_H */
