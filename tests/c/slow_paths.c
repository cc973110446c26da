/* SPDX-License-Identifier: MIT
 *
 * slow_paths.c: how often the core leaves its fast paths, exactly. Built with AP_COUNT_SLOW_PATHS; after lxml 7, which
 * tests its locks like this. `make slow_paths`.
 *
 * Where a thread has to be asleep, it is waited for until the table of sleepers says so: no count depends on luck.
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
    [AP_PARK] = "sleep",
    [AP_UNPARK] = "wake",
    [AP_MUTEX_LOCK_SLOW] = "mutex lock slow",
    [AP_MUTEX_UNLOCK_SLOW] = "mutex unlock slow",
    [AP_MUTEX_HAND_OFF] = "mutex hand over",
    [AP_RWMUTEX_READ_SLOW] = "rwmutex read slow",
    [AP_RWMUTEX_WRITE_SLOW] = "rwmutex write slow",
    [AP_RWMUTEX_ADMIT] = "rwmutex admit",
    [AP_ONCE_SLOW] = "once slow",
};

/* All counts since the last time: those named, and no others. */
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

static void until_asleep(const void *word, size_t n)
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

/* Begins to wait later than any unlock could hand over to it. */
static void *lock_and_unlock_unfair(void *unused)
{
    CHECK(ap_mutex_lock_until(&mutex, ap_now() + 1000 * 1000 * MS, AP_FOREVER));
    CHECK(ap_mutex_unlock(&mutex));
    return unused;
}

/* The first of a line of two: it is the owner by the unlock's own step, and sees that this was once for some time. */
static int64_t unlocked_at;

static void *be_handed(void *unused)
{
    CHECK(ap_mutex_lock_until(&mutex, ap_now(), AP_FOREVER));
    CHECK(ap_mutex_owner(&mutex) == ap_owner_id());
    CHECK(ap_load_i64(&mutex.fair_at) >= unlocked_at + AP_FAIR_AFTER);
    ap_store_i64(&mutex.fair_at, INT64_MAX); /* however long it takes from here: not once more */
    CHECK(ap_mutex_unlock(&mutex));
    return unused;
}

static void test_line_of_two(void)
{
    pthread_t threads[2];
    CHECK(ap_mutex_try_lock(&mutex));
    start_thread(&threads[0], be_handed);
    until_asleep(&mutex.state, 1);
    start_thread(&threads[1], lock_and_unlock);
    until_asleep(&mutex.state, 2);
    sleep_ms(5); /* more than AP_FAIR_AFTER */
    unlocked_at = ap_now();
    CHECK(ap_mutex_unlock(&mutex));
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    ap_store_i64(&mutex.fair_at, 0);
    EXPECT("of two that wait, the first is handed the mutex, and its unlock wakes the other", [AP_MUTEX_LOCK_SLOW] = 2,
        [AP_PARK] = 2, [AP_MUTEX_UNLOCK_SLOW] = 2, [AP_UNPARK] = 2, [AP_MUTEX_HAND_OFF] = 1);
}

/* With a mark that no thread has as the owner: the one that was woken to stand by finds that nothing changes, and sleeps
 * again. */
static void until_tired(uint64_t owner, int64_t woken_at)
{
    CHECK(ap_load_u64(&mutex.state) == owner);
    CHECK(ap_load_i64(&mutex.fair_at) >= woken_at + AP_FAIR_AFTER && ap_load_u64(&mutex.unlocks) == 0);
    while (ap_waiters(&mutex.state) == 0 || ap_load_u64(&mutex.designated) != 0) {
        sleep_ms(1);
    }
}

/* One is awake, or seems to be: a mark that no thread has. It is counted on, or handed the mutex, and then the one that
 * sleeps is woken to be the next. */
static void test_awake(void)
{
    const uint64_t ghost = (ap_owner_id() & ~AP_OWNER_THREAD_BITS) | 4, forks = UINT64_C(1) << AP_OWNER_FORKS_SHIFT;
    const uint64_t both = AP_MUTEX_LOCKED | AP_MUTEX_WAITERS;
    pthread_t thread;

    CHECK(ap_mutex_try_lock(&mutex));
    start_thread(&thread, lock_and_unlock_unfair);
    until_asleep(&mutex.state, 1);
    ap_store_i64(&mutex.fair_at, INT64_MAX);
    ap_store_u64(&mutex.designated, ghost);
    for (int i = 0; i < 3; i++) {
        CHECK(ap_mutex_unlock(&mutex) && ap_load_u64(&mutex.state) == AP_MUTEX_WAITERS);
        CHECK(!ap_mutex_unlock(&mutex) && !ap_mutex_is_locked(&mutex));
        CHECK(ap_mutex_try_lock(&mutex) && ap_load_u64(&mutex.state) == (ap_owner_id() | both));
    }
    EXPECT("an unlock counts on the one awake, and wakes nobody", [AP_MUTEX_LOCK_SLOW] = 1, [AP_PARK] = 1);

    int64_t before = ap_now();
    ap_store_u64(&mutex.designated, ghost | 1);
    CHECK(ap_mutex_unlock(&mutex));
    until_tired(ghost | both, before);
    EXPECT("one that is awake and asks is handed the mutex, and the first that sleeps is woken to stand by",
        [AP_MUTEX_UNLOCK_SLOW] = 1, [AP_MUTEX_HAND_OFF] = 1, [AP_UNPARK] = 1, [AP_PARK] = 1);

    before = ap_now();
    ap_store_u64(&mutex.designated, ghost ^ 8);
    ap_store_u64(&mutex.unlocks, 0);
    ap_store_i64(&mutex.fair_at, 0);
    CHECK(ap_mutex_unlock(&mutex));
    until_tired((ghost ^ 8) | both, before);
    EXPECT("when it is time, so is one that does not ask", [AP_MUTEX_UNLOCK_SLOW] = 1, [AP_MUTEX_HAND_OFF] = 1,
        [AP_UNPARK] = 1, [AP_PARK] = 1);

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
    EXPECT("the unlocks between the first, second, fourth and each eighth do not even look at the clock", 0);

    ap_store_u64(&mutex.designated, ghost ^ forks);
    CHECK(ap_mutex_unlock(&mutex));
    pthread_join(thread, NULL);
    CHECK(ap_load_u64(&mutex.state) == 0 && ap_load_u64(&mutex.designated) == 0);
    EXPECT("one that a fork left behind is nobody", [AP_MUTEX_UNLOCK_SLOW] = 1, [AP_UNPARK] = 1);
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
    until_asleep(&mutex.state, 1);
    CHECK(ap_mutex_unlock(&mutex));
    pthread_join(threads[0], NULL);
    CHECK(ap_load_i64(&mutex.fair_at) > ap_now() + 900 * 1000 * MS); /* not before that one is due */
    EXPECT("one waiter costs one sleep and one wake; its own unlock is fast",
        [AP_MUTEX_LOCK_SLOW] = 1, [AP_PARK] = 1, [AP_MUTEX_UNLOCK_SLOW] = 1, [AP_UNPARK] = 1);

    CHECK(ap_mutex_try_lock(&mutex));
    for (int i = 0; i < 2; i++) {
        start_thread(&threads[i], lock_and_unlock_unfair);
        until_asleep(&mutex.state, (size_t)i + 1);
    }
    CHECK(ap_mutex_unlock(&mutex));
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    EXPECT("of two that sleep, the unlock of the first wakes the second, whose own is fast",
        [AP_MUTEX_LOCK_SLOW] = 2, [AP_PARK] = 2, [AP_MUTEX_UNLOCK_SLOW] = 2, [AP_UNPARK] = 2);

    ap_store_i64(&mutex.fair_at, 0); /* those said that they would begin to wait in a while */
    for (int i = 0; i < 4; i++) {
        CHECK(ap_mutex_try_lock(&mutex));
        start_thread(&threads[i], lock_and_unlock);
        until_asleep(&mutex.state, 1);
        sleep_ms(5); /* more than AP_FAIR_AFTER */
        CHECK(ap_mutex_unlock(&mutex));
        pthread_join(threads[i], NULL);
    }
    EXPECT("one that has waited long costs one sleep and one hand-over; its own unlock is fast: four times",
        [AP_MUTEX_LOCK_SLOW] = 4, [AP_PARK] = 4, [AP_MUTEX_UNLOCK_SLOW] = 4, [AP_UNPARK] = 4, [AP_MUTEX_HAND_OFF] = 4);

    test_line_of_two();
    test_awake();
    ap_store_i64(&mutex.fair_at, 0);

    CHECK(ap_mutex_try_lock(&mutex) && !ap_mutex_lock_until(&mutex, ap_now(), ap_now() + MS));
    CHECK(ap_mutex_unlock(&mutex));
    CHECK(ap_mutex_try_lock(&mutex) && ap_mutex_unlock(&mutex));
    EXPECT("one that gave up costs one unlock a look in vain, and the next one nothing",
        [AP_MUTEX_LOCK_SLOW] = 1, [AP_PARK] = 1, [AP_MUTEX_UNLOCK_SLOW] = 1);
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
        until_asleep(&rw.state, (size_t)i + 1);
    }
    CHECK(ap_rwmutex_write_unlock(&rw));
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    EXPECT("four readers behind a writer sleep once each, and are let in at one go",
        [AP_RWMUTEX_READ_SLOW] = 4, [AP_PARK] = 4, [AP_RWMUTEX_ADMIT] = 1, [AP_UNPARK] = 4);

    CHECK(ap_rwmutex_try_read_lock(&rw) && ap_rwmutex_try_read_lock(&rw));
    start_thread(&threads[0], write_once);
    until_asleep(&rw.drained, 1);
    CHECK(ap_rwmutex_read_unlock(&rw) && ap_rwmutex_read_unlock(&rw));
    pthread_join(threads[0], NULL);
    EXPECT("a writer behind two readers is woken once, by the last",
        [AP_RWMUTEX_WRITE_SLOW] = 1, [AP_PARK] = 1, [AP_UNPARK] = 1);
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
        until_asleep(&once.state, (size_t)i + 1);
    }
    ap_once_finish(&once);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(ap_once_is_done(&once));
    }
    EXPECT("once: five callers, four of which sleep and are woken", [AP_ONCE_SLOW] = 5, [AP_PARK] = 4, [AP_UNPARK] = 4);

    CHECK(ap_waitgroup_add(&group, ROUNDS, &count) == AP_WAITGROUP_OK);
    for (int i = 0; i < 4; i++) {
        start_thread(&threads[i], wait_for_group);
        until_asleep(&group.state, (size_t)i + 1);
    }
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(ap_waitgroup_add(&group, -1, &count) == AP_WAITGROUP_OK);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    EXPECT("waitgroup: four waiters are woken once each, by the last of all", [AP_PARK] = 4, [AP_UNPARK] = 4);
}

int main(void)
{
    alarm(300); /* a wake-up that is lost is a failure, not a hang */
    CHECK(ap_core_init());
    test_mutex();
    test_rwmutex();
    test_once_and_waitgroup();
    printf("ok  all\n");
    return 0;
}
