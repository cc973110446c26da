/* SPDX-License-Identifier: MIT
 *
 * slow_paths.c: exact counts of the slow paths, in a build with AP_COUNT_SLOW_PATHS, as lxml 7 tests its locks.
 * `make slow_paths`.
 *
 * A step that needs a parked thread waits until the parking lot counts it, so no count depends on timing.
 */
#include "hammer.h"

#include <unistd.h>

#include "park/ap_count.h"
#include "sync/ap_mutex.h"
#include "sync/ap_once.h"
#include "sync/ap_rwmutex.h"
#include "ap_core.h"
#include "park/ap_park.h"
#include "sync/ap_waitgroup.h"

ap_u64 ap_counts[AP_COUNTS];

static const char *const names[AP_COUNTS] = {
    [AP_PARK] = "park",
    [AP_UNPARK] = "unpark",
    [AP_MUTEX_LOCK_SLOW] = "mutex lock slow",
    [AP_MUTEX_UNLOCK_SLOW] = "mutex unlock slow",
    [AP_MUTEX_HAND_OFF] = "mutex hand-off",
    [AP_RWMUTEX_READ_SLOW] = "rwmutex read slow",
    [AP_RWMUTEX_WRITE_SLOW] = "rwmutex write slow",
    [AP_RWMUTEX_ADMIT] = "rwmutex admit",
    [AP_ONCE_SLOW] = "once slow",
};

/* All counts since the last call: those named, and no others. */
static void expect(const char *what, const uint64_t (*expected)[AP_COUNTS])
{
    for (int i = 0; i < AP_COUNTS; i++) {
        uint64_t got = ap_exchange_u64(&ap_counts[i], 0);
        if (got != (*expected)[i]) {
            fprintf(stderr, "%s: %s: %d times, not %d\n", what, names[i], (int)got, (int)(*expected)[i]);
            abort();
        }
    }
    printf("ok  %s\n", what);
}
#define EXPECT(what, ...) expect(what, &(const uint64_t[AP_COUNTS]){__VA_ARGS__})

static void start_thread(pthread_t *thread, void *(*run)(void *))
{
    CHECK(pthread_create(thread, NULL, run, NULL) == 0);
}

static void until_parked(const void *word, size_t n)
{
    while (ap_waiters(word) != n) { }
}

/* ---- ap_mutex ---- */

static ap_mutex mutex;

static void *lock_and_unlock(void *unused)
{
    CHECK(ap_mutex_lock_until(&mutex, ap_now(), AP_FOREVER));
    CHECK(ap_mutex_unlock(&mutex));
    return unused;
}

/* Begins to wait so late that no unlock hands off to it. */
static void *lock_and_unlock_unfair(void *unused)
{
    CHECK(ap_mutex_lock_until(&mutex, ap_now() + 1000 * 1000 * MS, AP_FOREVER));
    CHECK(ap_mutex_unlock(&mutex));
    return unused;
}

/* The first of two waiters: the unlock's own step makes it the owner, and sets the time of the next hand-off. */
static int64_t unlocked_at;

static void *own_by_hand_off(void *unused)
{
    CHECK(ap_mutex_lock_until(&mutex, ap_now(), AP_FOREVER));
    CHECK(ap_mutex_owner(&mutex) == ap_owner_id());
    CHECK(ap_load_i64(&mutex.fair_at) >= unlocked_at + AP_FAIR_AFTER);
    ap_store_i64(&mutex.fair_at, INT64_MAX); /* no further hand-off, however long the test takes */
    CHECK(ap_mutex_unlock(&mutex));
    return unused;
}

static void test_two_waiters(void)
{
    pthread_t threads[2];
    CHECK(ap_mutex_try_lock(&mutex));
    start_thread(&threads[0], own_by_hand_off);
    until_parked(&mutex.state, 1);
    start_thread(&threads[1], lock_and_unlock);
    until_parked(&mutex.state, 2);
    sleep_ms(5); /* more than AP_FAIR_AFTER */
    unlocked_at = ap_now();
    CHECK(ap_mutex_unlock(&mutex));
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    ap_store_i64(&mutex.fair_at, 0);
    EXPECT(
        "of two waiters, the first gets the mutex by a hand-off, and its unlock unparks the other",
        [AP_MUTEX_LOCK_SLOW] = 2, [AP_PARK] = 2, [AP_MUTEX_UNLOCK_SLOW] = 2, [AP_UNPARK] = 2, [AP_MUTEX_HAND_OFF] = 1);
}

/* With an owner id that no thread has: the designated waker finds that the state does not change, and parks again. */
static void until_parked_again(uint64_t owner, int64_t unparked_at)
{
    CHECK(ap_load_u64(&mutex.state) == owner);
    CHECK(ap_load_i64(&mutex.fair_at) >= unparked_at + AP_FAIR_AFTER && ap_load_u64(&mutex.unlocks) == 0);
    while (ap_waiters(&mutex.state) == 0 || ap_load_u64(&mutex.designated) != 0) {
        sleep_ms(1);
    }
}

/* With a designated waker that does not exist: an unlock relies on it, or hands the mutex off to it, and then the
 * parked thread becomes the next designated waker. */
static void test_designated(void)
{
    const uint64_t ghost = (ap_owner_id() & ~AP_OWNER_THREAD_BITS) | 4, forks = UINT64_C(1) << AP_OWNER_FORKS_SHIFT;
    const uint64_t both = AP_MUTEX_LOCKED | AP_MUTEX_WAITERS;
    pthread_t thread;

    CHECK(ap_mutex_try_lock(&mutex));
    start_thread(&thread, lock_and_unlock_unfair);
    until_parked(&mutex.state, 1);
    ap_store_i64(&mutex.fair_at, INT64_MAX);
    ap_store_u64(&mutex.designated, ghost);
    for (int i = 0; i < 3; i++) {
        CHECK(ap_mutex_unlock(&mutex) && ap_load_u64(&mutex.state) == AP_MUTEX_WAITERS);
        CHECK(!ap_mutex_unlock(&mutex) && !ap_mutex_is_locked(&mutex));
        CHECK(ap_mutex_try_lock(&mutex) && ap_load_u64(&mutex.state) == (ap_owner_id() | both));
    }
    EXPECT("an unlock relies on the designated waker, and unparks no thread", [AP_MUTEX_LOCK_SLOW] = 1, [AP_PARK] = 1);

    int64_t before = ap_now();
    ap_store_u64(&mutex.designated, ghost | 1);
    CHECK(ap_mutex_unlock(&mutex));
    until_parked_again(ghost | both, before);
    EXPECT("a designated waker that requests gets the hand-off, and the first waiter becomes the next one",
           [AP_MUTEX_UNLOCK_SLOW] = 1, [AP_MUTEX_HAND_OFF] = 1, [AP_UNPARK] = 1, [AP_PARK] = 1);

    before = ap_now();
    ap_store_u64(&mutex.designated, ghost ^ 8);
    ap_store_u64(&mutex.unlocks, 0);
    ap_store_i64(&mutex.fair_at, 0);
    CHECK(ap_mutex_unlock(&mutex));
    until_parked_again((ghost ^ 8) | both, before);
    EXPECT("when a hand-off is due, so does one that requests nothing", [AP_MUTEX_UNLOCK_SLOW] = 1,
           [AP_MUTEX_HAND_OFF] = 1, [AP_UNPARK] = 1, [AP_PARK] = 1);

    ap_store_u64(&mutex.designated, ghost);
    ap_store_i64(&mutex.fair_at, 0);
    for (uint64_t earlier = 0; earlier < 40; earlier++) {
        if (earlier == 0 || earlier == 1 || earlier == 3 || earlier % 8 == 7) {
            continue;
        }
        ap_store_u64(&mutex.unlocks, earlier);
        CHECK(ap_mutex_unlock(&mutex) && ap_load_u64(&mutex.state) == AP_MUTEX_WAITERS);
        CHECK(ap_load_u64(&mutex.unlocks) == earlier + 1 && ap_mutex_try_lock(&mutex));
    }
    EXPECT("unlocks other than the first, second, fourth and each eighth do not read the clock", 0);

    ap_store_u64(&mutex.designated, ghost ^ forks);
    CHECK(ap_mutex_unlock(&mutex));
    pthread_join(thread, NULL);
    CHECK(ap_load_u64(&mutex.state) == 0 && ap_load_u64(&mutex.designated) == 0);
    EXPECT("a designated waker that was lost in fork() is ignored", [AP_MUTEX_UNLOCK_SLOW] = 1, [AP_UNPARK] = 1);
}

static void test_mutex(void)
{
    pthread_t threads[4];
    ap_mutex_init(&mutex);
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(ap_mutex_lock_until(&mutex, 0, AP_FOREVER) && ap_mutex_unlock(&mutex));
        CHECK(ap_mutex_try_lock(&mutex) && !ap_mutex_try_lock(&mutex) && ap_mutex_unlock(&mutex));
    }
    EXPECT("an uncontended lock never takes a slow path", 0);

    CHECK(ap_mutex_try_lock(&mutex));
    start_thread(&threads[0], lock_and_unlock_unfair);
    until_parked(&mutex.state, 1);
    CHECK(ap_mutex_unlock(&mutex));
    pthread_join(threads[0], NULL);
    CHECK(ap_load_i64(&mutex.fair_at) > ap_now() + 900 * 1000 * MS); /* not before that one is due */
    EXPECT("one waiter costs one park and one unpark; its own unlock is fast", [AP_MUTEX_LOCK_SLOW] = 1, [AP_PARK] = 1,
           [AP_MUTEX_UNLOCK_SLOW] = 1, [AP_UNPARK] = 1);

    CHECK(ap_mutex_try_lock(&mutex));
    for (int i = 0; i < 2; i++) {
        start_thread(&threads[i], lock_and_unlock_unfair);
        until_parked(&mutex.state, (size_t)i + 1);
    }
    CHECK(ap_mutex_unlock(&mutex));
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    EXPECT("of two waiters, the unlock of the first unparks the second, whose own is fast", [AP_MUTEX_LOCK_SLOW] = 2,
           [AP_PARK] = 2, [AP_MUTEX_UNLOCK_SLOW] = 2, [AP_UNPARK] = 2);

    ap_store_i64(&mutex.fair_at, 0); /* those threads began to wait in the future */
    for (int i = 0; i < 4; i++) {
        CHECK(ap_mutex_try_lock(&mutex));
        start_thread(&threads[i], lock_and_unlock);
        until_parked(&mutex.state, 1);
        sleep_ms(5); /* more than AP_FAIR_AFTER */
        CHECK(ap_mutex_unlock(&mutex));
        pthread_join(threads[i], NULL);
    }
    EXPECT(
        "a waiter that waited long costs one park and one hand-off; its own unlock is fast: four times",
        [AP_MUTEX_LOCK_SLOW] = 4, [AP_PARK] = 4, [AP_MUTEX_UNLOCK_SLOW] = 4, [AP_UNPARK] = 4, [AP_MUTEX_HAND_OFF] = 4);

    test_two_waiters();
    test_designated();
    ap_store_i64(&mutex.fair_at, 0);

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
        start_thread(&threads[i], read_once);
        until_parked(&rw.state, (size_t)i + 1);
    }
    CHECK(ap_rwmutex_write_unlock(&rw));
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    EXPECT("four readers behind a writer park once each, and are admitted at once", [AP_RWMUTEX_READ_SLOW] = 4,
           [AP_PARK] = 4, [AP_RWMUTEX_ADMIT] = 1, [AP_UNPARK] = 4);

    CHECK(ap_rwmutex_try_read_lock(&rw) && ap_rwmutex_try_read_lock(&rw));
    start_thread(&threads[0], write_once);
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
        start_thread(&threads[i], call_once);
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
        start_thread(&threads[i], wait_for_group);
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
