/* SPDX-License-Identifier: MIT */
#include "rc_clock.h"

rc_all_threads rc_threads;
_Atomic uint64_t rc_session;
rc_spinlock rc_sync_locks[RC_SYNC_LOCKS];

/* ---- vectors --------------------------------------------------------------------------------------------------- */

void rc_vector_reserve(rc_vector *v, uint32_t n)
{
    if (n > v->n) {
        uint32_t more = n < 8 ? 8 : n + n / 4;
        v->at = rc_grow(v->at, more * sizeof *v->at);
        memset(v->at + v->n, 0, (more - v->n) * sizeof *v->at);
        v->n = more;
    }
}

void rc_vector_raise(rc_vector *v, uint32_t slot, uint64_t time)
{
    rc_vector_reserve(v, slot + 1);
    if (v->at[slot] < time) {
        v->at[slot] = time;
    }
}

/* `into` gets no room for zeros at the end of `from`: otherwise each join would make it a quarter larger. */
void rc_vector_join(rc_vector *into, const rc_vector *from)
{
    uint32_t n = from->n;
    while (n > 0 && from->at[n - 1] == 0) {
        n--;
    }
    rc_vector_reserve(into, n);
    for (uint32_t i = 0; i < n; i++) {
        if (into->at[i] < from->at[i]) {
            into->at[i] = from->at[i];
        }
    }
}

void rc_vector_free(rc_vector *v)
{
    free(v->at);
    v->at = NULL;
    v->n = 0;
}

/* ---- threads --------------------------------------------------------------------------------------------------- */

static void rc_next_epoch(rc_thread *t) { atomic_fetch_add_explicit(&t->epoch, 1, memory_order_relaxed); }

/* A free slot for a thread whose creator has seen `seen`, by invariant 2. */
static uint32_t rc_choose_slot(const rc_vector *seen)
{
    uint32_t oldest = UINT32_MAX;
    for (uint32_t i = 0; i < rc_threads.n_slots; i++) {
        rc_slot *s = &rc_threads.slots[i];
        if (s->taken) {
            continue;
        }
        if (rc_vector_get(seen, i) + 1 >= s->free_from || rc_vector_get(&rc_threads.floor, i) + 1 >= s->free_from) {
            return i;
        }
        if (oldest == UINT32_MAX || s->ended < rc_threads.slots[oldest].ended) {
            oldest = i;
        }
    }
    if (oldest != UINT32_MAX && rc_threads.n_slots >= RC_MANY_SLOTS) {
        return oldest;
    }
    if (rc_threads.n_slots % 64 == 0) {
        rc_threads.slots = rc_grow(rc_threads.slots, (rc_threads.n_slots + 64) * sizeof(rc_slot));
    }
    rc_threads.slots[rc_threads.n_slots] = (rc_slot){.free_from = 1};
    return rc_threads.n_slots++;
}

/* Under the lock of the threads. */
static rc_thread *rc_thread_begin_locked(const rc_vector *seen)
{
    if (seen == NULL) {
        seen = &rc_threads.floor;
    }
    uint32_t slot = rc_choose_slot(seen);
    rc_slot *s = &rc_threads.slots[slot];
    rc_thread *t = rc_alloc(sizeof *t);
    t->slot = slot;
    t->number = ++rc_threads.n_threads;
    if ((s->n & (s->n - 1)) == 0) {
        s->tenants = rc_grow(s->tenants, (s->n ? 2 * s->n : 1) * sizeof(rc_tenant));
    }
    s->tenants[s->n++] = (rc_tenant){s->free_from, t->number};
    rc_threads.n_tenants++;
    s->taken = true;
    atomic_init(&t->epoch, rc_epoch_at(slot, s->free_from));
    rc_vector_join(&t->vc, &rc_threads.floor);
    rc_vector_join(&t->vc, seen);
    t->session = atomic_load_explicit(&rc_session, memory_order_relaxed);
    t->next = rc_threads.first;
    t->link = &rc_threads.first;
    if (t->next != NULL) {
        t->next->link = &t->next;
    }
    rc_threads.first = t;
    return t;
}

rc_thread *rc_thread_begin(const rc_vector *seen)
{
    rc_spin_lock(&rc_threads.lock);
    rc_thread *t = rc_thread_begin_locked(seen);
    rc_spin_unlock(&rc_threads.lock);
    return t;
}

rc_thread *rc_thread_begin_after(const rc_sync *s)
{
    if (s == NULL) {
        return rc_thread_begin(NULL);
    }
    rc_spin_lock(rc_sync_lock_of(s));
    rc_thread *t = rc_thread_begin(&s->vc);
    rc_spin_unlock(rc_sync_lock_of(s));
    return t;
}

/* Raises `all` to the present epoch of each thread and the end of each free slot; then each thread begins a new epoch.
 * Under the lock of the threads. */
static void rc_collect_epochs(rc_vector *all)
{
    for (rc_thread *u = rc_threads.first; u != NULL; u = u->next) {
        rc_vector_raise(all, u->slot, rc_time_of(atomic_fetch_add_explicit(&u->epoch, 1, memory_order_release)));
    }
    for (uint32_t i = 0; i < rc_threads.n_slots; i++) {
        if (!rc_threads.slots[i].taken) {
            rc_vector_raise(all, i, rc_threads.slots[i].free_from - 1);
        }
    }
}

rc_thread *rc_thread_begin_unannounced(void)
{
    rc_vector all = {NULL, 0};
    rc_spin_lock(&rc_threads.lock);
    rc_collect_epochs(&all);
    rc_thread *t = rc_thread_begin_locked(&all);
    rc_spin_unlock(&rc_threads.lock);
    rc_vector_free(&all);
    return t;
}

void rc_thread_end(rc_thread *t)
{
    rc_spin_lock(&rc_threads.lock);
    rc_slot *s = &rc_threads.slots[t->slot];
    s->taken = false;
    /* A last epoch without a recorded access can race with nothing, so the next creator need not have acquired it. */
    s->free_from = rc_time_of(rc_now(t)) + (t->recorded == rc_now(t) ? 1 : 0);
    s->ended = ++rc_threads.n_ended;
    *t->link = t->next;
    if (t->next != NULL) {
        t->next->link = t->link;
    }
    rc_spin_unlock(&rc_threads.lock);
    rc_vector_free(&t->vc);
    free(t->cache);
    free(t->last_stack);
    free(t->attributes);
    free(t);
}

uint32_t rc_tenant_at(const rc_tenant *tenants, uint32_t n, uint64_t time)
{
    uint32_t low = 0, high = n;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (tenants[middle].from <= time) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

uint64_t rc_number_of(rc_epoch e)
{
    uint64_t number = 0;
    rc_spin_lock(&rc_threads.lock);
    if (rc_slot_of(e) < rc_threads.n_slots) {
        rc_slot *s = &rc_threads.slots[rc_slot_of(e)];
        number = s->n > 0 ? s->tenants[rc_tenant_at(s->tenants, s->n, rc_time_of(e))].number : 0;
    }
    rc_spin_unlock(&rc_threads.lock);
    return number;
}

/* ---- sessions -------------------------------------------------------------------------------------------------- */

void rc_new_session(void)
{
    rc_spin_lock(&rc_threads.lock);
    atomic_fetch_add_explicit(&rc_session, 1, memory_order_relaxed); /* before the epochs: see rc_access_begins() */
    rc_collect_epochs(&rc_threads.floor);
    rc_spin_unlock(&rc_threads.lock);
}

void rc_join_floor(rc_thread *t, uint64_t session)
{
    rc_spin_lock(&rc_threads.lock);
    rc_vector_join(&t->vc, &rc_threads.floor);
    t->session = session;
    rc_spin_unlock(&rc_threads.lock);
}

bool rc_is_past(rc_epoch e)
{
    rc_spin_lock(&rc_threads.lock);
    bool past = rc_time_of(e) <= rc_vector_get(&rc_threads.floor, rc_slot_of(e));
    rc_spin_unlock(&rc_threads.lock);
    return past;
}

/* ---- synchronisation variables --------------------------------------------------------------------------------- */

rc_sync *rc_sync_new(void)
{
    rc_sync *s = rc_alloc(sizeof *s);
    atomic_init(&s->refs, 1);
    return s;
}

rc_sync *rc_sync_ref(rc_sync *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void rc_sync_unref(rc_sync *s)
{
    if (atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1) {
        rc_vector_free(&s->vc);
        free(s);
    }
}

/* C_t := C_t join L */
static void rc_join_from(rc_thread *t, const rc_sync *s)
{
    rc_spin_lock(&rc_threads.lock);
    rc_vector_join(&t->vc, &s->vc);
    rc_spin_unlock(&rc_threads.lock);
}

/* L := L join C_t */
static void rc_join_into(const rc_thread *t, rc_sync *s)
{
    rc_vector_join(&s->vc, &t->vc);
    rc_vector_raise(&s->vc, t->slot, rc_time_of(rc_now(t)));
}

void rc_acquire(rc_thread *t, rc_sync *s)
{
    rc_spin_lock(rc_sync_lock_of(s));
    rc_join_from(t, s);
    rc_spin_unlock(rc_sync_lock_of(s));
}

void rc_release(rc_thread *t, rc_sync *s)
{
    rc_spin_lock(rc_sync_lock_of(s));
    rc_join_into(t, s);
    rc_spin_unlock(rc_sync_lock_of(s));
    rc_next_epoch(t);
}

void rc_set(rc_thread *t, rc_sync *s)
{
    rc_spin_lock(rc_sync_lock_of(s));
    if (s->vc.n > 0) {
        memset(s->vc.at, 0, s->vc.n * sizeof *s->vc.at);
    }
    rc_join_into(t, s);
    rc_spin_unlock(rc_sync_lock_of(s));
    rc_next_epoch(t);
}

void rc_swap(rc_thread *t, rc_sync *s)
{
    rc_spin_lock(rc_sync_lock_of(s));
    rc_join_from(t, s);
    rc_join_into(t, s);
    rc_spin_unlock(rc_sync_lock_of(s));
    rc_next_epoch(t);
}
