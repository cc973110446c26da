/* SPDX-License-Identifier: MIT
 *
 * race_table.c: the race detector's shadow memory in many threads at once: objects that come and go at the same
 * addresses, ended threads that are reclaimed, stacks that are stored once.
 */
#include "hammer.h"

#include "race/rc_counts.h"
#include "race/rc_depot.h"
#include "race/rc_reclaim.h"
#include "race/rc_shadow.h"

static rc_thread *begin(void)
{
    rc_thread *t = rc_thread_begin_unannounced();
    t->cache = rc_alloc(RC_CACHE_ENTRIES * sizeof *t->cache);
    return t;
}

static bool writes(rc_thread *t, uintptr_t at, uint64_t name)
{
    rc_race race;
    rc_record_access(t, at, RC_NAME, name, true, 0, NULL, &race);
    return race.found;
}

/* ---- objects that come and go ---------------------------------------------------------------------------------- */

enum { PLACES = 64, USED = 4 };

/* Some places share a bucket. No clock orders the threads, so a location left of the last object at a place is a race.
 */
static uintptr_t place_of(uint32_t i)
{
    return 0x40000 + (uintptr_t)(i % 16) * 16 + (uintptr_t)(i / 16) * ((uintptr_t)1 << 42);
}
static _Atomic bool alive[PLACES]; /* the allocator: it takes memory back with release, and reuses it with acquire */
static _Atomic int64_t uses[USED];

static void come_and_go(int me)
{
    rc_thread *t = begin();
    uint32_t random = (uint32_t)me * 7919 + 1;
    for (int i = 0; i < ROUNDS; i++) {
        random = random * 1664525 + 1013904223;
        uint32_t place = (random >> 8) % PLACES;
        if (atomic_exchange_explicit(&alive[place], true, memory_order_acquire)) {
            continue;
        }
        uintptr_t at = place_of(place);
        rc_purge(at); /* the creation of the object */
        for (uint64_t name = 0; name < 6; name++) {
            CHECK(!rc_same_epoch(t, at, RC_NAME, name, false));
            rc_stamp stamp = rc_stamp_of(t, at);
            CHECK(!writes(t, at, name));
            rc_cache_access(t, at, RC_NAME, name, true, stamp);
        }
        rc_race race;
        rc_record_access(t, at, RC_KEYS, 0, i % 2 == 0, 0, NULL, &race);
        CHECK(!race.found);
        _Atomic int64_t *counted = &uses[random % USED];
        atomic_fetch_add(counted, 1);
        CHECK(rc_record_access(t, at, RC_KEY, 1, true, 0, counted, &race) && !race.found);
        if (random % 5 == 0) {
            rc_sync *s = rc_sync_at(at, random % 3), *whole = rc_sync_of(at);
            CHECK(s->vc.n == 0 && whole->vc.n == 0); /* the clocks are new too: no thread has released into them */
            rc_set(t, s);
            rc_release(t, whole);
            rc_sync_unref(s);
            rc_sync_unref(whole);
        }
        if (random % 7 == 0) {
            rc_acquire_all_uses(t, at);
        }
        if (random % 3 == 0) {
            rc_purge(at); /* the destruction is traced, or it is not */
        }
        atomic_store_explicit(&alive[place], false, memory_order_release);
        if (me == 0 && i % 5000 == 0) {
            rc_counts c = rc_count();
            CHECK(c.objects <= PLACES && c.locations <= PLACES * 9);
            rc_purge_all();
        }
    }
    rc_thread_end(t);
}

/* An object that all threads use: no location is lost. */
static void all_use_one(int me)
{
    rc_thread *t = begin();
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(!writes(t, 0x900000, (uint64_t)(i * THREADS + me)));
    }
    rc_thread_end(t);
}

/* ---- threads that end ------------------------------------------------------------------------------------------ */

static void reclaim(void)
{
    uint32_t n;
    free(rc_reclaim(&n));
}

static void reclaiming(void)
{
    enum { NAMED = 50 };
    rc_epoch named[NAMED], overwritten = 0;
    uint64_t number[NAMED];
    rc_thread *main = begin();
    uint32_t n_removed = 0, n_named = 0, all_removed = 0;
    for (unsigned i = 0; i < 5 * RC_RECLAIM_FIRST; i++) {
        rc_sync *s = rc_sync_new();
        rc_release(main, s);
        rc_thread *t = rc_thread_begin(&s->vc);
        writes(t, 0x800000 + 16 * (i % 100 == 0 ? i : 1), 1); /* the others overwrite one place */
        if (i % 100 == 0 && n_named < NAMED) {
            named[n_named] = rc_now(t);
            number[n_named++] = t->number;
        } else if (i % 100 == 1 && overwritten == 0) {
            overwritten = rc_now(t);
        }
        rc_release(t, s);
        rc_thread_end(t);
        rc_acquire(main, s);
        rc_sync_unref(s);
        uint64_t *removed = rc_reclaim(&n_removed);
        for (uint32_t j = 0; j < n_removed; j++) {
            for (uint32_t k = 0; k < n_named; k++) {
                CHECK(removed[j] != number[k]);
            }
        }
        all_removed += n_removed;
        free(removed);
        CHECK(rc_threads.n_tenants <= 2 * RC_RECLAIM_FIRST);
    }
    CHECK(all_removed > 3 * RC_RECLAIM_FIRST && overwritten != 0 && rc_number_of(overwritten) == 0);
    for (uint32_t k = 0; k < n_named; k++) {
        CHECK(rc_number_of(named[k]) == number[k]);
    }
    CHECK(rc_number_of(rc_now(main)) == main->number);
    rc_reclaim_soon();
    rc_purge_all();
    reclaim();
    for (uint32_t k = 0; k < n_named; k++) {
        CHECK(rc_number_of(named[k]) == 0);
    }
    CHECK(rc_number_of(rc_now(main)) == main->number);
    CHECK(rc_threads.n_tenants <= 2 * rc_threads.n_slots);
    rc_thread_end(main);
    printf("ok  ended threads without a record are reclaimed, and no others\n");
}

static void end_and_reclaim(int me)
{
    rc_thread *self = begin();
    uintptr_t at = 0xA00000 + (uintptr_t)me * 16;
    for (int i = 0; i < ROUNDS / 200; i++) {
        rc_sync *s = rc_sync_new();
        rc_release(self, s);
        rc_thread *t = rc_thread_begin(&s->vc);
        rc_epoch mine = rc_now(t);
        uint64_t number = t->number;
        CHECK(!writes(t, at, 1));
        rc_release(t, s);
        rc_thread_end(t);
        rc_acquire(self, s);
        rc_sync_unref(s);
        rc_reclaim_soon();
        reclaim();
        CHECK(rc_number_of(mine) == number); /* its record is in the table */
        rc_purge(at);
    }
    rc_thread_end(self);
}

/* ---- stacks ---------------------------------------------------------------------------------------------------- */

static uint32_t retained;
static void retain(void *code)
{
    (void)code;
    retained++; /* under the lock of the depot */
}

static uint32_t put(uint32_t parent, uintptr_t code, int32_t at)
{
    uint32_t entry;
    rc_depot_put(parent, 1, (void *[]){(void *)code}, &at, &entry);
    return entry;
}

static uint32_t stack_of(uint32_t i) /* three frames */
{
    void *code[] = {(void *)8, (void *)(uintptr_t)(16 + 8 * (i % 50)), (void *)8};
    int32_t at[] = {0, (int32_t)(i / 50), (int32_t)(i % 3)};
    uint32_t entries[3];
    rc_depot_put(0, 3, code, at, entries);
    CHECK(rc_depot_get(entries[2]).parent == entries[1] && rc_depot_get(entries[1]).parent == entries[0]);
    return entries[2];
}

static uint32_t first_stacks[5000];

static void stacks(void)
{
    for (uint32_t i = 0; i < 5000; i++) {
        first_stacks[i] = stack_of(i);
        CHECK(first_stacks[i] != 0 && (i == 0 || first_stacks[i] != first_stacks[i - 1]));
    }
    CHECK(retained == 1 + 2 * 5000 && rc_depot_size() == 1 + retained); /* the outermost frame is one entry for all */
    for (uint32_t i = 0; i < 5000; i++) {
        CHECK(stack_of(i) == first_stacks[i]);
        rc_depot_entry o = rc_depot_get(first_stacks[i]);
        CHECK(o.code == (void *)8 && o.at == (int32_t)(i % 3));
        rc_depot_entry caller = rc_depot_get(o.parent), outermost = rc_depot_get(caller.parent);
        CHECK(caller.code == (void *)(uintptr_t)(16 + 8 * (i % 50)) && caller.at == (int32_t)(i / 50));
        CHECK(outermost.code == (void *)8 && outermost.at == 0 && outermost.parent == 0);
    }
    CHECK(retained == 1 + 2 * 5000);
    CHECK(rc_depot_get(0).code == NULL && rc_depot_get(rc_depot_size()).code == NULL
          && rc_depot_get(UINT32_MAX).code == NULL);
    printf("ok  equal stacks are one entry\n");
}

static void stacks_of_all(int me)
{
    for (uint32_t i = 0; i < 5000; i++) {
        uint32_t k = (i + (uint32_t)me * 600) % 5000;
        CHECK(stack_of(k) == first_stacks[k]);
        uint32_t deep = put(first_stacks[k], 24, (int32_t)k);
        rc_depot_entry o = rc_depot_get(deep);
        CHECK(o.code == (void *)24 && o.at == (int32_t)k && o.parent == first_stacks[k]);
    }
}

static void many_stacks(void)
{
    uint32_t top = 0;
    for (uint32_t i = 0; rc_depot_size() < RC_DEPOT_LIMIT; i++) {
        top = put(top, 32, (int32_t)(i & 0xffff));
    }
    uint32_t last = put(top, 40, 1);
    CHECK(rc_depot_get(last).parent == 0 && rc_depot_get(last).at == 1);
    CHECK(put(first_stacks[7], 40, 1) == last); /* the innermost frame alone */
    printf("ok  past the limit a stack is its innermost frame\n");
}

int main(void)
{
    hammer("objects come and go at the same addresses, and leave no record", come_and_go);
    rc_purge_all();
    for (int i = 0; i < USED; i++) {
        CHECK(uses[i] == 0);
    }
    hammer("one object that all threads use", all_use_one);
    rc_counts c = rc_count();
    CHECK(c.objects == 1 && c.locations == (uint64_t)THREADS * ROUNDS && c.threads == 0 && c.reads == 0
          && c.clocks == 0);
    rc_purge_all();
    c = rc_count();
    CHECK(c.objects == 0 && c.locations == 0);
    reclaiming();
    hammer("threads end, and all threads reclaim", end_and_reclaim);
    rc_purge_all();
    rc_depot_init(retain);
    stacks();
    hammer("equal stacks, in all threads", stacks_of_all);
    CHECK(retained == 1 + 3 * 5000);
    many_stacks();
    return 0;
}
