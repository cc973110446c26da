/* SPDX-License-Identifier: MIT
 *
 * mutex_inside.h: ap_mutex.c, for tests that call its static functions. Its clock is a variable, and each pause between
 * two probes of the designated waker calls a function of the test. So no result depends on the time that a step takes.
 */
#ifndef MUTEX_INSIDE_H
#define MUTEX_INSIDE_H

#include "../../src/platform/ap_os.h" /* first */

static int64_t clock_at;                   /* what ap_mutex.c reads */
static void (*between_probes)(int pauses); /* what it calls */

static inline int64_t given_clock(void) { return clock_at; }

#define ap_os_now given_clock
#define ap_cpu_relax_for(pauses) between_probes(pauses)
#include "../../src/sync/ap_mutex.c"
#undef ap_os_now
#undef ap_cpu_relax_for

/* Short names for the tables of the tests. */
#define L AP_MUTEX_LOCKED
#define W AP_MUTEX_WAITERS
#define K AP_MUTEX_WAKER
#define H AP_MUTEX_HAND_OFF

enum { FAIR_AFTER = AP_MUTEX_FAIR_AFTER, BEGAN = 1000 * 1000 * 1000 /* a time of that clock */ };

/* A thread id that no thread has. */
#define GHOST UINT64_C(64)

#endif /* MUTEX_INSIDE_H */
