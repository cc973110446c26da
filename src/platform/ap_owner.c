/* SPDX-License-Identifier: MIT
 *
 * ap_owner.c: owner ids and fork(). See ap_owner.h.
 */
#include "ap_os.h"

#include "ap_owner.h"

/* Plain variables: the child writes them while it has one thread. */
static uint64_t forks;
static uint64_t survivor; /* the thread bits of the thread that called the last fork(); 0 without a fork */

const uint64_t *ap_owner_forks = &forks;

void ap_owner_after_fork_in_child(void)
{
    forks += UINT64_C(1) << AP_OWNER_FORKS_SHIFT;
    survivor = ap_owner_thread(ap_os_thread_id());
}

bool ap_owner_is_lost(uint64_t id) { return id != 0 && !ap_owner_is_current(id) && ap_owner_thread(id) != survivor; }

bool ap_owner_is_caller(uint64_t id)
{
    return ap_owner_thread(id) == ap_owner_thread(ap_os_thread_id()) && !ap_owner_is_lost(id);
}
