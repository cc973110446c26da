/* SPDX-License-Identifier: MIT
 *
 * clock.c: the wall clock may be set back while a thread waits; the wait ends on time. `make clock`.
 *
 * This program's clock_gettime replaces the system's. Its wall clock goes back an hour with each call.
 */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "hammer.h"

#include "sync/ap_mutex.h"
#include "ap_core.h"
#include "park/ap_park.h"

#if defined(__linux__)
static int looks;

int clock_gettime(clockid_t clock, struct timespec *t)
{
    int result = (int)syscall(SYS_clock_gettime, clock, t);
    if (clock == CLOCK_REALTIME) {
        t->tv_sec -= 3600 * ++looks;
    }
    return result;
}

static int64_t elapsed_ms(struct timespec from)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)(now.tv_sec - from.tv_sec) * 1000 + (int64_t)(now.tv_nsec - from.tv_nsec) / (int64_t)MS;
}

int main(void)
{
    ap_mutex mutex;
    struct timespec before;
    CHECK(ap_core_init());
    ap_mutex_init(&mutex);
    CHECK(ap_mutex_try_lock(&mutex));
    for (int i = 0; i < 3; i++) {
        alarm(60); /* an hour too late becomes a failure, not a hang */
        clock_gettime(CLOCK_MONOTONIC, &before);
        CHECK(!ap_mutex_lock_until(&mutex, ap_now(), ap_now() + 50 * MS));
        CHECK(elapsed_ms(before) >= 50);
    }
    CHECK(looks == 0); /* no wait reads the wall clock */
    printf("ok  the wall clock does not matter\n");
    return 0;
}
#else
int main(void)
{
    printf("not tried: the clock of this system cannot be replaced like that\n");
    return 0;
}
#endif
