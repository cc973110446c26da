/* SPDX-License-Identifier: MIT
 *
 * rc_base.h: memory and spinlocks for the engine of the race detector.
 *
 * The engine's callback for PyRefTracer_SetTracer runs in any thread, at the creation and the destruction of any
 * object. The engine's own Python calls make objects too. The callback acquires spinlocks of this file. Three rules
 * make that safe:
 *
 *   1. A critical section is C code without Python.h. It ends after a bounded number of steps.
 *   2. By 1 the holder neither creates nor destroys a Python object, so no callback runs inside a critical section. A
 *      thread never waits for a lock that it holds.
 *   3. By 1 the holder neither releases the GIL nor detaches its thread state. "Stop the world" stops threads at safe
 *      points alone, so it does not stop the holder. A waiting thread waits for a few instructions of a running
 *      thread, whether its own thread state is attached or not.
 *
 * A thread that holds the lock of a synchronisation variable may acquire the lock of the threads (rc_clock.h). All
 * other locks are held alone. All locks are in static pools, so fork() can acquire every one of them (rc_current.h).
 */
#ifndef RC_BASE_H
#define RC_BASE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../platform/ap_base.h"

#define RC_LIKELY(condition) (!AP_UNLIKELY(!(condition)))

typedef struct { _Alignas(64) _Atomic uint32_t word; /* 1: held */ } rc_spinlock;

/* The rest of rc_spin_lock(), after a first exchange that found the lock held. */
AP_HIDDEN AP_COLD void rc_spin_lock_contended(rc_spinlock *lock);

static inline void rc_spin_lock(rc_spinlock *lock)
{
    if (AP_UNLIKELY(atomic_exchange_explicit(&lock->word, 1, memory_order_acquire) != 0)) {
        rc_spin_lock_contended(lock);
    }
}

static inline void rc_spin_unlock(rc_spinlock *lock) { atomic_store_explicit(&lock->word, 0, memory_order_release); }

/* Memory of libc, zeroed by rc_alloc(). PyMem_* may not be called in the callback: tracemalloc hooks it. Without
 * memory both functions end the process with a message. */
AP_HIDDEN void *rc_alloc(size_t bytes);
AP_HIDDEN void *rc_grow(void *block, size_t bytes);

static inline uint64_t rc_mix(uint64_t x)
{
    x ^= x >> 32;
    x *= 0x9E3779B97F4A7C15u;
    return x ^ (x >> 29);
}

#endif
