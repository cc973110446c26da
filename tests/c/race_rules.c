/* SPDX-License-Identifier: MIT
 *
 * race_rules.c: the rules of FastTrack as rc_shadow.h has them, one row of its table after the other, on one location.
 */
#include "hammer.h"

#include "race/rc_shadow.h"

static rc_thread *a, *b, *c;
static rc_race race;

/* Addresses of objects that nobody looks into. */
static const uintptr_t X = 0x10000;

static rc_thread *begin(void)
{
    rc_thread *t = rc_begin_unknown();
    t->cache = rc_alloc(RC_CACHED * sizeof *t->cache);
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
    rc_sync_leave(s);
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
    CHECK(!writes(a, 1) && !reads(a, 2) && x()->r == 0); /* W = E_t: left out */
    pass(a, a);
    CHECK(!reads(a, 3) && x()->r == rc_now(a)); /* but not in the next epoch */

    fresh();
    first = rc_now(a);
    CHECK(!writes(a, 1) && reads(b, 2) && with(first, true, 1)); /* W not before t */
    CHECK(x()->r == rc_now(b));                                   /* and takes its place */
    pass(a, c);
    CHECK(!reads(c, 3)); /* W before t */

    fresh();
    CHECK(!reads(a, 1));
    pass(a, b);
    CHECK(!reads(b, 2) && x()->r == rc_now(b) && x()->shared == NULL); /* R before t: exclusive */

    fresh();
    CHECK(!reads(a, 1) && !reads(b, 2) && x()->shared->n == 2); /* shared */
    CHECK(!reads(b, 3) && x()->shared->n == 2 && x()->shared->at[1].stack == 2);
    pass(a, b); /* less what is before t: that of a, and b's own of the epoch before */
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

    fresh(); /* the write and a read both race: one is told */
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

    /* Who names a location by an address keeps a count of it. */
    _Atomic int64_t used = 1;
    fresh();
    CHECK(rc_record_access(a, X, RC_KEY, 9, true, 1, &used, &race));
    CHECK(!rc_record_access(a, X, RC_KEY, 9, true, 1, &used, &race));
    fresh();
    CHECK(used == 0);
    printf("ok  the locations of one object\n");
}

static void purging(void)
{
    /* Neighbours in a chain; only the one is purged, and what was remembered of it is void. */
    uintptr_t at[3] = {X, X + ((uintptr_t)1 << 40) * 4, X + ((uintptr_t)1 << 41) * 4};
    for (int i = 0; i < 3; i++) {
        CHECK(rc_bucket_of(at[i]) == rc_bucket_of(X));
        rc_moment then = rc_moment_of(a, at[i]);
        CHECK(!rc_known(a, at[i], RC_NAME, (uint64_t)i, true));
        CHECK(!access_to(a, at[i], (uint64_t)i, true, 1));
        rc_remember(a, at[i], RC_NAME, (uint64_t)i, true, then);
        CHECK(rc_known(a, at[i], RC_NAME, (uint64_t)i, true) && rc_known(a, at[i], RC_NAME, (uint64_t)i, false));
        CHECK(!rc_known(a, at[i], RC_INDEX, (uint64_t)i, true) && !rc_known(b, at[i], RC_NAME, (uint64_t)i, true));
    }
    rc_purge(at[1]);
    CHECK(!rc_known(a, at[1], RC_NAME, 1, true));
    CHECK(!access_to(b, at[1], 1, true, 1)); /* a new object */
    CHECK(access_to(b, at[0], 0, true, 1) && access_to(b, at[2], 2, true, 1));
    rc_purge(at[0]);
    rc_purge(at[2]);
    rc_purge(at[2]);
    CHECK(!access_to(c, at[0], 0, true, 1) && !access_to(c, at[2], 2, true, 1) && access_to(c, at[1], 1, true, 1));

    /* What was remembered ends with the epoch, and a read does not stand for a write. */
    fresh();
    rc_moment then = rc_moment_of(a, X);
    reads(a, 1);
    rc_remember(a, X, RC_NAME, 1, false, then);
    CHECK(rc_known(a, X, RC_NAME, 1, false) && !rc_known(a, X, RC_NAME, 1, true));
    pass(a, c);
    CHECK(!rc_known(a, X, RC_NAME, 1, false));
    /* Nor is a record remembered that went away between. */
    then = rc_moment_of(a, X);
    reads(a, 1);
    fresh();
    rc_remember(a, X, RC_NAME, 1, false, then);
    CHECK(!rc_known(a, X, RC_NAME, 1, false));

    /* Clocks and numbers of an object go away with it. */
    rc_sync *s = rc_sync_of(X), *item = rc_sync_at(X, 8), *other = rc_sync_at(X, 16);
    rc_sync *again = rc_sync_of(X), *item_again = rc_sync_at(X, 8);
    CHECK(s == again && item == item_again && item != s && item != other);
    uint64_t serial = rc_serial_of(X);
    CHECK(serial != 0 && rc_serial_of(X) == serial && rc_serial_of(at[1]) != serial);
    fresh();
    rc_sync *next = rc_sync_of(X), *next_item = rc_sync_at(X, 8);
    CHECK(next != s && next_item != item && rc_serial_of(X) > serial);
    CHECK(s->refs == 2 && item->refs == 2 && other->refs == 1 && next->refs == 2); /* ours, and the table's */
    rc_sync *all[] = {s, again, item, item_again, other, next, next_item};
    for (int i = 0; i < 7; i++) {
        rc_sync_leave(all[i]);
    }
    rc_purge_all();
    CHECK(rc_record_find(rc_bucket_of(X), X) == NULL);
    printf("ok  what is purged is forgotten, and nothing else\n");
}

static void ends_of_life(void)
{
    /* All uses come before: of reads, shared reads and writes, whoever has made them. */
    fresh();
    rc_thread *d = begin(), *once = begin();
    access_to(once, X, 4, false, 1);
    access_to(a, X, 1, false, 1);
    access_to(b, X, 1, false, 1);
    access_to(c, X, 2, true, 1);
    access_to(b, X, 3, false, 1);
    rc_sync_leave(rc_sync_at(X, 1));
    rc_epoch in_a = rc_now(a), in_b = rc_now(b), in_c = rc_now(c);
    CHECK(!rc_before(in_a, d) && !rc_before(in_b, d) && !rc_before(in_c, d));
    rc_learn_all_uses(d, X);
    CHECK(rc_before(in_a, d) && rc_before(in_b, d) && rc_before(in_c, d));
    for (uint64_t name = 1; name <= 4; name++) {
        CHECK(!access_to(d, X, name, true, 2));
    }
    rc_end(once);
    rc_learn_all_uses(d, X + 4096); /* nothing is known of that */
    /* What those who used it know of others comes along. */
    fresh();
    rc_thread *e = begin();
    access_to(e, X + 64, 1, true, 1);
    pass(e, a);
    access_to(a, X, 1, true, 1);
    rc_learn_all_uses(d, X);
    CHECK(!access_to(d, X + 64, 1, true, 2));
    rc_purge_all();
    rc_end(d);
    rc_end(e);
    printf("ok  all uses come before the end\n");
}

static void sessions(void)
{
    /* Put down before the session by somebody who came too late for the purge: past. */
    fresh();
    CHECK(!writes(a, 1));
    rc_new_session();
    CHECK(!writes(b, 2) && x()->w == rc_now(b));
    CHECK(writes(a, 3));
    /* And who had begun his access before the session tells nothing. */
    fresh();
    CHECK(!writes(a, 1));
    rc_epoch old = rc_now(b);
    race.found = false;
    rc_write_rule(b, x(), old, 2, &race);
    CHECK(race.found);
    rc_new_session();
    CHECK(rc_is_past(old));
    printf("ok  what is left of the last session does not race\n");
}

int main(void)
{
    a = begin();
    b = begin();
    c = begin();
    rc_thread *four[] = {a, b, c};
    for (int i = 0; i < 3; i++) { /* each has done something, and none knows of another's */
        pass(four[i], four[i]);
    }
    reading();
    writing();
    key_sets();
    many_locations();
    purging();
    ends_of_life();
    sessions();
    rc_purge_all();
    rc_end(a);
    rc_end(b);
    rc_end(c);
    return 0;
}
