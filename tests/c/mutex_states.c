/* SPDX-License-Identifier: MIT
 *
 * mutex_states.c: each row of the table of states in ap_mutex.h, with exact words and exact counts of the slow paths.
 * `make mutex_states`.
 *
 * The words are stored by hand. Their owner and their designated waker are no threads, and the parked threads do not
 * lock. So only the call that is tested changes the word.
 */
#include "mutex_inside.h" /* first */

#include "ap_core.h"
#include "counts.h"

#include <sys/wait.h>
#include <unistd.h>

static ap_mutex mutex;

static void no_probe(int pauses)
{
    (void)pauses;
    CHECK(!"the designated waker probes again");
}

/* A word with these flags, of this process or with another fork count. Only a locked word has an owner. */
static uint64_t word_of(uint64_t flags, bool stale)
{
    uint64_t forks = *ap_owner_forks ^ (stale ? UINT64_C(1) << AP_OWNER_FORKS_SHIFT : 0);
    return flags == 0 ? 0 : forks | ((flags & L) != 0 ? GHOST : 0) | flags;
}

static void set(uint64_t state, int64_t fair_at)
{
    ap_store_u64(&mutex.state, state);
    ap_store_i64(&mutex.fair_at, fair_at);
    clock_at = BEGAN;
}

static void expect_word(const char *what, size_t row, uint64_t state, int64_t fair_at)
{
    uint64_t got = ap_load_u64(&mutex.state);
    int64_t got_at = ap_load_i64(&mutex.fair_at);
    if (got != state || got_at != fair_at) {
        fprintf(stderr, "%s, row %d: the word is %#llx, not %#llx; fair_at is %lld, not %lld\n", what, (int)row,
                (unsigned long long)got, (unsigned long long)state, (long long)got_at, (long long)fair_at);
        abort();
    }
}

/* ---- the column "lock"; try_lock, is_locked, owner ---- */

enum arrival { ACQUIRES, SPINS, PARKS };
enum fork_count { CURRENT, STALE };

/* clang-format off */
static const struct {
    uint64_t flags;
    enum fork_count forks;
    enum arrival arrival;
    uint64_t after; /* the flags, if it acquires */
} arrivals[] = {
    {0,             CURRENT, ACQUIRES, L},
    {L,             CURRENT, SPINS,    0},
    {L | W,         CURRENT, PARKS,    0},
    {L | K,         CURRENT, PARKS,    0},
    {L | K | W,     CURRENT, PARKS,    0},
    {L | K | H,     CURRENT, PARKS,    0},
    {L | K | H | W, CURRENT, PARKS,    0},
    {K,             CURRENT, ACQUIRES, L | K},
    {K | W,         CURRENT, ACQUIRES, L | K | W},
    {K | H,         CURRENT, PARKS,    0},
    {K | H | W,     CURRENT, PARKS,    0},
    {L,             STALE,   PARKS,    0},
    {L | W,         STALE,   PARKS,    0},
    {L | K,         STALE,   PARKS,    0},
    {L | K | W,     STALE,   PARKS,    0},
    {L | K | H,     STALE,   PARKS,    0},
    {L | K | H | W, STALE,   PARKS,    0},
    {K,             STALE,   ACQUIRES, L},
    {K | W,         STALE,   ACQUIRES, L | W},
    {K | H,         STALE,   ACQUIRES, L},
    {K | H | W,     STALE,   ACQUIRES, L | W},
};
/* clang-format on */

static void test_arrivals(void)
{
    for (size_t i = 0; i < sizeof arrivals / sizeof *arrivals; i++) {
        const uint64_t flags = arrivals[i].flags, word = word_of(flags, arrivals[i].forks);
        const enum arrival arrival = arrivals[i].arrival;
        set(word, 1);
        CHECK(ap_mutex_is_locked(&mutex) == (arrival != ACQUIRES));
        CHECK(ap_mutex_owner(&mutex) == ((flags & L) != 0 ? word & ~flags : 0));
        CHECK(must_wait(&mutex.state, 0) == (arrival != ACQUIRES && (flags & W) != 0));
        if (arrival == ACQUIRES) {
            CHECK(ap_mutex_try_lock(&mutex));
            expect_word("try_lock", i, ap_owner_id() | arrivals[i].after, 1);
            CHECK(ap_mutex_owner(&mutex) == ap_owner_id() && ap_mutex_is_locked(&mutex));
            set(word, 1);
            CHECK(ap_mutex_lock_until(&mutex, 0, 0));
            expect_word("lock", i, ap_owner_id() | arrivals[i].after, 1);
            EXPECT_COUNTS("an arrival acquires", 0);
            continue;
        }
        CHECK(!ap_mutex_try_lock(&mutex));
        expect_word("try_lock", i, word, 1);
        /* The deadline has passed: it stops at once if it spins, and leaves the queue. A thread that has become the
         * designated waker has delayed the next hand-off. */
        CHECK(!ap_mutex_lock_until(&mutex, 0, 0) && ap_waiters(&mutex.state) == 0);
        expect_word("lock", i, word | W, arrival == SPINS ? BEGAN + 2 * FAIR_AFTER : 1);
        EXPECT_COUNTS("an arrival parks", [AP_MUTEX_LOCK_SLOW] = 1, [AP_PARK] = 1);
    }
    printf("ok  mutex: lock, try_lock, is_locked, owner in each state\n");
}

/* ---- the column "unlock" ---- */

static bool always(const void *word, uint64_t what) { return word == &mutex.state && what == 0; }

static void *park(void *since)
{
    CHECK(ap_park_at(&mutex.state, always, 0, *(int64_t *)since, AP_FOREVER) == AP_UNPARKED);
    return since;
}

enum { FAST, BUCKET };
enum { OLD = BEGAN - 2 * FAIR_AFTER, NEW = OLD + 1, DUE = BEGAN, NOT_DUE = DUE + 1, DELAYED = BEGAN + 2 * FAIR_AFTER };
#define FAR INT64_MAX

/* clang-format off */
static const struct {
    uint64_t flags;
    enum fork_count forks;
    int waiters;     /* that are parked */
    int64_t since;   /* when the first waiter began to wait */
    int64_t fair_at; /* before the unlock */
    int bucket;      /* does it lock the bucket? */
    uint64_t after;  /* the flags */
    int64_t then_at; /* fair_at after the unlock */
} unlocks[] = {
    {L,             CURRENT, 0, OLD, DUE,     FAST,   0,         DUE},
    {L | K,         CURRENT, 0, OLD, NOT_DUE, FAST,   K,         NOT_DUE},
    {L | K,         CURRENT, 0, OLD, DUE,     FAST,   K | H,     BEGAN},
    {L | K,         CURRENT, 0, OLD, 1,       FAST,   K | H,     BEGAN},
    {L | K | W,     CURRENT, 1, OLD, NOT_DUE, FAST,   K | W,     NOT_DUE},
    {L | K | W,     CURRENT, 1, OLD, DUE,     FAST,   K | H | W, BEGAN},
    {L | K | W,     CURRENT, 1, NEW, 1,       FAST,   K | H | W, BEGAN},
    {L | K | H,     CURRENT, 0, OLD, 1,       FAST,   K | H,     1},
    {L | K | H,     CURRENT, 0, OLD, NOT_DUE, FAST,   K | H,     NOT_DUE},
    {L | K | H | W, CURRENT, 1, OLD, 1,       FAST,   K | H | W, 1},
    {L | W,         CURRENT, 1, OLD, DUE,     BUCKET, K | H,     BEGAN},
    {L | W,         CURRENT, 1, OLD, 1,       BUCKET, K | H,     BEGAN},
    {L | W,         CURRENT, 1, NEW, DUE,     BUCKET, K,         DELAYED},
    {L | W,         CURRENT, 1, OLD, NOT_DUE, BUCKET, K,         DELAYED},
    {L | W,         CURRENT, 1, OLD, FAR,     BUCKET, K,         FAR},
    {L | W,         CURRENT, 2, OLD, DUE,     BUCKET, K | H | W, BEGAN},
    {L | W,         CURRENT, 2, NEW, DUE,     BUCKET, K | W,     DELAYED},
    {L | W,         CURRENT, 2, OLD, NOT_DUE, BUCKET, K | W,     DELAYED},
    {L | W,         CURRENT, 0, OLD, FAR,     BUCKET, 0,         FAR},
    {L,             STALE,   0, OLD, DUE,     FAST,   0,         DUE},
    {L | K,         STALE,   0, OLD, DUE,     FAST,   0,         DUE},
    {L | K | H,     STALE,   0, OLD, DUE,     FAST,   0,         DUE},
    {L | W,         STALE,   0, OLD, FAR,     BUCKET, 0,         FAR},
    {L | W,         STALE,   1, OLD, DUE,     BUCKET, K | H,     BEGAN},
    {L | K | W,     STALE,   0, OLD, FAR,     BUCKET, 0,         FAR},
    {L | K | W,     STALE,   1, NEW, DUE,     BUCKET, K,         DELAYED},
    {L | K | H | W, STALE,   0, OLD, FAR,     BUCKET, 0,         FAR},
    {L | K | H | W, STALE,   1, NEW, DUE,     BUCKET, K,         DELAYED},
    {L | K | H | W, STALE,   2, NEW, DUE,     BUCKET, K | W,     DELAYED},
};

static const struct {
    uint64_t flags;
    enum fork_count forks;
} unlocked[] = {
    {0, CURRENT}, {K, CURRENT}, {K | W, CURRENT},
    {K, STALE},   {K | W, STALE}, {K | H, STALE}, {K | H | W, STALE},
};
/* clang-format on */

static void test_unlock(size_t i)
{
    pthread_t threads[2];
    int64_t since[2] = {unlocks[i].since, unlocks[i].since + FAIR_AFTER};
    const uint64_t word = word_of(unlocks[i].flags, unlocks[i].forks);
    const size_t waiters = (size_t)unlocks[i].waiters, designated = unlocks[i].bucket == BUCKET && waiters > 0;
    set(word, unlocks[i].fair_at);
    for (size_t n = 0; n < waiters; n++) {
        start_thread(&threads[n], park, &since[n]);
        until_parked(&mutex.state, n + 1);
    }
    EXPECT_COUNTS("threads park", [AP_PARK] = waiters);
    CHECK(ap_mutex_unlock(&mutex));
    expect_word("unlock", i, word_of(unlocks[i].after, CURRENT), unlocks[i].then_at);
    CHECK((unlocks[i].after & H) != 0 || !ap_mutex_unlock(&mutex));
    expect_word("a second unlock", i, word_of(unlocks[i].after, CURRENT), unlocks[i].then_at);
    EXPECT_COUNTS("unlock", [AP_MUTEX_UNLOCK_SLOW] = (uint64_t)unlocks[i].bucket, [AP_UNPARK] = designated);
    if (designated > 0) {
        pthread_join(threads[0], NULL); /* the first waiter */
    }
    CHECK(ap_unpark(&mutex.state, AP_UNPARK_ALL) == waiters - designated);
    for (size_t n = designated; n < waiters; n++) {
        pthread_join(threads[n], NULL);
    }
    EXPECT_COUNTS("the others", [AP_UNPARK] = waiters - designated);
}

static void test_unlocks(void)
{
    for (size_t i = 0; i < sizeof unlocks / sizeof *unlocks; i++) {
        test_unlock(i);
    }
    printf("ok  mutex: unlock in each state, with and without a hand-off\n");
    for (size_t i = 0; i < sizeof unlocked / sizeof *unlocked; i++) {
        const uint64_t word = word_of(unlocked[i].flags, unlocked[i].forks);
        set(word, 1);
        CHECK(!ap_mutex_unlock(&mutex));
        expect_word("unlock of an unlocked mutex", i, word, 1);
        EXPECT_COUNTS("an unlock of an unlocked mutex", 0);
    }
    printf("ok  mutex: unlock of an unlocked mutex changes nothing\n");
}

/* Between the load of a word with WAITERS and the lock of its bucket, another thread unlocks by mistake, and a third
 * may lock. Then the unlock changes nothing, and unparks no thread. */
static void test_unlocked_by_mistake(void)
{
    static const uint64_t words[] = {0, K, K | W, K | H, K | H | W, L | K, L | K | W, L | K | H | W};
    const ap_wait_queue queue = {.waiters = 1, .since = OLD};
    bool unlocked = false, hand_off = false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        set(word_of(words[i], CURRENT), 1);
        CHECK(unlock_and_designate(&mutex, &queue, &hand_off, &unlocked) == 0 && !unlocked && !hand_off);
        expect_word("an unlock after another one", i, word_of(words[i], CURRENT), 1);
    }
    printf("ok  mutex: an unlock that another thread has overtaken changes nothing\n");
}

static ap_bool ended;

static void *unlock(void *unused)
{
    CHECK(ap_mutex_unlock(&mutex));
    ap_store_bool(&ended, true);
    return unused;
}

/* The unlock waits until the designated waker, which is no thread here, has acquired the mutex. */
static void test_unlock_of_handed_off(void)
{
    static const uint64_t words[] = {K | H, K | H | W};
    pthread_t thread;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        set(word_of(words[i], CURRENT), 1);
        ap_store_bool(&ended, false);
        start_thread(&thread, unlock, NULL);
        for (int ms = 0; ms < 10; ms++) {
            sleep_ms(1);
            CHECK(!ap_load_bool(&ended));
            expect_word("unlock of a handed-off mutex", i, word_of(words[i], CURRENT), 1);
        }
        ap_store_u64(&mutex.state, word_of(L | (words[i] & W), CURRENT));
        pthread_join(thread, NULL);
        CHECK(ap_load_u64(&mutex.state) == 0); /* no thread is parked */
        EXPECT_COUNTS("unlock of a handed-off mutex", [AP_MUTEX_UNLOCK_SLOW] = i);
    }
    printf("ok  mutex: unlock of a handed-off mutex unlocks for the next owner\n");
}

static void test_states(void)
{
    between_probes = no_probe;
    ap_mutex_init(&mutex);
    test_arrivals();
    test_unlocks();
    test_unlocked_by_mistake();
    test_unlock_of_handed_off();
}

int main(void)
{
    int status;
    alarm(300); /* a lost wake-up becomes a failure, not a hang */
    CHECK(ap_core_init());
    test_states();

    printf("ok  the same in a child, where the fork count is not zero:\n");
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        alarm(300);
        CHECK(ap_fork_count() == 1);
        test_states();
        fflush(stdout);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    printf("ok  all\n");
    return 0;
}
