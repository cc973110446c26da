/* SPDX-License-Identifier: MIT
 *
 * rc_table.h: a table from addresses of objects to records; a record holds the locations of its object, and its clocks.
 *
 * RC_BUCKETS chains; the locks are striped over them. `head` may be read without the lock, to see that a chain is
 * empty (rc_purge): a record for an address was put there before the object there died or was born again, by a thread that
 * held a reference to it; the last decref of it comes after, and memory that is given back and given out again is handed over
 * with release and acquire by its allocator. So who purges an address sees at least the records that this address had.
 */
#ifndef RC_TABLE_H
#define RC_TABLE_H

#include "rc_clock.h"

#define RC_BUCKETS (1u << 18)
#define RC_BUCKET_LOCKS 256

enum { RC_NAME, RC_INDEX, RC_KEY, RC_KEYS, RC_KEYS_CHANGED, RC_CLOCK /* no location: a clock of the object's */ };

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
    union {
        rc_reads *shared; /* in place of r */
        rc_sync *clock;   /* of an RC_CLOCK */
    };
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
    if (l->kind != RC_CLOCK) {
        free(l->shared);
    }
    else if (l->clock != NULL) {
        rc_sync_leave(l->clock);
    }
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

/* One of several clocks of an object, by a number; they go away with it. */
static rc_sync *rc_sync_at(uintptr_t address, uint64_t place)
{
    bool made;
    uint32_t bucket = rc_bucket_of(address);
    rc_take(rc_lock_at(bucket));
    rc_location *l = rc_location_of(rc_record_of(bucket, address), place, RC_CLOCK, &made);
    if (made) {
        l->clock = rc_sync_new();
    }
    rc_sync *s = rc_sync_share(l->clock);
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
static void rc_after_fork_in_child(void)
{
    rc_threads.counting = false; /* whoever did, is not here */
    rc_after_fork();
}

#endif
