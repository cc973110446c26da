/* SPDX-License-Identifier: MIT
 *
 * rc_counts.h: what the shadow memory and the clocks hold, counted. For tests and for a program that watches its
 * memory.
 */
#ifndef RC_COUNTS_H
#define RC_COUNTS_H

#include "rc_table.h"

typedef struct { uint64_t objects, locations, reads, clocks, threads, slots, tenants; } rc_counts;

AP_HIDDEN rc_counts rc_count(void);

#endif
