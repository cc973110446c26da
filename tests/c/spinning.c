/* SPDX-License-Identifier: MIT
 *
 * spinning.c: the spinning of ap_mutex, tested from inside: the designated waker, and the threads that spin in the
 * queue until it spins. Times are given, not measured. `make spinning`.
 */
#include "../../src/sync/ap_mutex.c" /* first: see ap_os.h */

#include "ap_core.h"
#include "hammer.h"

#include <unistd.h>

static const int64_t US = 1000;

static ap_mutex mutex;
static uint64_t ghost; /* an owner id that no thread has */

/* ---- the designated waker ---- */

enum { LOCKED_AGAIN = 3 };

static ap_u32 requested, over; /* in this round, how often an owner saw the request */

/* An owner that unlocks and locks again, which clears WAITERS. */
static void *lock_again(void *unused)
{
    for (uint64_t i = 0; ap_load_u32(&over) == 0; i++) {
        if (ap_load_u32(&requested) < LOCKED_AGAIN && (ap_load_u64(&mutex.state) & AP_MUTEX_WAITERS) != 0) {
            ap_store_u64(&mutex.state, (ghost ^ 4 * (i % 2)) | AP_MUTEX_LOCKED);
            ap_fetch_add_u32(&requested, 1);
        }
        ap_os_yield();
    }
    return unused;
}

/* The waker parks again if the owner has no core for long, hence more than one round. */
static void test_requests(void)
{
    pthread_t owner;
    uint64_t me = ap_owner_id();
    ap_store_u64(&mutex.state, ghost | AP_MUTEX_LOCKED);
    ap_store_i64(&mutex.fair_at, 0);
    CHECK(pthread_create(&owner, NULL, lock_again, NULL) == 0);
    for (int round = 0; ap_load_u32(&requested) < LOCKED_AGAIN; round++) {
        CHECK(round < 10000);
        ap_exchange_u32(&requested, 0);
        ap_store_u64(&mutex.designated, me);
        CHECK(!spin_as_designated(&mutex, me));
    }
    ap_exchange_u32(&over, 1);
    pthread_join(owner, NULL);
    printf("ok  mutex: a designated waker repeats its request to each owner\n");
}

static void test_does_not_request(void)
{
    uint64_t me = ap_owner_id();
    ap_store_u64(&mutex.state, ghost | AP_MUTEX_LOCKED);
    ap_store_u64(&mutex.designated, me);
    ap_store_i64(&mutex.fair_at, AP_FOREVER);
    int64_t before = ap_now();
    CHECK(!spin_as_designated(&mutex, me));
    CHECK(ap_load_u64(&mutex.state) == (ghost | AP_MUTEX_LOCKED) && ap_load_u64(&mutex.designated) == 0);
    CHECK(ap_load_i64(&mutex.spun_at) >= before && ap_load_i64(&mutex.spun_at) <= ap_now());
    printf("ok  mutex: before a hand-off is due, the designated waker changes no state and stores spun_at\n");
}

/* ---- spinning in the queue ---- */

/* How many microseconds a thread spins in the queue if it probes at each, while the designated waker spins from
 * `from` to `to`. */
static int64_t spins_for(uint64_t waker, int64_t from, int64_t to)
{
    const int64_t began = 1000000 * US;
    queue_spinner s = {.mutex = &mutex, .began = began, .probed = began, .late = began};
    ap_store_u64(&mutex.designated, waker);
    ap_store_i64(&mutex.spun_at, began - 5 * US); /* of an earlier designated waker */
    for (int64_t us = 1;; us++) {
        if (us >= from && us < to) {
            ap_store_i64(&mutex.spun_at, began + us * US);
        }
        if (!spins_in_queue(&s, began + us * US)) {
            return us;
        }
    }
}

static void test_spins_in_queue(void)
{
    queue_spinner s = {.mutex = &mutex};
    CHECK(spins_in_queue(&s, QUEUE_SPIN_EVERY - 1) && s.probed == 0);
    CHECK(spins_in_queue(&s, QUEUE_SPIN_EVERY) && s.probed == QUEUE_SPIN_EVERY);

    const int64_t never = INT64_MAX, most = QUEUE_SPIN_MOST / US, on = QUEUE_SPIN / US, every = QUEUE_SPIN_EVERY / US;
    CHECK(spins_for(0, never, never) == on);
    CHECK(spins_for(ghost, 0, never) == on);
    CHECK(spins_for(ghost ^ (UINT64_C(1) << AP_OWNER_FORKS_SHIFT), never, never) == on);
    printf("ok  mutex: spinning in the queue is short if the designated waker spins, or without one\n");

    CHECK(spins_for(ghost, never, never) == most && spins_for(ghost | REQUESTS, never, never) == most);
    int64_t once_spinning = spins_for(ghost, 200, never);
    CHECK(once_spinning > 200 + on - 2 * every && once_spinning <= 200 + on);
    CHECK(spins_for(ghost, 100, 101) == most);
    CHECK(spins_for(ghost, 1, 5) == most);
    printf("ok  mutex: it lasts while the designated waker is late, and is bounded\n");
}

int main(void)
{
    alarm(600);
    CHECK(ap_core_init());
    ap_mutex_init(&mutex);
    ghost = (ap_owner_id() & ~AP_OWNER_THREAD_BITS) | 64;
    test_does_not_request();
    test_requests();
    test_spins_in_queue();
    printf("ok  all\n");
    return 0;
}
