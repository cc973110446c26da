/* SPDX-License-Identifier: MIT
 *
 * sleeping.c: the table of sleeping threads alone. No wake-up is lost, none is spent on a thread whose time has run out,
 * and nobody touches a thread that is back. `make sleeping`; `make sleeping_portable` is the same without the futex.
 */
#include "hammer.h"

#include <string.h>
#include <unistd.h>

#include "ap_atomic.h"
#include "ap_core.h"
#include "park/ap_park.h"

/* ---- one token, handed round the threads ---- */

static ap_u32 turn;

static bool still_is(const void *at, uint64_t what) { return ap_load_u32((ap_u32 *)at) == what; }

static void pass_on(int me)
{
    for (uint32_t i = 0; i < ROUNDS / 10; i++) {
        uint32_t now;
        while ((now = ap_load_u32(&turn)) % THREADS != (uint32_t)me) {
            ap_park(&turn, still_is, now, AP_FOREVER);
        }
        ap_exchange_u32(&turn, now + 1);
        ap_unpark(&turn, AP_UNPARK_ALL);
    }
}

/* ---- a line of two ---- */

/* Who came second has waited longer: since an hour before, as who is back from a look for signals. */
static ap_u32 door;

static void *wait_at_door(void *since)
{
    ap_place place = {.since = *(int64_t *)since, .owner_id = *(uint64_t *)since};
    CHECK(ap_park_at(&door, still_is, 0, &place, AP_FOREVER) == AP_UNPARKED);
    return since;
}

static size_t let_one_in(void *word, const ap_wait_queue *queue, bool *hand_off, void *since)
{
    CHECK(word == &door && !*hand_off);
    CHECK(queue->since == *(int64_t *)since && queue->owner_id == (uint64_t)queue->since);
    return 1;
}

static void test_line(void)
{
    pthread_t threads[2];
    int64_t later = ap_now(), earlier = later - 3600 * 1000 * MS;
    CHECK(pthread_create(&threads[0], NULL, wait_at_door, &later) == 0);
    while (ap_waiters(&door) != 1) { }
    CHECK(pthread_create(&threads[1], NULL, wait_at_door, &earlier) == 0);
    while (ap_waiters(&door) != 2) { }
    ap_unpark_with(&door, 2, let_one_in, &earlier);
    pthread_join(threads[1], NULL);
    ap_unpark_with(&door, 2, let_one_in, &later);
    pthread_join(threads[0], NULL);
    printf("ok  wait: a place in the line\n");
}

/* ---- deadlines that pass while others wake ---- */

static ap_u32 bell, over;
static ap_u64 rung, woken, timed_out;

/* What lay on the stack where a thread slept is another's now: whoever still wrote to it would be noticed. */
static void reuse_the_stack(void)
{
    volatile unsigned char there[2048];
    memset((void *)there, 0xa5, sizeof there);
    for (int looks = 0; looks < 4; looks++) {
        for (size_t i = 0; i < sizeof there; i++) {
            CHECK(there[i] == 0xa5);
        }
    }
}

static bool spins_until(void *until, int64_t now) { return now < *(int64_t *)until; }

static void ring_or_sleep(int me)
{
    if (me == 0) {
        while (ap_load_u32(&over) < THREADS - 1) {
            size_t n = ap_unpark(&bell, 1 + ap_load_u64(&rung) % 3);
            ap_fetch_add_u64(&rung, n);
        }
        return;
    }
    for (int i = 0; i < ROUNDS / 4; i++) {
        int64_t now = ap_now(), until = now + i % 3 * 20000;
        ap_place place = {.since = now, .spins = i % 4 < 2 ? NULL : spins_until, .context = &until};
        ap_park_result result = ap_park_at(&bell, still_is, 0, &place, now + (i * 7919 % 60) * 1000);
        CHECK(result == AP_UNPARKED || result == AP_TIMED_OUT);
        ap_fetch_add_u64(result == AP_UNPARKED ? &woken : &timed_out, 1);
        reuse_the_stack();
    }
    ap_fetch_add_u32(&over, 1);
}

static bool spins_for_ever(void *times, int64_t now)
{
    CHECK(now <= ap_now());
    return ++*(int *)times;
}

static void test_deadlines(void)
{
    int times = 0;
    ap_place place = {.since = ap_now(), .spins = spins_for_ever, .context = &times};
    CHECK(ap_park_at(&bell, still_is, 0, &place, ap_now() - 1) == AP_TIMED_OUT && times == 0);
    CHECK(ap_park_at(&bell, still_is, 0, &place, ap_now() + MS) == AP_TIMED_OUT && times > 0);

    hammer("wait, wake: who is woken was woken, though its time has run out", ring_or_sleep);
    CHECK(ap_load_u64(&rung) == ap_load_u64(&woken) && ap_waiters(&bell) == 0);
    CHECK(ap_load_u64(&woken) > 0 && ap_load_u64(&timed_out) > 0);
    CHECK(ap_load_u32(&ap_waiters_in[ap_bucket_of(&bell)]) == 0); /* nobody is counted who is gone */
}

static void test_wait(void)
{
    hammer("wait, wake: no wake-up is lost", pass_on);
    CHECK(ap_load_u32(&turn) == THREADS * (ROUNDS / 10));
    CHECK(ap_unpark(&turn, AP_UNPARK_ALL) == 0 && ap_waiters(&turn) == 0);
    CHECK(ap_park(&turn, still_is, 0, AP_FOREVER) == AP_NOT_PARKED);
    CHECK(ap_park(&turn, still_is, ap_load_u32(&turn), ap_now() - 1) == AP_TIMED_OUT);
    CHECK(ap_park(&turn, still_is, ap_load_u32(&turn), -1) == AP_TIMED_OUT);
}

int main(void)
{
    alarm(600); /* a wake-up that is lost is a failure, not a hang */
    CHECK(ap_core_init() && ap_core_init());
    test_wait();
    test_line();
    test_deadlines();
    printf("ok  all\n");
    return 0;
}
