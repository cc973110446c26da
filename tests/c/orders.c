/* SPDX-License-Identifier: MIT
 *
 * orders.c: the operations with a weaker order. Each does what its name states, and is as strong as its name states.
 *
 * The strength is shown by message passing: one thread writes a plain variable and publishes it by a _release
 * operation, the other receives it by an _acquire operation and reads the variable. Every pair is tried. On x86 each
 * pair would work with relaxed operations. ThreadSanitizer checks the requested order, not the machine's, and reports
 * a data race on the plain variable. So `make orders-tsan` is the stronger check.
 */
#include "check.h" /* first */

#include <pthread.h>
#include <sched.h>

#include "ap_atomic.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* The words of the messages. A message has arrived if the word differs from what `reset` stored: 6, 6, 6.0, false. */
static ap_i64 i64;
static ap_u64 u64;
static ap_f64 f64;
static ap_bool flag;

static void reset(void)
{
    ap_store_i64(&i64, 6);
    ap_store_u64(&u64, 6);
    ap_store_f64(&f64, 6);
    ap_store_bool(&flag, false);
}

/* ---- every operation in every order, on one thread: returns the old value, stores the new one ---- */

#define STEP(type, operation, n, after)                                                                  \
    reset();                                                                                             \
    CHECK(ap_##operation##_##type##_relaxed(&type, n) == 6 && ap_load_##type##_relaxed(&type) == after); \
    reset();                                                                                             \
    CHECK(ap_##operation##_##type##_acquire(&type, n) == 6 && ap_load_##type##_acquire(&type) == after); \
    reset();                                                                                             \
    CHECK(ap_##operation##_##type##_release(&type, n) == 6 && ap_load_##type(&type) == after)

/* Swaps if the values are equal; otherwise changes nothing and returns the value. */
#define SWAP(type, ctype, function)                                                 \
    do {                                                                            \
        ctype old = 6;                                                              \
        reset();                                                                    \
        while (!function(&type, &old, 9)) { }                                       \
        CHECK(ap_load_##type(&type) == 9 && old == 6);                              \
        CHECK(!function(&type, &old, 7) && ap_load_##type(&type) == 9 && old == 9); \
    } while (0)

/* The same for operations that take the expected value itself. */
#define SWAP_VALUE(word, load, function, from, to)                \
    do {                                                          \
        reset();                                                  \
        CHECK(function(&word, from, to) && load(&word) == to);    \
        CHECK(!function(&word, from, from) && load(&word) == to); \
    } while (0)

static void test_values(void)
{
    STEP(i64, exchange, -1, -1);
    STEP(i64, fetch_add, -8, -2);
    STEP(i64, fetch_sub, 8, -2);
    STEP(i64, fetch_and, 3, 2);
    STEP(i64, fetch_or, 3, 7);
    STEP(i64, fetch_xor, 3, 5);
    STEP(i64, fetch_max, 7, 7);
    STEP(i64, fetch_max, 5, 6);
    STEP(i64, fetch_min, -7, -7);
    STEP(i64, fetch_min, 7, 6);
    SWAP(i64, int64_t, ap_compare_exchange_i64_relaxed);
    SWAP(i64, int64_t, ap_compare_exchange_i64_acquire);
    SWAP(i64, int64_t, ap_compare_exchange_i64_release);
    SWAP(i64, int64_t, ap_compare_exchange_weak_i64_relaxed);
    SWAP(i64, int64_t, ap_compare_exchange_weak_i64_acquire);
    SWAP(i64, int64_t, ap_compare_exchange_weak_i64_release);

    STEP(u64, exchange, UINT64_MAX, UINT64_MAX);
    STEP(u64, fetch_add, UINT64_MAX, 5);
    STEP(u64, fetch_sub, 7, UINT64_MAX);
    STEP(u64, fetch_and, 3, 2);
    STEP(u64, fetch_or, 3, 7);
    STEP(u64, fetch_xor, 3, 5);
    STEP(u64, fetch_max, UINT64_MAX, UINT64_MAX);
    STEP(u64, fetch_max, 5, 6);
    STEP(u64, fetch_min, 5, 5);
    STEP(u64, fetch_min, UINT64_MAX, 6);
    SWAP(u64, uint64_t, ap_compare_exchange_u64_relaxed);
    SWAP(u64, uint64_t, ap_compare_exchange_u64_acquire);
    SWAP(u64, uint64_t, ap_compare_exchange_u64_release);
    SWAP(u64, uint64_t, ap_compare_exchange_weak_u64_relaxed);
    SWAP(u64, uint64_t, ap_compare_exchange_weak_u64_acquire);
    SWAP(u64, uint64_t, ap_compare_exchange_weak_u64_release);

    STEP(f64, exchange, 0.5, 0.5);
    STEP(f64, fetch_add, 0.5, 6.5);
    STEP(f64, fetch_sub, 0.5, 5.5);
    STEP(f64, fetch_max, 6.5, 6.5);
    STEP(f64, fetch_max, 5.5, 6);
    STEP(f64, fetch_min, 5.5, 5.5);
    STEP(f64, fetch_min, 6.5, 6);
    SWAP(f64, double, ap_replace_seen_f64_relaxed);
    SWAP(f64, double, ap_replace_seen_f64_acquire);
    SWAP(f64, double, ap_replace_seen_f64_release);
    SWAP_VALUE(f64, ap_load_f64, ap_compare_exchange_f64_relaxed, 6, 9);
    SWAP_VALUE(f64, ap_load_f64, ap_compare_exchange_f64_acquire, 6, 9);
    SWAP_VALUE(f64, ap_load_f64, ap_compare_exchange_f64_release, 6, 9);

    SWAP_VALUE(flag, ap_load_bool, ap_compare_exchange_bool_relaxed, false, true);
    SWAP_VALUE(flag, ap_load_bool, ap_compare_exchange_bool_acquire, false, true);
    SWAP_VALUE(flag, ap_load_bool, ap_compare_exchange_bool_release, false, true);
    CHECK(ap_fetch_not_bool_relaxed(&flag) && !ap_fetch_not_bool_acquire(&flag) && ap_fetch_not_bool_release(&flag));
    CHECK(!ap_exchange_bool_relaxed(&flag, true) && ap_exchange_bool_acquire(&flag, true));
    CHECK(ap_exchange_bool_release(&flag, false) && !ap_load_bool_relaxed(&flag));
    printf("ok  each operation in each order\n");
}

/* ---- message passing ---- */

typedef struct {
    const char *name;
    void (*publish)(void);
} publisher;

typedef struct {
    const char *name;
    bool (*receive)(void); /* whether the message has arrived; does not change the word */
} receiver;

#define PUBLISH(name, statement) \
    static void name(void) { statement; }
#define RECEIVE(name, condition) \
    static bool name(void) { return condition; }

/* The swaps retry: a receiver may have swapped 6 for 6 meanwhile, and the weak ones fail spuriously. */
#define PUBLISH_SWAP(name, ctype, function, word) \
    static void name(void)                        \
    {                                             \
        ctype old = 6;                            \
        while (!function(&word, &old, 9)) { }     \
    }
/* Received by a failing swap (the value is not 6), and by a succeeding one (on the value of a relaxed load). */
#define RECEIVE_FAILED(name, ctype, function, word)   \
    static bool name(void)                            \
    {                                                 \
        ctype old = 6;                                \
        return !function(&word, &old, 6) && old != 6; \
    }
#define RECEIVE_SWAPPED(name, ctype, load, function, word) \
    static bool name(void)                                 \
    {                                                      \
        ctype old = load(&word);                           \
        return old != 6 && function(&word, &old, old);     \
    }

#define INTEGER(t, c, lowest, highest)                                                                       \
    PUBLISH(t##_store, ap_store_##t##_release(&t, 1))                                                        \
    PUBLISH(t##_exchange, ap_exchange_##t##_release(&t, 1))                                                  \
    PUBLISH_SWAP(t##_swap, c, ap_compare_exchange_##t##_release, t)                                          \
    PUBLISH_SWAP(t##_swap_weak, c, ap_compare_exchange_weak_##t##_release, t)                                \
    PUBLISH(t##_add, ap_fetch_add_##t##_release(&t, 1))                                                      \
    PUBLISH(t##_sub, ap_fetch_sub_##t##_release(&t, 1))                                                      \
    PUBLISH(t##_and, ap_fetch_and_##t##_release(&t, 2))                                                      \
    PUBLISH(t##_or, ap_fetch_or_##t##_release(&t, 1))                                                        \
    PUBLISH(t##_xor, ap_fetch_xor_##t##_release(&t, 1))                                                      \
    PUBLISH(t##_max, ap_fetch_max_##t##_release(&t, 7))                                                      \
    PUBLISH(t##_min, ap_fetch_min_##t##_release(&t, 5))                                                      \
    static const publisher t##_publishers[] = {                                                              \
        {"store", t##_store},           {"exchange", t##_exchange},                                          \
        {"compare_exchange", t##_swap}, {"compare_exchange_weak", t##_swap_weak},                            \
        {"fetch_add", t##_add},         {"fetch_sub", t##_sub},                                              \
        {"fetch_and", t##_and},         {"fetch_or", t##_or},                                                \
        {"fetch_xor", t##_xor},         {"fetch_max", t##_max},                                              \
        {"fetch_min", t##_min}};                                                                             \
    RECEIVE(t##_loaded, ap_load_##t##_acquire(&t) != 6)                                                      \
    RECEIVE(t##_exchanged, ap_exchange_##t##_acquire(&t, 6) != 6)                                            \
    RECEIVE_FAILED(t##_failed, c, ap_compare_exchange_##t##_acquire, t)                                      \
    RECEIVE_SWAPPED(t##_swapped, c, ap_load_##t##_relaxed, ap_compare_exchange_##t##_acquire, t)             \
    RECEIVE_FAILED(t##_failed_weak, c, ap_compare_exchange_weak_##t##_acquire, t)                            \
    RECEIVE_SWAPPED(t##_swapped_weak, c, ap_load_##t##_relaxed, ap_compare_exchange_weak_##t##_acquire, t)   \
    RECEIVE(t##_added, ap_fetch_add_##t##_acquire(&t, 0) != 6)                                               \
    RECEIVE(t##_subbed, ap_fetch_sub_##t##_acquire(&t, 0) != 6)                                              \
    RECEIVE(t##_anded, ap_fetch_and_##t##_acquire(&t, (c) - 1) != 6)                                         \
    RECEIVE(t##_ored, ap_fetch_or_##t##_acquire(&t, 0) != 6)                                                 \
    RECEIVE(t##_xored, ap_fetch_xor_##t##_acquire(&t, 0) != 6)                                               \
    RECEIVE(t##_maxed, ap_fetch_max_##t##_acquire(&t, lowest) != 6)                                          \
    RECEIVE(t##_minned, ap_fetch_min_##t##_acquire(&t, highest) != 6)                                        \
    RECEIVE(t##_maxed_over, ap_load_##t##_relaxed(&t) != 6 && ap_fetch_max_##t##_acquire(&t, highest) != 6)  \
    RECEIVE(t##_minned_under, ap_load_##t##_relaxed(&t) != 6 && ap_fetch_min_##t##_acquire(&t, lowest) != 6) \
    static const receiver t##_receivers[] = {                                                                \
        {"load", t##_loaded},                                                                                \
        {"exchange", t##_exchanged},                                                                         \
        {"compare_exchange that failed", t##_failed},                                                        \
        {"compare_exchange", t##_swapped},                                                                   \
        {"compare_exchange_weak that failed", t##_failed_weak},                                              \
        {"compare_exchange_weak", t##_swapped_weak},                                                         \
        {"fetch_add", t##_added},                                                                            \
        {"fetch_sub", t##_subbed},                                                                           \
        {"fetch_and", t##_anded},                                                                            \
        {"fetch_or", t##_ored},                                                                              \
        {"fetch_xor", t##_xored},                                                                            \
        {"fetch_max that changed nothing", t##_maxed},                                                       \
        {"fetch_min that changed nothing", t##_minned},                                                      \
        {"fetch_max", t##_maxed_over},                                                                       \
        {"fetch_min", t##_minned_under}};

INTEGER(i64, int64_t, INT64_MIN, INT64_MAX)
INTEGER(u64, uint64_t, 0, UINT64_MAX)

PUBLISH(f64_store, ap_store_f64_release(&f64, 1))
PUBLISH(f64_exchange, ap_exchange_f64_release(&f64, 1))
PUBLISH(f64_swap, while (!ap_compare_exchange_f64_release(&f64, 6, 9)){})
PUBLISH_SWAP(f64_replace, double, ap_replace_seen_f64_release, f64)
PUBLISH(f64_add, ap_fetch_add_f64_release(&f64, 1))
PUBLISH(f64_sub, ap_fetch_sub_f64_release(&f64, 1))
PUBLISH(f64_max, ap_fetch_max_f64_release(&f64, 7))
PUBLISH(f64_min, ap_fetch_min_f64_release(&f64, 5))
static const publisher f64_publishers[] = {
    {"store", f64_store},   {"exchange", f64_exchange}, {"compare_exchange", f64_swap}, {"replace_seen", f64_replace},
    {"fetch_add", f64_add}, {"fetch_sub", f64_sub},     {"fetch_max", f64_max},         {"fetch_min", f64_min}};
RECEIVE(f64_loaded, ap_load_f64_acquire(&f64) != 6)
RECEIVE(f64_exchanged, ap_exchange_f64_acquire(&f64, 6) != 6)
RECEIVE(f64_failed, !ap_compare_exchange_f64_acquire(&f64, 6, 6))
static bool f64_swapped(void)
{
    double old = ap_load_f64_relaxed(&f64);
    return old != 6 && ap_compare_exchange_f64_acquire(&f64, old, old);
}
RECEIVE_FAILED(f64_replace_failed, double, ap_replace_seen_f64_acquire, f64)
RECEIVE_SWAPPED(f64_replaced, double, ap_load_f64_relaxed, ap_replace_seen_f64_acquire, f64)
RECEIVE(f64_added, ap_fetch_add_f64_acquire(&f64, 0) != 6)
RECEIVE(f64_subbed, ap_fetch_sub_f64_acquire(&f64, 0) != 6)
RECEIVE(f64_maxed, ap_fetch_max_f64_acquire(&f64, -99) != 6)
RECEIVE(f64_minned, ap_fetch_min_f64_acquire(&f64, 99) != 6)
RECEIVE(f64_maxed_over, ap_load_f64_relaxed(&f64) != 6 && ap_fetch_max_f64_acquire(&f64, 99) != 6)
RECEIVE(f64_minned_under, ap_load_f64_relaxed(&f64) != 6 && ap_fetch_min_f64_acquire(&f64, -99) != 6)
static const receiver f64_receivers[] = {
    {"load", f64_loaded},
    {"exchange", f64_exchanged},
    {"compare_exchange that failed", f64_failed},
    {"compare_exchange", f64_swapped},
    {"replace_seen that failed", f64_replace_failed},
    {"replace_seen", f64_replaced},
    {"fetch_add", f64_added},
    {"fetch_sub", f64_subbed},
    {"fetch_max that changed nothing", f64_maxed},
    {"fetch_min that changed nothing", f64_minned},
    {"fetch_max", f64_maxed_over},
    {"fetch_min", f64_minned_under}};

PUBLISH(bool_store, ap_store_bool_release(&flag, true))
PUBLISH(bool_exchange, ap_exchange_bool_release(&flag, true))
PUBLISH(bool_swap, while (!ap_compare_exchange_bool_release(&flag, false, true)){})
PUBLISH(bool_toggle, ap_fetch_not_bool_release(&flag))
static const publisher bool_publishers[] = {
    {"store", bool_store}, {"exchange", bool_exchange}, {"compare_exchange", bool_swap}, {"fetch_not", bool_toggle}};
RECEIVE(bool_loaded, ap_load_bool_acquire(&flag))
RECEIVE(bool_exchanged, ap_exchange_bool_acquire(&flag, false))
RECEIVE(bool_failed, !ap_compare_exchange_bool_acquire(&flag, false, false))
RECEIVE(bool_swapped, ap_compare_exchange_bool_acquire(&flag, true, true))
RECEIVE(bool_toggled, ap_load_bool_relaxed(&flag) && ap_fetch_not_bool_acquire(&flag))
static const receiver bool_receivers[] = {
    {"load", bool_loaded},
    {"exchange", bool_exchanged},
    {"compare_exchange that failed", bool_failed},
    {"compare_exchange", bool_swapped},
    {"fetch_not", bool_toggled}};

/* Plain: ordered by the pair alone. */
static int64_t letter;

static void *write_letter(void *arg)
{
    letter = 42;
    ((const publisher *)arg)->publish();
    return NULL;
}

static void *read_letter(void *arg)
{
    while (!((const receiver *)arg)->receive()) {
        sched_yield(); /* on one core too */
    }
    CHECK(letter == 42);
    return NULL;
}

static void pass(const publisher *from, const receiver *to)
{
    pthread_t writer, reader;
    reset();
    letter = 0;
    /* Both run before either is joined, so that nothing else orders them. */
    CHECK(pthread_create(&reader, NULL, read_letter, (void *)(uintptr_t)to) == 0);
    CHECK(pthread_create(&writer, NULL, write_letter, (void *)(uintptr_t)from) == 0);
    pthread_join(writer, NULL);
    pthread_join(reader, NULL);
}

static void test_messages(const char *type, const publisher *from, size_t publishers, const receiver *to,
                          size_t receivers)
{
    for (size_t i = 0; i < publishers; i++) {
        for (size_t j = 0; j < receivers; j++) {
            /* To standard error, before the pair runs: it names the pair of a reported data race. */
            if (getenv("VERBOSE")) {
                fprintf(stderr, "%s: %s_release -> %s_acquire\n", type, from[i].name, to[j].name);
            }
            pass(&from[i], &to[j]);
        }
    }
    printf("ok  %s: messages by %d release and %d acquire operations\n", type, (int)publishers, (int)receivers);
}

/* ---- the retry loops in each order, under contention: no update is lost ---- */

enum { THREADS = 4, ROUNDS = 10000 };

static void *contend(void *arg)
{
    const int me = (int)(intptr_t)arg;
    for (int i = 0; i < ROUNDS; i++) {
        int64_t n = (int64_t)i * THREADS + me;
        ap_fetch_add_f64_relaxed(&f64, 3);
        ap_fetch_sub_f64_acquire(&f64, 1);
        ap_fetch_add_f64_release(&f64, 1);
        ap_fetch_sub_f64_relaxed(&f64, 2);
        ap_fetch_add_f64_acquire(&f64, 1);
        ap_fetch_sub_f64_release(&f64, 1);
        switch (i % 3) {
        case 0:
            ap_fetch_max_i64_relaxed(&i64, n);
            break;
        case 1:
            ap_fetch_max_i64_acquire(&i64, n);
            break;
        default:
            ap_fetch_max_i64_release(&i64, n);
        }
        CHECK(ap_load_i64_relaxed(&i64) >= n);
        ap_fetch_add_u64_relaxed(&u64, 3);
        ap_fetch_sub_u64_relaxed(&u64, 1);
    }
    return NULL;
}

static void test_loops(void)
{
    pthread_t threads[THREADS];
    reset();
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, contend, (void *)(intptr_t)i) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    CHECK(ap_load_f64(&f64) == 6 + THREADS * ROUNDS);
    CHECK(ap_load_i64(&i64) == THREADS * ROUNDS - 1);
    CHECK(ap_load_u64(&u64) == 6 + 2 * (uint64_t)THREADS * ROUNDS);
    printf("ok  the retry loops under contention\n");
}

#define MESSAGES(type) \
    test_messages(#type, type##_publishers, COUNT_OF(type##_publishers), type##_receivers, COUNT_OF(type##_receivers))

int main(void)
{
    test_values();
    MESSAGES(i64);
    MESSAGES(u64);
    MESSAGES(f64);
    MESSAGES(bool);
    test_loops();
    printf("ok  all\n");
    return 0;
}
