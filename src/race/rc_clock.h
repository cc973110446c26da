/* SPDX-License-Identifier: MIT
 *
 * rc_clock.h: epochs, vector clocks, threads, sessions, and the variables by which threads synchronise.
 *
 * The clocks are FastTrack's (C. Flanagan, S. N. Freund, "FastTrack: Efficient and Precise Dynamic Race Detection",
 * PLDI 2009). Thread t has a vector clock C_t. C_t[u] is the last time of thread u that happens before the next step
 * of t. The time of t itself and the slot of t are the epoch of t, written t@c. An access at epoch u@c happens before
 * the next step of t if and only if c <= C_t[u].
 *
 *   acquire of a variable L:   C_t := C_t join L
 *   release:                   L := L join C_t;  C_t[t] := C_t[t] + 1
 *   set (release store):       L := C_t;         C_t[t] := C_t[t] + 1
 *   swap (read-modify-write):  acquire and release in one indivisible step
 *
 * Invariants:
 *
 *   1. The times of a slot only grow, and a slot has at most one living thread. So an epoch belongs to one thread.
 *   2. A slot is reused only where the creator of the new thread has acquired the end of the slot's last thread. Then
 *      every step of the old thread happens before every step of the new one, and one entry of the clocks serves both.
 *      There is one exception. With RC_MANY_SLOTS slots and no slot of this kind, the new thread gets the slot that
 *      was free for longest. This adds an order that does not exist: a race may be missed, and none is invented.
 *   3. The vector clock of a thread is written by that thread alone, under the lock of the threads. So the thread
 *      reads it without the lock, and other threads read it with the lock.
 *   4. The floor is at or above every epoch in which an access before the present session was recorded. A thread joins
 *      the floor to its clock before its first access in the session.
 *
 * Sessions. While the detector is off, no order is recorded. So every step before a session happens before every step
 * in it, by definition. rc_new_session() begins a new epoch for each thread; the epochs before it become the floor.
 * Threads, slots, and the clocks of threads and variables persist: their times up to the floor add nothing to the
 * floor, and later times come from steps of the session. A late access may read its epoch before the session begins
 * and reach the table afterwards. Its epoch is at or below the floor, so by 4 no access of the session races with it.
 * A race that the late access itself finds is dropped (rc_is_past).
 */
#ifndef RC_CLOCK_H
#define RC_CLOCK_H

#include "rc_base.h"

#define RC_CLOCK_BITS 44
#define RC_CLOCK_MASK ((UINT64_C(1) << RC_CLOCK_BITS) - 1)
#define RC_MANY_SLOTS 4096u

typedef uint64_t rc_epoch; /* slot << 44 | time; times begin at 1, so 0 means no epoch */

static inline uint32_t rc_slot_of(rc_epoch e) { return (uint32_t)(e >> RC_CLOCK_BITS); }
static inline uint64_t rc_time_of(rc_epoch e) { return e & RC_CLOCK_MASK; }
static inline rc_epoch rc_epoch_at(uint32_t slot, uint64_t time) { return (uint64_t)slot << RC_CLOCK_BITS | time; }

/* ---- vectors --------------------------------------------------------------------------------------------------- */

typedef struct {
    uint64_t *at;
    uint32_t n;
} rc_vector;

static inline uint64_t rc_vector_get(const rc_vector *v, uint32_t slot) { return slot < v->n ? v->at[slot] : 0; }

AP_HIDDEN void rc_vector_reserve(rc_vector *v, uint32_t n);
AP_HIDDEN void rc_vector_raise(rc_vector *v, uint32_t slot, uint64_t time); /* v[slot] := max(v[slot], time) */
AP_HIDDEN void rc_vector_join(rc_vector *into, const rc_vector *from);      /* the larger time of each slot */
AP_HIDDEN void rc_vector_free(rc_vector *v);

/* ---- threads --------------------------------------------------------------------------------------------------- */

typedef struct rc_cache_entry rc_cache_entry; /* rc_shadow.h */

typedef struct rc_thread {
    _Atomic rc_epoch epoch; /* advanced by the thread, and by other threads under the lock of the threads */
    uint32_t slot;
    uint64_t number; /* a counter of the engine's: the system reuses thread ids and addresses */
    rc_vector vc;
    rc_cache_entry *cache;
    void *last_stack;  /* rc_stacks.h */
    void *attributes;  /* rc_attributes.h */
    rc_epoch recorded; /* the last epoch in which an access of the thread was recorded */
    uint64_t session;  /* the thread has joined the floor of this session */
    void *changing;    /* a container before a change in place; compared, never dereferenced */
    int64_t size;      /* its size before the change, or RC_CHANGES */
    int busy;          /* > 0: the thread runs a callback of the engine, and records nothing */
    struct rc_thread *next, **link;
} rc_thread;

typedef struct {
    uint64_t from;   /* its first time in the slot */
    uint64_t number; /* of the thread; 0: no record names it any more (rc_reclaim.h) */
} rc_tenant;

typedef struct {
    rc_tenant *tenants; /* the threads that have had the slot, in order of time */
    uint32_t n;
    bool taken;
    uint64_t free_from; /* the first time of the next tenant */
    uint64_t ended;     /* the order of ends: the least is the slot free for longest */
} rc_slot;

typedef struct {
    rc_spinlock lock; /* of all fields here, and of every thread's vc */
    rc_thread *first;
    rc_slot *slots;
    uint32_t n_slots;
    uint64_t n_threads, n_ended, n_tenants;
    bool reclaiming; /* rc_reclaim.h */
    rc_vector floor;
} rc_all_threads;

extern AP_HIDDEN rc_all_threads rc_threads;
extern AP_HIDDEN _Atomic uint64_t rc_session;

static inline rc_epoch rc_now(const rc_thread *t) { return atomic_load_explicit(&t->epoch, memory_order_relaxed); }

/* Does the access at that epoch happen before the next step of t? */
static inline bool rc_before(rc_epoch e, const rc_thread *t)
{
    uint32_t slot = rc_slot_of(e);
    return slot == t->slot || rc_time_of(e) <= rc_vector_get(&t->vc, slot);
}

/* A new thread. `seen`: the clock that its creator released; NULL: only steps before the session happen before it. */
AP_HIDDEN rc_thread *rc_thread_begin(const rc_vector *seen);

/* A new thread whose start the engine did not see, so the order of its start is unknown. Every step so far happens
 * before it, and each thread begins a new epoch, so that no later step does. */
AP_HIDDEN rc_thread *rc_thread_begin_unannounced(void);

AP_HIDDEN void rc_thread_end(rc_thread *t);

/* The number of the thread whose epoch this is; 0 if it has been reclaimed. */
AP_HIDDEN uint64_t rc_number_of(rc_epoch e);

/* The index of the tenant that has the slot at that time. */
AP_HIDDEN uint32_t rc_tenant_at(const rc_tenant *tenants, uint32_t n, uint64_t time);

/* ---- sessions -------------------------------------------------------------------------------------------------- */

AP_HIDDEN void rc_new_session(void);
AP_HIDDEN bool rc_is_past(rc_epoch e); /* is it at or below the floor? */
AP_HIDDEN AP_COLD void rc_join_floor(rc_thread *t, uint64_t session);

/* Begins an access of t, and returns its epoch. By 4 the floor must be in the clock of t. rc_new_session() advances
 * the session number first and then the epochs, with release. Advances of an epoch are read-modify-writes, so they
 * continue that release sequence (C11, 5.1.2.4). A thread that reads a new epoch with acquire therefore reads the new
 * number. */
static inline rc_epoch rc_access_begins(rc_thread *t)
{
    rc_epoch now = atomic_load_explicit(&t->epoch, memory_order_acquire);
    uint64_t session = atomic_load_explicit(&rc_session, memory_order_relaxed);
    if (AP_UNLIKELY(t->session != session)) {
        rc_join_floor(t, session);
    }
    return now;
}

/* ---- synchronisation variables --------------------------------------------------------------------------------- */

#define RC_SYNC_LOCKS 64

typedef struct rc_sync {
    _Atomic uint32_t refs;
    rc_vector vc; /* under rc_sync_lock_of() */
} rc_sync;

extern AP_HIDDEN rc_spinlock rc_sync_locks[RC_SYNC_LOCKS];

static inline rc_spinlock *rc_sync_lock_of(const rc_sync *s)
{
    return &rc_sync_locks[rc_mix((uintptr_t)s) % RC_SYNC_LOCKS];
}

AP_HIDDEN rc_sync *rc_sync_new(void);
AP_HIDDEN rc_sync *rc_sync_ref(rc_sync *s); /* one reference more */
AP_HIDDEN void rc_sync_unref(rc_sync *s);   /* frees s with its last reference */

AP_HIDDEN void rc_acquire(rc_thread *t, rc_sync *s);
AP_HIDDEN void rc_release(rc_thread *t, rc_sync *s);
AP_HIDDEN void rc_set(rc_thread *t, rc_sync *s);
AP_HIDDEN void rc_swap(rc_thread *t, rc_sync *s);

/* A new thread whose creator released into s; NULL as in rc_thread_begin(). */
AP_HIDDEN rc_thread *rc_thread_begin_after(const rc_sync *s);

#endif
