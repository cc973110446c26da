/* SPDX-License-Identifier: MIT
 *
 * rc_reclaim.h: reclaim what is held for ended threads, so that a program may begin and end threads without limit.
 *
 * A slot lists its tenants, the threads that have had it. An ended tenant is needed as long as a record has an epoch
 * of it. Reclaiming is a mark and a sweep. It copies the lists of ended tenants, and marks each tenant that an epoch in
 * the table belongs to. Then it removes the unmarked tenants of the copy from the lists.
 *
 *   1. Only a living thread puts its epochs into the table. So for a tenant that had ended before the copy, no epoch
 *      appears during the mark, and an unmarked tenant stays unneeded.
 *   2. One thread reclaims at a time, and tenants are only appended meanwhile. So the copy stays a prefix of the list.
 *
 * A race may have been found just before its record was purged. Its report may then lack the name of the earlier
 * thread.
 */
#ifndef RC_RECLAIM_H
#define RC_RECLAIM_H

#include "rc_table.h"

#define RC_RECLAIM_FIRST 1024u

/* The numbers of the threads that have been removed, in memory that the caller frees. NULL where it is too early: each
 * time the tenants must be twice as many as the last time left, so the cost is constant for each thread that begins. */
AP_HIDDEN uint64_t *rc_reclaim(uint32_t *n_removed);

/* For tests: the next rc_reclaim() is not too early. */
AP_HIDDEN void rc_reclaim_soon(void);

#endif
