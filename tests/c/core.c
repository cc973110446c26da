/* SPDX-License-Identifier: MIT
 *
 * core.c: threads hammer every operation of an atomic value, and the totals are exact. `make test`, `make tsan`.
 */
#include "hammer.h"

#include "ap_atomic.h"

/* ---- ap_i64: one shared word ---- */

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

/* At the limit: of THREADS * ROUNDS attempts exactly as many succeed as fit, and no thread sees a wrapped value. */
static void fetch_add_limit(int me)
{
    int64_t old;
    for (int i = 0; i < ROUNDS; i++) {
        seen_sum[me] += ap_fetch_add_i64_checked(&word, 1, &old);
        CHECK(ap_load_i64(&word) > 0);
    }
}

/* One thread stores 0 and the limit in turn, the others add one if it fits: no thread sees a wrapped value. */
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

/* Each value is put in by exchange and taken out once: what the threads took plus the last value is what was put in. */
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

/* Message passing: a plain variable is published by a release store and read after an acquire load. */
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

int main(void)
{
    test_i64();
    printf("ok  all\n");
    return 0;
}
