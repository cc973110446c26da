/* SPDX-License-Identifier: MIT
 *
 * core_calls.c: the functions of the core, as calls through its table. Each module of the package but core links this
 * file in the place of the core; see src/ap_core.h. The functions are generated from the list there.
 */
#include "core_calls.h"

static const ap_core *core;

/* Until ap_core_bind(), a module has no fork count and no waiters. Python may find the types of a module whose import has
 * not finished. Their fast paths work on these; no thread can park through such a module. */
static const uint64_t no_forks;
static ap_u32 no_waiters[AP_BUCKETS];
const uint64_t *ap_owner_forks = &no_forks;
ap_u32 *ap_waiters_in = no_waiters;

bool ap_core_bind(const ap_core *table)
{
    if (table->size != sizeof *table) {
        return false;
    }
    core = table;
    ap_owner_forks = table->owner_forks;
    ap_waiters_in = table->waiters_in;
    return true;
}

#define AP_CORE_CALL(result, name, parameters, arguments) \
    result name parameters { return core->name arguments; }
#define AP_CORE_CALL_NO_RESULT(name, parameters, arguments) \
    void name parameters { core->name arguments; }

AP_CORE_FUNCTIONS(AP_CORE_CALL, AP_CORE_CALL_NO_RESULT)
