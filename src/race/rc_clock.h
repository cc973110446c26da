/* SPDX-License-Identifier: MIT
 *
 * rc_clock.h: epochs, vector clocks, threads, and the variables by which threads synchronise.
 *
 * C. Flanagan, S. N. Freund, "FastTrack: Efficient and Precise Dynamic Race Detection", PLDI 2009. Thread t has a vector
 * clock C_t; C_t[u] is the last time of u of which t knows. Its own time C_t[t] with its slot t is its epoch, written t@c.
 * An access at epoch u@c happens before what t does now exactly if c <= C_t[u].
 *
 *   acquire of a variable L:   C_t := C_t join L
 *   release:                   L := L join C_t;  C_t[t] := C_t[t] + 1
 *   set (release-store):       L := C_t;         C_t[t] := C_t[t] + 1
 *   swap (read-modify-write):  both, in one indivisible step
 *
 * A slot is used again by a thread whose creator has seen the end of the slot's thread: all that the old one did happens
 * before all that the new one does, so the two are one line of events, and one row of the clocks is enough for both.
 * Where there are RC_MANY_SLOTS slots and none of the ended ones has been seen by the creator, the one that ended first is
 * taken nevertheless: this adds an order that is not there (a race may be missed) and takes none away (none is invented).
 *
 * Sessions. While nobody records, nobody notes the order either. So what was done before a session began (rc_new_session)
 * is taken to come before all that is done in it: each thread begins a new epoch there, the last ones before it are the
 * `floor`, and a thread learns the floor before its first access in the session. Threads, their slots and what they know,
 * and the clocks of locks stay as they are: they speak of times up to the floor, which is known anyway, and of later ones
 * only by what is done from then on. An access that had read its epoch before, and gets to the table after, is at or below
 * the floor like the others: nobody will find that it races, and what it finds itself is dropped (rc_is_past).
 */
#ifndef RC_CLOCK_H
#define RC_CLOCK_H

#include "rc_base.h"

#define RC_CLOCK_BITS 44
#define RC_CLOCK_MASK ((UINT64_C(1) << RC_CLOCK_BITS) - 1)
#define RC_MANY_SLOTS 4096u

typedef uint64_t rc_epoch; /* slot << 44 | time; times begin at 1, so 0 is no epoch */

static inline uint32_t rc_slot_of(rc_epoch e) { return (uint32_t)(e >> RC_CLOCK_BITS); }
static inline uint64_t rc_time_of(rc_epoch e) { return e & RC_CLOCK_MASK; }
static inline rc_epoch rc_epoch_at(uint32_t slot, uint64_t time) { return (uint64_t)slot << RC_CLOCK_BITS | time; }

typedef struct {
    uint64_t *at;
    uint32_t n;
} rc_vector;

static inline uint64_t rc_get(const rc_vector *v, uint32_t slot) { return slot < v->n ? v->at[slot] : 0; }

static void rc_room(rc_vector *v, uint32_t n)
{
    if (n > v->n) {
        uint32_t more = n < 8 ? 8 : n + n / 4;
        v->at = rc_grow(v->at, more * sizeof *v->at);
        memset(v->at + v->n, 0, (more - v->n) * sizeof *v->at);
        v->n = more;
    }
}

static void rc_raise(rc_vector *v, uint32_t slot, uint64_t time)
{
    rc_room(v, slot + 1);
    if (v->at[slot] < time) {
        v->at[slot] = time;
    }
}

static void rc_join(rc_vector *into, const rc_vector *from)
{
    uint32_t n = from->n;
    while (n > 0 && from->at[n - 1] == 0) {
        n--;
    }
    rc_room(into, n);
    for (uint32_t i = 0; i < n; i++) {
        if (into->at[i] < from->at[i]) {
            into->at[i] = from->at[i];
        }
    }
}

static void rc_forget(rc_vector *v)
{
    free(v->at);
    v->at = NULL;
    v->n = 0;
}

/* ---- threads -------------------------------------------------------------------------------------------------- */

typedef struct rc_cached rc_cached; /* rc_shadow.h */

typedef struct rc_thread {
    _Atomic rc_epoch epoch; /* its own time; moved on by the thread, and by rc_begin_unknown under the lock of threads */
    uint32_t slot;
    uint64_t number; /* a counter of our own: idents and addresses are used again */
    rc_vector vc;    /* written by the thread alone, under the lock of threads; so it reads it without */
    rc_cached *cache;
    void *stacks;    /* what rc_stacks.h remembers of the last stack */
    void *classes;   /* what rc_attributes.h remembers of types */
    rc_epoch recorded; /* the last epoch in which an access of it was recorded */
    uint64_t session;  /* whose floor it knows */
    void *changing;  /* a container that is about to be changed in place, only to be compared ... */
    int64_t size;    /* ... and its size before, or RC_CHANGES */
    int busy;        /* > 0 while the thread is inside a callback of the engine's: nothing is recorded */
    struct rc_thread *next, **link;
} rc_thread;

typedef struct {
    uint64_t from;   /* the first time of ... */
    uint64_t number; /* ... this thread; 0: of threads of which nothing is recorded any more */
} rc_tenant;

typedef struct {
    rc_tenant *tenants; /* in order of time */
    uint32_t n;
    bool taken;
    uint64_t last;  /* the time after the end of the last tenant */
    uint64_t ended; /* counts ends: which slot is free for longest */
} rc_slot;

static struct {
    rc_lock lock; /* the list, the slots, and every thread's vc */
    rc_thread *first;
    rc_slot *slots;
    uint32_t n_slots;
    uint64_t n_threads, n_ended, n_tenants;
    bool counting; /* rc_census.h */
    rc_vector floor; /* the last epochs before the session */
} rc_threads;
static _Atomic uint64_t rc_session;

static inline rc_epoch rc_now(const rc_thread *t) { return atomic_load_explicit(&t->epoch, memory_order_relaxed); }

static inline bool rc_before(rc_epoch e, const rc_thread *t)
{
    uint32_t slot = rc_slot_of(e);
    return slot == t->slot || rc_time_of(e) <= rc_get(&t->vc, slot);
}

static inline void rc_next_epoch(rc_thread *t) { atomic_fetch_add_explicit(&t->epoch, 1, memory_order_relaxed); }

/* Under the lock. `seen`: what the creator had seen when it started this thread; NULL: what was before the session. */
static rc_thread *rc_begin_locked(const rc_vector *seen)
{
    if (seen == NULL) {
        seen = &rc_threads.floor;
    }
    uint32_t chosen = UINT32_MAX, oldest = UINT32_MAX;
    for (uint32_t i = 0; i < rc_threads.n_slots; i++) {
        rc_slot *s = &rc_threads.slots[i];
        if (s->taken) {
            continue;
        }
        if (rc_get(seen, i) + 1 >= s->last || rc_get(&rc_threads.floor, i) + 1 >= s->last) {
            chosen = i;
            break;
        }
        if (oldest == UINT32_MAX || s->ended < rc_threads.slots[oldest].ended) {
            oldest = i;
        }
    }
    if (chosen == UINT32_MAX && rc_threads.n_slots >= RC_MANY_SLOTS) {
        chosen = oldest;
    }
    if (chosen == UINT32_MAX) {
        if (rc_threads.n_slots % 64 == 0) {
            rc_threads.slots = rc_grow(rc_threads.slots, (rc_threads.n_slots + 64) * sizeof(rc_slot));
        }
        chosen = rc_threads.n_slots++;
        rc_threads.slots[chosen] = (rc_slot){.last = 1};
    }
    rc_slot *s = &rc_threads.slots[chosen];
    rc_thread *t = rc_alloc(sizeof *t);
    t->slot = chosen;
    t->number = ++rc_threads.n_threads;
    if ((s->n & (s->n - 1)) == 0) {
        s->tenants = rc_grow(s->tenants, (s->n ? 2 * s->n : 1) * sizeof(rc_tenant));
    }
    s->tenants[s->n++] = (rc_tenant){s->last, t->number};
    rc_threads.n_tenants++;
    s->taken = true;
    atomic_init(&t->epoch, rc_epoch_at(chosen, s->last));
    rc_join(&t->vc, &rc_threads.floor);
    rc_join(&t->vc, seen);
    t->session = atomic_load_explicit(&rc_session, memory_order_relaxed);
    t->next = rc_threads.first;
    t->link = &rc_threads.first;
    if (t->next != NULL) {
        t->next->link = &t->next;
    }
    rc_threads.first = t;
    return t;
}

static rc_thread *rc_begin(const rc_vector *seen)
{
    rc_take(&rc_threads.lock);
    rc_thread *t = rc_begin_locked(seen);
    rc_drop(&rc_threads.lock);
    return t;
}

/* The last epoch of each thread so far, into `all`; each thread begins a new one. Under the lock. */
static void rc_all_so_far(rc_vector *all)
{
    for (rc_thread *u = rc_threads.first; u != NULL; u = u->next) {
        rc_raise(all, u->slot, rc_time_of(atomic_fetch_add_explicit(&u->epoch, 1, memory_order_release)));
    }
    for (uint32_t i = 0; i < rc_threads.n_slots; i++) {
        if (!rc_threads.slots[i].taken) {
            rc_raise(all, i, rc_threads.slots[i].last - 1);
        }
    }
}

/* A thread of which nobody told us. Who started it had seen we do not know what: all that has been is taken as seen, and
 * each thread begins a new epoch, so that what they do from now on is not. */
static rc_thread *rc_begin_unknown(void)
{
    rc_vector all = {NULL, 0};
    rc_take(&rc_threads.lock);
    rc_all_so_far(&all);
    rc_thread *t = rc_begin_locked(&all);
    rc_drop(&rc_threads.lock);
    rc_forget(&all);
    return t;
}

/* The number moves on before the epochs do, with release: who reads a new epoch (with acquire) and then the number, reads
 * the new number, and so learns the floor before it uses that epoch. */
static void rc_new_session(void)
{
    rc_take(&rc_threads.lock);
    atomic_fetch_add_explicit(&rc_session, 1, memory_order_relaxed);
    rc_all_so_far(&rc_threads.floor);
    rc_drop(&rc_threads.lock);
}

/* Begins an access: its epoch, whose session the thread knows. */
static inline rc_epoch rc_access_begins(rc_thread *t)
{
    rc_epoch now = atomic_load_explicit(&t->epoch, memory_order_acquire);
    uint64_t session = atomic_load_explicit(&rc_session, memory_order_relaxed);
    if (RC_UNLIKELY(t->session != session)) {
        rc_take(&rc_threads.lock);
        rc_join(&t->vc, &rc_threads.floor);
        t->session = session;
        rc_drop(&rc_threads.lock);
    }
    return now;
}

static bool rc_is_past(rc_epoch e)
{
    rc_take(&rc_threads.lock);
    bool past = rc_time_of(e) <= rc_get(&rc_threads.floor, rc_slot_of(e));
    rc_drop(&rc_threads.lock);
    return past;
}

static void rc_end(rc_thread *t)
{
    rc_take(&rc_threads.lock);
    rc_slot *s = &rc_threads.slots[t->slot];
    s->taken = false;
    /* An epoch in which nothing was done is nothing that the creator of the next one must have seen. */
    s->last = rc_time_of(rc_now(t)) + (t->recorded == rc_now(t) ? 1 : 0);
    s->ended = ++rc_threads.n_ended;
    *t->link = t->next;
    if (t->next != NULL) {
        t->next->link = t->link;
    }
    rc_drop(&rc_threads.lock);
    rc_forget(&t->vc);
    free(t->cache);
    free(t->stacks);
    free(t->classes);
    free(t);
}

/* The index of the tenant of that time. */
static uint32_t rc_tenant_at(const rc_tenant *tenants, uint32_t n, uint64_t time)
{
    uint32_t low = 0, high = n;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (tenants[middle].from <= time) {
            low = middle;
        }
        else {
            high = middle;
        }
    }
    return low;
}

/* Whose epoch this is. */
static uint64_t rc_number_of(rc_epoch e)
{
    uint64_t number = 0;
    rc_take(&rc_threads.lock);
    if (rc_slot_of(e) < rc_threads.n_slots) {
        rc_slot *s = &rc_threads.slots[rc_slot_of(e)];
        uint32_t low = rc_tenant_at(s->tenants, s->n, rc_time_of(e));
        number = s->n > 0 ? s->tenants[low].number : 0;
    }
    rc_drop(&rc_threads.lock);
    return number;
}

/* ---- synchronisation variables -------------------------------------------------------------------------------- */

#define RC_SYNC_LOCKS 64
static rc_lock rc_sync_locks[RC_SYNC_LOCKS];

typedef struct rc_sync {
    _Atomic uint32_t refs;
    rc_vector vc;
} rc_sync;

static inline rc_lock *rc_lock_of(const rc_sync *s) { return &rc_sync_locks[rc_mix((uintptr_t)s) % RC_SYNC_LOCKS]; }

static rc_sync *rc_sync_new(void)
{
    rc_sync *s = rc_alloc(sizeof *s);
    atomic_init(&s->refs, 1);
    return s;
}

static rc_sync *rc_sync_share(rc_sync *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

static void rc_sync_leave(rc_sync *s)
{
    if (atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1) {
        rc_forget(&s->vc);
        free(s);
    }
}

static void rc_learn(rc_thread *t, const rc_vector *from)
{
    rc_take(&rc_threads.lock);
    rc_join(&t->vc, from);
    rc_drop(&rc_threads.lock);
}

static void rc_tell(const rc_thread *t, rc_vector *into)
{
    rc_join(into, &t->vc);
    rc_raise(into, t->slot, rc_time_of(rc_now(t)));
}

static void rc_acquire(rc_thread *t, rc_sync *s)
{
    rc_take(rc_lock_of(s));
    rc_learn(t, &s->vc);
    rc_drop(rc_lock_of(s));
}

static void rc_release(rc_thread *t, rc_sync *s)
{
    rc_take(rc_lock_of(s));
    rc_tell(t, &s->vc);
    rc_drop(rc_lock_of(s));
    rc_next_epoch(t);
}

static void rc_set(rc_thread *t, rc_sync *s)
{
    rc_take(rc_lock_of(s));
    if (s->vc.n > 0) {
        memset(s->vc.at, 0, s->vc.n * sizeof *s->vc.at);
    }
    rc_tell(t, &s->vc);
    rc_drop(rc_lock_of(s));
    rc_next_epoch(t);
}

static void rc_swap(rc_thread *t, rc_sync *s)
{
    rc_take(rc_lock_of(s));
    rc_learn(t, &s->vc);
    rc_tell(t, &s->vc);
    rc_drop(rc_lock_of(s));
    rc_next_epoch(t);
}

#endif
