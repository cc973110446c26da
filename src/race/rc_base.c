/* SPDX-License-Identifier: MIT */
#include "../platform/ap_os.h"

#include <stdio.h>

#include "rc_base.h"

/* Pauses before the thread yields its core: then the holder has probably lost its own. */
enum { RC_PAUSES = 64 };

void rc_spin_lock_contended(rc_spinlock *lock)
{
    unsigned tries = 0;
    do {
        do {
            if (++tries < RC_PAUSES) {
                ap_cpu_relax();
            } else {
                ap_os_yield();
            }
        } while (atomic_load_explicit(&lock->word, memory_order_relaxed) != 0);
    } while (atomic_exchange_explicit(&lock->word, 1, memory_order_acquire) != 0);
}

static AP_COLD _Noreturn void rc_out_of_memory(void)
{
    (void)fputs("atomicpy race: out of memory\n", stderr);
    abort();
}

void *rc_alloc(size_t bytes)
{
    void *block = calloc(1, bytes);
    if (AP_UNLIKELY(block == NULL)) {
        rc_out_of_memory();
    }
    return block;
}

void *rc_grow(void *block, size_t bytes)
{
    void *larger = realloc(block, bytes);
    if (AP_UNLIKELY(larger == NULL)) {
        rc_out_of_memory();
    }
    return larger;
}
