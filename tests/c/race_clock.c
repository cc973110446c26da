/* SPDX-License-Identifier: MIT
 *
 * race_clock.c: the race detector's clocks alone: the clock of a thread after each step, the slot of a new thread, the
 * thread of an epoch, and where a session begins.
 */
#include "hammer.h"

#include "race/rc_clock.h"

/* Threads of the engine are structs here; one thread of the system makes the steps of them all. */

/* The last time of u that happens before the next step of t. */
static uint64_t seen(const rc_thread *t, const rc_thread *u) { return rc_vector_get(&t->vc, u->slot); }
static uint64_t now(const rc_thread *t) { return rc_time_of(rc_now(t)); }

/* A thread that `parent` begins, as happens_before/ does it: parent releases, and the new thread gets the clock. */
static rc_thread *begun_by(rc_thread *parent)
{
    rc_sync *s = rc_sync_new();
    rc_release(parent, s);
    rc_thread *t = rc_thread_begin(&s->vc);
    rc_sync_unref(s);
    return t;
}

/* Ends t, after an access in its last epoch. `joiner` acquires the end, unless it is NULL. */
static void end_of(rc_thread *t, rc_thread *joiner)
{
    rc_sync *s = rc_sync_new();
    t->recorded = rc_now(t);
    rc_release(t, s);
    rc_thread_end(t);
    if (joiner != NULL) {
        rc_acquire(joiner, s);
    }
    rc_sync_unref(s);
}

static void vectors(void)
{
    rc_vector a = {NULL, 0}, b = {NULL, 0};
    CHECK(rc_vector_get(&a, 0) == 0 && rc_vector_get(&a, 5000) == 0);
    rc_vector_raise(&a, 3, 7);
    rc_vector_raise(&a, 3, 5);
    CHECK(rc_vector_get(&a, 3) == 7 && rc_vector_get(&a, 2) == 0);
    rc_vector_raise(&b, 3, 6);
    rc_vector_raise(&b, 100, 1);
    rc_vector_raise(&b, 0, 2);
    rc_vector_join(&a, &b);
    CHECK(rc_vector_get(&a, 0) == 2 && rc_vector_get(&a, 3) == 7 && rc_vector_get(&a, 100) == 1
          && rc_vector_get(&a, 99) == 0);
    CHECK(rc_vector_get(&b, 3) == 6);
    /* Zeros above the last time are not joined, or each join would make the vector larger. */
    rc_vector wide = {NULL, 0}, narrow = {NULL, 0};
    rc_vector_reserve(&wide, 4000);
    rc_vector_raise(&wide, 1, 1);
    rc_vector_join(&narrow, &wide);
    CHECK(narrow.n < 16 && rc_vector_get(&narrow, 1) == 1);
    rc_epoch e = rc_epoch_at(4095, RC_CLOCK_MASK);
    CHECK(rc_slot_of(e) == 4095 && rc_time_of(e) == RC_CLOCK_MASK);
    rc_vector_free(&a);
    rc_vector_free(&b);
    rc_vector_free(&wide);
    rc_vector_free(&narrow);
    CHECK(a.n == 0 && a.at == NULL);
    printf("ok  vectors: the larger time of each slot\n");
}

static void variables(void)
{
    rc_thread *a = rc_thread_begin(NULL), *b = rc_thread_begin(NULL), *c = rc_thread_begin(NULL);
    rc_sync *s = rc_sync_new();
    uint64_t first = now(a), second = now(b);
    rc_epoch access = rc_now(a);
    CHECK(rc_before(access, a) && !rc_before(access, b));

    rc_release(a, s);
    CHECK(now(a) == first + 1 && seen(b, a) == 0);
    rc_acquire(b, s);
    CHECK(seen(b, a) == first && now(b) == second && rc_before(access, b) && !rc_before(rc_now(a), b));

    rc_release(b, s); /* joined to the clock that is there, with what b has acquired */
    rc_acquire(c, s);
    CHECK(seen(c, a) == first && seen(c, b) == second);

    rc_set(c, s); /* replaces the clock */
    rc_thread *d = rc_thread_begin(NULL);
    rc_set(d, s);
    rc_thread *e = rc_thread_begin(NULL);
    rc_acquire(e, s);
    CHECK(seen(e, d) == now(d) - 1 && seen(e, c) == 0 && seen(e, a) == 0);

    uint64_t before = now(e);
    rc_release(a, s);
    rc_swap(e, s); /* acquires and releases */
    CHECK(seen(e, a) == now(a) - 1 && now(e) == before + 1);
    rc_thread *f = rc_thread_begin(NULL);
    rc_acquire(f, s);
    CHECK(seen(f, e) == before && seen(f, d) == now(d) - 1 && seen(f, a) == now(a) - 1);

    rc_sync *other = rc_sync_ref(s);
    rc_sync_unref(s);
    rc_acquire(b, other); /* it lives until its last reference */
    CHECK(seen(b, e) == before);
    rc_sync_unref(other);
    rc_thread *all[] = {a, b, c, d, e, f};
    for (int i = 0; i < 6; i++) {
        end_of(all[i], NULL);
    }
    printf("ok  acquire, release, set, swap\n");
}

static void slots(void)
{
    rc_thread *main = rc_thread_begin(NULL);
    rc_thread *t = begun_by(main);
    uint32_t slot = t->slot;
    uint64_t number = t->number, last = now(t);
    rc_epoch old = rc_now(t);
    CHECK(seen(t, main) == now(main) - 1 && slot != main->slot);
    end_of(t, NULL);
    rc_thread *u =
        begun_by(main); /* main has not acquired the end: old accesses of the slot may race with those of u */
    CHECK(u->slot != slot);
    end_of(u, main);
    t = begun_by(main);
    CHECK(t->slot == u->slot || t->slot != slot);
    CHECK(t->slot != main->slot && t->number == number + 2);
    end_of(t, main);

    /* Threads one after another, each joined: two slots are enough for any number of them. */
    uint32_t n = rc_threads.n_slots;
    for (int i = 0; i < 10000; i++) {
        t = begun_by(main);
        CHECK(t->slot < n);
        end_of(t, main);
    }
    CHECK(rc_threads.n_slots == n && main->vc.n < 64);

    /* An epoch belongs to the thread that had the slot at that time. */
    CHECK(rc_number_of(old) == number && rc_time_of(old) == last);
    t = begun_by(main);
    rc_epoch mine = rc_now(t);
    uint64_t third = t->number;
    CHECK(rc_number_of(mine) == third && rc_number_of(rc_now(main)) == main->number);
    CHECK(rc_number_of(rc_epoch_at(4000, 1)) == 0);
    end_of(t, main);
    u = begun_by(main);
    CHECK(u->slot == rc_slot_of(mine) && rc_time_of(mine) < now(u) && rc_number_of(mine) == third);
    CHECK(rc_number_of(rc_now(u)) == u->number);
    /* Every step of the old thread happens before every step of the new one. */
    CHECK(rc_before(mine, u));

    /* A last epoch without an access need not be acquired. */
    rc_sync *s = rc_sync_new();
    u->recorded = rc_now(u);
    rc_release(u, s);
    rc_acquire(main, s);
    slot = u->slot;
    rc_thread_end(u);
    t = begun_by(main);
    CHECK(t->slot == slot);
    rc_release(t, s);
    rc_acquire(main, s);
    t->recorded = rc_now(t); /* an access after its last release: main has not acquired it */
    slot = t->slot;
    rc_thread_end(t);
    u = begun_by(main);
    CHECK(u->slot != slot);
    rc_thread_end(u);
    rc_sync_unref(s);
    end_of(main, NULL);
    printf("ok  a slot is reused where the creator has acquired the end of its last thread\n");
}

static void unannounced(void)
{
    rc_thread *a = rc_thread_begin(NULL), *b = begun_by(a);
    rc_epoch before_a = rc_now(a), before_b = rc_now(b), ended_c;
    rc_thread *c = begun_by(b);
    ended_c = rc_now(c);
    end_of(c, NULL);
    rc_thread *u = rc_thread_begin_unannounced();
    CHECK(rc_before(before_a, u) && rc_before(before_b, u) && rc_before(ended_c, u));
    CHECK(!rc_before(rc_now(a), u) && !rc_before(rc_now(b), u));
    CHECK(!rc_before(rc_now(u), a));
    rc_thread *all[] = {a, b, u};
    for (int i = 0; i < 3; i++) {
        end_of(all[i], NULL);
    }
    printf("ok  every step so far, and no later one, happens before an unannounced thread\n");
}

static void sessions(void)
{
    rc_thread *a = rc_thread_begin(NULL), *b = rc_thread_begin(NULL), *gone = rc_thread_begin(NULL);
    rc_epoch in_a = rc_now(a), in_gone = rc_now(gone);
    gone->recorded = in_gone;
    rc_thread_end(gone);
    CHECK(!rc_before(in_a, b) && !rc_before(in_gone, b) && !rc_is_past(in_a));
    rc_new_session();
    CHECK(rc_now(a) != in_a && rc_is_past(in_a) && rc_is_past(in_gone) && !rc_is_past(rc_now(a)));
    CHECK(!rc_before(in_a, b)); /* until its first access */
    CHECK(rc_access_begins(b) == rc_now(b) && rc_before(in_a, b) && rc_before(in_gone, b) && !rc_before(rc_now(a), b));
    rc_thread *c = rc_thread_begin(NULL); /* there before the session, and attached in it */
    CHECK(rc_before(in_a, c) && rc_before(in_gone, c) && !rc_before(rc_now(a), c) && !rc_before(rc_now(b), c));
    CHECK(c->slot == rc_slot_of(in_gone) || rc_number_of(rc_now(c)) == c->number);
    rc_epoch in_c = rc_access_begins(c);
    CHECK(!rc_is_past(in_c));
    rc_new_session();
    CHECK(rc_is_past(in_c) && rc_access_begins(a) == rc_now(a) && rc_before(in_c, a));
    rc_new_session();
    rc_thread *d = begun_by(b); /* b has not joined the floor yet */
    CHECK(rc_access_begins(d) == rc_now(d) && rc_before(in_c, d) && !rc_before(rc_now(c), d));
    rc_thread *all[] = {a, b, c, d};
    for (int i = 0; i < 4; i++) {
        end_of(all[i], NULL);
    }
    printf("ok  every step before a session happens before every step in it\n");
}

static void many_slots(void)
{
    rc_thread *main = rc_thread_begin(NULL);
    for (unsigned i = 0; i < RC_MANY_SLOTS + 100; i++) {
        end_of(begun_by(main), NULL);
    }
    CHECK(rc_threads.n_slots == RC_MANY_SLOTS);
    /* The slot that has been free for longest. */
    uint64_t oldest = UINT64_MAX;
    for (uint32_t i = 0; i < rc_threads.n_slots; i++) {
        if (!rc_threads.slots[i].taken && rc_threads.slots[i].ended < oldest) {
            oldest = rc_threads.slots[i].ended;
        }
    }
    rc_thread *t = begun_by(main);
    CHECK(rc_threads.slots[t->slot].ended == oldest);
    end_of(t, main);
    end_of(main, NULL);
    printf("ok  more than %u slots are not made\n", RC_MANY_SLOTS);
}

/* ---- several threads: a release happens before every acquire that follows it ----------------------------------- */

static rc_sync *shared;
static _Atomic uint64_t released[THREADS]; /* the last epoch that each thread has released */
static _Atomic int left;

static void publish(int me)
{
    rc_thread *t = rc_thread_begin_unannounced();
    for (int i = 0; i < ROUNDS / 10; i++) {
        uint64_t mine = rc_now(t);
        rc_release(t, shared);
        atomic_store_explicit(&released[me], mine, memory_order_release);
        uint64_t theirs = atomic_load_explicit(&released[(me + i) % THREADS], memory_order_acquire);
        (i % 3 == 0 ? rc_swap : rc_acquire)(t, shared);
        CHECK(theirs == 0 || rc_before(theirs, t));
        if (i % 4 == 0) { /* another thread begins and ends meanwhile */
            rc_thread *u = begun_by(t);
            CHECK(u->slot != t->slot && rc_before(mine, u));
            end_of(u, t);
        }
        if (me == 0 && i % 500 == 0) {
            rc_new_session();
        }
        rc_epoch now = rc_access_begins(t);
        CHECK(rc_slot_of(now) == t->slot);
    }
    atomic_store(&released[me], 0);
    if (atomic_fetch_sub(&left, 1) == 1) {
        CHECK(rc_threads.first != NULL);
    }
    while (atomic_load(&left) > 0) { /* a slot is not reused before all threads have checked their last epoch */
        sched_yield();
    }
    rc_thread_end(t);
}

int main(void)
{
    vectors();
    variables();
    slots();
    unannounced();
    sessions();
    shared = rc_sync_new();
    atomic_init(&left, THREADS);
    hammer("threads that release and acquire, all at once", publish);
    rc_sync_unref(shared);
    CHECK(rc_threads.first == NULL);
    many_slots();
    return 0;
}
