/* SPDX-License-Identifier: MIT
 *
 * rc_base.h: what the parts of the race detector's engine share: memory, and locks that are safe in a tracer callback.
 *
 * The callback of PyRefTracer_SetTracer runs in any thread, inside any allocation, also in those of the engine's own
 * Python calls. It takes a lock of this file, so for all of them one rule holds: between take and drop there is C code
 * without Python.h, which ends after a bounded number of steps. Then
 *   - no callback runs in the holder (nothing of Python's is created or destroyed by it), so nobody waits for himself;
 *   - the holder never gives up the GIL or its attached thread state, nor is it stopped by "stop the world", which
 *     stops threads at safe points alone: a waiter, attached or not, waits for a few instructions of a running thread.
 * A lock is a word that is swapped. Order of locks, where two are held: sync, threads, thread; bucket; stacks. Each comes
 * from a pool, so that a fork can take all and its child finds all free (rc_before_fork in rc_table.h).
 */
#ifndef RC_BASE_H
#define RC_BASE_H

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RC_LIKELY(x) __builtin_expect(!!(x), 1)
#define RC_UNLIKELY(x) __builtin_expect(!!(x), 0)

typedef struct {
    _Alignas(64) _Atomic uint32_t word;
} rc_lock;

static inline void rc_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

static inline void rc_take(rc_lock *lock)
{
    unsigned tries = 0;
    while (atomic_exchange_explicit(&lock->word, 1, memory_order_acquire) != 0) {
        do {
            if (++tries < 64) {
                rc_pause();
            }
            else {
                sched_yield(); /* the holder has lost its core */
            }
        } while (atomic_load_explicit(&lock->word, memory_order_relaxed) != 0);
    }
}

static inline void rc_drop(rc_lock *lock)
{
    atomic_store_explicit(&lock->word, 0, memory_order_release);
}

/* libc's, not Python's: PyMem_* is hooked by tracemalloc, and may not be called in the callback. */
static inline void *rc_alloc(size_t bytes)
{
    void *block = calloc(1, bytes);
    if (RC_UNLIKELY(block == NULL)) {
        fputs("atomicpy race: out of memory\n", stderr);
        abort();
    }
    return block;
}

static inline void *rc_grow(void *block, size_t bytes)
{
    block = realloc(block, bytes);
    if (RC_UNLIKELY(block == NULL)) {
        fputs("atomicpy race: out of memory\n", stderr);
        abort();
    }
    return block;
}

static inline uint64_t rc_mix(uint64_t x)
{
    x ^= x >> 32;
    x *= 0x9E3779B97F4A7C15u;
    return x ^ (x >> 29);
}

#endif
