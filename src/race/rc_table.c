/* SPDX-License-Identifier: MIT */
#include "rc_table.h"

rc_bucket rc_buckets[RC_BUCKETS];
rc_spinlock rc_bucket_locks[RC_BUCKET_LOCKS];
static _Atomic uint64_t rc_serials;

/* ---- records and locations ------------------------------------------------------------------------------------- */

static void rc_location_free(rc_location *l)
{
    if (l->uses != NULL) {
        atomic_fetch_sub_explicit(l->uses, 1, memory_order_acq_rel);
    }
    if (l->kind != RC_CLOCK) {
        free(l->shared);
    } else if (l->clock != NULL) {
        rc_sync_unref(l->clock);
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
        free((void *)r->chains);
    }
    if (r->sync != NULL) {
        rc_sync_unref(r->sync);
    }
    free(r);
}

rc_record *rc_record_find(uint32_t bucket, uintptr_t address)
{
    rc_record *r = atomic_load_explicit(&rc_buckets[bucket].head, memory_order_relaxed);
    while (r != NULL && r->address != address) {
        r = r->next;
    }
    return r;
}

rc_record *rc_record_of(uint32_t bucket, uintptr_t address)
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

static rc_location **rc_chain_of(const rc_record *r, uint64_t id, uint8_t kind)
{
    return &r->chains[(uint32_t)rc_mix(id + kind) & (r->n_chains - 1)];
}

/* Eight times as many chains. */
static void rc_record_widen(rc_record *r)
{
    rc_location **old = r->chains;
    uint32_t n = r->n_chains;
    r->n_chains = 8 * n;
    r->chains = (rc_location **)rc_alloc(r->n_chains * sizeof *r->chains);
    for (uint32_t i = 0; i < n; i++) {
        for (rc_location *l = old[i], *next; l != NULL; l = next) {
            next = l->next;
            rc_location **to = rc_chain_of(r, l->id, l->kind);
            l->next = *to;
            *to = l;
        }
    }
    if (old != &r->only) {
        free((void *)old);
    }
}

rc_location *rc_location_of(rc_record *r, uint64_t id, uint8_t kind, bool *made)
{
    for (rc_location *l = *rc_chain_of(r, id, kind); l != NULL; l = l->next) {
        if (l->id == id && l->kind == kind) {
            *made = false;
            return l;
        }
    }
    if (r->n >= 4 * r->n_chains) {
        rc_record_widen(r);
    }
    rc_location **chain = rc_chain_of(r, id, kind);
    rc_location *l = rc_alloc(sizeof *l);
    l->id = id;
    l->kind = kind;
    l->next = *chain;
    *chain = l;
    r->n++;
    *made = true;
    return l;
}

/* ---- purging: the locks are free again before memory is, so critical sections stay short ----------------------- */

void rc_purge_record(uint32_t bucket, uintptr_t address)
{
    rc_spin_lock(rc_bucket_lock_of(bucket));
    rc_record *before = NULL, *r = atomic_load_explicit(&rc_buckets[bucket].head, memory_order_relaxed);
    while (r != NULL && r->address != address) {
        before = r;
        r = r->next;
    }
    if (r != NULL) {
        if (before != NULL) {
            before->next = r->next;
        } else {
            atomic_store_explicit(&rc_buckets[bucket].head, r->next, memory_order_release);
        }
        atomic_fetch_add_explicit(&rc_buckets[bucket].generation, 1, memory_order_release);
    }
    rc_spin_unlock(rc_bucket_lock_of(bucket));
    if (r != NULL) {
        rc_record_free(r);
    }
}

void rc_purge_all(void)
{
    for (uint32_t bucket = 0; bucket < RC_BUCKETS; bucket++) {
        while (atomic_load_explicit(&rc_buckets[bucket].head, memory_order_acquire) != NULL) {
            rc_spin_lock(rc_bucket_lock_of(bucket));
            rc_record *r = atomic_load_explicit(&rc_buckets[bucket].head, memory_order_relaxed);
            atomic_store_explicit(&rc_buckets[bucket].head, NULL, memory_order_relaxed);
            atomic_fetch_add_explicit(&rc_buckets[bucket].generation, 1, memory_order_release);
            rc_spin_unlock(rc_bucket_lock_of(bucket));
            for (rc_record *next; r != NULL; r = next) {
                next = r->next;
                rc_record_free(r);
            }
        }
    }
}

/* ---- clocks and numbers of an object --------------------------------------------------------------------------- */

rc_sync *rc_sync_of(uintptr_t address)
{
    uint32_t bucket = rc_bucket_of(address);
    rc_spin_lock(rc_bucket_lock_of(bucket));
    rc_record *r = rc_record_of(bucket, address);
    if (r->sync == NULL) {
        r->sync = rc_sync_new();
    }
    rc_sync *s = rc_sync_ref(r->sync);
    rc_spin_unlock(rc_bucket_lock_of(bucket));
    return s;
}

rc_sync *rc_sync_at(uintptr_t address, uint64_t place)
{
    bool made;
    uint32_t bucket = rc_bucket_of(address);
    rc_spin_lock(rc_bucket_lock_of(bucket));
    rc_location *l = rc_location_of(rc_record_of(bucket, address), place, RC_CLOCK, &made);
    if (made) {
        l->clock = rc_sync_new();
    }
    rc_sync *s = rc_sync_ref(l->clock);
    rc_spin_unlock(rc_bucket_lock_of(bucket));
    return s;
}

uint64_t rc_serial_of(uintptr_t address)
{
    uint32_t bucket = rc_bucket_of(address);
    rc_spin_lock(rc_bucket_lock_of(bucket));
    rc_record *r = rc_record_of(bucket, address);
    if (r->serial == 0) {
        r->serial = atomic_fetch_add_explicit(&rc_serials, 1, memory_order_relaxed) + 1;
    }
    uint64_t serial = r->serial;
    rc_spin_unlock(rc_bucket_lock_of(bucket));
    return serial;
}
