/* SPDX-License-Identifier: MIT
 *
 * standing_by.c: what the threads of ap_mutex do while they wait awake, looked at from inside: the one that stands by, and
 * those that look on until it does. The time is given, not measured. `make standing_by`.
 */
#include "../../src/sync/ap_mutex.c" /* first: see ap_os.h */

#include "ap_core.h"
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
        ap_store_u64(&mutex.designated, me);
        CHECK(!spin_as_designated(&mutex, me));
    }
    ap_exchange_u32(&over, 1);
    pthread_join(owner, NULL);
    printf("ok  mutex: one that asks tells each owner anew\n");
}

static void test_does_not_ask(void)
{
    uint64_t me = ap_owner_id();
    ap_store_u64(&mutex.state, ghost | AP_MUTEX_LOCKED);
    ap_store_u64(&mutex.designated, me);
    ap_store_i64(&mutex.fair_at, AP_FOREVER);
    int64_t before = ap_now();
    CHECK(!spin_as_designated(&mutex, me));
    CHECK(ap_load_u64(&mutex.state) == (ghost | AP_MUTEX_LOCKED) && ap_load_u64(&mutex.designated) == 0);
    CHECK(ap_load_i64(&mutex.spun_at) >= before && ap_load_i64(&mutex.spun_at) <= ap_now());
    printf("ok  mutex: before it is time, one that stands by leaves the owner alone, and says that it is there\n");
}

/* ---- those that look on ---- */

/* For how many microseconds one looks on, that looks each of them, with the one awake there from `from` to `to`. */
static int64_t spins_for(uint64_t awake, int64_t from, int64_t to)
{
    const int64_t began = 1000000 * US;
    queue_spinner o = {.mutex = &mutex, .began = began, .probed = began, .late = began};
    ap_store_u64(&mutex.designated, awake);
    ap_store_i64(&mutex.spun_at, began - 5 * US); /* of who stood by before */
    for (int64_t us = 1;; us++) {
        if (us >= from && us < to) {
            ap_store_i64(&mutex.spun_at, began + us * US);
        }
        if (!spins_in_queue(&o, began + us * US)) {
            return us;
        }
    }
}

static void test_spins_in_queue(void)
{
    queue_spinner o = {.mutex = &mutex};
    CHECK(spins_in_queue(&o, QUEUE_SPIN_EVERY - 1) && o.probed == 0);
    CHECK(spins_in_queue(&o, QUEUE_SPIN_EVERY) && o.probed == QUEUE_SPIN_EVERY);

    const int64_t never = INT64_MAX, most = QUEUE_SPIN_MOST / US, on = QUEUE_SPIN / US, every = QUEUE_SPIN_EVERY / US;
    CHECK(spins_for(0, never, never) == on);
    CHECK(spins_for(ghost, 0, never) == on);
    CHECK(spins_for(ghost ^ (UINT64_C(1) << AP_OWNER_FORKS_SHIFT), never, never) == on);
    printf("ok  mutex: who begins to sleep does not look on for long, where one stands by or nobody is awake\n");

    CHECK(spins_for(ghost, never, never) == most && spins_for(ghost | REQUESTS, never, never) == most);
    int64_t once_there = spins_for(ghost, 200, never);
    CHECK(once_there > 200 + on - 2 * every && once_there <= 200 + on);
    CHECK(spins_for(ghost, 100, 101) == most);
    CHECK(spins_for(ghost, 1, 5) == most);
    printf("ok  mutex: nor for ever, but as long as the one awake is late, at the start or again\n");
}

int main(void)
{
    alarm(600);
    CHECK(ap_core_init());
    ap_mutex_init(&mutex);
    ghost = (ap_owner_id() & ~AP_OWNER_THREAD_BITS) | 64;
    test_does_not_ask();
    test_asks();
    test_spins_in_queue();
    printf("ok  all\n");
    return 0;
}
