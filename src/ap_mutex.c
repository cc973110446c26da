/* SPDX-License-Identifier: MIT
 *
 * ap_mutex.c: what ap_mutex does when it has to wait. The state table is in ap_mutex.h.
 */
#include "ap_os.h"

#include "ap_count.h"
#include "ap_mutex.h"
#include "ap_wait.h"

/* Before it sleeps, a thread looks again after 1, 2, 4 ... 64 pauses of the processor, as parking_lot's SpinWait: for a
 * critical section of a few instructions on another core. It takes some microseconds in all, which is less than to sleep
 * and be woken. Not where others sleep: more threads that are awake would only take the cache line from the owner. And
 * it does not yield to the scheduler in between: on a busy machine that gives the core away for milliseconds. */
#define SPIN_ROUNDS 7

#define FLAGS (AP_MUTEX_LOCKED | AP_MUTEX_WAITERS)

/* With the mark of the thread that is awake: it runs, has waited for AP_FAIR_AFTER, and asks for the mutex. */
#define HERE UINT64_C(1)

/* The thread that is awake, with HERE or not. One that a fork left in another process is nobody. */
static uint64_t awake(ap_mutex *m)
{
    uint64_t mark = ap_load_u64(&m->awake);
    return ap_thread_is_of_this_process(mark) ? mark : 0;
}

/* ---- lock ------------------------------------------------------------------------------------------------------- */

static bool still_contended(const void *word, uint64_t what)
{
    (void)what;
    return (ap_load_u64((ap_u64 *)word) & FLAGS) == FLAGS;
}

/* Have the owner look at what it unlocks. False: the state is another one, look again. */
static bool announce(ap_mutex *m)
{
    uint64_t seen = ap_load_u64(&m->state);
    return (seen & FLAGS) != AP_MUTEX_LOCKED
        || ap_compare_exchange_u64(&m->state, &seen, seen | AP_MUTEX_WAITERS);
}

/* The one awake has a token: what it left in m->awake. An unlock that takes it away hands the mutex over by its next step
 * or puts the token back, all with the table locked: so it is asked for with the table locked whether it came back. */
typedef struct {
    ap_mutex *mutex;
    uint64_t token;
    bool handed;
} asking;

static size_t is_token_gone(void *word, const ap_line *line, bool *hand_over, void *context)
{
    asking *a = context;
    (void)word, (void)line, (void)hand_over;
    a->handed = ap_load_u64(&a->mutex->awake) != a->token;
    return 0;
}

/* Whoever unlocks may not count on this thread any more. True: it was handed the mutex instead. */
static bool withdraw(ap_mutex *m, uint64_t *token)
{
    while (*token != 0) {
        uint64_t seen = *token;
        if (ap_compare_exchange_u64(&m->awake, &seen, 0)) {
            *token = 0;
            return false;
        }
        asking a = {.mutex = m, .token = *token};
        ap_wake_by(&m->state, 0, is_token_gone, &a);
        if (a.handed) {
            return true;
        }
    }
    return false;
}

static void ask(ap_mutex *m, uint64_t *token)
{
    uint64_t seen = *token;
    if (ap_compare_exchange_u64(&m->awake, &seen, *token | HERE)) {
        *token |= HERE;
        announce(m);
    }
}

static bool take(ap_mutex *m, uint64_t *token)
{
    bool is_free = (ap_load_u64_relaxed(&m->state) & AP_MUTEX_LOCKED) == 0;
    if (*token != 0 && (is_free || ap_load_u64(&m->awake) != *token) && withdraw(m, token)) {
        return true;
    }
    return is_free && ap_mutex_try_lock(m);
}

static bool spin(ap_mutex *m, uint64_t *token)
{
    for (int i = 0; i < SPIN_ROUNDS; i++) {
        if (*token == 0 && (ap_load_u64_relaxed(&m->state) & AP_MUTEX_WAITERS) != 0) {
            break;
        }
        if (take(m, token)) {
            return true;
        }
        for (int pauses = 1 << i; pauses > 0; pauses--) {
            ap_cpu_relax();
        }
    }
    return take(m, token);
}

bool ap_mutex_lock_slow(ap_mutex *m, int64_t since, int64_t deadline)
{
    uint64_t token = 0;
    AP_COUNT(AP_MUTEX_LOCK_SLOW);
    for (;;) {
        if (token != 0 && ap_os_now() - since >= AP_FAIR_AFTER) {
            ask(m, &token);
        }
        if (spin(m, &token) || withdraw(m, &token)) {
            return true;
        }
        if (!announce(m)) {
            continue;
        }
        switch (ap_wait_in_line(&m->state, still_contended, 0, since, ap_thread_mark(), deadline)) {
        case AP_HANDED:
            return true;
        case AP_TIMED_OUT:
            /* Perhaps WAITERS stays without a sleeper: the next unlock looks for one in vain, and takes it away. */
            return ap_mutex_try_lock(m);
        case AP_WOKEN:
            token = ap_thread_mark();
            break;
        default: /* the state is another one: try again */
            break;
        }
    }
}

/* ---- unlock ----------------------------------------------------------------------------------------------------- */

typedef struct {
    ap_mutex *mutex;
    bool unlocked;
} unlocking;

static uint64_t waiters(bool some) { return some ? AP_MUTEX_WAITERS : 0; }

/* With the table locked, where nobody joins the line, and nobody but an unlock changes a state that has both flags. */
static size_t pass_on(void *word, const ap_line *line, bool *hand_over, void *context)
{
    ap_u64 *state = word;
    unlocking *u = context;
    ap_mutex *m = u->mutex;
    uint64_t seen = ap_load_u64(state);
    int64_t now = ap_os_now(), due = line->since + AP_FAIR_AFTER, fair_at = ap_load_i64_relaxed(&m->fair_at);

    for (;;) {
        uint64_t woken = awake(m), next = 0;
        bool fair = false;
        if ((seen & AP_MUTEX_LOCKED) == 0) {
            return 0; /* another thread was first to unlock it: a mistake, of one of the two */
        }
        if (woken != 0) {
            fair = (woken & HERE) != 0 || now >= fair_at;
            next = (fair ? (woken & ~HERE) | AP_MUTEX_LOCKED : 0) | waiters(line->sleepers > 0);
            if (fair && !ap_compare_exchange_u64(&m->awake, &woken, 0)) {
                continue; /* it has withdrawn */
            }
        } else if (line->sleepers > 0) {
            fair = now >= due && now >= fair_at;
            next = (fair ? line->mark | AP_MUTEX_LOCKED : 0) | waiters(line->sleepers > 1);
        }
        if (!ap_compare_exchange_u64(state, &seen, next)) {
            if (woken != 0 && fair) {
                ap_store_u64(&m->awake, woken);
            }
            continue;
        }
        u->unlocked = true;
        if (fair) {
            AP_COUNT(AP_MUTEX_HAND_OVER);
            ap_store_i64_relaxed(&m->fair_at, now + AP_FAIR_AFTER);
        }
        if (woken != 0 || line->sleepers == 0) {
            return 0;
        }
        if (!fair) {
            ap_store_u64(&m->awake, line->mark);
            ap_store_i64_relaxed(&m->fair_at, due > fair_at ? due : fair_at);
        }
        *hand_over = fair;
        return 1;
    }
}

/* After an unlock that counted on the one awake, which has withdrawn since. */
static size_t wake_another(void *word, const ap_line *line, bool *hand_over, void *context)
{
    ap_u64 *state = word;
    ap_mutex *m = context;
    uint64_t seen = ap_load_u64(state);
    (void)hand_over;
    if (awake(m) != 0 || line->sleepers == 0) {
        return 0;
    }
    do {
        if ((seen & AP_MUTEX_LOCKED) != 0) {
            return 0; /* its unlock will look */
        }
    } while (!ap_compare_exchange_weak_u64(state, &seen, waiters(line->sleepers > 1)));
    ap_store_u64(&m->awake, line->mark);
    return 1;
}

bool ap_mutex_unlock_slow(ap_mutex *m)
{
    uint64_t seen = ap_load_u64(&m->state);
    while ((seen & FLAGS) != FLAGS) {
        if ((seen & AP_MUTEX_LOCKED) == 0) {
            return false;
        }
        if (ap_compare_exchange_weak_u64(&m->state, &seen, 0)) {
            return true;
        }
    }
    uint64_t woken = awake(m);
    if (woken != 0 && (woken & HERE) == 0 && ap_os_now() < ap_load_i64_relaxed(&m->fair_at)
        && ap_compare_exchange_u64(&m->state, &seen, AP_MUTEX_WAITERS)) {
        if (awake(m) == 0) {
            ap_wake_by(&m->state, 2, wake_another, m);
        }
        return true;
    }
    AP_COUNT(AP_MUTEX_UNLOCK_SLOW);
    unlocking u = {.mutex = m};
    ap_wake_by(&m->state, 2, pass_on, &u);
    return u.unlocked;
}
