/* SPDX-License-Identifier: MIT
 *
 * ap_once.c: the slow path of ap_once.h, which has the table of states.
 */
#include "../park/ap_count.h"
#include "../park/ap_park.h"
#include "../platform/ap_owner.h"
#include "ap_once.h"

#define FLAGS (AP_ONCE_RUNNING | AP_ONCE_WAITERS)

static bool must_wait(const void *word, uint64_t what)
{
    (void)what;
    return (ap_load_u64((ap_u64 *)word) & FLAGS) == FLAGS;
}

ap_once_result ap_once_begin(ap_once *o, int64_t deadline)
{
    uint64_t seen = 0;
    AP_COUNT(AP_ONCE_SLOW);
    if (ap_compare_exchange_u64(&o->state, &seen, ap_owner_id() | AP_ONCE_RUNNING)) {
        return AP_ONCE_MINE;
    }
    while (seen != AP_ONCE_FINISHED) {
        if ((seen & AP_ONCE_WAITERS) != 0 || ap_compare_exchange_u64(&o->state, &seen, seen | AP_ONCE_WAITERS)) {
            if (ap_park(&o->state, must_wait, 0, deadline) == AP_TIMED_OUT) {
                return ap_once_is_done(o) ? AP_ONCE_DONE : AP_ONCE_TIMED_OUT;
            }
            seen = ap_load_u64(&o->state);
        }
    }
    return AP_ONCE_DONE;
}

void ap_once_finish(ap_once *o)
{
    if (ap_exchange_u64(&o->state, AP_ONCE_FINISHED) & AP_ONCE_WAITERS) {
        ap_unpark(&o->state, AP_UNPARK_ALL);
    }
}
