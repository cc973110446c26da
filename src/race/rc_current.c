/* SPDX-License-Identifier: MIT */
#include "../platform/ap_os.h"

#include "rc_current.h"
#include "rc_depot.h"
#include "rc_shadow.h"

AP_THREAD_LOCAL rc_thread *rc_current;
static ap_os_key rc_at_end_key;

rc_thread *rc_attach(rc_thread *t)
{
    t->cache = rc_alloc(RC_CACHE_ENTRIES * sizeof *t->cache);
    rc_current = t;
    ap_os_key_set(rc_at_end_key, t);
    return t;
}

void rc_detach(void)
{
    rc_thread *t = rc_current;
    if (t != NULL) {
        rc_current = NULL;
        rc_thread_end(t);
    }
}

/* The system may call this for a value that it read before rc_detach(): then that thread has ended already. */
static void AP_OS_CALLBACK rc_at_thread_end(void *thread)
{
    if (thread == rc_current) {
        rc_detach();
    }
}

/* ---- fork ------------------------------------------------------------------------------------------------------ */

static void rc_each_lock(void (*does)(rc_spinlock *))
{
    for (unsigned i = 0; i < RC_SYNC_LOCKS; i++) {
        does(&rc_sync_locks[i]);
    }
    does(&rc_threads.lock);
    for (unsigned i = 0; i < RC_BUCKET_LOCKS; i++) {
        does(&rc_bucket_locks[i]);
    }
    does(&rc_depot_lock);
}

static void rc_before_fork(void) { rc_each_lock(rc_spin_lock); }
static void rc_after_fork(void) { rc_each_lock(rc_spin_unlock); }
static void rc_after_fork_in_child(void)
{
    rc_threads.reclaiming = false; /* the thread that reclaimed is not in the child */
    rc_after_fork();
}

bool rc_current_init(void)
{
    return ap_os_key_init(&rc_at_end_key, rc_at_thread_end)
           && ap_os_at_fork(rc_before_fork, rc_after_fork, rc_after_fork_in_child);
}
