/* SPDX-License-Identifier: MIT
 *
 * slow_paths.c: exact counts of the slow paths, in a build with AP_COUNT_SLOW_PATHS, as lxml 7 tests its locks.
 * `make slow_paths`.
 *
 * A step that needs a parked thread waits until the parking lot counts it, so no count depends on timing.
 */
#include "counts.h" /* first */

#include <unistd.h>

#include "ap_core.h"
#include "sync/ap_mutex.h"
#include "sync/ap_once.h"
#include "sync/ap_rwmutex.h"
#include "sync/ap_waitgroup.h"

/* ---- ap_mutex: see mutex_states.c for single steps ---- */

static ap_mutex mutex;

static void *lock_and_unlock_since(void *since)
{
    CHECK(ap_mutex_lock_until(&mutex, *(int64_t *)since, AP_FOREVER));
    CHECK(ap_mutex_owner(&mutex) == ap_owner_id());
    CHECK(ap_mutex_unlock(&mutex));
    return since;
}

/* Begins to wait so late that no unlock hands off to it. */
static int64_t late(void) { return ap_now() + 1000 * 1000 * MS; }

static ap_bool may_unlock;

static void *own_by_hand_off(void *unused)
{
    CHECK(ap_mutex_lock_until(&mutex, 0, AP_FOREVER));
    while (!ap_load_bool(&may_unlock)) { }
    CHECK(ap_mutex_unlock(&mutex));
    return unused;
}

static void test_hand_off(void)
{
    pthread_t threads[2];
    int64_t since = late(), before;
    ap_store_bool(&may_unlock, false);
    CHECK(ap_mutex_try_lock(&mutex));
    start_thread(&threads[0], own_by_hand_off, NULL);
    until_parked(&mutex.state, 1);
    start_thread(&threads[1], lock_and_unlock_since, &since);
    until_parked(&mutex.state, 2);
    before = ap_now();
    ap_store_i64(&mutex.fair_at, 0);
    CHECK(ap_mutex_unlock(&mutex));
    CHECK(!ap_mutex_try_lock(&mutex) && ap_mutex_is_locked(&mutex)); /* handed off, or owned by that thread */
    while (ap_mutex_owner(&mutex) == 0) { }
    CHECK(ap_load_i64(&mutex.fair_at) >= before);
    ap_store_bool(&may_unlock, true);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    CHECK(ap_load_u64(&mutex.state) == 0);
    EXPECT("a hand-off to the first of two waiters costs as much as an unlock without it", [AP_MUTEX_LOCK_SLOW] = 2,
           [AP_PARK] = 2, [AP_MUTEX_UNLOCK_SLOW] = 2, [AP_UNPARK] = 2);
}

static size_t check_since(void *word, const ap_wait_queue *queue, bool *hand_off, void *since)
{
    CHECK(word == &mutex.state && !*hand_off && queue->waiters == 1 && queue->since == *(int64_t *)since);
    return 0;
}

/* An unparked thread is the designated waker. The owner keeps the mutex, so that thread parks again. */
static void test_parks_again(void)
{
    pthread_t thread;
    int64_t since = late();
    const uint64_t ghost = *ap_owner_forks | 64;
    CHECK(ap_mutex_try_lock(&mutex));
    start_thread(&thread, lock_and_unlock_since, &since);
    for (int i = 0; i < 3; i++) {
        until_parked(&mutex.state, 1);
        ap_store_u64(&mutex.state, ghost | AP_MUTEX_LOCKED | AP_MUTEX_WAKER);
        CHECK(ap_unpark(&mutex.state, 1) == 1);
        until_parked(&mutex.state, 1);
        CHECK(ap_load_u64(&mutex.state) == (ghost | AP_MUTEX_LOCKED | AP_MUTEX_WAITERS));
        ap_unpark_with(&mutex.state, 1, check_since, &since); /* its old position */
    }
    CHECK(ap_mutex_unlock(&mutex));
    pthread_join(thread, NULL);
    CHECK(ap_load_u64(&mutex.state) == 0);
    EXPECT("a designated waker that finds the mutex locked parks again, and sets WAITERS", [AP_MUTEX_LOCK_SLOW] = 1,
           [AP_PARK] = 4, [AP_MUTEX_UNLOCK_SLOW] = 1, [AP_UNPARK] = 4);
}

/* The thread parks until its deadline. Meanwhile the mutex becomes unlocked, and a designated waker does not take it:
 * at its deadline the thread does. */
static ap_bool ended;

static void *lock_for_a_while(void *acquired)
{
    *(bool *)acquired = ap_mutex_lock_until(&mutex, late(), ap_now() + 300 * MS);
    ap_store_bool(&ended, true);
    return acquired;
}

static void test_acquires_at_its_deadline(void)
{
    pthread_t thread;
    bool acquired = false;
    const uint64_t flags = AP_MUTEX_LOCKED | AP_MUTEX_WAITERS | AP_MUTEX_WAKER;
    for (int round = 0; !acquired; round++) { /* another round if it had no core until its deadline */
        CHECK(round < 10);
        ap_store_u64(&mutex.state, *ap_owner_forks | 64 | AP_MUTEX_LOCKED | AP_MUTEX_WAITERS);
        ap_store_bool(&ended, false);
        start_thread(&thread, lock_for_a_while, &acquired);
        while (ap_waiters(&mutex.state) != 1 && !ap_load_bool(&ended)) { }
        bool parked = ap_waiters(&mutex.state) == 1;
        ap_store_u64(&mutex.state, *ap_owner_forks | AP_MUTEX_WAKER | AP_MUTEX_WAITERS);
        pthread_join(thread, NULL);
        CHECK(acquired || !parked);
    }
    CHECK((ap_load_u64(&mutex.state) & AP_MUTEX_FLAGS) == flags);
    ap_store_u64(&mutex.state, 0);
    for (int i = 0; i < AP_COUNTS; i++) {
        ap_exchange_u64(&ap_counts[i], 0);
    }
    printf("ok  a waiter acquires at its deadline if the mutex is unlocked\n");
}

static void test_mutex(void)
{
    pthread_t threads[2];
    int64_t since[2];
    ap_mutex_init(&mutex);
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(ap_mutex_lock_until(&mutex, 0, AP_FOREVER) && ap_mutex_unlock(&mutex));
        CHECK(ap_mutex_try_lock(&mutex) && !ap_mutex_try_lock(&mutex) && ap_mutex_unlock(&mutex));
    }
    EXPECT("an uncontended lock never takes a slow path", 0);

    CHECK(ap_mutex_try_lock(&mutex));
    since[0] = late();
    start_thread(&threads[0], lock_and_unlock_since, &since[0]);
    until_parked(&mutex.state, 1);
    CHECK(ap_load_u64(&mutex.state) == (ap_owner_id() | AP_MUTEX_LOCKED | AP_MUTEX_WAITERS));
    CHECK(ap_mutex_unlock(&mutex));
    pthread_join(threads[0], NULL);
    CHECK(ap_load_u64(&mutex.state) == 0);
    EXPECT("one waiter costs one park and one unpark; its own unlock is fast", [AP_MUTEX_LOCK_SLOW] = 1, [AP_PARK] = 1,
           [AP_MUTEX_UNLOCK_SLOW] = 1, [AP_UNPARK] = 1);

    CHECK(ap_mutex_try_lock(&mutex));
    for (int i = 0; i < 2; i++) {
        since[i] = late();
        start_thread(&threads[i], lock_and_unlock_since, &since[i]);
        until_parked(&mutex.state, (size_t)i + 1);
    }
    CHECK(ap_mutex_unlock(&mutex));
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    CHECK(ap_load_u64(&mutex.state) == 0);
    EXPECT("of two waiters, the unlock of the first unparks the second, whose own is fast", [AP_MUTEX_LOCK_SLOW] = 2,
           [AP_PARK] = 2, [AP_MUTEX_UNLOCK_SLOW] = 2, [AP_UNPARK] = 2);

    test_hand_off();
    test_parks_again();
    test_acquires_at_its_deadline();

    CHECK(ap_mutex_try_lock(&mutex) && !ap_mutex_lock_until(&mutex, ap_now(), ap_now() + MS));
    CHECK(ap_mutex_unlock(&mutex));
    CHECK(ap_mutex_try_lock(&mutex) && ap_mutex_unlock(&mutex));
    EXPECT("a waiter that gave up costs one unlock a slow path, and the next unlock nothing", [AP_MUTEX_LOCK_SLOW] = 1,
           [AP_PARK] = 1, [AP_MUTEX_UNLOCK_SLOW] = 1);
}

/* ---- ap_rwmutex ---- */

static ap_rwmutex rw;

static void *read_once(void *unused)
{
    CHECK(ap_rwmutex_read_lock_until(&rw, AP_FOREVER) && ap_rwmutex_read_unlock(&rw));
    return unused;
}

static void *write_once(void *unused)
{
    CHECK(ap_rwmutex_write_lock_until(&rw, ap_now(), AP_FOREVER) && ap_rwmutex_write_unlock(&rw));
    return unused;
}

static void test_rwmutex(void)
{
    pthread_t threads[4];
    ap_rwmutex_init(&rw);
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(ap_rwmutex_read_lock_until(&rw, AP_FOREVER) && ap_rwmutex_try_read_lock(&rw));
        CHECK(!ap_rwmutex_try_write_lock(&rw));
        CHECK(ap_rwmutex_read_unlock(&rw) && ap_rwmutex_read_unlock(&rw));
        CHECK(ap_rwmutex_write_lock_until(&rw, 0, AP_FOREVER) && ap_rwmutex_write_unlock(&rw));
    }
    EXPECT("readers, and a writer alone, never take a slow path", 0);

    CHECK(ap_rwmutex_try_write_lock(&rw));
    for (int i = 0; i < 4; i++) {
        start_thread(&threads[i], read_once, NULL);
        until_parked(&rw.state, (size_t)i + 1);
    }
    CHECK(ap_rwmutex_write_unlock(&rw));
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    EXPECT("four readers behind a writer park once each, and are admitted at once", [AP_RWMUTEX_READ_SLOW] = 4,
           [AP_PARK] = 4, [AP_RWMUTEX_ADMIT] = 1, [AP_UNPARK] = 4);

    CHECK(ap_rwmutex_try_read_lock(&rw) && ap_rwmutex_try_read_lock(&rw));
    start_thread(&threads[0], write_once, NULL);
    until_parked(&rw.drained, 1);
    CHECK(ap_rwmutex_read_unlock(&rw) && ap_rwmutex_read_unlock(&rw));
    pthread_join(threads[0], NULL);
    EXPECT("a writer behind two readers is unparked once, by the last", [AP_RWMUTEX_WRITE_SLOW] = 1, [AP_PARK] = 1,
           [AP_UNPARK] = 1);
}

/* ---- ap_once, ap_waitgroup ---- */

static ap_once once;
static ap_waitgroup group;

static void *call_once(void *unused)
{
    CHECK(ap_once_begin(&once, AP_FOREVER) == AP_ONCE_DONE);
    return unused;
}

static void *wait_for_group(void *unused)
{
    uint64_t ticket;
    CHECK(ap_waitgroup_enter(&group, &ticket) && ap_waitgroup_wait(&group, AP_FOREVER));
    ap_waitgroup_leave(&group, ticket);
    return unused;
}

static void test_once_and_waitgroup(void)
{
    int64_t count;
    pthread_t threads[4];
    ap_once_init(&once);
    ap_waitgroup_init(&group);

    CHECK(ap_once_begin(&once, AP_FOREVER) == AP_ONCE_MINE);
    for (int i = 0; i < 4; i++) {
        start_thread(&threads[i], call_once, NULL);
        until_parked(&once.state, (size_t)i + 1);
    }
    ap_once_finish(&once);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(ap_once_is_done(&once));
    }
    EXPECT(
        "once: five callers, four of which park and are unparked", [AP_ONCE_SLOW] = 5, [AP_PARK] = 4, [AP_UNPARK] = 4);

    CHECK(ap_waitgroup_add(&group, ROUNDS, &count) == AP_WAITGROUP_OK);
    for (int i = 0; i < 4; i++) {
        start_thread(&threads[i], wait_for_group, NULL);
        until_parked(&group.state, (size_t)i + 1);
    }
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(ap_waitgroup_add(&group, -1, &count) == AP_WAITGROUP_OK);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    EXPECT("waitgroup: four waiters are unparked once each, by the last done()", [AP_PARK] = 4, [AP_UNPARK] = 4);
}

int main(void)
{
    alarm(300); /* a lost wake-up becomes a failure, not a hang */
    CHECK(ap_core_init());
    test_mutex();
    test_rwmutex();
    test_once_and_waitgroup();
    printf("ok  all\n");
    return 0;
}
