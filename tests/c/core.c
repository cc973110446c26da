/* SPDX-License-Identifier: MIT
 *
 * core.c: threads hammer every operation of the core, and the totals are exact. `make test`, `make tsan`.
 *
 * What the mutex protects is a plain variable, so ThreadSanitizer sees a mutex that lets two in, or that hands over
 * without ordering what was written.
 */
#if !defined(__APPLE__)
#define _POSIX_C_SOURCE 200809L
#endif

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ap_atomic.h"
#include "ap_mutex.h"
#include "ap_wait.h"
#include "ap_waitgroup.h"

enum { THREADS = 8, ROUNDS = 20000 };

static const int64_t MS = 1000000;

#define CHECK(condition)                                                                          \
    do {                                                                                          \
        if (!(condition)) {                                                                       \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);             \
            abort();                                                                              \
        }                                                                                         \
    } while (0)

/* ---- threads that start together ---- */

typedef void (*body)(int me);

typedef struct {
    pthread_barrier_t *gate;
    body run;
    int me;
} start;

static void *enter(void *arg)
{
    start *s = arg;
    pthread_barrier_wait(s->gate);
    s->run(s->me);
    return NULL;
}

static void hammer(const char *what, body run)
{
    pthread_t threads[THREADS];
    start starts[THREADS];
    pthread_barrier_t gate;

    pthread_barrier_init(&gate, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        starts[i] = (start){.gate = &gate, .run = run, .me = i};
        CHECK(pthread_create(&threads[i], NULL, enter, &starts[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    pthread_barrier_destroy(&gate);
    printf("ok  %s\n", what);
}

/* ---- ap_i64: one shared word, and what each thread saw ---- */

static ap_i64 word, other;
static int64_t seen_sum[THREADS];

static void fetch_add(int me)
{
    (void)me;
    for (int i = 0; i < ROUNDS; i++) {
        ap_fetch_add_i64(&word, 3);
        ap_fetch_sub_i64(&word, 1);
        ap_fetch_add_i64_relaxed(&word, 1);
    }
}

static void fetch_add_checked(int me)
{
    int64_t old;
    (void)me;
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(ap_fetch_add_i64_checked(&word, 5, &old));
        CHECK(ap_fetch_sub_i64_checked(&word, 2, &old));
    }
}

/* At the limit: of THREADS * ROUNDS attempts exactly as many succeed as fit, and nobody ever sees a wrapped value. */
static void fetch_add_limit(int me)
{
    int64_t old;
    for (int i = 0; i < ROUNDS; i++) {
        seen_sum[me] += ap_fetch_add_i64_checked(&word, 1, &old);
        CHECK(ap_load_i64(&word) > 0);
    }
}

/* One thread jumps between 0 and the limit, the others add one where it fits: nobody ever sees a wrapped value. */
static void jump(int me)
{
    int64_t old;
    for (int i = 0; i < 10 * ROUNDS; i++) {
        if (me == 0) {
            ap_store_i64(&word, i % 2 ? INT64_MAX : 0);
        } else {
            ap_fetch_add_i64_checked(&word, 1, &old);
            CHECK(old >= 0);
        }
    }
}

/* Each thread owns the bits of one byte. */
static void bits(int me)
{
    int64_t mine = (int64_t)(UINT64_C(0xff) << (8 * me));
    for (int i = 0; i < ROUNDS; i++) {
        CHECK((ap_fetch_or_i64(&word, mine) & mine) == 0);
        CHECK((ap_fetch_and_i64(&word, ~mine) & mine) == mine);
        CHECK((ap_fetch_xor_i64(&word, mine) & mine) == 0);
        CHECK((ap_fetch_xor_i64(&word, mine) & mine) == mine);
    }
}

static void max_min(int me)
{
    for (int i = 0; i < ROUNDS; i++) {
        int64_t n = (int64_t)i * THREADS + me;
        ap_fetch_max_i64(&word, n);
        CHECK(ap_load_i64(&word) >= n);
        ap_fetch_min_i64(&other, -n);
        CHECK(ap_load_i64(&other) <= -n);
    }
}

/* Values go in by exchange, and each comes out once: what all threads took out plus what is left is what went in. */
static void exchange(int me)
{
    for (int i = 0; i < ROUNDS; i++) {
        seen_sum[me] += ap_exchange_i64(&word, (int64_t)i * THREADS + me);
    }
}

static void compare_exchange(int me)
{
    (void)me;
    for (int i = 0; i < ROUNDS; i++) {
        int64_t old = ap_load_i64_relaxed(&word);
        while (!ap_compare_exchange_i64(&word, &old, old + 1)) { }
    }
}

/* Message passing: a plain variable, published by a release store and read after an acquire load. */
static int64_t letter;

static void message(int me)
{
    if (me == 0) {
        letter = 42;
        ap_store_i64_release(&word, 1);
    } else {
        while (ap_load_i64_acquire(&word) == 0) { }
        CHECK(letter == 42);
    }
}

static int64_t sum(void)
{
    int64_t total = 0;
    for (int i = 0; i < THREADS; i++) {
        total += seen_sum[i];
        seen_sum[i] = 0;
    }
    return total;
}

static void test_i64(void)
{
    const int64_t N = (int64_t)THREADS * ROUNDS;

    ap_store_i64(&word, 0);
    hammer("fetch_add, fetch_sub", fetch_add);
    CHECK(ap_load_i64(&word) == 3 * N);

    ap_store_i64(&word, 0);
    hammer("fetch_add_checked, fetch_sub_checked", fetch_add_checked);
    CHECK(ap_load_i64(&word) == 3 * N);

    ap_store_i64(&word, INT64_MAX - 1000);
    hammer("fetch_add_checked at the limit", fetch_add_limit);
    CHECK(ap_load_i64(&word) == INT64_MAX && sum() == 1000);

    hammer("fetch_add_checked against a store of the limit", jump);

    ap_store_i64_relaxed(&word, 0);
    hammer("fetch_or, fetch_and, fetch_xor", bits);
    CHECK(ap_load_i64(&word) == 0);

    ap_init_i64(&other, 0);
    hammer("fetch_max, fetch_min", max_min);
    CHECK(ap_load_i64(&word) == N - 1 && ap_load_i64(&other) == 1 - N);

    ap_store_i64(&word, 0);
    hammer("exchange", exchange);
    CHECK(sum() + ap_load_i64(&word) == N * (N - 1) / 2);

    ap_store_i64(&word, 0);
    hammer("compare_exchange", compare_exchange);
    CHECK(ap_load_i64(&word) == N);

    ap_store_i64(&word, 0);
    hammer("load_acquire, store_release", message);

    int64_t old;
    ap_store_i64(&word, INT64_MIN);
    CHECK(!ap_fetch_sub_i64_checked(&word, 1, &old) && old == INT64_MIN);
    CHECK(ap_fetch_sub_i64_checked(&word, INT64_MIN, &old) && ap_load_i64(&word) == 0);
    CHECK(!ap_fetch_sub_i64_checked(&word, INT64_MIN, &old) && ap_load_i64(&word) == 0);
    CHECK(ap_fetch_add_i64_checked(&word, INT64_MIN, &old) && ap_load_i64(&word) == INT64_MIN);
    CHECK(!ap_fetch_add_i64_checked(&word, -1, &old) && ap_load_i64(&word) == INT64_MIN);
    CHECK(ap_fetch_add_i64(&word, -1) == INT64_MIN && ap_load_i64(&word) == INT64_MAX); /* C11: wraps */
    printf("ok  the limits\n");
}

/* ---- ap_mutex ---- */

static ap_mutex mutex;
static int64_t guarded; /* plain: only the mutex keeps it right */

static void lock_unlock(int me)
{
    for (int i = 0; i < ROUNDS; i++) {
        switch ((i + me) % 3) {
        case 0:
            CHECK(ap_mutex_lock_until(&mutex, AP_FOREVER));
            break;
        case 1:
            while (!ap_mutex_try_lock(&mutex)) {
                CHECK(ap_mutex_lock_until(&mutex, AP_FOREVER));
                CHECK(ap_mutex_unlock(&mutex));
            }
            break;
        default: /* times out again and again, beside those that sleep */
            while (!ap_mutex_lock_until(&mutex, ap_now() + MS / 100)) { }
        }
        guarded++;
        CHECK(ap_mutex_is_locked(&mutex));
        CHECK(ap_mutex_unlock(&mutex));
    }
}

static void test_mutex(void)
{
    ap_mutex_init(&mutex);
    hammer("mutex: lock, try_lock, timed lock, unlock", lock_unlock);
    CHECK(guarded == (int64_t)THREADS * ROUNDS);
    CHECK(!ap_mutex_is_locked(&mutex));
    CHECK(!ap_mutex_unlock(&mutex)); /* of a free one: refused */

    CHECK(ap_mutex_try_lock(&mutex));
    int64_t before = ap_now();
    CHECK(!ap_mutex_lock_until(&mutex, before + 20 * MS));
    CHECK(ap_now() - before >= 20 * MS);
    CHECK(ap_mutex_unlock(&mutex));
    printf("ok  mutex: timeout\n");
}

/* ---- ap_waitgroup ---- */

static ap_waitgroup group;
static int64_t written[THREADS]; /* plain: done() before wait() keeps it right */

static void done(int me)
{
    int64_t count;
    written[me] = me + 1;
    CHECK(ap_waitgroup_add(&group, -1, &count) == AP_WAITGROUP_OK);
}

static void *wait_and_sum(void *ticket)
{
    int64_t total = 0;
    CHECK(ap_waitgroup_wait(&group, *(uint64_t *)ticket, AP_FOREVER));
    for (int i = 0; i < THREADS; i++) {
        total += written[i];
    }
    CHECK(total == THREADS * (THREADS + 1) / 2);
    return NULL;
}

/* Rounds of a group used again at once, while others still leave the round before. */
static void reuse(int me)
{
    int64_t count;
    for (int i = 0; i < ROUNDS / 10; i++) {
        CHECK(ap_waitgroup_add(&group, 1, &count) == AP_WAITGROUP_OK);
        uint64_t ticket = ap_waitgroup_ticket(&group);
        CHECK(ap_waitgroup_add(&group, -1, &count) == AP_WAITGROUP_OK);
        if (me % 2) {
            while (!ap_waitgroup_wait(&group, ticket, ap_now() + MS)) { }
        }
    }
}

static void test_waitgroup(void)
{
    int64_t count;
    ap_waitgroup_init(&group);
    CHECK(ap_waitgroup_add(&group, -1, &count) == AP_WAITGROUP_NEGATIVE && count == 0);
    CHECK(ap_waitgroup_wait(&group, ap_waitgroup_ticket(&group), 0));

    CHECK(ap_waitgroup_add(&group, THREADS, &count) == AP_WAITGROUP_OK);
    CHECK(ap_waitgroup_add(&group, -THREADS - 1, &count) == AP_WAITGROUP_NEGATIVE && count == THREADS);
    CHECK(ap_waitgroup_add(&group, AP_WAITGROUP_MAX, &count) == AP_WAITGROUP_TOO_MANY && count == THREADS);
    CHECK(!ap_waitgroup_wait(&group, ap_waitgroup_ticket(&group), ap_now() + MS));

    /* The round of the first ticket is over, and the group in use again: who holds that ticket leaves. */
    uint64_t ticket = ap_waitgroup_ticket(&group);
    CHECK(ap_waitgroup_add(&group, -THREADS, &count) == AP_WAITGROUP_OK && count == THREADS);
    CHECK(ap_waitgroup_add(&group, THREADS, &count) == AP_WAITGROUP_OK && count == 0);
    CHECK(ap_waitgroup_wait(&group, ticket, AP_FOREVER));

    ticket = ap_waitgroup_ticket(&group);
    pthread_t waiters[3];
    for (int i = 0; i < 3; i++) {
        CHECK(pthread_create(&waiters[i], NULL, wait_and_sum, &ticket) == 0);
    }
    hammer("waitgroup: done", done);
    for (int i = 0; i < 3; i++) {
        pthread_join(waiters[i], NULL);
    }
    CHECK(ap_waitgroup_count(&group) == 0);
    hammer("waitgroup: used again and again", reuse);
    CHECK(ap_waitgroup_count(&group) == 0);
}

/* ---- ap_wait: one token, handed round the threads ---- */

static ap_u32 turn;

static bool still_is(const void *at, uint64_t what) { return ap_load_u32((ap_u32 *)at) == what; }

static void pass_on(int me)
{
    for (uint32_t i = 0; i < ROUNDS / 10; i++) {
        uint32_t now;
        while ((now = ap_load_u32(&turn)) % THREADS != (uint32_t)me) {
            ap_wait(&turn, still_is, now, AP_FOREVER);
        }
        ap_exchange_u32(&turn, now + 1);
        ap_wake(&turn, AP_WAKE_ALL);
    }
}

static void test_wait(void)
{
    hammer("wait, wake: no wake-up is lost", pass_on);
    CHECK(ap_load_u32(&turn) == THREADS * (ROUNDS / 10));
    CHECK(ap_wake(&turn, AP_WAKE_ALL) == 0);
    CHECK(ap_wait(&turn, still_is, 0, AP_FOREVER) == AP_CHANGED);
    CHECK(ap_wait(&turn, still_is, ap_load_u32(&turn), ap_now() - 1) == AP_TIMED_OUT);
}

/* ---- fork: the child has none of the parent's sleepers, and none of its locks are held ---- */

static void *sleep_on_turn(void *unused)
{
    (void)unused;
    while (ap_wait(&turn, still_is, ap_load_u32(&turn), AP_FOREVER) != AP_WOKEN) { }
    return NULL;
}

static void test_fork(void)
{
    pthread_t sleeper;
    CHECK(pthread_create(&sleeper, NULL, sleep_on_turn, NULL) == 0);
    nanosleep(&(struct timespec){.tv_nsec = 50 * (long)MS}, NULL); /* it is asleep by now, most likely */
    pid_t child = fork();
    if (child == 0) {
        alarm(20); /* a deadlock is a failure, not a hang */
        CHECK(ap_wake(&turn, AP_WAKE_ALL) == 0);
        ap_mutex_init(&mutex);
        CHECK(ap_mutex_try_lock(&mutex));
        CHECK(!ap_mutex_lock_until(&mutex, ap_now() + MS));
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    while (ap_wake(&turn, 1) == 0) { }
    pthread_join(sleeper, NULL);
    printf("ok  fork\n");
}

int main(void)
{
    CHECK(ap_wait_init() && ap_wait_init());
    test_i64();
    test_mutex();
    test_waitgroup();
    test_wait();
    test_fork();
    printf("ok  all\n");
    return 0;
}
