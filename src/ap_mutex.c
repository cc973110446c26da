/* SPDX-License-Identifier: MIT
 *
 * ap_mutex.c: what ap_mutex does when it has to wait. The state table is in ap_mutex.h.
 */
#include "ap_os.h"

#include "ap_mutex.h"
#include "ap_wait.h"

/* How often to look again before going to sleep. A critical section of a few instructions on another core is over by
 * then; going to sleep and being woken costs a hundred times as much. */
#define SPINS 40

static bool still_contended(const void *word, uint64_t what)
{
    (void)what;
    return ap_load_u32((ap_u32 *)word) == AP_CONTENDED;
}

bool ap_mutex_lock_slow(ap_mutex *m, int64_t deadline)
{
    for (int i = 0; i < SPINS; i++) {
        if (ap_load_u32_relaxed(&m->state) == AP_UNLOCKED && ap_mutex_try_lock(m)) {
            return true;
        }
        ap_cpu_relax();
    }
    while (ap_exchange_u32(&m->state, AP_CONTENDED) != AP_UNLOCKED) {
        if (ap_wait(&m->state, still_contended, 0, deadline) == AP_TIMED_OUT) {
            /* Perhaps the state stays AP_CONTENDED without a sleeper: the next unlock looks for one in vain. */
            return ap_mutex_try_lock(m);
        }
    }
    return true;
}

void ap_mutex_wake(ap_mutex *m) { ap_wake(&m->state, 1); }
