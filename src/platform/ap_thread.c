/* SPDX-License-Identifier: MIT
 *
 * ap_thread.c: marks of threads, and what fork() does to them. See ap_thread.h.
 */
#include "ap_os.h"

#include "ap_thread.h"

/* Both written in the child before it has a second thread, hence plain. */
uint64_t ap_forks_mark;
static uint64_t survivor; /* the id of the thread that called fork(), once this is a child */

static uint64_t id_bits(void) { return ap_os_thread_id() & AP_THREAD_ID_BITS; }

static void in_child(void)
{
    ap_forks_mark += UINT64_C(1) << AP_THREAD_FORKS;
    survivor = id_bits();
}

bool ap_thread_init(void)
{
    static bool done = false;
    if (!done) {
        done = ap_os_at_fork_child(in_child);
    }
    return done;
}

uint64_t ap_thread_mark(void) { return id_bits() | ap_forks_mark; }

uint64_t ap_thread_forks(void) { return ap_forks_mark >> AP_THREAD_FORKS; }

bool ap_thread_is_orphan(uint64_t mark)
{
    return mark != 0 && !ap_thread_is_of_this_process(mark) && ap_thread_id_of(mark) != survivor;
}

bool ap_thread_is_me(uint64_t mark) { return ap_thread_id_of(mark) == id_bits() && !ap_thread_is_orphan(mark); }
