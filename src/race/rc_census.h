/* SPDX-License-Identifier: MIT
 *
 * rc_census.h: which of the threads that have ended are still spoken of by some record. The others are struck off the list
 * of the tenants of their slots, so that a program may begin and end threads for as long as it likes.
 *
 * The tenants are copied, then the table is looked through, a bucket at a time, and then those of the copy that have
 * ended and were not met are struck off. Right, because an epoch gets into the table only by the thread that it is of, while
 * it lives: of a tenant that had ended before the table was looked through, no record appears behind our back. A race that
 * was found just before, of which the record is gone since, is told without the name of its thread.
 */
#ifndef RC_CENSUS_H
#define RC_CENSUS_H

#include "rc_shadow.h"

#define RC_FIRST_CENSUS 1024u
static uint64_t rc_census_at = RC_FIRST_CENSUS; /* tenants; under the lock of threads */

typedef struct {
    rc_tenant *tenants;
    bool *met;
    uint32_t n;
} rc_roll;

static void rc_meet(rc_roll *rolls, uint32_t n, rc_epoch e)
{
    if (e != 0 && rc_slot_of(e) < n && rolls[rc_slot_of(e)].n > 0) {
        rc_roll *roll = &rolls[rc_slot_of(e)];
        roll->met[rc_tenant_at(roll->tenants, roll->n, rc_time_of(e))] = true; /* or a later one: then the last, in vain */
    }
}

static void rc_meet_all(rc_roll *rolls, uint32_t n)
{
    for (uint32_t bucket = 0; bucket < RC_BUCKETS; bucket++) {
        if (atomic_load_explicit(&rc_buckets[bucket].head, memory_order_acquire) == NULL) {
            continue;
        }
        rc_take(rc_lock_at(bucket));
        for (rc_record *r = rc_buckets[bucket].head; r != NULL; r = r->next) {
            for (uint32_t i = 0; i < r->n_chains; i++) {
                for (rc_location *l = r->chains[i]; l != NULL; l = l->next) {
                    rc_meet(rolls, n, l->w);
                    rc_meet(rolls, n, l->r);
                    for (uint32_t j = 0; l->kind != RC_CLOCK && l->shared != NULL && j < l->shared->n; j++) {
                        rc_meet(rolls, n, l->shared->at[j].epoch);
                    }
                }
            }
        }
        rc_drop(rc_lock_at(bucket));
    }
}

/* Those that were not met become one tenant without a number, where they were neighbours. Adds their numbers to `gone`. */
static void rc_strike_off(rc_slot *s, const rc_roll *roll, uint64_t *gone, uint32_t *n_gone)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        rc_tenant tenant = s->tenants[i];
        if (i < roll->n && !roll->met[i] && tenant.number != 0) {
            gone[(*n_gone)++] = tenant.number;
            tenant.number = 0;
        }
        if (tenant.number != 0 || n == 0 || s->tenants[n - 1].number != 0) {
            s->tenants[n++] = tenant;
        }
    }
    rc_threads.n_tenants -= s->n - n;
    s->n = n;
}

/* The numbers of threads that nobody will ask for again, in memory that the caller frees; NULL if it is not yet time. Each
 * time twice as many tenants have come together as were left, so the cost is a constant for each thread that begins. */
static uint64_t *rc_census(uint32_t *n_gone)
{
    uint64_t *gone = NULL;
    *n_gone = 0;
    rc_take(&rc_threads.lock);
    if (rc_threads.counting || rc_threads.n_tenants < rc_census_at) {
        rc_drop(&rc_threads.lock);
        return NULL;
    }
    rc_threads.counting = true;
    uint32_t n = rc_threads.n_slots;
    gone = rc_alloc(rc_threads.n_tenants * sizeof *gone);
    rc_roll *rolls = rc_alloc(n * sizeof *rolls);
    for (uint32_t i = 0; i < n; i++) {
        const rc_slot *s = &rc_threads.slots[i];
        rolls[i].n = s->taken ? s->n - 1 : s->n;
        if (rolls[i].n > 0) {
            rolls[i].tenants = rc_alloc(rolls[i].n * sizeof *rolls[i].tenants);
            rolls[i].met = rc_alloc(rolls[i].n * sizeof *rolls[i].met);
            memcpy(rolls[i].tenants, s->tenants, rolls[i].n * sizeof *rolls[i].tenants);
        }
    }
    rc_drop(&rc_threads.lock);
    rc_meet_all(rolls, n);
    rc_take(&rc_threads.lock);
    for (uint32_t i = 0; i < n; i++) {
        rc_strike_off(&rc_threads.slots[i], &rolls[i], gone, n_gone);
    }
    rc_census_at = 2 * rc_threads.n_tenants < RC_FIRST_CENSUS ? RC_FIRST_CENSUS : 2 * rc_threads.n_tenants;
    rc_threads.counting = false;
    rc_drop(&rc_threads.lock);
    for (uint32_t i = 0; i < n; i++) {
        free(rolls[i].tenants);
        free(rolls[i].met);
    }
    free(rolls);
    return gone;
}

/* ---- what the engine holds, counted ------------------------------------------------------------------------------ */

typedef struct {
    uint64_t objects, locations, reads, clocks, threads, slots, tenants;
} rc_counts;

static rc_counts rc_count(void)
{
    rc_counts c = {0};
    for (uint32_t bucket = 0; bucket < RC_BUCKETS; bucket++) {
        rc_take(rc_lock_at(bucket));
        for (rc_record *r = rc_buckets[bucket].head; r != NULL; r = r->next) {
            c.objects++;
            c.clocks += r->sync != NULL;
            for (uint32_t i = 0; i < r->n_chains; i++) {
                for (rc_location *l = r->chains[i]; l != NULL; l = l->next) {
                    bool clock = l->kind == RC_CLOCK;
                    c.clocks += clock;
                    c.locations += !clock;
                    c.reads += !clock && l->shared != NULL ? l->shared->room : 0;
                }
            }
        }
        rc_drop(rc_lock_at(bucket));
    }
    rc_take(&rc_threads.lock);
    for (const rc_thread *t = rc_threads.first; t != NULL; t = t->next) {
        c.threads++;
    }
    c.slots = rc_threads.n_slots;
    c.tenants = rc_threads.n_tenants;
    rc_drop(&rc_threads.lock);
    return c;
}

#endif
