/* SPDX-License-Identifier: MIT
 *
 * race_rules.c: the rules of FastTrack on one location: each row of the table in rc_shadow.h.
 */
#include "hammer.h"

#include "race/rc_shadow.h"

static rc_thread *a, *b, *c;
static rc_race race;

/* The address of an object; it is never dereferenced. */
static const uintptr_t X = 0x10000;

static rc_thread *begin(void)
{
    rc_thread *t = rc_thread_begin_unannounced();
    t->cache = rc_alloc(RC_CACHE_ENTRIES * sizeof *t->cache);
    return t;
}

static bool access_to(rc_thread *t, uintptr_t at, uint64_t name, bool write, uint32_t stack)
{
    rc_record_access(t, at, RC_NAME, name, write, stack, NULL, &race);
    CHECK(!race.found || race.now == rc_now(t));
    return race.found;
}
static bool reads(rc_thread *t, uint32_t stack) { return access_to(t, X, 1, false, stack); }
static bool writes(rc_thread *t, uint32_t stack) { return access_to(t, X, 1, true, stack); }
static bool with(rc_epoch e, bool write, uint32_t stack)
{
    return race.epoch == e && race.write == write && race.stack == stack;
}

static rc_location *x(void)
{
    bool made;
    rc_location *l = rc_location_of(rc_record_find(rc_bucket_of(X), X), 1, RC_NAME, &made);
    CHECK(!made);
    return l;
}

static void pass(rc_thread *from, rc_thread *to)
{
    rc_sync *s = rc_sync_new();
    rc_release(from, s);
    rc_acquire(to, s);
    rc_sync_unref(s);
}

static void fresh(void)
{
    rc_purge(X);
    CHECK(rc_record_find(rc_bucket_of(X), X) == NULL);
}

static void reading(void)
{
    fresh();
    rc_epoch first = rc_now(a);
    CHECK(!reads(a, 1) && x()->r == first && x()->r_stack == 1 && x()->w == 0);
    CHECK(!reads(a, 2) && x()->r_stack == 1); /* the same epoch: nothing to do */

    fresh();
    CHECK(!writes(a, 1) && !reads(a, 2) && x()->r == 0); /* W = E_t: not recorded */
    pass(a, a);
    CHECK(!reads(a, 3) && x()->r == rc_now(a)); /* but not in the next epoch */

    fresh();
    first = rc_now(a);
    CHECK(!writes(a, 1) && reads(b, 2) && with(first, true, 1)); /* W not before t */
    CHECK(x()->r == rc_now(b));                                   /* recorded after the race too */
    pass(a, c);
    CHECK(!reads(c, 3)); /* W before t */

    fresh();
    CHECK(!reads(a, 1));
    pass(a, b);
    CHECK(!reads(b, 2) && x()->r == rc_now(b) && x()->shared == NULL); /* R before t: exclusive */

    fresh();
    CHECK(!reads(a, 1) && !reads(b, 2) && x()->shared->n == 2); /* shared */
    CHECK(!reads(b, 3) && x()->shared->n == 2 && x()->shared->at[1].stack == 2);
    pass(a, b); /* R less what is before t: the read of a, and b's own of its last epoch */
    CHECK(!reads(c, 4) && x()->shared->n == 3);
    pass(b, b);
    CHECK(!reads(b, 5) && x()->shared->n == 2 && x()->shared->at[0].stack == 4 && x()->shared->at[1].stack == 5);
    pass(c, b);
    pass(b, b);
    CHECK(!reads(b, 6) && x()->shared == NULL && x()->r == rc_now(b) && x()->r_stack == 6); /* and exclusive again */
    printf("ok  a read: the same epoch, after a write, exclusive, shared\n");
}

static void writing(void)
{
    fresh();
    rc_epoch first = rc_now(a);
    CHECK(!writes(a, 1) && x()->w == first && x()->w_stack == 1);
    CHECK(!writes(a, 2) && x()->w_stack == 1); /* the same epoch */
    CHECK(writes(b, 3) && with(first, true, 1) && x()->w == rc_now(b) && x()->w_stack == 3);
    CHECK(writes(a, 4) && with(rc_now(b), true, 3));

    fresh();
    CHECK(!writes(a, 1));
    pass(a, b);
    CHECK(!writes(b, 2));

    fresh();
    first = rc_now(a);
    CHECK(!reads(a, 1) && writes(b, 2) && with(first, false, 1)); /* one of R */
    CHECK(x()->r == 0 && x()->w == rc_now(b));                     /* R := none */

    fresh();
    rc_epoch second = rc_now(b);
    CHECK(!reads(a, 1) && !reads(b, 2));
    pass(a, c);
    CHECK(writes(c, 3) && with(second, false, 2)); /* of the shared ones, the one that is not before */
    CHECK(x()->shared == NULL && x()->r == 0);

    fresh();
    CHECK(!reads(a, 1) && !reads(b, 2));
    pass(a, c);
    pass(b, c);
    CHECK(!writes(c, 3) && x()->shared == NULL);

    fresh(); /* the write and a read both race: one is reported */
    first = rc_now(a);
    CHECK(!writes(a, 1));
    pass(a, b);
    CHECK(!reads(b, 2) && writes(c, 3) && with(first, true, 1));
    printf("ok  a write: the same epoch, after a write, after reads\n");
}

static bool keys(rc_thread *t, bool change, uint32_t stack)
{
    rc_record_access(t, X, RC_KEYS, 0, change, stack, NULL, &race);
    return race.found;
}

static void key_sets(void)
{
    fresh();
    rc_epoch first = rc_now(a);
    CHECK(!keys(a, true, 1) && !keys(b, true, 2)); /* insertions do not race with each other */
    CHECK(keys(c, false, 3) && with(first, true, 1));
    fresh();
    first = rc_now(a);
    CHECK(!keys(a, false, 1) && !keys(b, false, 2)); /* nor do iterations */
    CHECK(keys(c, true, 3) && with(first, false, 1));
    fresh();
    rc_epoch second = rc_now(b);
    CHECK(!keys(a, true, 1) && !keys(b, true, 2));
    pass(a, c);
    CHECK(keys(c, false, 3) && with(second, true, 2));
    fresh();
    CHECK(!keys(a, true, 1) && !keys(a, false, 2) && !keys(a, true, 3)); /* a change does not stand for an iteration: */
    first = rc_now(a);
    CHECK(keys(b, true, 4) && with(first, false, 2));
    fresh();
    CHECK(!keys(a, true, 1));
    pass(a, b);
    CHECK(!keys(b, false, 2));
    printf("ok  the keys of a container: changes against iterations\n");
}

static void many_locations(void)
{
    fresh();
    for (uint64_t i = 0; i < 5000; i++) {
        CHECK(!access_to(a, X, i, true, (uint32_t)i));
    }
    CHECK(rc_record_find(rc_bucket_of(X), X)->n == 5000);
    for (uint64_t i = 0; i < 5000; i++) {
        CHECK(access_to(b, X, i, false, 0) && with(rc_now(a), true, (uint32_t)i));
    }
    /* One number, of several kinds: other locations. */
    fresh();
    rc_record_access(a, X, RC_NAME, 7, true, 1, NULL, &race);
    rc_record_access(b, X, RC_INDEX, 7, true, 1, NULL, &race);
    CHECK(!race.found);
    rc_record_access(c, X, RC_KEY, 7, true, 1, NULL, &race);
    CHECK(!race.found);
    rc_record_access(c, X, RC_INDEX, 7, true, 1, NULL, &race);
    CHECK(race.found);

    /* A location that was made owns the use that its caller has counted; a purge drops it. */
    _Atomic int64_t uses = 1;
    fresh();
    CHECK(rc_record_access(a, X, RC_KEY, 9, true, 1, &uses, &race));
    CHECK(!rc_record_access(a, X, RC_KEY, 9, true, 1, &uses, &race));
    fresh();
    CHECK(uses == 0);
    printf("ok  the locations of one object\n");
}

static void purging(void)
{
    /* Three records in one chain. One is purged, and the cache entries of it are void. */
    uintptr_t at[3] = {X, X + ((uintptr_t)1 << 40) * 4, X + ((uintptr_t)1 << 41) * 4};
    for (int i = 0; i < 3; i++) {
        CHECK(rc_bucket_of(at[i]) == rc_bucket_of(X));
        rc_stamp stamp = rc_stamp_of(a, at[i]);
        CHECK(!rc_same_epoch(a, at[i], RC_NAME, (uint64_t)i, true));
        CHECK(!access_to(a, at[i], (uint64_t)i, true, 1));
        rc_cache_access(a, at[i], RC_NAME, (uint64_t)i, true, stamp);
        CHECK(rc_same_epoch(a, at[i], RC_NAME, (uint64_t)i, true)
              && rc_same_epoch(a, at[i], RC_NAME, (uint64_t)i, false));
        CHECK(!rc_same_epoch(a, at[i], RC_INDEX, (uint64_t)i, true)
              && !rc_same_epoch(b, at[i], RC_NAME, (uint64_t)i, true));
    }
    rc_purge(at[1]);
    CHECK(!rc_same_epoch(a, at[1], RC_NAME, 1, true));
    CHECK(!access_to(b, at[1], 1, true, 1)); /* a new object */
    CHECK(access_to(b, at[0], 0, true, 1) && access_to(b, at[2], 2, true, 1));
    rc_purge(at[0]);
    rc_purge(at[2]);
    rc_purge(at[2]);
    CHECK(!access_to(c, at[0], 0, true, 1) && !access_to(c, at[2], 2, true, 1) && access_to(c, at[1], 1, true, 1));

    /* A cache entry ends with its epoch, and a read does not stand for a write. */
    fresh();
    rc_stamp stamp = rc_stamp_of(a, X);
    reads(a, 1);
    rc_cache_access(a, X, RC_NAME, 1, false, stamp);
    CHECK(rc_same_epoch(a, X, RC_NAME, 1, false) && !rc_same_epoch(a, X, RC_NAME, 1, true));
    pass(a, c);
    CHECK(!rc_same_epoch(a, X, RC_NAME, 1, false));
    /* An entry is void if the record left the table after the stamp. */
    stamp = rc_stamp_of(a, X);
    reads(a, 1);
    fresh();
    rc_cache_access(a, X, RC_NAME, 1, false, stamp);
    CHECK(!rc_same_epoch(a, X, RC_NAME, 1, false));

    /* The clocks and the number of an object end with it. */
    rc_sync *s = rc_sync_of(X), *item = rc_sync_at(X, 8), *other = rc_sync_at(X, 16);
    rc_sync *again = rc_sync_of(X), *item_again = rc_sync_at(X, 8);
    CHECK(s == again && item == item_again && item != s && item != other);
    uint64_t serial = rc_serial_of(X);
    CHECK(serial != 0 && rc_serial_of(X) == serial && rc_serial_of(at[1]) != serial);
    fresh();
    rc_sync *next = rc_sync_of(X), *next_item = rc_sync_at(X, 8);
    CHECK(next != s && next_item != item && rc_serial_of(X) > serial);
    CHECK(s->refs == 2 && item->refs == 2 && other->refs == 1
          && next->refs == 2); /* one for each call, and the table's */
    rc_sync *all[] = {s, again, item, item_again, other, next, next_item};
    for (int i = 0; i < 7; i++) {
        rc_sync_unref(all[i]);
    }
    rc_purge_all();
    CHECK(rc_record_find(rc_bucket_of(X), X) == NULL);
    printf("ok  a purge frees one record and no other\n");
}

static void ends_of_life(void)
{
    /* Reads, shared reads and writes of any thread come before. */
    fresh();
    rc_thread *d = begin(), *once = begin();
    access_to(once, X, 4, false, 1);
    access_to(a, X, 1, false, 1);
    access_to(b, X, 1, false, 1);
    access_to(c, X, 2, true, 1);
    access_to(b, X, 3, false, 1);
    rc_sync_unref(rc_sync_at(X, 1));
    rc_epoch in_a = rc_now(a), in_b = rc_now(b), in_c = rc_now(c);
    CHECK(!rc_before(in_a, d) && !rc_before(in_b, d) && !rc_before(in_c, d));
    rc_acquire_all_uses(d, X);
    CHECK(rc_before(in_a, d) && rc_before(in_b, d) && rc_before(in_c, d));
    for (uint64_t name = 1; name <= 4; name++) {
        CHECK(!access_to(d, X, name, true, 2));
    }
    rc_thread_end(once);
    rc_acquire_all_uses(d, X + 4096); /* an object without a record */
    /* So do the steps that a using thread has acquired. */
    fresh();
    rc_thread *e = begin();
    access_to(e, X + 64, 1, true, 1);
    pass(e, a);
    access_to(a, X, 1, true, 1);
    rc_acquire_all_uses(d, X);
    CHECK(!access_to(d, X + 64, 1, true, 2));
    rc_purge_all();
    rc_thread_end(d);
    rc_thread_end(e);
    printf("ok  every use comes before the finalizer\n");
}

static void sessions(void)
{
    /* A record that a late access made after the purge is past. */
    fresh();
    CHECK(!writes(a, 1));
    rc_new_session();
    CHECK(!writes(b, 2) && x()->w == rc_now(b));
    CHECK(writes(a, 3));
    /* A late access finds a race, which is dropped. */
    fresh();
    CHECK(!writes(a, 1));
    rc_epoch old = rc_now(b);
    race.found = false;
    rc_write_rule(b, x(), old, 2, &race);
    CHECK(race.found);
    rc_new_session();
    CHECK(rc_is_past(old));
    printf("ok  accesses of the last session do not race\n");
}

int main(void)
{
    a = begin();
    b = begin();
    c = begin();
    rc_thread *three[] = {a, b, c};
    for (int i = 0; i < 3; i++) { /* each has made a step, and no order holds between them */
        pass(three[i], three[i]);
    }
    reading();
    writing();
    key_sets();
    many_locations();
    purging();
    ends_of_life();
    sessions();
    rc_purge_all();
    rc_thread_end(a);
    rc_thread_end(b);
    rc_thread_end(c);
    return 0;
}
