/* SPDX-License-Identifier: MIT
 *
 * ap_core.c: starts the core, and has its one handler of fork(). See ap_core.h.
 */
#include "platform/ap_os.h"

#include "ap_core.h"

static void before_fork(void) { ap_shards_before_fork(); }

static void after_fork(void) { ap_shards_after_fork(); }

/* The child has one thread, the one that called fork(). The parking lot is emptied, since the waiters do not exist
 * here. */
static void after_fork_in_child(void)
{
    ap_owner_after_fork_in_child();
    ap_park_init();
    ap_shards_after_fork_in_child();
}

bool ap_core_init(void)
{
    static bool done = false;
    if (!done) {
        ap_park_init();
        done = ap_shards_start() && ap_os_at_fork(before_fork, after_fork, after_fork_in_child);
    }
    return done;
}

void ap_core_describe(ap_core *table)
{
#define AP_CORE_ENTRY(result, name, parameters, arguments) .name = name,
#define AP_CORE_ENTRY_NO_RESULT(name, parameters, arguments) .name = name,
    *table = (ap_core){
        .size = sizeof(ap_core),
        .owner_forks = ap_owner_forks,
        .waiters_in = ap_waiters_in,
        AP_CORE_FUNCTIONS(AP_CORE_ENTRY, AP_CORE_ENTRY_NO_RESULT)};
}
