/* SPDX-License-Identifier: MIT
 * In the documentation: docs/design/sharded-counter.md
 *
 * ap_shards.h: a sharded counter: each thread adds to a cell of its own.
 *
 * A cell is a word on its own cache line. It belongs to one counter and to one thread, its owner. Only the owner
 * writes the word: a plain load, an add and a plain store, without a locked instruction and without a cache line that
 * moves. The value of the counter is `base` plus the sum of its cells. The design is LongAdder's
 * (java.util.concurrent, Doug Lea), with a cell for each thread instead of a few cells chosen by hash, so an add
 * needs no compare-and-swap.
 *
 *     add     the owner         cell.n += n                        one load, one store
 *     load    any thread        base + the sum of all cells        no lock, unless a drain or a spill intervenes
 *     drain   under the lock    s = base + the sum; base -= s      writes no cell
 *     spill   the owner, under  base += cell.n + n; cell.n = 0     if cell.n + n is outside int64_t
 *             the lock
 *
 * 1. An add is never lost, without a read-modify-write instruction. Between the owner's load and store no other
 *    thread stores to the word. Both are atomic, because other threads load the word meanwhile (C11, 5.1.2.4). The
 *    store is a release and the readers' load an acquire: a reader that sees the count also sees what the thread
 *    wrote before it. On x86 the store is a plain MOV, on ARM an STLR. Later loads of the owner are not ordered: the
 *    counter is not a flag.
 * 2. Each add is in exactly one drain. A drain changes no cell; it changes `base` so that what it has read adds up to
 *    zero. Drains follow each other under the lock, so a later drain reads from each word the value that the earlier
 *    drain read, or a newer one (C11, 5.1.2.4: read-read coherence). An add is in the first drain whose load of its
 *    cell follows it in the modification order of that word. Later drains find it subtracted in `base`.
 * 3. load() needs no lock (a seqlock: Boehm, "Can seqlocks get along with programming language memory models?", 2012).
 *    `version` is odd while `base` or a cell is changed by anything but an add, and differs afterwards. Each of these
 *    stores is a release after the odd version, and each of load()'s loads is an acquire before the second load of
 *    the version. A load() that has seen one of the stores therefore sees another version, and sums again under the
 *    lock. An add that finished before load() began is included, because its store comes first in the modification
 *    order of its word.
 * 4. A cell is freed once, when it has neither a counter nor an owner:
 *
 *        counter   owner   the cell
 *        yes       yes     is in use
 *        yes       none    keeps the count of an ended thread; the next new thread of this counter takes it over
 *        gone      yes     is freed by its owner, when that enlarges its table or ends
 *        gone      none    is freed
 *
 *    All these changes happen under the lock, so a new owner sees the last store of the previous one. A counter gets
 *    a new cell only if it has no cell without an owner: it has as many cells as threads have used it at one time.
 * 5. A thread finds its cell in its own table, by the counter's serial number. Serial numbers are never reused, so an
 *    entry of a freed counter is never taken for another counter's. The table has fewer than eight entries for each
 *    live counter that the thread has used, and eight more.
 *
 * After fork() the cells of the other threads have no owner, as if those threads had ended. A C signal handler must
 * not use a counter, as it must not use a lock.
 */
#ifndef AP_SHARDS_H
#define AP_SHARDS_H

#include "../atomic/ap_atomic.h"

struct ap_shards;
struct ap_shard_thread;

/* Allocated alone, on a multiple of AP_CACHE_LINE and as large. */
typedef struct ap_shard_cell {
    ap_i64 n;                      /* written by the owner alone */
    struct ap_shard_cell *next;    /* of the same counter; set once, before other threads see the cell */
    struct ap_shard_cell *vacant;  /* the next one without an owner; under the lock */
    struct ap_shards *counter;     /* NULL: freed; under the lock */
    struct ap_shard_thread *owner; /* NULL: ended; under the lock */
} ap_shard_cell;

_Static_assert(sizeof(ap_shard_cell) <= AP_CACHE_LINE, "a cell is one cache line");

/* A sum of int64_t: high * 2**64 + low. No system has the number of cells that could overflow it. */
typedef struct {
    int64_t high;
    uint64_t low;
} ap_wide;

typedef struct ap_shards {
    uint64_t serial;                /* from 1; never reused */
    _Atomic(ap_shard_cell *) cells; /* a list that grows at its head, under the lock */
    ap_shard_cell *vacant;          /* those without an owner; under the lock */
    ap_u64 version;                 /* odd: base is being changed */
    ap_u64 base_low;                /* written under the lock */
    ap_i64 base_high;
} ap_shards;

typedef struct {
    uint64_t serial; /* 0: empty */
    ap_shard_cell *cell;
} ap_shard_entry;

/* A registered thread: one that has used a counter. */
typedef struct ap_shard_thread {
    uint64_t id;             /* from 1, never reused; 0: the record of a thread that is not registered */
    ap_shard_entry *entries; /* mask + 1 of them, a power of two; linear probing from serial & mask */
    uint64_t mask;
    uint64_t used;
    struct ap_shard_thread *next,
        **at; /* the list of registered threads, under the lock; `at` points to the pointer here */
    struct ap_shard_thread **(*self)(void); /* gives the thread's ap_shard_self */
    struct ap_shard_thread *unregistered;   /* its value after the thread has ended */
} ap_shard_thread;

/* The calling thread's record; with an empty table and the id 0 before it is registered. A thread-local variable cannot
 * be reached through the core's table without a call, so it belongs to the module that adds, in ap_shard_self.c. There
 * must be one such module in a process: a thread that is registered through one variable is refused by another. The
 * function gives the address in the calling thread. An address is not kept, because a system may free the memory before
 * the thread ends. */
extern AP_THREAD_LOCAL ap_shard_thread *ap_shard_self;
typedef ap_shard_thread **(*ap_shard_self_address)(void);
ap_shard_thread **ap_shard_self_here(void);

/* For ap_core.c: before the first use, from one thread (false: no thread-local key left); and around fork(). */
bool ap_shards_start(void);
void ap_shards_before_fork(void);
void ap_shards_after_fork(void);
void ap_shards_after_fork_in_child(void);

void ap_shards_init(ap_shards *c, int64_t value);

/* After its last use. */
void ap_shards_destroy(ap_shards *c);

/* Take the value and leave zero. False, without a change, if *sum is outside int64_t. */
bool ap_shards_drain(ap_shards *c, ap_wide *sum);

/* The number of cells. */
size_t ap_shards_cells(ap_shards *c);

static inline bool ap_wide_fits(ap_wide w) { return w.high == (w.low >> 63 ? -1 : 0); }

static inline void ap_wide_add(ap_wide *w, int64_t n)
{
    uint64_t before = w->low;
    w->low += (uint64_t)n;
    w->high += (w->low < before) - (n < 0);
}

/* Base and the cells, each at its own moment. */
static inline ap_wide ap_shards_sum(ap_shards *c)
{
    ap_wide total = {.high = ap_load_i64_acquire(&c->base_high), .low = ap_load_u64_acquire(&c->base_low)};
    ap_shard_cell *cell = atomic_load_explicit(&c->cells, memory_order_acquire);
    for (; cell != NULL; cell = cell->next) {
        ap_wide_add(&total, ap_load_i64_acquire(&cell->n));
    }
    return total;
}

/* The slow path of ap_shards_load(): wait for the end of a drain or a spill. */
ap_wide ap_shards_load_slow(ap_shards *c);

/* The value at one moment of the call. If threads add meanwhile, each cell's value at its own moment of the call. */
static inline ap_wide ap_shards_load(ap_shards *c)
{
    uint64_t version = ap_load_u64_acquire(&c->version);
    ap_wide total = ap_shards_sum(c);
    bool changing = version % 2 != 0 || ap_load_u64_relaxed(&c->version) != version;
    return AP_UNLIKELY(changing) ? ap_shards_load_slow(c) : total;
}

/* The slow paths: search the table of the thread whose ap_shard_self is given, register the thread, get a cell (NULL:
 * no memory); and spill a cell into base. */
ap_shard_cell *ap_shards_find_for(ap_shards *c, ap_shard_self_address self);
void ap_shards_spill(ap_shard_cell *cell, int64_t n, bool subtract);

/* The calling thread's cell, if the first probe of its table finds it; otherwise NULL: call ap_shards_find. */
static inline ap_shard_cell *ap_shards_peek(ap_shards *c)
{
    ap_shard_thread *self = ap_shard_self;
    ap_shard_entry *e = &self->entries[c->serial & self->mask];
    return AP_UNLIKELY(e->serial != c->serial) ? NULL : e->cell;
}

static inline ap_shard_cell *ap_shards_find(ap_shards *c) { return ap_shards_find_for(c, ap_shard_self_here); }

/* The calling thread's cell. NULL: no memory for one. */
static inline ap_shard_cell *ap_shards_cell(ap_shards *c)
{
    ap_shard_cell *cell = ap_shards_peek(c);
    return AP_UNLIKELY(cell == NULL) ? ap_shards_find(c) : cell;
}

/* The calling thread's id, which is never reused; 0 before it has used a counter. */
static inline uint64_t ap_shards_thread(void) { return ap_shard_self->id; }

/* Called by the cell's owner alone. */
static inline void ap_shard_add(ap_shard_cell *cell, int64_t n)
{
    int64_t old = ap_load_i64_relaxed(&cell->n);
    if (AP_UNLIKELY(n >= 0 ? old > INT64_MAX - n : old < INT64_MIN - n)) {
        ap_shards_spill(cell, n, false);
    } else {
        ap_store_i64_release(&cell->n, old + n);
    }
}

static inline void ap_shard_sub(ap_shard_cell *cell, int64_t n)
{
    int64_t old = ap_load_i64_relaxed(&cell->n);
    if (AP_UNLIKELY(n >= 0 ? old < INT64_MIN + n : old > INT64_MAX + n)) {
        ap_shards_spill(cell, n, true);
    } else {
        ap_store_i64_release(&cell->n, old - n);
    }
}

/* value += n, value -= n. False, without a change: no memory for a cell. */
static inline bool ap_shards_add(ap_shards *c, int64_t n)
{
    ap_shard_cell *cell = ap_shards_cell(c);
    if (AP_UNLIKELY(cell == NULL)) {
        return false;
    }
    ap_shard_add(cell, n);
    return true;
}

static inline bool ap_shards_sub(ap_shards *c, int64_t n)
{
    ap_shard_cell *cell = ap_shards_cell(c);
    if (AP_UNLIKELY(cell == NULL)) {
        return false;
    }
    ap_shard_sub(cell, n);
    return true;
}

#endif /* AP_SHARDS_H */
