/* SPDX-License-Identifier: MIT
 * In the documentation: docs/design/sharded-counter.md
 *
 * ap_shards.h: a counter that any number of threads add to without meeting, because each has a cell of its own.
 *
 * A cell is a word on a cache line of its own, and belongs to one counter and one thread, its owner. Only the owner
 * writes the word: a plain load, an add and a plain store, no locked instruction and no cache line that moves. The sum
 * of the cells and of `base` is the value. This is LongAdder (java.util.concurrent, Doug Lea) with a cell per thread
 * in the place of a few that are hit at random, so that nobody has to compare and swap.
 *
 *     add     the owner             cell.n += n                         one load, one store
 *     load    anybody               base + the sum of all cells         no lock, unless a drain or a carry comes between
 *     drain   under the lock        s = base + the sum; base -= s       no cell is written
 *     carry   the owner, under it   base += cell.n + n; cell.n = 0      where cell.n + n is no int64_t
 *
 * Why the only writer needs no read-modify-write. Between its load and its store nobody else stores to the word, so
 * nothing can be lost between them. An atomic load and store they must be, because others read the word meanwhile (C11,
 * 5.1.2.4): a reader sees the old number or the new one. The store is a release and the reader's load an acquire: who
 * counts an increment in also sees what its thread wrote before it. On x86 that is the plain MOV, on ARM a store that
 * does not pass earlier ones (STLR); a relaxed one would count as exactly. No order with later loads of the writer is
 * promised: a counter is no flag to take turns by.
 *
 * Why a drain loses nothing and counts nothing twice, though the writers go on. It takes nothing out of a cell; it moves
 * `base` so that what it has seen adds up to zero. Drains follow each other under the lock, so what a later one reads
 * of a word is what the earlier one has read, or newer (C11, 5.1.2.4: read-read coherence). An add is in the first
 * drain whose read of its cell comes after it in the order of that word, and in no other: those before did not read
 * it, and from those after, base has it subtracted.
 *
 * Why load is right without the lock. `version` is odd while base or a cell is changed by other means than an add, and
 * differs afterwards. Each of these stores is a release that comes after the odd version, and each load an acquire that
 * comes before the second look at the version. So who has seen one of the stores sees another version than before, and
 * sums again, now under the lock (a seqlock: Boehm, "Can seqlocks get along with programming language memory models?",
 * 2012). What had been added before the load began is in it: its store comes first in the order of its word.
 *
 * A cell has two that hold it, the counter and the owner:
 *
 *     counter   owner   the cell is
 *     yes       yes     in use
 *     yes       none    left by a thread that has ended, with its count: the next new thread goes on with it
 *     gone      yes     left by the counter: the owner frees it, when it next makes room in its table or at its end
 *     gone      none    freed
 *
 * All changes here are made under the lock, so the new owner has seen the last store of the one before. A new cell is
 * made only where the counter has none without an owner: as many cells as threads have used it at one time, no more.
 *
 * A thread finds its cell in a table of its own, by the serial number of the counter. No number comes again, so what
 * is left there of a counter that is gone is never taken for another. The table has fewer than eight entries for each
 * counter there is that the thread has used, and eight more.
 *
 * In the child after fork() the cells of the other threads have no owner, as if those had ended. A signal handler in C
 * may not use a counter, as it may not use a lock.
 */
#ifndef AP_SHARDS_H
#define AP_SHARDS_H

#include "../atomic/ap_atomic.h"

/* What one core takes from another at a time: x86 fetches lines of 64 bytes in pairs, several ARMs have lines of 128. */
#if defined(__x86_64__) || defined(_M_X64) || defined(__aarch64__) || defined(_M_ARM64) || defined(__powerpc64__)
#define AP_CACHE_LINE 128
#else
#define AP_CACHE_LINE 64
#endif

#if defined(_MSC_VER)
#define AP_THREAD_LOCAL __declspec(thread)
#elif defined(__GLIBC__)
/* Found at a fixed distance, without a call. Other C libraries do not load a module that asks for that. */
#define AP_THREAD_LOCAL __attribute__((visibility("hidden"), tls_model("initial-exec"))) _Thread_local
#else
#define AP_THREAD_LOCAL __attribute__((visibility("hidden"))) _Thread_local
#endif

struct ap_shards;
struct ap_shard_thread;

/* Allocated alone, on a multiple of AP_CACHE_LINE and as large. */
typedef struct ap_shard_cell {
    ap_i64 n;                      /* written by the owner alone */
    struct ap_shard_cell *next;    /* of the same counter; set before others see the cell, and never again */
    struct ap_shard_cell *vacant;  /* the next one without an owner; under the lock */
    struct ap_shards *counter;     /* NULL: gone; under the lock */
    struct ap_shard_thread *owner; /* NULL: ended; under the lock */
} ap_shard_cell;

_Static_assert(sizeof(ap_shard_cell) <= AP_CACHE_LINE, "a cell is one cache line");

/* A sum of int64_t: high * 2**64 + low. So many cells that it overflows there cannot be. */
typedef struct {
    int64_t high;
    uint64_t low;
} ap_wide;

typedef struct ap_shards {
    uint64_t serial;                /* from 1; each counter has another */
    _Atomic(ap_shard_cell *) cells; /* grows in front, under the lock */
    ap_shard_cell *vacant;          /* those without an owner; under the lock */
    ap_u64 version;                 /* odd: base is being changed */
    ap_u64 base_low;                /* written under the lock */
    ap_i64 base_high;
} ap_shards;

typedef struct {
    uint64_t serial; /* 0: empty */
    ap_shard_cell *cell;
} ap_shard_entry;

/* A thread that has used a counter. */
typedef struct ap_shard_thread {
    uint64_t id;             /* from 1; no other thread has it, before or after */
    ap_shard_entry *entries; /* mask + 1 of them, a power of two; linear probing from serial & mask */
    uint64_t mask;
    uint64_t used;
    struct ap_shard_thread *next, **at; /* all threads, under the lock; `at` is what points here */
} ap_shard_thread;

/* This thread; one with an empty table and the id 0 before it has used a counter. */
extern AP_THREAD_LOCAL ap_shard_thread *ap_shard_self;

/* Call once before the rest, from one thread. False: no memory, or no thread-local key left. */
bool ap_shards_start(void);

void ap_shards_init(ap_shards *c, int64_t value);

/* When nobody uses it any more. */
void ap_shards_destroy(ap_shards *c);

/* The value at one moment of the call, or what it was at several where threads add meanwhile. */
ap_wide ap_shards_load(ap_shards *c);

/* Take the value away, leaving zero. False, and nothing has changed, where *sum is no int64_t. */
bool ap_shards_drain(ap_shards *c, ap_wide *sum);

/* How many cells there are. */
size_t ap_shards_cells(ap_shards *c);

static inline bool ap_wide_fits(ap_wide w) { return w.high == (w.low >> 63 ? -1 : 0); }

/* The cold halves: look further, or get a cell (NULL: no memory); and bring what does not fit into base. */
ap_shard_cell *ap_shards_find(ap_shards *c);
void ap_shards_carry(ap_shard_cell *cell, int64_t n, bool subtract);

/* The cell of this thread, where the first look at its table finds it; otherwise NULL, and ap_shards_find knows. */
static inline ap_shard_cell *ap_shards_peek(ap_shards *c)
{
    ap_shard_thread *self = ap_shard_self;
    ap_shard_entry *e = &self->entries[c->serial & self->mask];
    return AP_UNLIKELY(e->serial != c->serial) ? NULL : e->cell;
}

/* The cell of this thread. NULL: no memory for one. */
static inline ap_shard_cell *ap_shards_cell(ap_shards *c)
{
    ap_shard_cell *cell = ap_shards_peek(c);
    return AP_UNLIKELY(cell == NULL) ? ap_shards_find(c) : cell;
}

/* The number of this thread, which no other has had or will have; 0 before it has used a counter. */
static inline uint64_t ap_shards_thread(void) { return ap_shard_self->id; }

/* By its owner alone. */
static inline void ap_shard_add(ap_shard_cell *cell, int64_t n)
{
    int64_t old = ap_load_i64_relaxed(&cell->n);
    if (AP_UNLIKELY(n >= 0 ? old > INT64_MAX - n : old < INT64_MIN - n)) {
        ap_shards_carry(cell, n, false);
    } else {
        ap_store_i64_release(&cell->n, old + n);
    }
}

static inline void ap_shard_sub(ap_shard_cell *cell, int64_t n)
{
    int64_t old = ap_load_i64_relaxed(&cell->n);
    if (AP_UNLIKELY(n >= 0 ? old < INT64_MIN + n : old > INT64_MAX + n)) {
        ap_shards_carry(cell, n, true);
    } else {
        ap_store_i64_release(&cell->n, old - n);
    }
}

/* value += n, value -= n. False, and nothing has changed: no memory for a cell. */
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
