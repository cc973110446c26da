/* SPDX-License-Identifier: MIT
 *
 * spinning.c: the designated waker of ap_mutex, from inside: when it requests the mutex, takes it, and stops. Times are
 * given, and the word changes between two probes, so each result is exact. `make spinning`.
 */
#include "mutex_inside.h" /* first */

#include "ap_core.h"
#include "hammer.h"

#include <unistd.h>

enum { US = 1000, SOON = 20 * US /* before it requests */ };

static ap_mutex mutex;
static uint64_t owner; /* an owner id that no thread has */

/* ---- between two probes ---- */

static int probes; /* that have not ended the spinning */
static int64_t step;
static void (*change_word)(void); /* what other threads do meanwhile */

static void pass(int pauses)
{
    const bool unlocked_or_requested = (ap_load_u64(&mutex.state) & (L | H)) != L;
    CHECK(pauses == (unlocked_or_requested ? PROBE_PAUSES / 8 : PROBE_PAUSES));
    probes++;
    change_word();
    clock_at += step;
}

/* Spin from the time BEGAN, with a probe at each microsecond. */
static bool spin_from(uint64_t state, int64_t fair_at, int64_t deadline, void (*between)(void))
{
    ap_store_u64(&mutex.state, state);
    ap_store_i64(&mutex.fair_at, fair_at);
    clock_at = BEGAN;
    step = US;
    probes = 0;
    change_word = between;
    between_probes = pass;
    return spin(&mutex, deadline);
}

static uint64_t word(void) { return ap_load_u64(&mutex.state); }
static int64_t fair_at(void) { return ap_load_i64(&mutex.fair_at); }

/* ---- it requests, and stops ---- */

static uint64_t waiters; /* WAITERS, if the word has it */

static void expect_request(void)
{
    uint64_t request = clock_at - BEGAN >= FAIR_AFTER ? H : 0;
    CHECK(word() == (owner | L | K | waiters | request));
}

static void test_requests_and_stops(void)
{
    for (int i = 0; i < 2; i++) {
        waiters = i == 0 ? 0 : W;
        CHECK(!spin_from(owner | L | K | waiters, 7, AP_FOREVER, expect_request));
        CHECK(clock_at == BEGAN + 2 * FAIR_AFTER && probes == 2 * FAIR_AFTER / US);
        CHECK(word() == (owner | L | W) && fair_at() == 7);
    }
    printf("ok  mutex: a designated waker requests the mutex, and later it stops\n");
}

static void test_deadline(void)
{
    waiters = 0;
    CHECK(!spin_from(owner | L | K, 7, BEGAN + SOON, expect_request));
    CHECK(clock_at == BEGAN + SOON && word() == (owner | L | W) && fair_at() == 7);
    CHECK(!spin_from(owner | L | K, 7, BEGAN + FAIR_AFTER + SOON, expect_request)); /* after the request */
    CHECK(clock_at == BEGAN + FAIR_AFTER + SOON && word() == (owner | L | W) && fair_at() == 7);
    waiters = W;
    CHECK(!spin_from(owner | L | K | W, 7, BEGAN, expect_request));
    CHECK(probes == 0 && word() == (owner | L | W));
    CHECK(!spin_from(owner | L | K | H | W, 7, 0, expect_request));
    CHECK(probes == 0 && word() == (owner | L | W));
    printf("ok  mutex: it stops at its deadline\n");
}

/* ---- it takes ---- */

static void no_change(void) { }

static void unlock_when_requested(void)
{
    if (word() == (owner | L | K | H | waiters)) {
        CHECK(ap_mutex_unlock(&mutex) && word() == (*ap_owner_forks | K | H | waiters));
        clock_at += 5 * US;
    }
}

/* Before the request, an unlock for which a hand-off is due. */
static void unlock_when_due(void)
{
    if (clock_at == BEGAN + SOON) {
        CHECK(ap_mutex_unlock(&mutex) && word() == (*ap_owner_forks | K | H | waiters) && fair_at() == clock_at);
        clock_at += 5 * US;
    }
}

static void test_handed_off(void)
{
    for (int i = 0; i < 2; i++) {
        waiters = i == 0 ? 0 : W;
        const uint64_t mine = ap_owner_id() | L | waiters;
        /* Before its first probe, 40 us ago: no hand-off for another 40 us. */
        CHECK(spin_from(*ap_owner_forks | K | H | waiters, BEGAN - 40 * US, AP_FOREVER, no_change));
        CHECK(probes == 0 && word() == mine && fair_at() == BEGAN + 40 * US);
        /* While it spins: the hand-off takes 5 us and one probe. */
        CHECK(spin_from(owner | L | K | waiters, BEGAN + SOON, AP_FOREVER, unlock_when_due));
        CHECK(word() == mine && clock_at == BEGAN + SOON + 6 * US && fair_at() == clock_at + 6 * US);
        /* On request: fair_at is as it was. */
        CHECK(spin_from(owner | L | K | waiters, AP_FOREVER, AP_FOREVER, unlock_when_requested));
        CHECK(word() == mine && clock_at == BEGAN + FAIR_AFTER + 6 * US && fair_at() == AP_FOREVER);
        /* After its deadline. */
        CHECK(spin_from(*ap_owner_forks | K | H | waiters, BEGAN, 0, no_change) && word() == mine);
        CHECK(ap_mutex_unlock(&mutex));
    }
    printf("ok  mutex: it takes a mutex that is handed off to it\n");
}

static void test_stays_free(void)
{
    for (int i = 0; i < 2; i++) {
        waiters = i == 0 ? 0 : W;
        CHECK(spin_from(*ap_owner_forks | K | waiters, 7, AP_FOREVER, no_change));
        CHECK(probes == FREE_PROBES - 1 && word() == (ap_owner_id() | L | waiters) && fair_at() == 7);
        /* Also after its deadline: it may not park while the mutex is unlocked. */
        CHECK(spin_from(*ap_owner_forks | K | waiters, 7, 0, no_change));
        CHECK(probes == FREE_PROBES - 1 && word() == (ap_owner_id() | L | waiters) && fair_at() == 7);
    }
    printf("ok  mutex: it takes one that stays unlocked\n");
}

/* The mutex is unlocked at all probes but each `locked_each`th. */
static int locked_each;

static void lock_and_unlock(void)
{
    bool locked = probes % locked_each == locked_each - 1;
    ap_store_u64(&mutex.state, locked ? owner | L | K : *ap_owner_forks | K);
}

static void test_does_not_stay_free(void)
{
    locked_each = FREE_PROBES;
    CHECK(!spin_from(*ap_owner_forks | K, 7, AP_FOREVER, lock_and_unlock));
    CHECK(word() == (owner | L | W) && probes >= 2 * FAIR_AFTER / US && probes < 2 * FAIR_AFTER / US + FREE_PROBES);
    locked_each = 2;
    CHECK(!spin_from(owner | L | K, 7, AP_FOREVER, lock_and_unlock));
    CHECK(word() == (owner | L | W) && probes >= 2 * FAIR_AFTER / US && probes <= 2 * FAIR_AFTER / US + 1);
    locked_each = FREE_PROBES + 1;
    CHECK(spin_from(owner | L | K, 7, AP_FOREVER, lock_and_unlock));
    CHECK(word() == (ap_owner_id() | L) && probes < 2 * (FREE_PROBES + 1));
    printf("ok  mutex: it does not take one that is unlocked at some probes only\n");
}

/* ---- a new arrival becomes the designated waker ---- */

static void unlock_at_once(void)
{
    if (probes == 1) {
        CHECK(word() == (owner | L | K) && fair_at() == BEGAN + 2 * FAIR_AFTER);
        CHECK(ap_mutex_unlock(&mutex) && word() == (*ap_owner_forks | K));
    }
}

static void test_arrival(void)
{
    ap_mutex_init(&mutex);
    clock_at = BEGAN;
    step = US;
    probes = 0;
    change_word = unlock_at_once;
    between_probes = pass;
    ap_store_u64(&mutex.state, owner | L);
    CHECK(ap_mutex_lock_until(&mutex, BEGAN, AP_FOREVER));
    CHECK(word() == (ap_owner_id() | L) && probes == FREE_PROBES);
    CHECK(ap_mutex_unlock(&mutex) && word() == 0);
    printf("ok  mutex: an arrival at a locked mutex becomes the designated waker\n");
}

int main(void)
{
    alarm(600);
    CHECK(ap_core_init());
    ap_mutex_init(&mutex);
    owner = *ap_owner_forks | GHOST;
    test_requests_and_stops();
    test_deadline();
    test_handed_off();
    test_stays_free();
    test_does_not_stay_free();
    test_arrival();
    printf("ok  all\n");
    return 0;
}
