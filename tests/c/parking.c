/* SPDX-License-Identifier: MIT
 *
 * parking.c: the parking lot alone. No wake-up is lost, a waiter that is unparked after its deadline consumes the
 * wake-up, and no thread touches a waiter that has returned. `make parking`; `make parking_portable` is the same
 * without the futex.
 */
#include "hammer.h"

#include <string.h>
#include <unistd.h>

#include "ap_atomic.h"
#include "ap_core.h"
#include "park/ap_park.h"

/* ---- one token that circulates among the threads ---- */

static ap_u32 turn;

static bool equals(const void *at, uint64_t what) { return ap_load_u32((ap_u32 *)at) == what; }

static void circulate(int me)
{
    for (uint32_t i = 0; i < ROUNDS / 10; i++) {
        uint32_t now;
        while ((now = ap_load_u32(&turn)) % THREADS != (uint32_t)me) {
            ap_park(&turn, equals, now, AP_FOREVER);
        }
        ap_exchange_u32(&turn, now + 1);
        ap_unpark(&turn, AP_UNPARK_ALL);
    }
}

/* ---- a queue of two ---- */

/* The second thread has waited longer, since an hour before, as a thread that is back from a check for signals. */
static ap_u32 door;

static void *wait_at_door(void *since)
{
    CHECK(ap_park_at(&door, equals, 0, *(int64_t *)since, AP_FOREVER) == AP_UNPARKED);
    return since;
}

static size_t admit_one(void *word, const ap_wait_queue *queue, bool *hand_off, void *since)
{
    CHECK(word == &door && !*hand_off && queue->since == *(int64_t *)since);
    return 1;
}

static void test_position(void)
{
    pthread_t threads[2];
    int64_t later = ap_now(), earlier = later - 3600 * 1000 * MS;
    CHECK(pthread_create(&threads[0], NULL, wait_at_door, &later) == 0);
    while (ap_waiters(&door) != 1) { }
    CHECK(pthread_create(&threads[1], NULL, wait_at_door, &earlier) == 0);
    while (ap_waiters(&door) != 2) { }
    ap_unpark_with(&door, 2, admit_one, &earlier);
    pthread_join(threads[1], NULL);
    ap_unpark_with(&door, 2, admit_one, &later);
    pthread_join(threads[0], NULL);
    printf("ok  park: the position in the queue\n");
}

/* ---- deadlines that pass during unparks ---- */

static ap_u32 bell, over;
static ap_u64 rung, unparked, timed_out;

/* Reuse the stack where the queue entry of a parked thread was: a late write to the entry is detected. */
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

static void ring_or_park(int me)
{
    if (me == 0) {
        /* The pauses let deadlines pass: a thread that rings without them dequeues nearly every waiter first. */
        for (uint64_t i = 1; ap_load_u32(&over) < THREADS - 1; i++) {
            size_t n = ap_unpark(&bell, 1 + ap_load_u64(&rung) % 3);
            ap_fetch_add_u64(&rung, n);
            if (i % 16 == 0) {
                nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
            }
        }
        return;
    }
    for (int i = 0; i < ROUNDS / 4; i++) {
        ap_park_result result = ap_park(&bell, equals, 0, ap_now() + (i * 7919 % 60) * 1000);
        CHECK(result == AP_UNPARKED || result == AP_TIMED_OUT);
        ap_fetch_add_u64(result == AP_UNPARKED ? &unparked : &timed_out, 1);
        reuse_the_stack();
    }
    ap_fetch_add_u32(&over, 1);
}

static void test_deadlines(void)
{
    hammer("park, unpark: each wake-up is consumed once, also after the deadline", ring_or_park);
    CHECK(ap_load_u64(&rung) == ap_load_u64(&unparked) && ap_waiters(&bell) == 0);
    CHECK(ap_load_u64(&unparked) > 0 && ap_load_u64(&timed_out) > 0);
    CHECK(ap_load_u32(&ap_waiters_in[ap_bucket_of(&bell)]) == 0); /* no waiter is counted that has returned */
}

static void test_wait(void)
{
    hammer("park, unpark: no wake-up is lost", circulate);
    CHECK(ap_load_u32(&turn) == THREADS * (ROUNDS / 10));
    CHECK(ap_unpark(&turn, AP_UNPARK_ALL) == 0 && ap_waiters(&turn) == 0);
    CHECK(ap_park(&turn, equals, 0, AP_FOREVER) == AP_NOT_PARKED);
    CHECK(ap_park(&turn, equals, ap_load_u32(&turn), ap_now() - 1) == AP_TIMED_OUT);
    CHECK(ap_park(&turn, equals, ap_load_u32(&turn), -1) == AP_TIMED_OUT);
}

/* ---- the table of the core, which the modules of the Python package call through ---- */

static void test_table(void)
{
    ap_core table;
    ap_core_describe(&table);
    CHECK(table.size == sizeof table && table.waiters_in == ap_waiters_in && table.owner_forks == ap_owner_forks);
#define SAME(result, name, parameters, arguments) CHECK(table.name == name);
#define SAME_WITHOUT_RESULT(name, parameters, arguments) CHECK(table.name == name);
    AP_CORE_FUNCTIONS(SAME, SAME_WITHOUT_RESULT)
    printf("ok  the table has each function of the core\n");
}

int main(void)
{
    alarm(600); /* a lost wake-up becomes a failure, not a hang */
    CHECK(ap_core_init() && ap_core_init());
    test_table();
    test_wait();
    test_position();
    test_deadlines();
    printf("ok  all\n");
    return 0;
}
