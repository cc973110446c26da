/* SPDX-License-Identifier: MIT */
#include "rc_reclaim.h"

static uint64_t rc_reclaim_at = RC_RECLAIM_FIRST; /* tenants; under the lock of the threads */

/* The ended tenants of one slot. */
typedef struct {
    rc_tenant *tenants;
    bool *marked;
    uint32_t n;
} rc_ended;

static void rc_mark(rc_ended *slots, uint32_t n, rc_epoch e)
{
    if (e != 0 && rc_slot_of(e) < n && slots[rc_slot_of(e)].n > 0) {
        rc_ended *slot = &slots[rc_slot_of(e)];
        /* The epoch of a later tenant marks the last of the copy: that one stays until the next time. */
        slot->marked[rc_tenant_at(slot->tenants, slot->n, rc_time_of(e))] = true;
    }
}

static void rc_mark_all(rc_ended *slots, uint32_t n)
{
    for (uint32_t bucket = 0; bucket < RC_BUCKETS; bucket++) {
        if (atomic_load_explicit(&rc_buckets[bucket].head, memory_order_acquire) == NULL) {
            continue;
        }
        rc_spin_lock(rc_bucket_lock_of(bucket));
        for (rc_record *r = rc_buckets[bucket].head; r != NULL; r = r->next) {
            for (uint32_t i = 0; i < r->n_chains; i++) {
                for (rc_location *l = r->chains[i]; l != NULL; l = l->next) {
                    rc_mark(slots, n, l->w);
                    rc_mark(slots, n, l->r);
                    for (uint32_t j = 0; l->kind != RC_CLOCK && l->shared != NULL && j < l->shared->n; j++) {
                        rc_mark(slots, n, l->shared->at[j].epoch);
                    }
                }
            }
        }
        rc_spin_unlock(rc_bucket_lock_of(bucket));
    }
}

/* Unmarked tenants become tenants without a number, neighbours one. Appends their numbers to `removed`. */
static void rc_sweep(rc_slot *s, const rc_ended *ended, uint64_t *removed, uint32_t *n_removed)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        rc_tenant tenant = s->tenants[i];
        if (i < ended->n && !ended->marked[i] && tenant.number != 0) {
            removed[(*n_removed)++] = tenant.number;
            tenant.number = 0;
        }
        if (tenant.number != 0 || n == 0 || s->tenants[n - 1].number != 0) {
            s->tenants[n++] = tenant;
        }
    }
    rc_threads.n_tenants -= s->n - n;
    s->n = n;
}

/* Under the lock of the threads. */
static rc_ended *rc_copy_ended(uint32_t n)
{
    rc_ended *slots = rc_alloc(n * sizeof *slots);
    for (uint32_t i = 0; i < n; i++) {
        const rc_slot *s = &rc_threads.slots[i];
        slots[i].n = s->taken ? s->n - 1 : s->n;
        if (slots[i].n > 0) {
            slots[i].tenants = rc_alloc(slots[i].n * sizeof *slots[i].tenants);
            slots[i].marked = rc_alloc(slots[i].n * sizeof *slots[i].marked);
            memcpy(slots[i].tenants, s->tenants, slots[i].n * sizeof *slots[i].tenants);
        }
    }
    return slots;
}

uint64_t *rc_reclaim(uint32_t *n_removed)
{
    *n_removed = 0;
    rc_spin_lock(&rc_threads.lock);
    if (rc_threads.reclaiming || rc_threads.n_tenants < rc_reclaim_at) {
        rc_spin_unlock(&rc_threads.lock);
        return NULL;
    }
    rc_threads.reclaiming = true;
    uint32_t n = rc_threads.n_slots;
    uint64_t *removed = rc_alloc(rc_threads.n_tenants * sizeof *removed);
    rc_ended *slots = rc_copy_ended(n);
    rc_spin_unlock(&rc_threads.lock);
    rc_mark_all(slots, n);
    rc_spin_lock(&rc_threads.lock);
    for (uint32_t i = 0; i < n; i++) {
        rc_sweep(&rc_threads.slots[i], &slots[i], removed, n_removed);
    }
    rc_reclaim_at = 2 * rc_threads.n_tenants < RC_RECLAIM_FIRST ? RC_RECLAIM_FIRST : 2 * rc_threads.n_tenants;
    rc_threads.reclaiming = false;
    rc_spin_unlock(&rc_threads.lock);
    for (uint32_t i = 0; i < n; i++) {
        free(slots[i].tenants);
        free(slots[i].marked);
    }
    free(slots);
    return removed;
}

void rc_reclaim_soon(void)
{
    rc_spin_lock(&rc_threads.lock);
    rc_reclaim_at = 0;
    rc_spin_unlock(&rc_threads.lock);
}
