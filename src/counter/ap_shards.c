/* SPDX-License-Identifier: MIT
 *
 * ap_shards.c: cells, and the threads that own them. The invariants, which the comments here name by number, are in
 * ap_shards.h.
 */
#include "../platform/ap_os.h"

#include <string.h>

#include "ap_shards.h"

/* Guards the cells' owners, counters and lists, the list of threads, and each change of a base. A thread reads its
 * own table without the lock. It changes its table under the lock, so that the child of a fork() never finds a half-
 * changed one. The lock is held for a few instructions, and by a drain for the sum over all cells. */
static ap_os_lock lock;
static ap_shard_thread *threads; /* all registered threads; under the lock */
static uint64_t last_thread;     /* the newest id; under the lock */
static ap_u64 last_serial;
static ap_os_key at_end;

enum { SMALLEST_TABLE = 8 };

static void wide_sub(ap_wide *w, int64_t n)
{
    uint64_t before = w->low;
    w->low -= (uint64_t)n;
    w->high += (n < 0) - (w->low > before);
}

/* ---- a thread: its table, its registration and its end ---- */

/* Under the lock: the owner gives up the cell (invariant 4). */
static void disown(ap_shard_cell *cell)
{
    if (cell == NULL) {
        return;
    }
    if (cell->counter == NULL) {
        ap_os_free_aligned(cell);
        return;
    }
    cell->owner = NULL;
    cell->vacant = cell->counter->vacant;
    cell->counter->vacant = cell;
}

/* Under the lock: the thread has ended. */
static void unregister(ap_shard_thread *t)
{
    for (uint64_t i = 0; i <= t->mask; i++) {
        disown(t->entries[i].cell);
    }
    *t->at = t->next;
    if (t->next != NULL) {
        t->next->at = t->at;
    }
    free(t->entries);
    free(t);
}

static void AP_OS_CALLBACK thread_ends(void *thread)
{
    ap_shard_thread *t = thread;
    ap_shard_thread **self = t->self();
    /* If code that runs later in this thread counts, it registers the thread again, and this function is called again.
     * Windows may call it in another thread, whose variable has another value. */
    if (*self == t) {
        *self = t->unregistered;
    }
    ap_os_lock_acquire(&lock);
    unregister(t);
    ap_os_lock_release(&lock);
}

/* NULL: no memory, or the thread is registered through another variable. */
static ap_shard_thread *register_thread(ap_shard_self_address address)
{
    ap_shard_thread **self = address();
    if (ap_os_key_get(at_end) != NULL) {
        return NULL;
    }
    ap_shard_thread *t = malloc(sizeof *t);
    ap_shard_entry *entries = calloc(SMALLEST_TABLE, sizeof *entries);
    if (t == NULL || entries == NULL || !ap_os_key_set(at_end, t)) {
        free(t);
        free(entries);
        return NULL;
    }
    *t = (ap_shard_thread){
        .entries = entries, .mask = SMALLEST_TABLE - 1, .at = &threads, .self = address, .unregistered = *self};
    ap_os_lock_acquire(&lock);
    t->id = ++last_thread;
    t->next = threads;
    if (threads != NULL) {
        threads->at = &t->next;
    }
    threads = t;
    ap_os_lock_release(&lock);
    return *self = t;
}

/* The entry of that serial, or the empty entry where it belongs. */
static ap_shard_entry *entry_of(ap_shard_entry *entries, uint64_t mask, uint64_t serial)
{
    uint64_t i = serial & mask;
    while (entries[i].serial != 0 && entries[i].serial != serial) {
        i = (i + 1) & mask;
    }
    return &entries[i];
}

/* Free the cells of freed counters, and make the table four times as large as the remaining entries, plus one. */
static bool make_room(ap_shard_thread *self)
{
    uint64_t live = 0, size = SMALLEST_TABLE;
    ap_os_lock_acquire(&lock);
    for (uint64_t i = 0; i <= self->mask; i++) {
        ap_shard_cell *cell = self->entries[i].cell;
        live += cell != NULL && cell->counter != NULL;
    }
    while (size < 4 * (live + 1)) {
        size *= 2;
    }
    ap_shard_entry *entries = calloc((size_t)size, sizeof *entries);
    for (uint64_t i = 0; entries != NULL && i <= self->mask; i++) {
        ap_shard_entry *e = &self->entries[i];
        if (e->cell == NULL) {
            continue;
        }
        if (e->cell->counter == NULL) {
            ap_os_free_aligned(e->cell);
        } else {
            *entry_of(entries, size - 1, e->serial) = *e;
        }
    }
    ap_shard_entry *old = self->entries;
    if (entries != NULL) {
        self->entries = entries;
        self->mask = size - 1;
        self->used = live;
    }
    ap_os_lock_release(&lock);
    if (entries != NULL) {
        free(old);
    }
    return entries != NULL;
}

/* ---- a cell ---- */

/* Take over a cell without an owner, or make one, and enter it at e, which is empty. */
static ap_shard_cell *take(ap_shards *c, ap_shard_thread *self, ap_shard_entry *e)
{
    ap_os_lock_acquire(&lock);
    ap_shard_cell *cell = c->vacant;
    if (cell != NULL) {
        c->vacant = cell->vacant;
    } else {
        cell = ap_os_alloc_aligned(AP_CACHE_LINE, AP_CACHE_LINE);
        if (cell != NULL) {
            ap_init_i64(&cell->n, 0);
            cell->counter = c;
            cell->next = atomic_load_explicit(&c->cells, memory_order_relaxed);
            atomic_store_explicit(&c->cells, cell, memory_order_release);
        }
    }
    if (cell != NULL) {
        cell->owner = self;
        cell->vacant = NULL;
        *e = (ap_shard_entry){.serial = c->serial, .cell = cell};
        self->used++;
    }
    ap_os_lock_release(&lock);
    return cell;
}

ap_shard_cell *ap_shards_find_for(ap_shards *c, ap_shard_self_address address)
{
    ap_shard_thread *self = *address();
    if (self->id == 0 && (self = register_thread(address)) == NULL) {
        return NULL;
    }
    ap_shard_entry *e = entry_of(self->entries, self->mask, c->serial);
    if (e->serial == c->serial) {
        return e->cell;
    }
    if (2 * (self->used + 1) > self->mask + 1) {
        if (!make_room(self)) {
            return NULL;
        }
        e = entry_of(self->entries, self->mask, c->serial);
    }
    return take(c, self, e);
}

/* ---- base and the sum ---- */

static ap_wide base_of(ap_shards *c)
{
    return (ap_wide){.high = ap_load_i64_acquire(&c->base_high), .low = ap_load_u64_acquire(&c->base_low)};
}

/* Under the lock. The version is odd from here on. The stores that follow are releases: a thread that sees one of
 * them sees the odd version (invariant 3). */
static void change_begins(ap_shards *c) { ap_store_u64_relaxed(&c->version, ap_load_u64_relaxed(&c->version) + 1); }

static void change_ends(ap_shards *c, ap_wide base)
{
    ap_store_i64_release(&c->base_high, base.high);
    ap_store_u64_release(&c->base_low, base.low);
    ap_store_u64_release(&c->version, ap_load_u64_relaxed(&c->version) + 1);
}

void ap_shards_spill(ap_shard_cell *cell, int64_t n, bool subtract)
{
    ap_os_lock_acquire(&lock);
    ap_shards *c = cell->counter;
    ap_wide base = base_of(c);
    ap_wide_add(&base, ap_load_i64_relaxed(&cell->n));
    if (subtract) {
        wide_sub(&base, n);
    } else {
        ap_wide_add(&base, n);
    }
    change_begins(c);
    ap_store_i64_release(&cell->n, 0);
    change_ends(c, base);
    ap_os_lock_release(&lock);
}

ap_wide ap_shards_load_slow(ap_shards *c)
{
    /* A drain or a spill holds the lock until its end. Under the lock the sum needs no second try. */
    ap_os_lock_acquire(&lock);
    ap_wide total = ap_shards_sum(c);
    ap_os_lock_release(&lock);
    return total;
}

bool ap_shards_drain(ap_shards *c, ap_wide *total)
{
    ap_os_lock_acquire(&lock);
    *total = ap_shards_sum(c);
    bool fits = ap_wide_fits(*total);
    if (fits) {
        ap_wide base = base_of(c);
        wide_sub(&base, (int64_t)total->low);
        change_begins(c);
        change_ends(c, base);
    }
    ap_os_lock_release(&lock);
    return fits;
}

size_t ap_shards_cells(ap_shards *c)
{
    size_t cells = 0;
    ap_shard_cell *cell = atomic_load_explicit(&c->cells, memory_order_acquire);
    for (; cell != NULL; cell = cell->next) {
        cells++;
    }
    return cells;
}

/* ---- a counter, and the process ---- */

void ap_shards_init(ap_shards *c, int64_t value)
{
    memset(c, 0, sizeof *c);
    c->serial = ap_fetch_add_u64_relaxed(&last_serial, 1) + 1;
    ap_init_u64(&c->version, 0);
    ap_init_u64(&c->base_low, (uint64_t)value);
    ap_init_i64(&c->base_high, value < 0 ? -1 : 0);
    atomic_init(&c->cells, NULL);
}

void ap_shards_destroy(ap_shards *c)
{
    ap_shard_cell *cell = atomic_load_explicit(&c->cells, memory_order_relaxed), *next;
    if (cell == NULL) {
        return;
    }
    ap_shard_thread *self = ap_os_key_get(at_end); /* NULL: the thread is not registered, and owns no cell */
    ap_os_lock_acquire(&lock);
    for (; cell != NULL; cell = next) {
        next = cell->next;
        cell->counter = NULL;
        if (self != NULL && cell->owner == self) {
            entry_of(self->entries, self->mask, c->serial)->cell = NULL;
        } else if (cell->owner != NULL) {
            continue; /* its owner frees it */
        }
        ap_os_free_aligned(cell);
    }
    ap_os_lock_release(&lock);
}

void ap_shards_before_fork(void) { ap_os_lock_acquire(&lock); }
void ap_shards_after_fork(void) { ap_os_lock_release(&lock); }

void ap_shards_after_fork_in_child(void)
{
    ap_shard_thread *self = ap_os_key_get(at_end);
    for (ap_shard_thread *t = threads, *next; t != NULL; t = next) {
        next = t->next;
        if (t != self) {
            unregister(t);
        }
    }
    ap_os_lock_release(&lock);
}

bool ap_shards_start(void)
{
    static bool started = false;
    if (!started) {
        ap_os_lock_init(&lock);
        started = ap_os_key_init(&at_end, thread_ends);
    }
    return started;
}
