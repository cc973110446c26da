/* SPDX-License-Identifier: MIT
 *
 * litmus.c: the classic litmus shapes on the bare operations. Sequentially consistent operations never show the
 * outcome that no interleaving gives. The same harness does see it with relaxed operations. `make litmus`.
 *
 * A shape is two to four threads of one or two operations on x and y. The threads meet at a gate and run a batch of
 * rounds, each on words of its own, so that their operations fall within some tens of nanoseconds. The names are those
 * of Alglave, Maranget and Tautschnig, "Herding cats" (2014). That an outcome was not seen proves nothing; that the
 * relaxed one was shows how closely this looks.
 */
#if defined(__linux__)
#define _GNU_SOURCE /* sched_getaffinity */
#endif
#include "check.h" /* first */

#include <pthread.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "ap_atomic.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1 /* GCC's name */
#endif
#endif

/* Relaxed operations in the same program: must their outcome appear? */
#if defined(__SANITIZE_THREAD__)
enum { RELAXED_RUNS = 0, RELAXED_MUST_SHOW = 0 }; /* the sanitizer's own steps intervene */
#elif defined(__x86_64__) || defined(__i386__)
enum { RELAXED_RUNS = 1, RELAXED_MUST_SHOW = 1 }; /* every core has a store buffer */
#else
enum { RELAXED_RUNS = 1, RELAXED_MUST_SHOW = 0 };
#endif

static const int64_t MS = 1000000;

enum { MAX_THREADS = 4, BATCH = 64 };

/* Each word on its own cache lines: a store to one must not fetch another. */
typedef struct { _Alignas(128) ap_i64 word; } line;

/* ---- the shapes: what each thread does, and what it read ---- */

typedef struct { int64_t r[2]; } regs;
typedef void (*body)(ap_i64 *x, ap_i64 *y, int64_t *r);
typedef bool (*verdict)(const regs *r, int64_t x, int64_t y); /* what each thread read, and the final values */

#define BODY(name, one, other)                         \
    static void name(ap_i64 *x, ap_i64 *y, int64_t *r) \
    {                                                  \
        (void)x, (void)y, (void)r;                     \
        one;                                           \
        other;                                         \
    }

BODY(store_x_load_y, ap_store_i64(x, 1), r[0] = ap_load_i64(y))
BODY(store_y_load_x, ap_store_i64(y, 1), r[0] = ap_load_i64(x))
BODY(store_x_max_y, ap_store_i64(x, 1), r[0] = ap_fetch_max_i64(y, 0))
BODY(store_y_min_x, ap_store_i64(y, 1), r[0] = ap_fetch_min_i64(x, 1))
BODY(store_x_load_y_relaxed, ap_store_i64_relaxed(x, 1), r[0] = ap_load_i64_relaxed(y))
BODY(store_y_load_x_relaxed, ap_store_i64_relaxed(y, 1), r[0] = ap_load_i64_relaxed(x))
BODY(store_x_load_y_released, ap_store_i64_release(x, 1), r[0] = ap_load_i64_acquire(y))
BODY(store_y_load_x_released, ap_store_i64_release(y, 1), r[0] = ap_load_i64_acquire(x))
BODY(store_x_store_y, ap_store_i64(x, 1), ap_store_i64(y, 1))
BODY(load_y_load_x, r[0] = ap_load_i64(y), r[1] = ap_load_i64(x))
BODY(load_x_load_y, r[0] = ap_load_i64(x), r[1] = ap_load_i64(y))
BODY(store_x_store_y_released, ap_store_i64_relaxed(x, 1), ap_store_i64_release(y, 1))
BODY(load_y_load_x_acquired, r[0] = ap_load_i64_acquire(y), r[1] = ap_load_i64_relaxed(x))
BODY(load_x_store_y, r[0] = ap_load_i64(x), ap_store_i64(y, 1))
BODY(load_y_store_x, r[0] = ap_load_i64(y), ap_store_i64(x, 1))
BODY(store_x, ap_store_i64(x, 1), (void)0)
BODY(store_y, ap_store_i64(y, 1), (void)0)
BODY(store_x2_store_y1, ap_store_i64(x, 2), ap_store_i64(y, 1))
BODY(store_y2_store_x1, ap_store_i64(y, 2), ap_store_i64(x, 1))

/* The outcomes that no interleaving gives. */
#define NEVER(name, condition)                            \
    static bool name(const regs *t, int64_t x, int64_t y) \
    {                                                     \
        (void)t, (void)x, (void)y;                        \
        return condition;                                 \
    }

NEVER(both_miss, t[0].r[0] == 0 && t[1].r[0] == 0)
NEVER(flag_without_data, t[1].r[0] == 1 && t[1].r[1] == 0)
NEVER(both_foresee, t[0].r[0] == 1 && t[1].r[0] == 1)
NEVER(both_first_stores_last, x == 2 && y == 2)
NEVER(two_orders, t[2].r[0] == 1 && t[2].r[1] == 0 && t[3].r[0] == 1 && t[3].r[1] == 0)

typedef struct {
    const char *name;
    verdict never;
    int threads;
    body run[MAX_THREADS];
} shape;

static const shape STRONG[] = {
    {"SB: store buffering", both_miss, 2, {store_x_load_y, store_y_load_x}},
    {"SB, read by fetch_max and fetch_min", both_miss, 2, {store_x_max_y, store_y_min_x}},
    {"MP: message passing", flag_without_data, 2, {store_x_store_y, load_y_load_x}},
    {"MP, release and acquire", flag_without_data, 2, {store_x_store_y_released, load_y_load_x_acquired}},
    {"LB: load buffering", both_foresee, 2, {load_x_store_y, load_y_store_x}},
    {"2+2W", both_first_stores_last, 2, {store_x2_store_y1, store_y2_store_x1}},
    {"IRIW: independent reads of independent writes", two_orders, 4, {store_x, store_y, load_x_load_y, load_y_load_x}},
};
static const shape WEAK[] = {
    {"SB, relaxed", both_miss, 2, {store_x_load_y_relaxed, store_y_load_x_relaxed}},
    {"SB, release and acquire", both_miss, 2, {store_x_load_y_released, store_y_load_x_released}},
};

/* ---- cores ---- */

#if defined(__linux__)
static int cores(void)
{
    cpu_set_t mine;
    return sched_getaffinity(0, sizeof mine, &mine) == 0 ? CPU_COUNT(&mine) : 1;
}

/* Each thread on its own core: a scheduler may keep two threads that wait for each other on one core. */
static void settle(int me)
{
    cpu_set_t mine, one;
    int skip = me % cores();
    size_t core = 0;
    CHECK(sched_getaffinity(0, sizeof mine, &mine) == 0);
    while (!CPU_ISSET(core, &mine) || skip-- > 0) {
        core++;
    }
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    pthread_setaffinity_np(pthread_self(), sizeof one, &one);
}
#else
static int cores(void) { return (int)sysconf(_SC_NPROCESSORS_ONLN); }
static void settle(int me) { (void)me; }
#endif

/* ---- the harness ---- */

static const shape *now_run;
static line xs[BATCH], ys[BATCH], arrived, ended;
static regs seen[BATCH][MAX_THREADS];
static int64_t rounds, deadline;
static int patience; /* how often a thread polls for the others before it yields its core */
static bool found;

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 * MS + (int64_t)t.tv_nsec;
}

/* All threads have arrived here as often as this one. */
static void meet(int64_t *meetings)
{
    int64_t all = ++*meetings * now_run->threads;
    ap_fetch_add_i64(&arrived.word, 1);
    for (int spins = 1; ap_load_i64(&arrived.word) < all; spins++) {
        if (spins % patience == 0) {
            sched_yield();
        }
    }
}

/* Up to `most` steps of about a nanosecond, so that the threads overlap in every way. */
static void idle(uint32_t *noise, uint32_t most)
{
    *noise = *noise * UINT32_C(1664525) + UINT32_C(1013904223); /* Knuth's linear congruential generator */
    for (volatile uint32_t left = (*noise >> 16) & most; left > 0; left--) { }
}

/* Between two batches, by one thread. */
static void judge(void)
{
    for (int i = 0; i < BATCH && !found; i++, rounds++) {
        found = now_run->never(seen[i], ap_load_i64(&xs[i].word), ap_load_i64(&ys[i].word));
    }
    for (int i = 0; i < BATCH; i++) {
        ap_store_i64(&xs[i].word, 0);
        ap_store_i64(&ys[i].word, 0);
    }
    ap_store_i64(&ended.word, found || now() > deadline);
}

static void *take_part(void *arg)
{
    const int me = (int)(intptr_t)arg;
    const body run = now_run->run[me];
    int64_t meetings = 0, sink = 0;
    uint32_t noise = (uint32_t)me + 1;
    settle(me);
    while (!ap_load_i64(&ended.word)) {
        /* Fetch each word into each cache: then a store takes long to reach the other cores, and a load is fast. */
        for (int i = 0; i < BATCH; i++) {
            sink += ap_load_i64_relaxed(&xs[i].word) + ap_load_i64_relaxed(&ys[i].word);
        }
        meet(&meetings);
        idle(&noise, 127); /* the gate releases one thread some 100 ns before the others */
        for (int i = 0; i < BATCH; i++) {
            idle(&noise, 15);
            run(&xs[i].word, &ys[i].word, seen[i][me].r);
        }
        meet(&meetings);
        if (me == 0) {
            judge();
        }
        meet(&meetings);
    }
    CHECK(sink == 0);
    return NULL;
}

/* Run for that long, or until the outcome appears; return whether it did. */
static bool run(const shape *s, int64_t time)
{
    pthread_t threads[MAX_THREADS];
    now_run = s;
    rounds = 0;
    found = false;
    patience = s->threads <= cores() ? 100000 : 100;
    deadline = now() + time;
    ap_store_i64(&arrived.word, 0);
    ap_store_i64(&ended.word, 0);
    for (int i = 0; i < s->threads; i++) {
        CHECK(pthread_create(&threads[i], NULL, take_part, (void *)(intptr_t)i) == 0);
    }
    for (int i = 0; i < s->threads; i++) {
        pthread_join(threads[i], NULL);
    }
    return found;
}

int main(void)
{
    alarm(120); /* a gate that never opens becomes a failure, not a hang */
    for (size_t i = 0; i < sizeof STRONG / sizeof *STRONG; i++) {
        if (run(&STRONG[i], 200 * MS)) {
            fprintf(stderr, "%s: the forbidden outcome appeared in round %lld\n", STRONG[i].name, (long long)rounds);
            return 1;
        }
        printf("ok  %s: never, in %lld rounds\n", STRONG[i].name, (long long)rounds);
    }
    if (!RELAXED_RUNS || cores() < 2) {
        printf("--  relaxed operations: not run %s\n", RELAXED_RUNS ? "on one core" : "under ThreadSanitizer");
        return 0;
    }
    for (size_t i = 0; i < sizeof WEAK / sizeof *WEAK; i++) {
        /* It usually appears within a few rounds; the time is for a machine that rarely runs two threads at once. */
        if (run(&WEAK[i], RELAXED_MUST_SHOW ? 20000 * MS : 200 * MS)) {
            printf("ok  %s: seen, in round %lld\n", WEAK[i].name, (long long)rounds);
        } else if (RELAXED_MUST_SHOW) {
            fprintf(stderr, "%s: not seen in %lld rounds, so the results above prove little\n", WEAK[i].name,
                    (long long)rounds);
            return 1;
        } else {
            printf("--  %s: not seen, in %lld rounds\n", WEAK[i].name, (long long)rounds);
        }
    }
    printf("ok  all\n");
    return 0;
}
