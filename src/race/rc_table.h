/* SPDX-License-Identifier: MIT
 *
 * rc_table.h: the shadow memory: a table from the address of an object to its record. A record holds the locations of
 * its object, each with its shadow word, and the clocks of the object.
 *
 * The table has RC_BUCKETS chains; RC_BUCKET_LOCKS locks are striped over them. Invariants:
 *
 *   1. A record at an address belongs to the object that lives there. The callback (rc_engine.h) purges the address
 *      when an object is created there, and mostly when one is destroyed.
 *   2. An empty chain needs no purge, and rc_purge() sees that without the lock. A record is inserted by a thread that
 *      holds a reference to the object. The last decrement of the reference count comes after it, and an allocator
 *      returns and reuses memory with release and acquire. So the purge of an address sees every record of that
 *      address.
 *   3. The generation of a bucket grows, with release and under the lock, whenever a record leaves the bucket. So an
 *      entry of a thread's cache (rc_shadow.h) with an older generation is void.
 */
#ifndef RC_TABLE_H
#define RC_TABLE_H

#include "rc_clock.h"

#define RC_BUCKETS (1u << 18)
#define RC_BUCKET_LOCKS 256

/* What the id of a location means. RC_CLOCK is no location: it is a clock of the object. */
enum { RC_NAME, RC_INDEX, RC_KEY, RC_KEYS, RC_KEYS_CHANGED, RC_CLOCK };

typedef struct {
    rc_epoch epoch;
    uint32_t stack; /* of rc_depot.h */
} rc_access;

typedef struct {
    uint32_t n, room;
    rc_access at[];
} rc_reads;

typedef struct rc_location {
    struct rc_location *next;
    uint64_t id;
    rc_epoch w, r; /* the shadow word: the last write, the last read */
    uint32_t w_stack, r_stack;
    union {
        rc_reads *shared; /* the last reads, in place of r, where no order holds between them */
        rc_sync *clock;   /* of an RC_CLOCK */
    };
    _Atomic int64_t *uses; /* counts the locations whose id is the address of one key; NULL: not counted */
    uint8_t kind;
} rc_location;

typedef struct rc_record {
    struct rc_record *next;
    uintptr_t address;
    rc_location **chains; /* n_chains of them, a power of two; the first is `only` */
    rc_location *only;
    uint32_t n_chains, n;
    rc_sync *sync;   /* the clock of clock_of() */
    uint64_t serial; /* of rc_serial_of(); 0: none yet */
} rc_record;

typedef struct {
    _Atomic(rc_record *) head;
    _Atomic uint32_t generation;
} rc_bucket;

extern AP_HIDDEN rc_bucket rc_buckets[RC_BUCKETS];
extern AP_HIDDEN rc_spinlock rc_bucket_locks[RC_BUCKET_LOCKS];

static inline uint32_t rc_bucket_of(uintptr_t address)
{
    return (uint32_t)((address >> 4) ^ (address >> 22)) & (RC_BUCKETS - 1);
}
static inline rc_spinlock *rc_bucket_lock_of(uint32_t bucket) { return &rc_bucket_locks[bucket % RC_BUCKET_LOCKS]; }

/* Under the bucket's lock. The first returns NULL where there is no record, the others make what is missing. */
AP_HIDDEN rc_record *rc_record_find(uint32_t bucket, uintptr_t address);
AP_HIDDEN rc_record *rc_record_of(uint32_t bucket, uintptr_t address);
AP_HIDDEN rc_location *rc_location_of(rc_record *r, uint64_t id, uint8_t kind, bool *made);

AP_HIDDEN void rc_purge_record(uint32_t bucket, uintptr_t address);
AP_HIDDEN void rc_purge_all(void);

/* Called at the creation and at the destruction of an object: a record at this address belongs to another object. For
 * nearly every object this is one load. */
static inline void rc_purge(uintptr_t address)
{
    uint32_t bucket = rc_bucket_of(address);
    if (AP_UNLIKELY(atomic_load_explicit(&rc_buckets[bucket].head, memory_order_acquire) != NULL)) {
        rc_purge_record(bucket, address);
    }
}

/* The clock of the object, and one of several clocks of it, by a number. The caller gets a reference; the table drops
 * its own with the record. */
AP_HIDDEN rc_sync *rc_sync_of(uintptr_t address);
AP_HIDDEN rc_sync *rc_sync_at(uintptr_t address, uint64_t place);

/* A number for the object that no other object has had or will have. */
AP_HIDDEN uint64_t rc_serial_of(uintptr_t address);

#endif
