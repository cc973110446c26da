/* SPDX-License-Identifier: MIT
 *
 * standing_by.c: what the threads of ap_mutex do while they wait awake, looked at from inside: the one that stands by, and
 * those that look on until it does. The time is given, not measured. `make standing_by`.
 */
#include "../../src/sync/ap_mutex.c" /* first: see ap_os.h */

#include "hammer.h"

#include <unistd.h>

static const int64_t US = 1000;

static ap_mutex mutex;
static uint64_t ghost; /* a mark that no thread has */

/* ---- the one that stands by ---- */

enum { TAKEN_ANEW = 3 };

static ap_u32 told, over; /* in this round, how often the owner was told */

/* An owner that unlocks and takes the mutex anew, without a WAITERS from before. */
static void *take_anew(void *unused)
{
    for (uint64_t i = 0; ap_load_u32(&over) == 0; i++) {
        if (ap_load_u32(&told) < TAKEN_ANEW && (ap_load_u64(&mutex.state) & AP_MUTEX_WAITERS) != 0) {
            ap_store_u64(&mutex.state, (ghost ^ 4 * (i % 2)) | AP_MUTEX_LOCKED);
            ap_fetch_add_u32(&told, 1);
        }
        ap_os_yield();
    }
    return unused;
}

/* It grows tired where the owner has no core for so long, hence more than one round. */
static void test_asks(void)
{
    pthread_t owner;
    uint64_t me = ap_owner_id();
    ap_store_u64(&mutex.state, ghost | AP_MUTEX_LOCKED);
    ap_store_i64(&mutex.fair_at, 0);
    CHECK(pthread_create(&owner, NULL, take_anew, NULL) == 0);
    for (int round = 0; ap_load_u32(&told) < TAKEN_ANEW; round++) {
        CHECK(round < 10000);
        ap_exchange_u32(&told, 0);
        ap_store_u64(&mutex.awake, me);
        CHECK(!stand_by(&mutex, me));
    }
    ap_exchange_u32(&over, 1);
    pthread_join(owner, NULL);
    printf("ok  mutex: one that asks tells each owner anew\n");
}

static void test_does_not_ask(void)
{
    uint64_t me = ap_owner_id();
    ap_store_u64(&mutex.state, ghost | AP_MUTEX_LOCKED);
    ap_store_u64(&mutex.awake, me);
    ap_store_i64(&mutex.fair_at, AP_FOREVER);
    int64_t before = ap_now();
    CHECK(!stand_by(&mutex, me));
    CHECK(ap_load_u64(&mutex.state) == (ghost | AP_MUTEX_LOCKED) && ap_load_u64(&mutex.awake) == 0);
    CHECK(ap_load_i64(&mutex.stood_by) >= before && ap_load_i64(&mutex.stood_by) <= ap_now());
    printf("ok  mutex: before it is time, one that stands by leaves the owner alone, and says that it is there\n");
}

/* ---- those that look on ---- */

/* For how many microseconds one looks on, that looks each of them, with the one awake there from `from` to `to`. */
static int64_t looks_on_for(uint64_t awake, int64_t from, int64_t to)
{
    const int64_t began = 1000000 * US;
    onlooker o = {.mutex = &mutex, .began = began, .looked = began, .late = began};
    ap_store_u64(&mutex.awake, awake);
    ap_store_i64(&mutex.stood_by, began - 5 * US); /* of who stood by before */
    for (int64_t us = 1;; us++) {
        if (us >= from && us < to) {
            ap_store_i64(&mutex.stood_by, began + us * US);
        }
        if (!looks_on(&o, began + us * US)) {
            return us;
        }
    }
}

static void test_looks_on(void)
{
    onlooker o = {.mutex = &mutex};
    CHECK(looks_on(&o, LOOK_ON_EVERY - 1) && o.looked == 0);
    CHECK(looks_on(&o, LOOK_ON_EVERY) && o.looked == LOOK_ON_EVERY);

    const int64_t never = INT64_MAX, most = LOOK_ON_MOST / US, on = LOOK_ON / US, every = LOOK_ON_EVERY / US;
    CHECK(looks_on_for(0, never, never) == on);
    CHECK(looks_on_for(ghost, 0, never) == on);
    CHECK(looks_on_for(ghost ^ (UINT64_C(1) << AP_OWNER_FORKS_SHIFT), never, never) == on);
    printf("ok  mutex: who begins to sleep does not look on for long, where one stands by or nobody is awake\n");

    CHECK(looks_on_for(ghost, never, never) == most && looks_on_for(ghost | HERE, never, never) == most);
    int64_t once_there = looks_on_for(ghost, 200, never);
    CHECK(once_there > 200 + on - 2 * every && once_there <= 200 + on);
    CHECK(looks_on_for(ghost, 100, 101) == most);
    CHECK(looks_on_for(ghost, 1, 5) == most);
    printf("ok  mutex: nor for ever, but as long as the one awake is late, at the start or again\n");
}

int main(void)
{
    alarm(600);
    CHECK(ap_wait_init());
    ap_mutex_init(&mutex);
    ghost = (ap_owner_id() & ~AP_OWNER_THREAD_BITS) | 64;
    test_does_not_ask();
    test_asks();
    test_looks_on();
    printf("ok  all\n");
    return 0;
}
