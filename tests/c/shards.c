/* SPDX-License-Identifier: MIT
 *
 * shards.c: threads start, count and end, while others drain, load and free the counters. The totals are exact.
 * `make shards`, `make shards-tsan`.
 */
#include "check.h" /* first */

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ap_core.h"
#include "counter/ap_shards.h"

enum { THREADS = 8, ROUNDS = 20000, GENERATIONS = 100 };

static void together(void *(*run)(void *), int threads)
{
    pthread_t started[THREADS];
    for (int i = 0; i < threads; i++) {
        CHECK(pthread_create(&started[i], NULL, run, (void *)(intptr_t)i) == 0);
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(started[i], NULL);
    }
}

static int64_t value(ap_shards *c)
{
    ap_wide w = ap_shards_load(c);
    CHECK(ap_wide_fits(w));
    return (int64_t)w.low;
}

static int64_t drained(ap_shards *c)
{
    ap_wide w;
    CHECK(ap_shards_drain(c, &w));
    return (int64_t)w.low;
}

/* ---- adds beside loads and drains ---- */

static ap_shards counter;
static ap_i64 taken, running;
static int64_t letter[THREADS][ROUNDS]; /* plain: a reader of the add sees what was written before it */

static void *count(void *me)
{
    int64_t *mine = letter[(intptr_t)me];
    for (int i = 0; i < ROUNDS; i++) {
        mine[i] = i;
        CHECK(ap_shards_add(&counter, 3) && ap_shards_sub(&counter, 2));
    }
    ap_fetch_sub_i64(&running, 1);
    return NULL;
}

/* Two of these at once. A counter that only grows never shrinks for a reader, and is never below zero after a drain. */
static void *drain_and_load(void *unused)
{
    (void)unused;
    while (ap_load_i64(&running) > 0) {
        int64_t some = drained(&counter);
        CHECK(some >= -THREADS && some <= THREADS * (int64_t)ROUNDS + 3 * THREADS);
        CHECK(value(&counter) >= -2 * THREADS);
        ap_fetch_add_i64(&taken, some);
    }
    return NULL;
}

static void *count_or_drain(void *me) { return (intptr_t)me < THREADS / 2 ? count(me) : drain_and_load(me); }

static void test_drain(void)
{
    ap_shards_init(&counter, 1000);
    ap_store_i64(&taken, 0);
    ap_store_i64(&running, THREADS / 2);
    together(count_or_drain, THREADS);
    CHECK(ap_load_i64(&taken) + drained(&counter) == 1000 + THREADS / 2 * (int64_t)ROUNDS);
    CHECK(value(&counter) == 0);
    CHECK(ap_shards_cells(&counter) <= THREADS / 2);
    ap_shards_destroy(&counter);
    printf("ok  add, sub, drain, load\n");
}

/* One thread publishes, the others load a count, then read what was written before it. */
static void *publish_or_read(void *me)
{
    if ((intptr_t)me == 0) {
        for (int i = 0; i < ROUNDS; i++) {
            letter[0][i] = -i;
            CHECK(ap_shards_add(&counter, 1));
        }
        return NULL;
    }
    int64_t seen = 0;
    while (seen < ROUNDS) {
        int64_t now = value(&counter);
        CHECK(now >= seen);
        for (; seen < now; seen++) {
            CHECK(letter[0][seen] == -seen);
        }
    }
    return NULL;
}

static void test_publish(void)
{
    ap_shards_init(&counter, 0);
    together(publish_or_read, 3);
    ap_shards_destroy(&counter);
    printf("ok  a reader of an add sees what was written before it\n");
}

/* The value only grows, and every other step spills the cell into base: no load decreases. */
static void *grow_or_read(void *me)
{
    ap_wide last = {0, 0};
    while (ap_load_i64(&running) > 0) {
        if ((intptr_t)me == 0) {
            for (int i = 0; i < 10 * ROUNDS; i++) {
                CHECK(ap_shards_add(&counter, INT64_MAX / 2 + 1));
            }
            ap_store_i64(&running, 0);
        } else {
            ap_wide now = ap_shards_load(&counter);
            CHECK(now.high > last.high || (now.high == last.high && now.low >= last.low));
            last = now;
        }
    }
    return NULL;
}

/* One count at a time, drained before the next: no load returns two. */
static void *one_at_a_time(void *me)
{
    for (int i = 0; (intptr_t)me == 0 && i < 2 * ROUNDS; i++) {
        CHECK(ap_shards_add(&counter, 1));
        CHECK(drained(&counter) == 1);
    }
    if ((intptr_t)me == 0) {
        ap_store_i64(&running, 0);
    }
    while (ap_load_i64(&running) > 0) {
        int64_t now = value(&counter);
        CHECK(now == 0 || now == 1);
    }
    return NULL;
}

static void test_load(void)
{
    ap_shards_init(&counter, 0);
    ap_store_i64(&running, 1);
    together(grow_or_read, 3);
    ap_shards_destroy(&counter);

    ap_shards_init(&counter, 0);
    ap_store_i64(&running, THREADS);
    together(count, THREADS); /* so that a sum has many cells, and takes long enough for other steps */
    CHECK(drained(&counter) == THREADS * (int64_t)ROUNDS);
    ap_store_i64(&running, 1);
    together(one_at_a_time, 3);
    ap_shards_destroy(&counter);
    printf("ok  load beside spills and drains\n");
}

/* ---- the limits: cells overflow constantly beside loads and drains ---- */

static void *overflow(void *me)
{
    for (int i = 0; i < ROUNDS; i++) {
        int64_t n = (intptr_t)me % 2 ? INT64_MAX - i : INT64_MIN + i;
        CHECK(ap_shards_add(&counter, n) && ap_shards_add(&counter, n));
        CHECK(ap_shards_sub(&counter, n) && ap_shards_sub(&counter, n));
        CHECK(ap_shards_add(&counter, 1));
        ap_wide w = ap_shards_load(&counter);
        CHECK(w.high >= -THREADS && w.high <= THREADS);
    }
    return NULL;
}

static void test_limits(void)
{
    ap_wide w;
    ap_shards_init(&counter, INT64_MIN);
    CHECK(value(&counter) == INT64_MIN);
    CHECK(ap_shards_sub(&counter, 1));
    w = ap_shards_load(&counter);
    CHECK(!ap_wide_fits(w) && w.high == -1 && w.low == (uint64_t)INT64_MAX);
    CHECK(!ap_shards_drain(&counter, &w)); /* and changes nothing */
    CHECK(ap_shards_add(&counter, 1) && drained(&counter) == INT64_MIN);
    for (int i = 0; i < 5; i++) {
        CHECK(ap_shards_add(&counter, INT64_MAX) && ap_shards_sub(&counter, INT64_MIN));
    }
    w = ap_shards_load(&counter); /* 5 * (2**64 - 1) */
    CHECK(w.high == 4 && w.low == (uint64_t)-5);
    for (int i = 0; i < 5; i++) {
        CHECK(ap_shards_sub(&counter, INT64_MAX) && ap_shards_add(&counter, INT64_MIN));
    }
    CHECK(value(&counter) == 0);
    together(overflow, 4);
    CHECK(drained(&counter) == 4 * (int64_t)ROUNDS);
    ap_shards_destroy(&counter);
    printf("ok  the limits\n");
}

/* ---- threads that start and end: their counts stay, and new threads take over their cells ---- */

static void *count_ten(void *unused)
{
    (void)unused;
    for (int i = 0; i < 10; i++) {
        CHECK(ap_shards_add(&counter, 1));
    }
    return NULL;
}

static void *generations(void *unused)
{
    (void)unused;
    for (int i = 0; i < GENERATIONS; i++) {
        pthread_t one;
        CHECK(pthread_create(&one, NULL, count_ten, NULL) == 0);
        pthread_join(one, NULL);
    }
    return NULL;
}

static void *die_in_the_middle(void *me)
{
    count_ten(me);
    pthread_exit(NULL);
}

static void test_generations(void)
{
    ap_shards_init(&counter, 0);
    together(generations, THREADS);
    CHECK(value(&counter) == 10 * THREADS * GENERATIONS);
    /* A join returns after the end of the thread, and so after the destructor of its key. */
    CHECK(ap_shards_cells(&counter) <= THREADS);
    together(die_in_the_middle, THREADS);
    CHECK(value(&counter) == 10 * THREADS * (GENERATIONS + 1));
    CHECK(ap_shards_cells(&counter) <= THREADS);
    ap_shards_destroy(&counter);
    printf("ok  threads start and end\n");
}

/* ---- counters that are made and freed while threads stay ---- */

static ap_shards many[ROUNDS];
static pthread_barrier_t gate;

static void *use_many(void *me)
{
    for (int batch = 0; batch < 10; batch++) {
        for (int i = 0; i < 1000; i++) {
            if (me == NULL) {
                ap_shards_init(&many[i], i);
            }
        }
        pthread_barrier_wait(&gate);
        for (int round = 0; round < 3; round++) {
            for (int i = 0; i < 1000; i++) {
                CHECK(ap_shards_add(&many[i], 1));
            }
        }
        pthread_barrier_wait(&gate);
        for (int i = (int)(intptr_t)me; i < 1000; i += 4) { /* each frees a part: its own cells and others' */
            CHECK(value(&many[i]) == i + 4 * 3);
            CHECK(ap_shards_cells(&many[i]) == 4);
            ap_shards_destroy(&many[i]);
        }
        pthread_barrier_wait(&gate);
    }
    /* One after the other, each freed: the table does not grow with freed counters. */
    for (int i = 0; i < 10 * ROUNDS; i++) {
        ap_shards c;
        ap_shards_init(&c, 0);
        CHECK(ap_shards_add(&c, 1) && value(&c) == 1);
        ap_shards_destroy(&c);
    }
    CHECK(ap_shard_self->mask < 64);
    return NULL;
}

/* The counter is freed before its threads end. */
static void *outlive(void *me)
{
    CHECK(ap_shards_add(&counter, 1));
    pthread_barrier_wait(&gate);
    if (me == NULL) {
        CHECK(value(&counter) == 4);
        ap_shards_destroy(&counter);
        ap_shards_init(&counter, 0);
    }
    pthread_barrier_wait(&gate);
    CHECK(ap_shards_add(&counter, 1)); /* another counter at the same address */
    return NULL;
}

static void test_counters_come_and_go(void)
{
    pthread_barrier_init(&gate, NULL, 4);
    together(use_many, 4);
    printf("ok  counters are made and freed\n");
    ap_shards_init(&counter, 0);
    together(outlive, 4);
    CHECK(value(&counter) == 4);
    ap_shards_destroy(&counter);
    pthread_barrier_destroy(&gate);
    printf("ok  a counter freed before its threads end\n");
}

/* ---- fork: the child has the counts, and takes over the cells ---- */

static ap_i64 stop;

static void *count_until_stopped(void *unused)
{
    (void)unused;
    while (ap_load_i64(&stop) == 0) {
        CHECK(ap_shards_add(&counter, 1));
        ap_shards mine; /* so that another thread holds the lock most of the time */
        ap_shards_init(&mine, 0);
        CHECK(ap_shards_add(&mine, 1) && drained(&mine) == 1);
        ap_shards_destroy(&mine);
    }
    return NULL;
}

static void test_fork(void)
{
    pthread_t others[THREADS];
    ap_shards_init(&counter, 0);
    CHECK(ap_shards_add(&counter, 5));
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&others[i], NULL, count_until_stopped, NULL) == 0);
    }
    while (value(&counter) < 5 + THREADS) { }
    for (int i = 0; i < 50; i++) {
        int64_t before = value(&counter);
        pid_t child = fork();
        if (child == 0) {
            alarm(20); /* a deadlock becomes a failure, not a hang */
            size_t cells = ap_shards_cells(&counter);
            int64_t now = value(&counter);
            CHECK(now >= before && drained(&counter) == now);
#if !defined(__SANITIZE_THREAD__) /* ThreadSanitizer starts no thread after the fork of a process with threads */
            ap_store_i64(&stop, 0);
            together(count_ten, THREADS);
            CHECK(drained(&counter) == 10 * THREADS);
#else
            count_ten(NULL);
            CHECK(drained(&counter) == 10);
#endif
            CHECK(ap_shards_cells(&counter) == cells);
            ap_shards_destroy(&counter);
            _exit(0);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    ap_store_i64(&stop, 1);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(others[i], NULL);
    }
    CHECK(ap_shards_cells(&counter) <= THREADS + 1);
    ap_shards_destroy(&counter);
    printf("ok  fork\n");
}

/* ---- a second thread-local variable: a registered thread is refused, not registered twice ---- */

static ap_shard_entry no_entry[1];
static ap_shard_thread unregistered = {.entries = no_entry};
static _Thread_local ap_shard_thread *second_self = &unregistered;

static ap_shard_thread **second_self_here(void) { return &second_self; }

static void test_second_variable(void)
{
    ap_shards c;
    ap_shards_init(&c, 0);
    CHECK(ap_shards_add(&c, 1));
    CHECK(ap_shards_find_for(&c, second_self_here) == NULL && second_self == &unregistered);
    CHECK(ap_shards_cells(&c) == 1 && ap_shards_load(&c).low == 1);
    ap_shards_destroy(&c);
    printf("ok  a thread is registered through one variable\n");
}

int main(void)
{
    CHECK(ap_core_init() && ap_core_init());
    test_drain();
    test_publish();
    test_load();
    test_limits();
    test_generations();
    test_counters_come_and_go();
    test_fork();
    test_second_variable();
    printf("ok  all\n");
    return 0;
}
