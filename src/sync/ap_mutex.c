/* SPDX-License-Identifier: MIT
 *
 * ap_mutex.c: what ap_mutex does when it has to wait. The state table is in ap_mutex.h.
 */
#include "../platform/ap_os.h"

#include "../park/ap_count.h"
#include "ap_mutex.h"
#include "../park/ap_wait.h"

/* Before it sleeps, a thread looks again after 1, 2, 4 ... 64 pauses of the processor, as parking_lot's SpinWait: for a
 * critical section of a few instructions on another core. It takes some microseconds in all, which is less than to sleep
 * and be woken. Not where others sleep: more threads that are awake would only take the cache line from the owner. And
 * it does not yield to the scheduler in between: on a busy machine that gives the core away for milliseconds. */
#define SPIN_ROUNDS 7

/* The one that was woken stands by. It looks after 8, 16 ... 256 pauses and then each 256, some microseconds, since each
 * look takes the cache line from the owner. It takes the mutex where it found it free so often in a row that nobody seems
 * to want it: one that is taken again and again is free at every other look, too. Where it finds the same state all the
 * time, the section is a long one, or the owner waits for the core that it looks from: it yields now and then, and sleeps
 * again after STAND_BY_STILL of those looks, some 50 us. */
#define STAND_BY_FIRST 8
#define STAND_BY_PAUSES 256
#define STAND_BY_FREE 12
#define STAND_BY_STILL 10
#define STAND_BY_YIELD 4

/* And one that begins to sleep looks on for a while, all in nanoseconds, until the one awake stands by: so it does not
 * matter where the system puts that one. It may stand behind the owner, on the owner's core, and then this core would
 * have nobody and fall asleep; to come back takes it long, on a virtual machine with a busy host above all, and the mutex
 * would have nobody to be handed to. Each look at the mutex takes the cache line from the owner, so they are as far apart
 * as the looks of the one that stands by. However many wait, it is two or three that look on, since where sections are
 * short one begins to sleep each AP_FAIR_AFTER; where they are long, nobody is awake, and nobody looks on for long. */
#define LOOK_ON INT64_C(50000) /* after the one awake was late: more than LATE and two looks, to find it late again */
#define LOOK_ON_MOST INT64_C(400000)
#define LOOK_ON_EVERY INT64_C(7000)
#define LATE INT64_C(30000)

#define FLAGS (AP_MUTEX_LOCKED | AP_MUTEX_WAITERS)

/* With the mark of the thread that is awake: it runs, it is time to be fair, and it asks for the mutex. */
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
static bool withdraw(ap_mutex *m, uint64_t token)
{
    for (;;) {
        uint64_t seen = token;
        if (ap_compare_exchange_u64(&m->awake, &seen, 0)) {
            return false;
        }
        asking a = {.mutex = m, .token = token};
        ap_wake_by(&m->state, 0, is_token_gone, &a);
        if (a.handed) {
            return true;
        }
    }
}

/* The token after it: without HERE where it is out of m->awake at this moment. */
static uint64_t ask(ap_mutex *m, uint64_t token)
{
    uint64_t seen = token;
    return ap_compare_exchange_u64(&m->awake, &seen, token | HERE) ? token | HERE : token;
}

static bool take_if_free(ap_mutex *m)
{
    return (ap_load_u64_relaxed(&m->state) & AP_MUTEX_LOCKED) == 0 && ap_mutex_try_lock(m);
}

static bool spin(ap_mutex *m)
{
    for (int i = 0; i < SPIN_ROUNDS && (ap_load_u64_relaxed(&m->state) & AP_MUTEX_WAITERS) == 0; i++) {
        if (take_if_free(m)) {
            return true;
        }
        ap_cpu_relax_for(1 << i);
    }
    return take_if_free(m);
}

/* Wait for the mutex with the token, which is given back at the end. True: it has it. */
static bool stand_by(ap_mutex *m, uint64_t token)
{
    uint64_t before = 0;
    int found_free = 0, still = 0, pauses = STAND_BY_FIRST;
    do {
        uint64_t seen = ap_load_u64_relaxed(&m->state);
        found_free = (seen & AP_MUTEX_LOCKED) == 0 ? found_free + 1 : 0;
        if (found_free == STAND_BY_FREE || ap_load_u64(&m->awake) != token) {
            return withdraw(m, token) || take_if_free(m);
        }
        int64_t now = ap_os_now();
        ap_store_i64_relaxed(&m->stood_by, now);
        if ((token & HERE) == 0 && now >= ap_load_i64_relaxed(&m->fair_at)) {
            token = ask(m, token);
            pauses = STAND_BY_FIRST;
        }
        if ((token & HERE) != 0) {
            announce(m); /* for where it was found free, it may be taken by one that does not know of us */
        }
        still = seen == before ? still + 1 : 0;
        before = seen;
        if (still % STAND_BY_YIELD == STAND_BY_YIELD - 1) {
            ap_os_yield();
        }
        ap_cpu_relax_for(found_free != 0 ? STAND_BY_FIRST : pauses);
        pauses = pauses < STAND_BY_PAUSES ? 2 * pauses : pauses;
    } while (still < STAND_BY_STILL);
    return withdraw(m, token);
}

/* One that looks on. */
typedef struct {
    ap_mutex *mutex;
    int64_t began, looked, late; /* when it began to, looked last, and found the one awake late */
} onlooker;

static bool looks_on(void *context, int64_t now)
{
    onlooker *o = context;
    if (now - o->looked >= LOOK_ON_EVERY) {
        o->looked = now;
        if (awake(o->mutex) != 0 && now - ap_load_i64_relaxed(&o->mutex->stood_by) > LATE) {
            o->late = now;
        }
    }
    return now - o->late < LOOK_ON && now - o->began < LOOK_ON_MOST;
}

static ap_wait_result sleep_in_line(ap_mutex *m, int64_t since, int64_t deadline)
{
    int64_t now = ap_os_now();
    onlooker o = {.mutex = m, .began = now, .looked = now, .late = now};
    ap_place place = {.since = since, .mark = ap_thread_mark(), .looks_on = looks_on, .context = &o};
    return ap_wait_in_line(&m->state, still_contended, 0, &place, deadline);
}

bool ap_mutex_lock_slow(ap_mutex *m, int64_t since, int64_t deadline)
{
    bool woken = false;
    AP_COUNT(AP_MUTEX_LOCK_SLOW);
    for (;;) {
        if (woken ? stand_by(m, ap_thread_mark()) : spin(m)) {
            return true;
        }
        woken = false;
        if (!announce(m)) {
            continue;
        }
        switch (sleep_in_line(m, since, deadline)) {
        case AP_HANDED:
            return true;
        case AP_TIMED_OUT:
            /* Perhaps WAITERS stays without a sleeper: the next unlock looks for one in vain, and takes it away. */
            return ap_mutex_try_lock(m);
        case AP_WOKEN:
            woken = true;
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

/* With the table locked, before it is woken. */
static void now_awake(ap_mutex *m, uint64_t mark)
{
    ap_store_u64_relaxed(&m->unlocks, 0);
    ap_store_u64(&m->awake, mark);
}

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
        bool wakes = line->sleepers > 0 && (woken == 0 || fair); /* where one was awake and owns it now, the next one */
        *hand_over = fair && woken == 0;
        if (fair) {
            AP_COUNT(AP_MUTEX_HAND_OVER);
            ap_store_i64_relaxed(&m->fair_at, now + AP_FAIR_AFTER);
        } else if (wakes) {
            ap_store_i64_relaxed(&m->fair_at, due > fair_at ? due : fair_at);
        }
        if (wakes && !*hand_over) {
            now_awake(m, line->mark);
        }
        return wakes;
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
    now_awake(m, line->mark);
    return 1;
}

/* With one awake that does not ask: to be fair to it, though it may have no core, needs a clock, which costs more than
 * the rest of an unlock. So it is the unlock 1, 2, 4 and each eighth after it was woken that looks: where all
 * sections are equally long, it is less than twice as late as it could be. */
static bool is_time_for(ap_mutex *m)
{
    uint64_t n = ap_load_u64_relaxed(&m->unlocks) + 1;
    ap_store_u64_relaxed(&m->unlocks, n);
    return ((n & (n - 1)) == 0 || n % 8 == 0) && ap_os_now() >= ap_load_i64_relaxed(&m->fair_at);
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
    if (woken != 0 && (woken & HERE) == 0 && !is_time_for(m)
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
