/* SPDX-License-Identifier: MIT
 *
 * rc_depot.h: the stack depot: each stack of calls is stored once, and its entry is a number.
 *
 * An entry is the innermost frame of a stack and the entry of its callers, so equal stacks are one entry. Entries are
 * never removed: there are as many as different stacks that the program was seen with. Past RC_DEPOT_LIMIT a stack is
 * its innermost frame alone, and the number of those is bounded by the calls in the source. (ThreadSanitizer's
 * StackDepot works this way.)
 */
#ifndef RC_DEPOT_H
#define RC_DEPOT_H

#include "rc_base.h"

#define RC_DEPOT_LIMIT 2000000u

typedef struct {
    void *code;      /* what the engine calls a code object: compared, never dereferenced here */
    int32_t at;      /* the offset of the instruction in it */
    uint32_t parent; /* the entry of the callers; 0: none */
    uint32_t next;
} rc_depot_entry;

extern AP_HIDDEN rc_spinlock rc_depot_lock;

/* Call once before the rest. retain(code) is called for each new entry, under the depot's lock: rule 1 of rc_base.h
 * holds for it. It makes sure that `code` stays valid. */
AP_HIDDEN void rc_depot_init(void (*retain)(void *code));

/* n frames, from the outermost of them, called from the stack `parent`. Writes the entry of each to `entries`. */
AP_HIDDEN void rc_depot_put(uint32_t parent, uint32_t n, void *const *code, const int32_t *at, uint32_t *entries);

/* The entry of that number; all zero for 0, the stack without frames, and for numbers that are not in use. */
AP_HIDDEN rc_depot_entry rc_depot_get(uint32_t entry);

/* One more than the largest number in use; 0 before the first stack. */
AP_HIDDEN uint32_t rc_depot_size(void);

#endif
