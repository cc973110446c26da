/* SPDX-License-Identifier: MIT
 *
 * rc_shadow.h: what has been done to which location, and the rules that find a race.
 *
 * The rules are FastTrack's (PLDI 2009), in the form that VerifiedFT (Wilcox, Flanagan, Freund, PPoPP 2018) proved: a
 * location x has the epoch of its last write W and the epoch of its last read, or the list of its last reads, if they are
 * not ordered, R.
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
 */
#ifndef RC_SHADOW_H
#define RC_SHADOW_H

#include "rc_table.h"

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

/* What a thread remembers of its own accesses in its present epoch; see rc_known. */
struct rc_cached {
    uintptr_t address;
    uint64_t id;
    rc_epoch epoch;
    uint32_t generation;
    uint16_t kind, written;
};
#define RC_CACHED 256

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
            if (l->kind == RC_CLOCK) {
                continue;
            }
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

#endif
