/* SPDX-License-Identifier: MIT
 *
 * fork_mutex.c: fork() while threads contend for an ap_mutex. The designated waker and the parked threads do not exist
 * in the child, and the mutex serves the child's threads. `make fork_mutex`.
 */
#include "hammer.h"

#include <sys/wait.h>
#include <unistd.h>

#include "ap_core.h"
#include "park/ap_park.h"
#include "sync/ap_mutex.h"

#define L AP_MUTEX_LOCKED
#define W AP_MUTEX_WAITERS
#define K AP_MUTEX_WAKER
#define H AP_MUTEX_HAND_OFF

/* ThreadSanitizer reports nothing in a child of several threads. Without this option, it ends that child when it starts
 * a thread. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void) { return "die_after_fork=0"; }

static ap_mutex mutex;

static void in_child(void (*run)(void))
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        alarm(20); /* a lost wake-up becomes a failure, not a hang */
        run();
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void start_thread(pthread_t *thread, void *(*run)(void *))
{
    CHECK(pthread_create(thread, NULL, run, NULL) == 0);
}

/* A thread of the child gets no stack of a lost thread, because that one would not fit: ThreadSanitizer accepts no
 * second thread at the address of one that has not ended. */
static void start_new_thread(pthread_t *thread, void *(*run)(void *))
{
    pthread_attr_t large;
    CHECK(pthread_attr_init(&large) == 0 && pthread_attr_setstacksize(&large, 32 << 20) == 0);
    CHECK(pthread_create(thread, &large, run, NULL) == 0);
    pthread_attr_destroy(&large);
}

/* ---- in the child ---- */

enum { TIMES = 2000 };

static int64_t guarded; /* plain: protected by the mutex alone */

static void *count(void *unused)
{
    for (int i = 0; i < TIMES; i++) {
        CHECK(ap_mutex_lock_until(&mutex, ap_now(), AP_FOREVER));
        guarded++;
        CHECK(ap_mutex_owner(&mutex) == ap_owner_id());
        CHECK(ap_mutex_unlock(&mutex));
    }
    return unused;
}

static void *lock_once(void *unused)
{
    CHECK(ap_mutex_lock_until(&mutex, ap_now(), AP_FOREVER) && ap_mutex_unlock(&mutex));
    return unused;
}

/* The mutex is unlocked. This thread contends for it with two new ones. */
static void contend(void)
{
    pthread_t threads[2];
    guarded = 0;
    for (int i = 0; i < 2; i++) {
        start_new_thread(&threads[i], count);
    }
    count(NULL);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    CHECK(guarded == 3 * TIMES && ap_load_u64(&mutex.state) == 0 && ap_waiters(&mutex.state) == 0);
}

/* The mutex is locked, by this thread or by a lost one. */
static void unlock_and_use(void)
{
    CHECK(ap_mutex_is_locked(&mutex) && !ap_mutex_try_lock(&mutex) && ap_waiters(&mutex.state) == 0);
    CHECK(ap_mutex_unlock(&mutex) && ap_load_u64(&mutex.state) == 0);
    CHECK(ap_mutex_try_lock(&mutex) && ap_load_u64(&mutex.state) == (ap_owner_id() | L));
    CHECK(!ap_mutex_lock_until(&mutex, ap_now(), ap_now() + MS));
    CHECK(ap_mutex_unlock(&mutex));
    contend();
}

/* As before, but a new thread parks before the unlock: no thread of the child is its designated waker. */
static void unlock_beside_a_new_waiter(void)
{
    pthread_t waiter;
    start_new_thread(&waiter, lock_once);
    while (ap_waiters(&mutex.state) != 1) { }
    CHECK(!ap_owner_is_current(ap_mutex_owner(&mutex)));
    CHECK(ap_mutex_unlock(&mutex));
    pthread_join(waiter, NULL);
    CHECK(ap_load_u64(&mutex.state) == 0);
    contend();
}

/* The mutex is unlocked or handed off. */
static void lock_and_use(void)
{
    CHECK(!ap_mutex_is_locked(&mutex) && ap_mutex_owner(&mutex) == 0 && !ap_mutex_unlock(&mutex));
    CHECK(ap_mutex_lock_until(&mutex, ap_now(), ap_now() + MS)); /* no new thread needs the lost designated waker */
    CHECK((ap_load_u64(&mutex.state) & ~W) == (ap_owner_id() | L));
    CHECK(ap_mutex_unlock(&mutex));
    contend();
}

static void use(void) { ap_mutex_is_locked(&mutex) ? unlock_and_use() : lock_and_use(); }

/* ---- in the parent ---- */

static ap_u32 over;

static void *own_until_over(void *unused)
{
    CHECK(ap_mutex_try_lock(&mutex));
    while (ap_load_u32(&over) == 0) {
        sleep_ms(1);
    }
    return unused;
}

/* One thread is parked. The designated waker is no thread, so it changes nothing during the fork: in the child a thread
 * that was the designated waker is as little a thread. */
static void test_each_state(void)
{
    static const uint64_t locked[] = {L, L | K, L | K | H, L | W, L | K | W, L | K | H | W};
    static const uint64_t unlocked[] = {K, K | H, K | W, K | H | W};
    pthread_t owner, waiter;
    for (int lost = 0; lost < 2; lost++) {
        ap_mutex_init(&mutex);
        ap_exchange_u32(&over, 0);
        if (lost) {
            start_thread(&owner, own_until_over);
            while (!ap_mutex_is_locked(&mutex)) { }
        } else {
            CHECK(ap_mutex_try_lock(&mutex));
        }
        const uint64_t id = ap_mutex_owner(&mutex);
        start_thread(&waiter, lock_once);
        while (ap_waiters(&mutex.state) != 1) { }
        for (size_t i = 0; i < sizeof locked / sizeof *locked; i++) {
            ap_store_u64(&mutex.state, id | locked[i]);
            in_child(unlock_and_use);
            in_child(unlock_beside_a_new_waiter);
        }
        for (size_t i = 0; i < sizeof unlocked / sizeof *unlocked; i++) {
            ap_store_u64(&mutex.state, *ap_owner_forks | unlocked[i]);
            in_child(lock_and_use);
        }
        ap_store_u64(&mutex.state, id | L | W);
        CHECK(ap_mutex_unlock(&mutex));
        pthread_join(waiter, NULL);
        ap_exchange_u32(&over, 1);
        if (lost) {
            pthread_join(owner, NULL);
        }
    }
    printf("ok  fork in each state of a mutex, from the owner and beside it\n");
}

static void *contend_until_over(void *unused)
{
    while (ap_load_u32(&over) == 0) {
        CHECK(ap_mutex_lock_until(&mutex, ap_now(), AP_FOREVER) && ap_mutex_unlock(&mutex));
    }
    return unused;
}

static void test_fork_while_threads_contend(void)
{
    pthread_t threads[3];
    ap_mutex_init(&mutex);
    ap_exchange_u32(&over, 0);
    for (int i = 0; i < 3; i++) {
        start_thread(&threads[i], contend_until_over);
    }
    for (int i = 0; i < 40; i++) {
        if (i % 2 == 0) {
            CHECK(ap_mutex_lock_until(&mutex, ap_now(), AP_FOREVER));
            for (int64_t until = ap_now() + i * 7919 % (4 * AP_MUTEX_FAIR_AFTER); ap_now() < until;) {
            } /* they spin, then park */
            in_child(use);
            CHECK(ap_mutex_unlock(&mutex));
        } else {
            in_child(use);
        }
    }
    ap_exchange_u32(&over, 1);
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    printf("ok  fork while threads contend for a mutex\n");
}

int main(void)
{
    alarm(300);
    CHECK(ap_core_init());
    test_each_state();
    test_fork_while_threads_contend();
    printf("ok  all\n");
    return 0;
}
