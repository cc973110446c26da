/* SPDX-License-Identifier: MIT
 *
 * rc_shadow.h: what has been done to which location, and the rules that find a race.
 *
 * A table from addresses of objects to records; a record holds the locations of its object. The rules are FastTrack's (PLDI
 * 2009), in the form that VerifiedFT (Wilcox, Flanagan, Freund, PPoPP 2018) proved: a location x has the epoch of its last
 * write W and the epoch of its last read, or the list of its last reads, if they are not ordered, R.
 *
 *   read by t:   same epoch R = E_t, or W = E_t:  nothing to do
 *                W not before t:                  race
 *                R before t:                      R := E_t             (exclusive)
 *                else                             R := R + {E_t}, less what is before t (shared)
 *   write by t:  same epoch W = E_t:              nothing to do
 *                W not before t, or one of R:     race
 *                                                 W := E_t, R := none
 *
 * A read in the epoch of one's own write is left out: whatever races with it races with the write, and whatever is ordered
 * after (before) the write is ordered after (before) it, for an epoch ends only where the thread publishes.
 * After a race the access takes its place as if it had been none.
 *
 * The keys of a container are two locations, RC_KEYS and RC_KEYS_CHANGED, each used for reads alone: an iteration is checked
 * against all of the second and put down in the first, an insertion the other way round. So insertions do not race.
 *
 * The table: RC_BUCKETS chains; the locks are striped over them. `head` may be read without the lock, to see that a chain is
 * empty (rc_purge): a record for an address was put there before the object there died or was born again, by a thread that
 * held a reference to it; the last decref of it comes after, and memory that is given back and given out again is handed over
 * with release and acquire by its allocator. So who purges an address sees at least the records that this address had.
 */
#ifndef RC_SHADOW_H
#define RC_SHADOW_H

#include "rc_clock.h"

#define RC_BUCKETS (1u << 18)
#define RC_BUCKET_LOCKS 256

enum { RC_NAME, RC_INDEX, RC_KEY, RC_KEYS, RC_KEYS_CHANGED };

typedef struct {
    rc_epoch epoch;
    uint32_t stack;
} rc_access;

typedef struct {
    uint32_t n, room;
    rc_access at[];
} rc_reads;

typedef struct rc_location {
    struct rc_location *next;
    uint64_t id;
    rc_epoch w, r;
    uint32_t w_stack, r_stack;
    rc_reads *shared; /* in place of r */
    _Atomic int64_t *used; /* counts the locations named by what the id is the address of */
    uint8_t kind;
} rc_location;

typedef struct rc_record {
    struct rc_record *next;
    uintptr_t address;
    rc_location **chains; /* n_chains of them; one is `only` */
    rc_location *only;
    uint32_t n_chains, n;
    rc_sync *sync;        /* the clock of clock_of() */
    uint64_t serial;      /* of an object that is a key itself; 0 if it is none */
} rc_record;

typedef struct {
    _Atomic(rc_record *) head;
    _Atomic uint32_t generation; /* moves on whenever a record leaves; what threads remember of this bucket is void then */
} rc_bucket;

static rc_bucket rc_buckets[RC_BUCKETS];
static rc_lock rc_bucket_locks[RC_BUCKET_LOCKS];
static _Atomic uint64_t rc_serials;

/* What a thread remembers of its own accesses in its present epoch; see rc_known. */
struct rc_cached {
    uintptr_t address;
    uint64_t id;
    rc_epoch epoch;
    uint32_t generation;
    uint16_t kind, written;
};
#define RC_CACHED 256

static inline uint32_t rc_bucket_of(uintptr_t address)
{
    return (uint32_t)((address >> 4) ^ (address >> 22)) & (RC_BUCKETS - 1);
}
static inline rc_lock *rc_lock_at(uint32_t bucket) { return &rc_bucket_locks[bucket % RC_BUCKET_LOCKS]; }

/* ---- records ------------------------------------------------------------------------------------------------- */

static void rc_location_free(rc_location *l)
{
    if (l->used != NULL) {
        atomic_fetch_sub_explicit(l->used, 1, memory_order_acq_rel);
    }
    free(l->shared);
    free(l);
}

static void rc_record_free(rc_record *r)
{
    for (uint32_t i = 0; i < r->n_chains; i++) {
        for (rc_location *l = r->chains[i], *next; l != NULL; l = next) {
            next = l->next;
            rc_location_free(l);
        }
    }
    if (r->chains != &r->only) {
        free(r->chains);
    }
    if (r->sync != NULL) {
        rc_sync_leave(r->sync);
    }
    free(r);
}

/* Under the lock. */
static rc_record *rc_record_find(uint32_t bucket, uintptr_t address)
{
    rc_record *r = atomic_load_explicit(&rc_buckets[bucket].head, memory_order_relaxed);
    while (r != NULL && r->address != address) {
        r = r->next;
    }
    return r;
}

static rc_record *rc_record_of(uint32_t bucket, uintptr_t address)
{
    rc_record *r = rc_record_find(bucket, address);
    if (r == NULL) {
        r = rc_alloc(sizeof *r);
        r->address = address;
        r->chains = &r->only;
        r->n_chains = 1;
        r->next = atomic_load_explicit(&rc_buckets[bucket].head, memory_order_relaxed);
        atomic_store_explicit(&rc_buckets[bucket].head, r, memory_order_release);
    }
    return r;
}

static inline uint32_t rc_chain_of(const rc_record *r, uint64_t id, uint8_t kind)
{
    return (uint32_t)rc_mix(id + kind) & (r->n_chains - 1);
}

static rc_location *rc_location_of(rc_record *r, uint64_t id, uint8_t kind, bool *made)
{
    rc_location **chain = &r->chains[rc_chain_of(r, id, kind)];
    for (rc_location *l = *chain; l != NULL; l = l->next) {
        if (l->id == id && l->kind == kind) {
            *made = false;
            return l;
        }
    }
    if (r->n >= 4 * r->n_chains) {
        rc_location **old = r->chains;
        uint32_t n = r->n_chains;
        r->n_chains = 8 * n;
        r->chains = rc_alloc(r->n_chains * sizeof *r->chains);
        for (uint32_t i = 0; i < n; i++) {
            for (rc_location *l = old[i], *next; l != NULL; l = next) {
                next = l->next;
                rc_location **to = &r->chains[rc_chain_of(r, l->id, l->kind)];
                l->next = *to;
                *to = l;
            }
        }
        if (old != &r->only) {
            free(old);
        }
        chain = &r->chains[rc_chain_of(r, id, kind)];
    }
    rc_location *l = rc_alloc(sizeof *l);
    l->id = id;
    l->kind = kind;
    l->next = *chain;
    *chain = l;
    r->n++;
    *made = true;
    return l;
}

/* An object was made or destroyed here: whatever was known of this address is of another object. The callback's part:
 * for nearly every object it is one load. */
static inline void rc_purge(uintptr_t address)
{
    uint32_t bucket = rc_bucket_of(address);
    if (RC_LIKELY(atomic_load_explicit(&rc_buckets[bucket].head, memory_order_acquire) == NULL)) {
        return;
    }
    rc_take(rc_lock_at(bucket));
    rc_record *before = NULL, *r = atomic_load_explicit(&rc_buckets[bucket].head, memory_order_relaxed);
    while (r != NULL && r->address != address) {
        before = r;
        r = r->next;
    }
    if (r != NULL) {
        if (before != NULL) {
            before->next = r->next;
        }
        else {
            atomic_store_explicit(&rc_buckets[bucket].head, r->next, memory_order_release);
        }
        atomic_fetch_add_explicit(&rc_buckets[bucket].generation, 1, memory_order_release);
    }
    rc_drop(rc_lock_at(bucket));
    if (r != NULL) {
        rc_record_free(r);
    }
}

static void rc_purge_all(void)
{
    for (uint32_t bucket = 0; bucket < RC_BUCKETS; bucket++) {
        while (atomic_load_explicit(&rc_buckets[bucket].head, memory_order_acquire) != NULL) {
            rc_take(rc_lock_at(bucket));
            rc_record *r = atomic_load_explicit(&rc_buckets[bucket].head, memory_order_relaxed);
            atomic_store_explicit(&rc_buckets[bucket].head, NULL, memory_order_relaxed);
            atomic_fetch_add_explicit(&rc_buckets[bucket].generation, 1, memory_order_release);
            rc_drop(rc_lock_at(bucket));
            for (rc_record *next; r != NULL; r = next) {
                next = r->next;
                rc_record_free(r);
            }
        }
    }
}

/* The clock that belongs to the object, with a reference for the caller. */
static rc_sync *rc_sync_of(uintptr_t address)
{
    uint32_t bucket = rc_bucket_of(address);
    rc_take(rc_lock_at(bucket));
    rc_record *r = rc_record_of(bucket, address);
    if (r->sync == NULL) {
        r->sync = rc_sync_new();
    }
    rc_sync *s = rc_sync_share(r->sync);
    rc_drop(rc_lock_at(bucket));
    return s;
}

/* A number for the object that no other object has had or will have. */
static uint64_t rc_serial_of(uintptr_t address)
{
    uint32_t bucket = rc_bucket_of(address);
    rc_take(rc_lock_at(bucket));
    rc_record *r = rc_record_of(bucket, address);
    if (r->serial == 0) {
        r->serial = atomic_fetch_add_explicit(&rc_serials, 1, memory_order_relaxed) + 1;
    }
    uint64_t serial = r->serial;
    rc_drop(rc_lock_at(bucket));
    return serial;
}

/* ---- the rules ----------------------------------------------------------------------------------------------- */

typedef struct {
    bool found, write; /* the earlier access: was it a write? */
    rc_epoch epoch;
    uint32_t stack;
    rc_epoch now; /* of the later one */
} rc_race;

static inline void rc_check(const rc_thread *t, rc_epoch e, uint32_t stack, bool write, rc_race *race)
{
    if (e != 0 && !rc_before(e, t) && !race->found) {
        *race = (rc_race){true, write, e, stack, 0};
    }
}

static void rc_check_reads(const rc_thread *t, const rc_location *l, bool write, rc_race *race)
{
    if (l->shared == NULL) {
        rc_check(t, l->r, l->r_stack, write, race);
        return;
    }
    for (uint32_t i = 0; i < l->shared->n; i++) {
        rc_check(t, l->shared->at[i].epoch, l->shared->at[i].stack, write, race);
    }
}

static void rc_add_read(const rc_thread *t, rc_location *l, rc_epoch now, uint32_t stack)
{
    rc_reads *s = l->shared;
    if (s == NULL) {
        if (l->r == now) {
            return;
        }
        if (l->r == 0 || rc_before(l->r, t)) {
            l->r = now;
            l->r_stack = stack;
            return;
        }
        s = rc_alloc(sizeof *s + 4 * sizeof *s->at);
        s->room = 4;
        s->n = 1;
        s->at[0] = (rc_access){l->r, l->r_stack};
        l->shared = s;
    }
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        if (s->at[i].epoch == now) {
            return; /* what is ordered before us was thrown out when this was put down */
        }
    }
    for (uint32_t i = 0; i < s->n; i++) {
        if (!rc_before(s->at[i].epoch, t)) {
            s->at[n++] = s->at[i];
        }
    }
    s->n = n;
    if (n == 0) {
        free(s);
        l->shared = NULL;
        l->r = now;
        l->r_stack = stack;
        return;
    }
    if (n == s->room) {
        s = l->shared = rc_grow(s, sizeof *s + 2 * n * sizeof *s->at);
        s->room = 2 * n;
    }
    s->at[s->n++] = (rc_access){now, stack};
}

static void rc_read_rule(const rc_thread *t, rc_location *l, rc_epoch now, uint32_t stack, rc_race *race)
{
    if (l->w == now) {
        return;
    }
    rc_check(t, l->w, l->w_stack, true, race);
    rc_add_read(t, l, now, stack);
}

static void rc_write_rule(const rc_thread *t, rc_location *l, rc_epoch now, uint32_t stack, rc_race *race)
{
    if (l->w == now) {
        return;
    }
    rc_check(t, l->w, l->w_stack, true, race);
    rc_check_reads(t, l, false, race);
    l->w = now;
    l->w_stack = stack;
    l->r = 0;
    free(l->shared);
    l->shared = NULL;
}

/* ---- an access ------------------------------------------------------------------------------------------------ */

/* `kind` RC_KEYS stands for both of its locations. Gives back whether a location was made; it has taken over the use that
 * the caller has put down in `used`, which else is the caller's still. */
static bool rc_record_access(rc_thread *t, uintptr_t address, uint8_t kind, uint64_t id, bool write, uint32_t stack,
                             _Atomic int64_t *used, rc_race *race)
{
    bool made, also;
    uint32_t bucket = rc_bucket_of(address);
    rc_epoch now = rc_access_begins(t);
    race->found = false;
    t->recorded = now;
    rc_take(rc_lock_at(bucket));
    rc_record *r = rc_record_of(bucket, address);
    if (kind == RC_KEYS) {
        rc_location *iterated = rc_location_of(r, 0, RC_KEYS, &made);
        rc_location *changed = rc_location_of(r, 0, RC_KEYS_CHANGED, &also);
        rc_check_reads(t, write ? iterated : changed, !write, race);
        rc_add_read(t, write ? changed : iterated, now, stack);
    }
    else {
        rc_location *l = rc_location_of(r, id, kind, &made);
        if (made) {
            l->used = used;
        }
        (write ? rc_write_rule : rc_read_rule)(t, l, now, stack, race);
    }
    rc_drop(rc_lock_at(bucket));
    if (RC_UNLIKELY(race->found)) {
        race->now = now;
        race->found = !rc_is_past(now);
    }
    return made;
}

/* Whether this thread has recorded such an access in its present epoch, so that nothing is left to do: no lock, no table.
 *
 * Right, because FastTrack does nothing for a second access in one epoch, and an entry says that there was a first one of the
 * same object: the object lives (the caller has a reference), so if there was another one at its address, it was purged from
 * there, and the generation moved on, before this object could be reached by the thread; the interpreter publishes an object
 * with release and finds it with acquire, so the thread reads the new generation. An entry is the thread's own: nobody else
 * writes it. The epoch may be moved on by rc_begin_unknown at any time: an access that still saw the old one is one that
 * came before, as no order is asked for between the two. */
static inline bool rc_known(rc_thread *t, uintptr_t address, uint8_t kind, uint64_t id, bool write)
{
    rc_cached *e = &t->cache[rc_mix(address ^ (id << 1) ^ kind) % RC_CACHED];
    return e->address == address && e->id == id && e->kind == kind && e->epoch == rc_now(t) && e->written >= write &&
           e->generation ==
               atomic_load_explicit(&rc_buckets[rc_bucket_of(address)].generation, memory_order_acquire);
}

/* What an access is remembered by, taken before it is recorded: then it can be told whether the record is still there. */
typedef struct {
    rc_epoch now;
    uint32_t generation;
} rc_moment;

static inline rc_moment rc_moment_of(const rc_thread *t, uintptr_t address)
{
    return (rc_moment){rc_now(t), atomic_load_explicit(&rc_buckets[rc_bucket_of(address)].generation, memory_order_acquire)};
}

static inline void rc_remember(rc_thread *t, uintptr_t address, uint8_t kind, uint64_t id, bool write, rc_moment then)
{
    rc_cached *e = &t->cache[rc_mix(address ^ (id << 1) ^ kind) % RC_CACHED];
    *e = (rc_cached){address, id, then.now, then.generation, kind, write};
}

/* All uses of an object come before its __del__: the thread learns the epoch of each access recorded, and what their threads
 * know. That is more than they knew then; no order is left out. */
static void rc_learn_all_uses(rc_thread *t, uintptr_t address)
{
    rc_vector all = {NULL, 0};
    uint32_t bucket = rc_bucket_of(address);
    rc_take(rc_lock_at(bucket));
    rc_record *r = rc_record_find(bucket, address);
    for (uint32_t i = 0; r != NULL && i < r->n_chains; i++) {
        for (rc_location *l = r->chains[i]; l != NULL; l = l->next) {
            if (l->w != 0) {
                rc_raise(&all, rc_slot_of(l->w), rc_time_of(l->w));
            }
            if (l->r != 0 && l->shared == NULL) {
                rc_raise(&all, rc_slot_of(l->r), rc_time_of(l->r));
            }
            for (uint32_t j = 0; l->shared != NULL && j < l->shared->n; j++) {
                rc_raise(&all, rc_slot_of(l->shared->at[j].epoch), rc_time_of(l->shared->at[j].epoch));
            }
        }
    }
    rc_drop(rc_lock_at(bucket));
    rc_take(&rc_threads.lock);
    uint32_t n = all.n;
    for (rc_thread *u = rc_threads.first; u != NULL; u = u->next) {
        if (u != t && u->slot < n && all.at[u->slot] != 0) {
            uint64_t time = all.at[u->slot];
            rc_join(&all, &u->vc);
            all.at[u->slot] = time;
        }
    }
    rc_join(&t->vc, &all);
    rc_drop(&rc_threads.lock);
    rc_forget(&all);
}

/* ---- fork: the child has one thread, and must find no lock taken by one that it does not have ------------------- */

static rc_lock rc_stacks_lock;

static void rc_each_lock(void (*does)(rc_lock *))
{
    for (unsigned i = 0; i < RC_SYNC_LOCKS; i++) {
        does(&rc_sync_locks[i]);
    }
    does(&rc_threads.lock);
    for (unsigned i = 0; i < RC_BUCKET_LOCKS; i++) {
        does(&rc_bucket_locks[i]);
    }
    does(&rc_stacks_lock);
}
static void rc_before_fork(void) { rc_each_lock(rc_take); }
static void rc_after_fork(void) { rc_each_lock(rc_drop); }

#endif
