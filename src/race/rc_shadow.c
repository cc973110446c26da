/* SPDX-License-Identifier: MIT */
#include "rc_shadow.h"

/* ---- the rules ------------------------------------------------------------------------------------------------- */

static void rc_check(const rc_thread *t, rc_epoch e, uint32_t stack, bool write, rc_race *race)
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

static void rc_add_exclusive_read(rc_location *l, rc_epoch now, uint32_t stack)
{
    l->r = now;
    l->r_stack = stack;
}

static void rc_add_shared_read(const rc_thread *t, rc_location *l, rc_epoch now, uint32_t stack)
{
    rc_reads *s = l->shared;
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        if (s->at[i].epoch == now) {
            return; /* the reads before t left the list when this one was recorded */
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
        rc_add_exclusive_read(l, now, stack);
        return;
    }
    if (n == s->room) {
        s = l->shared = rc_grow(s, sizeof *s + 2 * (size_t)n * sizeof *s->at);
        s->room = 2 * n;
    }
    s->at[s->n++] = (rc_access){now, stack};
}

static void rc_add_read(const rc_thread *t, rc_location *l, rc_epoch now, uint32_t stack)
{
    if (l->shared == NULL) {
        if (l->r == now) {
            return;
        }
        if (l->r == 0 || rc_before(l->r, t)) {
            rc_add_exclusive_read(l, now, stack);
            return;
        }
        rc_reads *s = rc_alloc(sizeof *s + 4 * sizeof *s->at);
        s->room = 4;
        s->n = 1;
        s->at[0] = (rc_access){l->r, l->r_stack};
        l->shared = s;
    }
    rc_add_shared_read(t, l, now, stack);
}

void rc_read_rule(const rc_thread *t, rc_location *l, rc_epoch now, uint32_t stack, rc_race *race)
{
    if (l->w == now) {
        return;
    }
    rc_check(t, l->w, l->w_stack, true, race);
    rc_add_read(t, l, now, stack);
}

void rc_write_rule(const rc_thread *t, rc_location *l, rc_epoch now, uint32_t stack, rc_race *race)
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

static bool rc_keys_rule(const rc_thread *t, rc_record *r, bool change, rc_epoch now, uint32_t stack, rc_race *race)
{
    bool made, also;
    rc_location *iterated = rc_location_of(r, 0, RC_KEYS, &made);
    rc_location *changed = rc_location_of(r, 0, RC_KEYS_CHANGED, &also);
    rc_check_reads(t, change ? iterated : changed, !change, race);
    rc_add_read(t, change ? changed : iterated, now, stack);
    return made;
}

/* ---- accesses -------------------------------------------------------------------------------------------------- */

bool rc_record_access(rc_thread *t, uintptr_t address, uint8_t kind, uint64_t id, bool write, uint32_t stack,
                      _Atomic int64_t *uses, rc_race *race)
{
    bool made;
    uint32_t bucket = rc_bucket_of(address);
    rc_epoch now = rc_access_begins(t);
    race->found = false;
    t->recorded = now;
    rc_spin_lock(rc_bucket_lock_of(bucket));
    rc_record *r = rc_record_of(bucket, address);
    if (kind == RC_KEYS) {
        made = rc_keys_rule(t, r, write, now, stack, race);
    } else {
        rc_location *l = rc_location_of(r, id, kind, &made);
        if (made) {
            l->uses = uses;
        }
        (write ? rc_write_rule : rc_read_rule)(t, l, now, stack, race);
    }
    rc_spin_unlock(rc_bucket_lock_of(bucket));
    if (AP_UNLIKELY(race->found)) {
        race->now = now;
        race->found = !rc_is_past(now);
    }
    return made;
}

static void rc_raise_to(rc_vector *all, rc_epoch e)
{
    if (e != 0) {
        rc_vector_raise(all, rc_slot_of(e), rc_time_of(e));
    }
}

/* The epochs of the recorded accesses of an object. */
static void rc_collect_accesses(rc_vector *all, uintptr_t address)
{
    uint32_t bucket = rc_bucket_of(address);
    rc_spin_lock(rc_bucket_lock_of(bucket));
    rc_record *r = rc_record_find(bucket, address);
    for (uint32_t i = 0; r != NULL && i < r->n_chains; i++) {
        for (rc_location *l = r->chains[i]; l != NULL; l = l->next) {
            if (l->kind == RC_CLOCK) {
                continue;
            }
            rc_raise_to(all, l->w);
            if (l->shared == NULL) {
                rc_raise_to(all, l->r);
            }
            for (uint32_t j = 0; l->shared != NULL && j < l->shared->n; j++) {
                rc_raise_to(all, l->shared->at[j].epoch);
            }
        }
    }
    rc_spin_unlock(rc_bucket_lock_of(bucket));
}

void rc_acquire_all_uses(rc_thread *t, uintptr_t address)
{
    rc_vector all = {NULL, 0};
    rc_collect_accesses(&all, address);
    rc_spin_lock(&rc_threads.lock);
    uint32_t n = all.n;
    for (rc_thread *u = rc_threads.first; u != NULL; u = u->next) {
        if (u != t && u->slot < n && all.at[u->slot] != 0) {
            uint64_t time = all.at[u->slot];
            rc_vector_join(&all, &u->vc);
            all.at[u->slot] = time;
        }
    }
    rc_vector_join(&t->vc, &all);
    rc_spin_unlock(&rc_threads.lock);
    rc_vector_free(&all);
}
