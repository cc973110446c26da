/* SPDX-License-Identifier: MIT
 *
 * race_table.c: the race detector's table in many threads at once: objects that come and go at the same addresses, threads
 * that end and are still spoken of, stacks that are kept once.
 */
#include "hammer.h"

#include "race/rc_census.h"
#include "race/rc_nodes.h"

static rc_thread *begin(void)
{
    rc_thread *t = rc_begin_unknown();
    t->cache = rc_alloc(RC_CACHED * sizeof *t->cache);
    return t;
}

static bool writes(rc_thread *t, uintptr_t at, uint64_t name)
{
    rc_race race;
    rc_record_access(t, at, RC_NAME, name, true, 0, NULL, &race);
    return race.found;
}

/* ---- objects that come and go --------------------------------------------------------------------------------------- */

enum { PLACES = 64, USED = 4 };

/* Some share a bucket, and no thread is ordered after another by a clock: whatever is left of the last object is a race. */
static uintptr_t place_of(uint32_t i) { return 0x40000 + (uintptr_t)(i % 16) * 16 + (uintptr_t)(i / 16) * ((uintptr_t)1 << 42); }
static _Atomic bool alive[PLACES]; /* the allocator: memory is given back with release, and given out with acquire */
static _Atomic int64_t used[USED];

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
        rc_purge(at); /* it is born */
        for (uint64_t name = 0; name < 6; name++) {
            CHECK(!rc_known(t, at, RC_NAME, name, false));
            rc_moment then = rc_moment_of(t, at);
            CHECK(!writes(t, at, name));
            rc_remember(t, at, RC_NAME, name, true, then);
        }
        rc_race race;
        rc_record_access(t, at, RC_KEYS, 0, i % 2 == 0, 0, NULL, &race);
        CHECK(!race.found);
        _Atomic int64_t *counted = &used[random % USED];
        atomic_fetch_add(counted, 1);
        CHECK(rc_record_access(t, at, RC_KEY, 1, true, 0, counted, &race) && !race.found);
        if (random % 5 == 0) {
            rc_sync *s = rc_sync_at(at, random % 3), *whole = rc_sync_of(at);
            CHECK(s->vc.n == 0 && whole->vc.n == 0); /* nobody has released into it: it is new too */
            rc_set(t, s);
            rc_release(t, whole);
            rc_sync_leave(s);
            rc_sync_leave(whole);
        }
        if (random % 7 == 0) {
            rc_learn_all_uses(t, at);
        }
        if (random % 3 == 0) {
            rc_purge(at); /* its death is told, or it is not */
        }
        atomic_store_explicit(&alive[place], false, memory_order_release);
        if (me == 0 && i % 5000 == 0) {
            rc_counts c = rc_count();
            CHECK(c.objects <= PLACES && c.locations <= PLACES * 9);
            rc_purge_all();
        }
    }
    rc_end(t);
}

/* An object that all use: the locations are many, none is lost. */
static void all_use_one(int me)
{
    rc_thread *t = begin();
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(!writes(t, 0x900000, (uint64_t)(i * THREADS + me)));
    }
    rc_end(t);
}

/* ---- threads that end ------------------------------------------------------------------------------------------------ */

static void take_census(void)
{
    uint32_t n;
    free(rc_census(&n));
}

static void census(void)
{
    enum { KEPT = 50 };
    rc_epoch kept[KEPT], lost = 0;
    uint64_t number[KEPT], gone_number = 0;
    rc_thread *main = begin();
    uint32_t n_gone = 0, n_kept = 0, all_gone = 0;
    for (unsigned i = 0; i < 5 * RC_FIRST_CENSUS; i++) {
        rc_sync *s = rc_sync_new();
        rc_release(main, s);
        rc_thread *t = rc_begin(&s->vc);
        writes(t, 0x800000 + 16 * (i % 100 == 0 ? i : 1), 1); /* the others in one and the same place */
        if (i % 100 == 0 && n_kept < KEPT) {
            kept[n_kept] = rc_now(t);
            number[n_kept++] = t->number;
        }
        else if (i % 100 == 1 && lost == 0) {
            lost = rc_now(t);
            gone_number = t->number;
        }
        rc_release(t, s);
        rc_end(t);
        rc_acquire(main, s);
        rc_sync_leave(s);
        uint64_t *gone = rc_census(&n_gone);
        for (uint32_t j = 0; j < n_gone; j++) {
            for (uint32_t k = 0; k < n_kept; k++) {
                CHECK(gone[j] != number[k]);
            }
        }
        all_gone += n_gone;
        free(gone);
        CHECK(rc_threads.n_tenants <= 2 * RC_FIRST_CENSUS);
    }
    CHECK(all_gone > 3 * RC_FIRST_CENSUS && rc_number_of(lost) == 0 && gone_number != 0);
    for (uint32_t k = 0; k < n_kept; k++) {
        CHECK(rc_number_of(kept[k]) == number[k]);
    }
    CHECK(rc_number_of(rc_now(main)) == main->number);
    rc_census_at = 0;
    rc_purge_all();
    take_census();
    for (uint32_t k = 0; k < n_kept; k++) {
        CHECK(rc_number_of(kept[k]) == 0);
    }
    CHECK(rc_number_of(rc_now(main)) == main->number);
    CHECK(rc_threads.n_tenants <= 2 * rc_threads.n_slots);
    rc_end(main);
    printf("ok  threads of which nothing is recorded are struck off, and no others\n");
}

static void end_and_count(int me)
{
    rc_thread *self = begin();
    uintptr_t at = 0xA00000 + (uintptr_t)me * 16;
    for (int i = 0; i < ROUNDS / 200; i++) {
        rc_sync *s = rc_sync_new();
        rc_release(self, s);
        rc_thread *t = rc_begin(&s->vc);
        rc_epoch mine = rc_now(t);
        uint64_t number = t->number;
        CHECK(!writes(t, at, 1));
        rc_release(t, s);
        rc_end(t);
        rc_acquire(self, s);
        rc_sync_leave(s);
        rc_take(&rc_threads.lock);
        rc_census_at = 0;
        rc_drop(&rc_threads.lock);
        take_census();
        CHECK(rc_number_of(mine) == number); /* the record is there */
        rc_purge(at);
    }
    rc_end(self);
}

/* ---- stacks ------------------------------------------------------------------------------------------------------- */

static uint32_t kept;
static void rc_keep_code(void *code)
{
    (void)code;
    kept++; /* under the lock of stacks */
}

static uint32_t node(uint32_t parent, uintptr_t code, int32_t at)
{
    rc_take(&rc_stacks_lock);
    uint32_t n = rc_node_of(parent, (void *)code, at);
    rc_drop(&rc_stacks_lock);
    return n;
}

static uint32_t stack_of(uint32_t i) /* three frames */
{
    return node(node(node(0, 8, 0), 16 + 8 * (i % 50), (int32_t)(i / 50)), 8, (int32_t)(i % 3));
}

static uint32_t first_stacks[5000];

static void stacks(void)
{
    for (uint32_t i = 0; i < 5000; i++) {
        first_stacks[i] = stack_of(i);
        CHECK(first_stacks[i] != 0 && (i == 0 || first_stacks[i] != first_stacks[i - 1]));
    }
    CHECK(kept == 1 + 2 * 5000 && rc_stacks.n == 1 + kept); /* each once: the outermost, its callers, the innermost */
    for (uint32_t i = 0; i < 5000; i++) {
        CHECK(stack_of(i) == first_stacks[i]);
        rc_node o = rc_node_at(first_stacks[i]);
        CHECK(o.code == (void *)8 && o.at == (int32_t)(i % 3));
        rc_node caller = rc_node_at(o.parent), outermost = rc_node_at(caller.parent);
        CHECK(caller.code == (void *)(uintptr_t)(16 + 8 * (i % 50)) && caller.at == (int32_t)(i / 50));
        CHECK(outermost.code == (void *)8 && outermost.at == 0 && outermost.parent == 0);
    }
    CHECK(kept == 1 + 2 * 5000);
    CHECK(rc_node_at(0).code == NULL && rc_node_at(rc_stacks.n).code == NULL && rc_node_at(UINT32_MAX).code == NULL);
    printf("ok  equal stacks are one number\n");
}

static void stacks_of_all(int me)
{
    for (uint32_t i = 0; i < 5000; i++) {
        uint32_t k = (i + (uint32_t)me * 600) % 5000;
        CHECK(stack_of(k) == first_stacks[k]);
        uint32_t deep = node(first_stacks[k], 24, (int32_t)k);
        rc_node o = rc_node_at(deep);
        CHECK(o.code == (void *)24 && o.at == (int32_t)k && o.parent == first_stacks[k]);
    }
}

static void many_stacks(void)
{
    uint32_t top = 0;
    for (uint32_t i = 0; rc_stacks.n < RC_MANY_NODES; i++) {
        top = node(top, 32, (int32_t)(i & 0xffff));
    }
    uint32_t last = node(top, 40, 1);
    CHECK(rc_node_at(last).parent == 0 && rc_node_at(last).at == 1);
    CHECK(node(first_stacks[7], 40, 1) == last); /* the innermost frame alone */
    printf("ok  of very many stacks the innermost frames\n");
}

int main(void)
{
    hammer("objects come and go at the same addresses, and nothing is left of them", come_and_go);
    rc_purge_all();
    for (int i = 0; i < USED; i++) {
        CHECK(used[i] == 0);
    }
    hammer("one object used by all", all_use_one);
    rc_counts c = rc_count();
    CHECK(c.objects == 1 && c.locations == (uint64_t)THREADS * ROUNDS && c.threads == 0 && c.reads == 0 && c.clocks == 0);
    rc_purge_all();
    c = rc_count();
    CHECK(c.objects == 0 && c.locations == 0);
    census();
    hammer("threads that end, counted by all", end_and_count);
    rc_purge_all();
    stacks();
    hammer("equal stacks, in all threads", stacks_of_all);
    CHECK(kept == 1 + 3 * 5000);
    many_stacks();
    return 0;
}
