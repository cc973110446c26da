/* SPDX-License-Identifier: MIT
 *
 * blocking.c: threads hammer every blocking primitive of the core, and the totals are exact. `make test`, `make tsan`.
 *
 * A lock protects a plain variable, so ThreadSanitizer reports a lock with two owners, and a hand-off that does not
 * order the writes.
 */
#include "platform/ap_os.h"
#include "hammer.h"

#include <unistd.h>

#include "ap_atomic.h"
#include "sync/ap_mutex.h"
#include "sync/ap_once.h"
#include "sync/ap_rwmutex.h"
#include "ap_core.h"
#include "park/ap_park.h"
#include "sync/ap_waitgroup.h"

/* ---- ap_mutex ---- */

static ap_mutex mutex;
static int64_t guarded; /* plain: protected by the mutex alone */

static void lock_unlock(int me)
{
    for (int i = 0; i < ROUNDS; i++) {
        switch ((i + me) % 3) {
        case 0:
            CHECK(ap_mutex_lock_until(&mutex, ap_now(), AP_FOREVER));
            break;
        case 1:
            while (!ap_mutex_try_lock(&mutex)) {
                CHECK(ap_mutex_lock_until(&mutex, ap_now(), AP_FOREVER));
                CHECK(ap_mutex_unlock(&mutex));
            }
            break;
        default: /* times out repeatedly while other threads are parked */
            for (int64_t since = ap_now(); !ap_mutex_lock_until(&mutex, since, ap_now() + MS / 100);) { }
        }
        guarded++;
        CHECK(ap_mutex_owner(&mutex) == ap_owner_id());
        CHECK(ap_mutex_unlock(&mutex));
    }
}

static ap_u64 handed_off; /* how many unlocks left the word handed off; some others are not seen */

/* Each unlock that can hands off, because all waiters began to wait long ago. */
static void hand_off(int me)
{
    (void)me;
    for (int i = 0; i < ROUNDS / 20; i++) {
        CHECK(ap_mutex_lock_until(&mutex, 0, AP_FOREVER));
        guarded++;
        for (int yields = 0; yields < 20 && (ap_load_u64(&mutex.state) & AP_MUTEX_FLAGS) == AP_MUTEX_LOCKED; yields++) {
            ap_os_yield(); /* until another thread waits */
        }
        ap_store_i64(&mutex.fair_at, 0); /* and the last hand-off was long ago */
        CHECK(ap_mutex_owner(&mutex) == ap_owner_id());
        CHECK(ap_mutex_unlock(&mutex));
        uint64_t flags = ap_mutex_flags(ap_load_u64(&mutex.state));
        ap_fetch_add_u64_relaxed(&handed_off, (flags & (AP_MUTEX_LOCKED | AP_MUTEX_HAND_OFF)) == AP_MUTEX_HAND_OFF);
    }
}

/* An unlock at each step of a thread that spins, stops, and parks, and no third thread that could replace a lost
 * wake-up. */
static ap_u32 round_begun, round_ended;

static void *lock_each_round(void *unused)
{
    for (uint32_t i = 1; i <= ROUNDS / 10; i++) {
        while (ap_load_u32(&round_begun) != i) { }
        CHECK(ap_mutex_lock_until(&mutex, ap_now(), AP_FOREVER));
        CHECK(ap_mutex_unlock(&mutex));
        ap_exchange_u32(&round_ended, i);
    }
    return unused;
}

/* When to unlock in this round, in ns: at any step, or at those with which a thread that spins stops and parks. */
static int64_t unlock_after(uint32_t i)
{
    const int64_t stops = 2 * AP_MUTEX_FAIR_AFTER;
    return i % 2 == 0 ? i * 7919 % (stops * 3 / 2) : stops - stops / 32 + i * 7919 % (stops / 8);
}

static void test_wake_up(void)
{
    pthread_t other;
    int parks = 0;
    CHECK(pthread_create(&other, NULL, lock_each_round, NULL) == 0);
    for (uint32_t i = 1; i <= ROUNDS / 10; i++) {
        CHECK(ap_mutex_try_lock(&mutex));
        ap_exchange_u32(&round_begun, i);
        while (i % 2 != 0 && (ap_load_u64(&mutex.state) & AP_MUTEX_FLAGS) == AP_MUTEX_LOCKED) {
            ap_os_yield(); /* until the other thread spins */
        }
        for (int64_t until = ap_now() + unlock_after(i); ap_now() < until;) { }
        parks += (ap_load_u64(&mutex.state) & AP_MUTEX_WAITERS) != 0;
        CHECK(ap_mutex_unlock(&mutex));
        while (ap_load_u32(&round_ended) != i) { }
    }
    pthread_join(other, NULL);
    CHECK(parks > 0);
    printf("ok  mutex: no wake-up is lost\n");
}

/* Half of the threads lock and never unlock. The others unlock what they have not locked, sometimes two at once. Each
 * unlock that returns true admits exactly one lock. */
static void lock_or_unlock(int me)
{
    for (int i = 0; i < ROUNDS / 10; i++) {
        if (me % 2 == 0) {
            CHECK(ap_mutex_lock_until(&mutex, ap_now(), ap_now() + 60 * 1000 * MS));
        } else {
            while (!ap_mutex_unlock(&mutex)) {
                ap_cpu_relax();
            }
        }
    }
}

static void test_mutex(void)
{
    ap_mutex_init(&mutex);
    test_wake_up();
    CHECK(ap_mutex_try_lock(&mutex));
    hammer("mutex: unlocked by threads that did not lock it", lock_or_unlock);
    CHECK(ap_mutex_is_locked(&mutex) && ap_mutex_unlock(&mutex));
    hammer("mutex: lock, try_lock, timed lock, unlock", lock_unlock);
    CHECK(guarded == (int64_t)THREADS * ROUNDS);
    CHECK(!ap_mutex_is_locked(&mutex));
    CHECK(!ap_mutex_unlock(&mutex)); /* of an unlocked mutex: refused */

    guarded = 0;
    hammer("mutex: handed off", hand_off);
    CHECK(guarded == (int64_t)THREADS * (ROUNDS / 20) && ap_load_u64(&handed_off) > ROUNDS / 20);

    CHECK(ap_mutex_try_lock(&mutex));
    int64_t before = ap_now();
    CHECK(!ap_mutex_lock_until(&mutex, before, before + 20 * MS));
    CHECK(ap_now() - before >= 20 * MS);
    CHECK(ap_mutex_unlock(&mutex));
    CHECK(ap_mutex_owner(&mutex) == 0);
    printf("ok  mutex: timeout\n");
}

/* ---- ap_rwmutex ---- */

static ap_rwmutex rw;
static int64_t one, two; /* plain: a writer changes both, and a reader must see them equal */
static ap_i64 written_times;

static void read_write(int me)
{
    for (int i = 0; i < ROUNDS / 2; i++) {
        int64_t now = ap_now();
        if ((i + me) % 4 == 0) {
            switch (i % 3) {
            case 0:
                CHECK(ap_rwmutex_write_lock_until(&rw, now, AP_FOREVER));
                break;
            case 1:
                while (!ap_rwmutex_try_write_lock(&rw)) { }
                break;
            default: /* gives up repeatedly, and admits the readers that it held back */
                while (!ap_rwmutex_write_lock_until(&rw, now, ap_now() + MS / 50)) { }
            }
            one++;
            CHECK(ap_mutex_owner(&rw.writers) == ap_owner_id());
            two++;
            ap_fetch_add_i64_relaxed(&written_times, 1);
            CHECK(ap_rwmutex_write_unlock(&rw));
        } else {
            switch (i % 3) {
            case 0:
                CHECK(ap_rwmutex_read_lock_until(&rw, AP_FOREVER));
                break;
            case 1:
                while (!ap_rwmutex_try_read_lock(&rw)) { }
                break;
            default:
                while (!ap_rwmutex_read_lock_until(&rw, ap_now() + MS / 50)) { }
            }
            CHECK(one == two);
            CHECK(ap_rwmutex_read_unlock(&rw));
        }
    }
}

static void test_rwmutex(void)
{
    ap_rwmutex_init(&rw);
    hammer("rwmutex: lock, try_lock, timed lock, unlock, for reading and for writing", read_write);
    CHECK(one == ap_load_i64(&written_times) && two == one);
    CHECK(ap_rwmutex_state(&rw) == 0 && !ap_mutex_is_locked(&rw.writers));
    CHECK(!ap_rwmutex_read_unlock(&rw) && !ap_rwmutex_write_unlock(&rw));

    /* Readers exclude a writer. A writer that gave up excludes no reader. */
    CHECK(ap_rwmutex_try_read_lock(&rw) && ap_rwmutex_try_read_lock(&rw));
    CHECK(!ap_rwmutex_try_write_lock(&rw));
    CHECK(!ap_rwmutex_write_lock_until(&rw, ap_now(), ap_now() + MS));
    CHECK(!ap_rwmutex_write_unlock(&rw));
    CHECK(ap_rwmutex_try_read_lock(&rw));
    for (int i = 0; i < 3; i++) {
        CHECK(ap_rwmutex_read_unlock(&rw));
    }
    CHECK(!ap_rwmutex_read_unlock(&rw));

    /* A pending writer excludes new readers before it holds the write lock. */
    CHECK(ap_rwmutex_try_read_lock(&rw));
    CHECK(ap_rwmutex_enter_until(&rw, 0, 0) && !ap_rwmutex_announce(&rw));
    CHECK(!ap_rwmutex_try_read_lock(&rw) && !ap_rwmutex_read_lock_until(&rw, ap_now() + MS));
    CHECK(!ap_rwmutex_write_unlock(&rw));
    CHECK(!ap_rwmutex_drain(&rw, ap_now() + MS));
    CHECK(ap_rwmutex_read_unlock(&rw));
    CHECK(ap_rwmutex_drain(&rw, AP_FOREVER));
    CHECK(!ap_rwmutex_read_unlock(&rw));
    CHECK(ap_rwmutex_write_unlock(&rw) && !ap_rwmutex_write_unlock(&rw));
    CHECK(ap_rwmutex_state(&rw) == 0 && !ap_mutex_is_locked(&rw.writers));
    printf("ok  rwmutex: exclusion of readers and writers\n");
}

/* ---- ap_once ---- */

static ap_once onces[ROUNDS / 10];
static int64_t results[ROUNDS / 10]; /* plain: written by one thread, read by all */

static void do_once(int me)
{
    for (int i = 0; i < ROUNDS / 10; i++) {
        ap_once_result result;
        while ((result = ap_once_begin(&onces[i], (i + me) % 2 ? AP_FOREVER : ap_now() + MS / 100))
               == AP_ONCE_TIMED_OUT) { }
        if (result == AP_ONCE_MINE) {
            CHECK(ap_once_runner(&onces[i]) == ap_owner_id());
            results[i]++;
            ap_once_finish(&onces[i]);
        }
        CHECK(results[i] == 1 && ap_once_is_done(&onces[i]) && ap_once_runner(&onces[i]) == 0);
    }
}

static void test_once(void)
{
    for (int i = 0; i < ROUNDS / 10; i++) {
        ap_once_init(&onces[i]);
    }
    hammer("once: one thread runs it, all see its writes", do_once);
}

/* ---- ap_waitgroup ---- */

static ap_waitgroup group;
static int64_t written[THREADS]; /* plain: ordered by done() before the return of wait() */

static void done(int me)
{
    int64_t count;
    written[me] = me + 1;
    CHECK(ap_waitgroup_add(&group, -1, &count) == AP_WAITGROUP_OK);
}

static bool wait_for_group(void)
{
    uint64_t ticket;
    if (!ap_waitgroup_enter(&group, &ticket)) {
        return false;
    }
    CHECK(ap_waitgroup_wait(&group, AP_FOREVER));
    ap_waitgroup_leave(&group, ticket);
    return true;
}

static void *wait_and_sum(void *unused)
{
    int64_t total = 0;
    wait_for_group();
    for (int i = 0; i < THREADS; i++) {
        total += written[i];
    }
    CHECK(total == THREADS * (THREADS + 1) / 2);
    return unused;
}

/* Reused repeatedly by threads that are not synchronised. add() from zero is refused while a waiter has not returned,
 * and each waiter finds zero at its end. */
static void reuse(int me)
{
    int64_t count;
    for (int i = 0; i < ROUNDS / 10; i++) {
        ap_waitgroup_result added = ap_waitgroup_add(&group, 1, &count);
        if (added == AP_WAITGROUP_OK) {
            CHECK(ap_waitgroup_add(&group, -1, &count) == AP_WAITGROUP_OK);
        } else {
            CHECK(added == AP_WAITGROUP_REUSED && count == 0);
        }
        if (me % 2) {
            wait_for_group();
        }
    }
}

static void test_waitgroup(void)
{
    int64_t count;
    uint64_t ticket;
    ap_waitgroup_init(&group);
    CHECK(ap_waitgroup_add(&group, -1, &count) == AP_WAITGROUP_NEGATIVE && count == 0);
    CHECK(!ap_waitgroup_enter(&group, &ticket));

    CHECK(ap_waitgroup_add(&group, THREADS, &count) == AP_WAITGROUP_OK);
    CHECK(ap_waitgroup_add(&group, -THREADS - 1, &count) == AP_WAITGROUP_NEGATIVE && count == THREADS);
    CHECK(ap_waitgroup_add(&group, AP_WAITGROUP_MAX, &count) == AP_WAITGROUP_TOO_MANY && count == THREADS);
    CHECK(ap_waitgroup_enter(&group, &ticket) && ap_waitgroup_waiters(&group) == 1);
    CHECK(!ap_waitgroup_wait(&group, ap_now() + MS));

    /* The waiter has not returned, so the group cannot be reused yet. */
    CHECK(ap_waitgroup_add(&group, -THREADS, &count) == AP_WAITGROUP_OK && count == THREADS);
    CHECK(ap_waitgroup_add(&group, THREADS, &count) == AP_WAITGROUP_REUSED && count == 0);
    CHECK(ap_waitgroup_wait(&group, AP_FOREVER));
    ap_waitgroup_leave(&group, ticket);
    CHECK(ap_waitgroup_waiters(&group) == 0);
    CHECK(ap_waitgroup_add(&group, THREADS, &count) == AP_WAITGROUP_OK && count == 0);

    pthread_t waiters[3];
    for (int i = 0; i < 3; i++) {
        CHECK(pthread_create(&waiters[i], NULL, wait_and_sum, NULL) == 0);
    }
    hammer("waitgroup: done", done);
    for (int i = 0; i < 3; i++) {
        pthread_join(waiters[i], NULL);
    }
    CHECK(ap_waitgroup_count(&group) == 0);
    hammer("waitgroup: reused", reuse);
    CHECK(ap_waitgroup_count(&group) == 0 && ap_waitgroup_waiters(&group) == 0);
}

int main(void)
{
    alarm(600); /* a lost wake-up becomes a failure, not a hang */
    CHECK(ap_core_init() && ap_core_init());
    test_mutex();
    test_rwmutex();
    test_once();
    test_waitgroup();
    printf("ok  all\n");
    return 0;
}
