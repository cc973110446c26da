/* SPDX-License-Identifier: MIT
 *
 * race_clock.c: the race detector's clocks alone: what a thread knows of the others after each step, which slot a new thread
 * gets, whose an epoch is, and where a session begins.
 */
#include "hammer.h"

#include "race/rc_clock.h"

/* Threads of the detector are structs here, and one thread of the system plays them all. */
static uint64_t knows(const rc_thread *t, const rc_thread *u) { return rc_get(&t->vc, u->slot); }
static uint64_t now(const rc_thread *t) { return rc_time_of(rc_now(t)); }

/* Begun by `parent` as the edges do it: released by him, handed to the new one. */
static rc_thread *begun_by(rc_thread *parent)
{
    rc_sync *s = rc_sync_new();
    rc_release(parent, s);
    rc_thread *t = rc_begin(&s->vc);
    rc_sync_leave(s);
    return t;
}

/* Ends, after an access in its last epoch; `heir` has seen the end if it is not NULL. */
static void ended(rc_thread *t, rc_thread *heir)
{
    rc_sync *s = rc_sync_new();
    t->recorded = rc_now(t);
    rc_release(t, s);
    rc_end(t);
    if (heir != NULL) {
        rc_acquire(heir, s);
    }
    rc_sync_leave(s);
}

static void vectors(void)
{
    rc_vector a = {NULL, 0}, b = {NULL, 0};
    CHECK(rc_get(&a, 0) == 0 && rc_get(&a, 5000) == 0);
    rc_raise(&a, 3, 7);
    rc_raise(&a, 3, 5);
    CHECK(rc_get(&a, 3) == 7 && rc_get(&a, 2) == 0);
    rc_raise(&b, 3, 6);
    rc_raise(&b, 100, 1);
    rc_raise(&b, 0, 2);
    rc_join(&a, &b);
    CHECK(rc_get(&a, 0) == 2 && rc_get(&a, 3) == 7 && rc_get(&a, 100) == 1 && rc_get(&a, 99) == 0);
    CHECK(rc_get(&b, 3) == 6);
    /* The room above the last time that is not 0 is not handed on, or each join would make it grow. */
    rc_vector wide = {NULL, 0}, narrow = {NULL, 0};
    rc_room(&wide, 4000);
    rc_raise(&wide, 1, 1);
    rc_join(&narrow, &wide);
    CHECK(narrow.n < 16 && rc_get(&narrow, 1) == 1);
    rc_epoch e = rc_epoch_at(4095, RC_CLOCK_MASK);
    CHECK(rc_slot_of(e) == 4095 && rc_time_of(e) == RC_CLOCK_MASK);
    rc_forget(&a);
    rc_forget(&b);
    rc_forget(&wide);
    rc_forget(&narrow);
    CHECK(a.n == 0 && a.at == NULL);
    printf("ok  vectors: the larger time of each slot\n");
}

static void variables(void)
{
    rc_thread *a = rc_begin(NULL), *b = rc_begin(NULL), *c = rc_begin(NULL);
    rc_sync *s = rc_sync_new();
    uint64_t first = now(a), second = now(b);
    rc_epoch access = rc_now(a);
    CHECK(rc_before(access, a) && !rc_before(access, b));

    rc_release(a, s);
    CHECK(now(a) == first + 1 && knows(b, a) == 0);
    rc_acquire(b, s);
    CHECK(knows(b, a) == first && now(b) == second && rc_before(access, b) && !rc_before(rc_now(a), b));

    rc_release(b, s); /* joined to what is there, and b's own knowledge goes along */
    rc_acquire(c, s);
    CHECK(knows(c, a) == first && knows(c, b) == second);

    rc_set(c, s); /* in the place of what was there: but c knows of a and b */
    rc_thread *d = rc_begin(NULL);
    rc_set(d, s);
    rc_thread *e = rc_begin(NULL);
    rc_acquire(e, s);
    CHECK(knows(e, d) == now(d) - 1 && knows(e, c) == 0 && knows(e, a) == 0);

    uint64_t before = now(e);
    rc_release(a, s);
    rc_swap(e, s); /* takes and gives */
    CHECK(knows(e, a) == now(a) - 1 && now(e) == before + 1);
    rc_thread *f = rc_begin(NULL);
    rc_acquire(f, s);
    CHECK(knows(f, e) == before && knows(f, d) == now(d) - 1 && knows(f, a) == now(a) - 1);

    rc_sync *kept = rc_sync_share(s);
    rc_sync_leave(s);
    rc_acquire(b, kept); /* it is there as long as somebody has it */
    CHECK(knows(b, e) == before);
    rc_sync_leave(kept);
    rc_thread *all[] = {a, b, c, d, e, f};
    for (int i = 0; i < 6; i++) {
        ended(all[i], NULL);
    }
    printf("ok  acquire, release, set, swap\n");
}

static void slots(void)
{
    rc_thread *main = rc_begin(NULL);
    rc_thread *t = begun_by(main);
    uint32_t slot = t->slot;
    uint64_t number = t->number, last = now(t);
    rc_epoch old = rc_now(t);
    CHECK(knows(t, main) == now(main) - 1 && slot != main->slot);
    ended(t, NULL);
    rc_thread *u = begun_by(main); /* main has not seen the end: the slot's old accesses may race with those of u */
    CHECK(u->slot != slot);
    ended(u, main);
    t = begun_by(main);
    CHECK(t->slot == u->slot || t->slot != slot);
    CHECK(t->slot != main->slot && t->number == number + 2);
    ended(t, main);

    /* Threads one after another, each joined: two slots are enough for ever. */
    uint32_t n = rc_threads.n_slots;
    for (int i = 0; i < 10000; i++) {
        t = begun_by(main);
        CHECK(t->slot < n);
        ended(t, main);
    }
    CHECK(rc_threads.n_slots == n && main->vc.n < 64);

    /* Whose the epochs of one slot are: of the one who had it then. */
    CHECK(rc_number_of(old) == number && rc_time_of(old) == last);
    t = begun_by(main);
    rc_epoch mine = rc_now(t);
    uint64_t third = t->number;
    CHECK(rc_number_of(mine) == third && rc_number_of(rc_now(main)) == main->number);
    CHECK(rc_number_of(rc_epoch_at(4000, 1)) == 0);
    ended(t, main);
    u = begun_by(main);
    CHECK(u->slot == rc_slot_of(mine) && rc_time_of(mine) < now(u) && rc_number_of(mine) == third);
    CHECK(rc_number_of(rc_now(u)) == u->number);
    /* All that the old one did is known to the new one, and to whoever learns of the new one. */
    CHECK(rc_before(mine, u));

    /* An end after which nothing was done leaves nothing to be seen. */
    rc_sync *s = rc_sync_new();
    u->recorded = rc_now(u);
    rc_release(u, s);
    rc_acquire(main, s);
    slot = u->slot;
    rc_end(u);
    t = begun_by(main);
    CHECK(t->slot == slot);
    rc_release(t, s);
    rc_acquire(main, s);
    t->recorded = rc_now(t); /* an access after its last release: main has not seen it */
    slot = t->slot;
    rc_end(t);
    u = begun_by(main);
    CHECK(u->slot != slot);
    rc_end(u);
    rc_sync_leave(s);
    ended(main, NULL);
    printf("ok  a slot goes to a thread whose creator has seen the end of the last one\n");
}

static void unknown(void)
{
    rc_thread *a = rc_begin(NULL), *b = begun_by(a);
    rc_epoch before_a = rc_now(a), before_b = rc_now(b), ended_c;
    rc_thread *c = begun_by(b);
    ended_c = rc_now(c);
    ended(c, NULL);
    rc_thread *u = rc_begin_unknown();
    CHECK(rc_before(before_a, u) && rc_before(before_b, u) && rc_before(ended_c, u));
    CHECK(!rc_before(rc_now(a), u) && !rc_before(rc_now(b), u));
    CHECK(!rc_before(rc_now(u), a));
    rc_thread *all[] = {a, b, u};
    for (int i = 0; i < 3; i++) {
        ended(all[i], NULL);
    }
    printf("ok  a thread from nowhere has seen all that was, and nothing that comes\n");
}

static void sessions(void)
{
    rc_thread *a = rc_begin(NULL), *b = rc_begin(NULL), *gone = rc_begin(NULL);
    rc_epoch in_a = rc_now(a), in_gone = rc_now(gone);
    gone->recorded = in_gone;
    rc_end(gone);
    CHECK(!rc_before(in_a, b) && !rc_before(in_gone, b) && !rc_is_past(in_a));
    rc_new_session();
    CHECK(rc_now(a) != in_a && rc_is_past(in_a) && rc_is_past(in_gone) && !rc_is_past(rc_now(a)));
    CHECK(!rc_before(in_a, b)); /* until it does something */
    CHECK(rc_access_begins(b) == rc_now(b) && rc_before(in_a, b) && rc_before(in_gone, b) && !rc_before(rc_now(a), b));
    rc_thread *c = rc_begin(NULL); /* there before the session, and heard of after it */
    CHECK(rc_before(in_a, c) && rc_before(in_gone, c) && !rc_before(rc_now(a), c) && !rc_before(rc_now(b), c));
    CHECK(c->slot == rc_slot_of(in_gone) || rc_number_of(rc_now(c)) == c->number);
    rc_epoch in_c = rc_access_begins(c);
    CHECK(!rc_is_past(in_c));
    rc_new_session();
    CHECK(rc_is_past(in_c) && rc_access_begins(a) == rc_now(a) && rc_before(in_c, a));
    rc_new_session();
    rc_thread *d = begun_by(b); /* who has not learned of the session yet */
    CHECK(rc_access_begins(d) == rc_now(d) && rc_before(in_c, d) && !rc_before(rc_now(c), d));
    rc_thread *all[] = {a, b, c, d};
    for (int i = 0; i < 4; i++) {
        ended(all[i], NULL);
    }
    printf("ok  what was before a session comes before what is in it\n");
}

static void many_slots(void)
{
    rc_thread *main = rc_begin(NULL);
    for (unsigned i = 0; i < RC_MANY_SLOTS + 100; i++) {
        ended(begun_by(main), NULL);
    }
    CHECK(rc_threads.n_slots == RC_MANY_SLOTS);
    /* The one that has been free for longest. */
    uint64_t oldest = UINT64_MAX;
    for (uint32_t i = 0; i < rc_threads.n_slots; i++) {
        if (!rc_threads.slots[i].taken && rc_threads.slots[i].ended < oldest) {
            oldest = rc_threads.slots[i].ended;
        }
    }
    rc_thread *t = begun_by(main);
    CHECK(rc_threads.slots[t->slot].ended == oldest);
    ended(t, main);
    ended(main, NULL);
    printf("ok  more than %u slots are not made\n", RC_MANY_SLOTS);
}

/* ---- several threads: what was published is known to who has read what was published after ---- */

static rc_sync *shared;
static _Atomic uint64_t told[THREADS]; /* the epoch that each has released last */
static _Atomic int left;

static void publish(int me)
{
    rc_thread *t = rc_begin_unknown();
    for (int i = 0; i < ROUNDS / 10; i++) {
        uint64_t mine = rc_now(t);
        rc_release(t, shared);
        atomic_store_explicit(&told[me], mine, memory_order_release);
        uint64_t theirs = atomic_load_explicit(&told[(me + i) % THREADS], memory_order_acquire);
        (i % 3 == 0 ? rc_swap : rc_acquire)(t, shared);
        CHECK(theirs == 0 || rc_before(theirs, t));
        if (i % 4 == 0) { /* a thread that comes and goes meanwhile */
            rc_thread *u = begun_by(t);
            CHECK(u->slot != t->slot && rc_before(mine, u));
            ended(u, t);
        }
        if (me == 0 && i % 500 == 0) {
            rc_new_session();
        }
        rc_epoch now = rc_access_begins(t);
        CHECK(rc_slot_of(now) == t->slot);
    }
    atomic_store(&told[me], 0);
    if (atomic_fetch_sub(&left, 1) == 1) {
        CHECK(rc_threads.first != NULL);
    }
    while (atomic_load(&left) > 0) { /* or a slot would be another's before all have looked */
        sched_yield();
    }
    rc_end(t);
}

int main(void)
{
    vectors();
    variables();
    slots();
    unknown();
    sessions();
    shared = rc_sync_new();
    atomic_init(&left, THREADS);
    hammer("threads that publish, all at once", publish);
    rc_sync_leave(shared);
    CHECK(rc_threads.first == NULL);
    many_slots();
    return 0;
}
