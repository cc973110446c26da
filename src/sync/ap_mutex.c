/* SPDX-License-Identifier: MIT
 *
 * ap_mutex.c: the slow paths of ap_mutex.h, which has the table of states and the invariants named by number here.
 */
#include "../platform/ap_os.h"

#include "../park/ap_count.h"
#include "../park/ap_park.h"
#include "ap_mutex.h"

/* A new arrival spins before it parks: it probes after 1, 2, 4 ... 64 pauses of the processor (parking_lot's
 * SpinWait), some microseconds in all, less than a park and an unpark. It does not spin while WAITERS is set, because
 * each probe takes the cache line from the owner. It does not yield: on a busy machine a yield costs the core for
 * milliseconds. */
#define SPIN_ROUNDS 7

/* The designated waker probes after 8, 16 ... 256 pauses, then each 256, some microseconds. It acquires the mutex
 * after DESIGNATED_FREE probes in a row that found it unlocked; a mutex in steady use is unlocked at every other
 * probe. If the state does not change, the section is long, or the owner waits for this core: the waker yields now
 * and then, and parks again after DESIGNATED_SAME such probes, some 50 us. */
#define DESIGNATED_FIRST 8
#define DESIGNATED_PAUSES 256
#define DESIGNATED_FREE 12
#define DESIGNATED_SAME 10
#define DESIGNATED_YIELD 4

/* A thread that parks spins in the queue first, until the designated waker spins, so that its core does not go idle:
 * an idle core of a virtual machine returns late, and the hand-off would find no running thread. All in nanoseconds. */
#define QUEUE_SPIN INT64_C(50000) /* after the designated waker was last found late */
#define QUEUE_SPIN_MOST INT64_C(400000)
#define QUEUE_SPIN_EVERY INT64_C(7000) /* between two probes, which take the cache line from the owner */
#define LATE INT64_C(30000)

#define FLAGS (AP_MUTEX_LOCKED | AP_MUTEX_WAITERS)

/* Set in `designated`: the designated waker runs, a hand-off is due, and it requests it. */
#define REQUESTS UINT64_C(1)

/* The designated waker's owner id, with REQUESTS or not. 0: there is none, or it was lost in fork(). */
static uint64_t designated(ap_mutex *m)
{
    uint64_t id = ap_load_u64(&m->designated);
    return ap_owner_is_current(id) ? id : 0;
}

/* ---- lock ------------------------------------------------------------------------------------------------------- */

static bool must_wait(const void *word, uint64_t what)
{
    (void)what;
    return (ap_load_u64((ap_u64 *)word) & FLAGS) == FLAGS;
}

/* Set WAITERS, so that the owner's unlock takes the slow path. False: the state has changed. */
static bool announce(ap_mutex *m)
{
    uint64_t seen = ap_load_u64(&m->state);
    return (seen & FLAGS) != AP_MUTEX_LOCKED || ap_compare_exchange_u64(&m->state, &seen, seen | AP_MUTEX_WAITERS);
}

/* The designated waker has a token: the value it left in `designated`. An unlock that removes the token hands the
 * mutex off by its next step or restores the token, under the bucket's lock. So the check whether it came back takes
 * that lock. */
typedef struct {
    ap_mutex *mutex;
    uint64_t token;
    bool handed_off;
} token_check;

static size_t is_token_gone(void *word, const ap_wait_queue *queue, bool *hand_off, void *context)
{
    token_check *c = context;
    (void)word, (void)queue, (void)hand_off;
    c->handed_off = ap_load_u64(&c->mutex->designated) != c->token;
    return 0;
}

/* No unlock may rely on this thread any more. True: the mutex was handed off to it instead (invariant 3). */
static bool withdraw(ap_mutex *m, uint64_t token)
{
    for (;;) {
        uint64_t seen = token;
        if (ap_compare_exchange_u64(&m->designated, &seen, 0)) {
            return false;
        }
        token_check c = {.mutex = m, .token = token};
        ap_unpark_with(&m->state, 0, is_token_gone, &c);
        if (c.handed_off) {
            return true;
        }
    }
}

/* Request the hand-off. Returns the token: without REQUESTS if an unlock has removed it at this moment. */
static uint64_t request_hand_off(ap_mutex *m, uint64_t token)
{
    uint64_t seen = token;
    return ap_compare_exchange_u64(&m->designated, &seen, token | REQUESTS) ? token | REQUESTS : token;
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

/* Spin as the designated waker, then withdraw. True: the caller owns the mutex. */
static bool spin_as_designated(ap_mutex *m, uint64_t token)
{
    uint64_t before = 0;
    int found_free = 0, same = 0, pauses = DESIGNATED_FIRST;
    do {
        uint64_t seen = ap_load_u64_relaxed(&m->state);
        found_free = (seen & AP_MUTEX_LOCKED) == 0 ? found_free + 1 : 0;
        if (found_free == DESIGNATED_FREE || ap_load_u64(&m->designated) != token) {
            return withdraw(m, token) || take_if_free(m);
        }
        int64_t now = ap_os_now();
        ap_store_i64_relaxed(&m->spun_at, now);
        if ((token & REQUESTS) == 0 && now >= ap_load_i64_relaxed(&m->fair_at)) {
            token = request_hand_off(m, token);
            pauses = DESIGNATED_FIRST;
        }
        if ((token & REQUESTS) != 0) {
            announce(m); /* a new arrival that barged in has not set WAITERS */
        }
        same = seen == before ? same + 1 : 0;
        before = seen;
        if (same % DESIGNATED_YIELD == DESIGNATED_YIELD - 1) {
            ap_os_yield();
        }
        ap_cpu_relax_for(found_free != 0 ? DESIGNATED_FIRST : pauses);
        pauses = pauses < DESIGNATED_PAUSES ? 2 * pauses : pauses;
    } while (same < DESIGNATED_SAME);
    return withdraw(m, token);
}

/* A thread that spins in the queue. */
typedef struct {
    ap_mutex *mutex;
    int64_t began, probed, late; /* when it began, last probed, and last found the designated waker late */
} queue_spinner;

static bool spins_in_queue(void *context, int64_t now)
{
    queue_spinner *s = context;
    if (now - s->probed >= QUEUE_SPIN_EVERY) {
        s->probed = now;
        if (designated(s->mutex) != 0 && now - ap_load_i64_relaxed(&s->mutex->spun_at) > LATE) {
            s->late = now;
        }
    }
    return now - s->late < QUEUE_SPIN && now - s->began < QUEUE_SPIN_MOST;
}

static ap_park_result park_in_queue(ap_mutex *m, int64_t since, int64_t deadline)
{
    int64_t now = ap_os_now();
    queue_spinner s = {.mutex = m, .began = now, .probed = now, .late = now};
    ap_place place = {.since = since, .owner_id = ap_owner_id(), .spins = spins_in_queue, .context = &s};
    return ap_park_at(&m->state, must_wait, 0, &place, deadline);
}

bool ap_mutex_lock_slow(ap_mutex *m, int64_t since, int64_t deadline)
{
    bool is_designated = false;
    AP_COUNT(AP_MUTEX_LOCK_SLOW);
    for (;;) {
        if (is_designated ? spin_as_designated(m, ap_owner_id()) : spin(m)) {
            return true;
        }
        is_designated = false;
        if (!announce(m)) {
            continue;
        }
        switch (park_in_queue(m, since, deadline)) {
        case AP_HANDED_OFF:
            return true;
        case AP_TIMED_OUT:
            /* WAITERS may stay set without a waiter. The next unlock finds the queue empty and clears it. */
            return ap_mutex_try_lock(m);
        case AP_UNPARKED:
            is_designated = true;
            break;
        default: /* the state has changed: try again */
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

/* Under the bucket's lock, before the waiter is unparked. */
static void designate(ap_mutex *m, uint64_t owner_id)
{
    ap_store_u64_relaxed(&m->unlocks, 0);
    ap_store_u64(&m->designated, owner_id);
}

/* Under the bucket's lock. No thread is enqueued meanwhile, and only an unlock changes a state that has both flags. */
static size_t unlock_or_hand_off(void *word, const ap_wait_queue *queue, bool *hand_off, void *context)
{
    ap_u64 *state = word;
    unlocking *u = context;
    ap_mutex *m = u->mutex;
    uint64_t seen = ap_load_u64(state);
    int64_t now = ap_os_now(), due = queue->since + AP_FAIR_AFTER, fair_at = ap_load_i64_relaxed(&m->fair_at);

    for (;;) {
        uint64_t waker = designated(m), next = 0;
        bool fair = false;
        if ((seen & AP_MUTEX_LOCKED) == 0) {
            return 0; /* another thread has unlocked it: one of the two had no right to */
        }
        if (waker != 0) {
            fair = (waker & REQUESTS) != 0 || now >= fair_at;
            next = (fair ? (waker & ~REQUESTS) | AP_MUTEX_LOCKED : 0) | waiters(queue->waiters > 0);
            if (fair && !ap_compare_exchange_u64(&m->designated, &waker, 0)) {
                continue; /* the designated waker has withdrawn */
            }
        } else if (queue->waiters > 0) {
            fair = now >= due && now >= fair_at;
            next = (fair ? queue->owner_id | AP_MUTEX_LOCKED : 0) | waiters(queue->waiters > 1);
        }
        if (!ap_compare_exchange_u64(state, &seen, next)) {
            if (waker != 0 && fair) {
                ap_store_u64(&m->designated, waker);
            }
            continue;
        }
        u->unlocked = true;
        bool unparks = queue->waiters > 0 && (waker == 0 || fair); /* after a hand-off to the waker, the next one */
        *hand_off = fair && waker == 0;
        if (fair) {
            AP_COUNT(AP_MUTEX_HAND_OFF);
            ap_store_i64_relaxed(&m->fair_at, now + AP_FAIR_AFTER);
        } else if (unparks) {
            ap_store_i64_relaxed(&m->fair_at, due > fair_at ? due : fair_at);
        }
        if (unparks && !*hand_off) {
            designate(m, queue->owner_id);
        }
        return unparks;
    }
}

/* After an unlock that relied on a designated waker which has withdrawn since. */
static size_t designate_another(void *word, const ap_wait_queue *queue, bool *hand_off, void *context)
{
    ap_u64 *state = word;
    ap_mutex *m = context;
    uint64_t seen = ap_load_u64(state);
    (void)hand_off;
    if (designated(m) != 0 || queue->waiters == 0) {
        return 0;
    }
    do {
        if ((seen & AP_MUTEX_LOCKED) != 0) {
            return 0; /* the owner's unlock will unpark one */
        }
    } while (!ap_compare_exchange_weak_u64(state, &seen, waiters(queue->waiters > 1)));
    designate(m, queue->owner_id);
    return 1;
}

/* A hand-off to a designated waker that requests nothing needs the clock, which costs more than the rest of an
 * unlock. So the first, second, fourth and each eighth unlock after the unpark read it. With equally long sections
 * the hand-off is less than twice as late as it could be. */
static bool is_hand_off_due(ap_mutex *m)
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
    uint64_t waker = designated(m);
    if (waker != 0 && (waker & REQUESTS) == 0 && !is_hand_off_due(m)
        && ap_compare_exchange_u64(&m->state, &seen, AP_MUTEX_WAITERS)) {
        if (designated(m) == 0) {
            ap_unpark_with(&m->state, 2, designate_another, m);
        }
        return true;
    }
    AP_COUNT(AP_MUTEX_UNLOCK_SLOW);
    unlocking u = {.mutex = m};
    ap_unpark_with(&m->state, 2, unlock_or_hand_off, &u);
    return u.unlocked;
}
