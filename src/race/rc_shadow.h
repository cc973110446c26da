/* SPDX-License-Identifier: MIT
 *
 * rc_shadow.h: the rules that find a race, and the record of an access.
 *
 * The rules are FastTrack's (PLDI 2009), in the form that VerifiedFT (Wilcox, Flanagan, Freund, PPoPP 2018) proved.
 * The shadow word of a location x has the epoch of the last write, W. It has the epoch of the last read, R; where no
 * order holds between the last reads, R is the list of them. E_t is the epoch of the accessing thread t.
 *
 *   read by t:   R = E_t, or W = E_t:            same epoch, nothing to do
 *                W not before t:                 race
 *                R before t:                     R := E_t                              (exclusive)
 *                else                            R := R + {E_t}, less what is before t (shared)
 *   write by t:  W = E_t:                        same epoch, nothing to do
 *                W not before t, or one of R:    race
 *                                                W := E_t, R := none
 *
 * A read in the epoch of the thread's own write is not recorded. An epoch ends where its thread releases, so an access
 * of another thread has the same order to the read as to the write. Whatever races with the read races with the write.
 * After a race the access is recorded as if it had not raced.
 *
 * The set of keys of a container is two locations, RC_KEYS and RC_KEYS_CHANGED, both used for reads alone. An
 * iteration is checked against RC_KEYS_CHANGED and recorded in RC_KEYS; an insertion or deletion the other way. So two
 * insertions do not race with each other, and neither do two iterations.
 */
#ifndef RC_SHADOW_H
#define RC_SHADOW_H

#include "rc_table.h"

/* A race: the earlier access, and the epoch of the later one. */
typedef struct {
    bool found, write; /* was the earlier access a write? */
    rc_epoch epoch;
    uint32_t stack;
    rc_epoch now;
} rc_race;

/* The two rules, for a location whose bucket is locked. `now` is the epoch of the access of t, and `stack` its stack.
 * A race is written to `race`, unless race->found is set. */
AP_HIDDEN void rc_read_rule(const rc_thread *t, rc_location *l, rc_epoch now, uint32_t stack, rc_race *race);
AP_HIDDEN void rc_write_rule(const rc_thread *t, rc_location *l, rc_epoch now, uint32_t stack, rc_race *race);

/* Records an access of t. `kind` RC_KEYS stands for both locations of the set of keys. Returns whether a location was
 * made. A location that was made owns the use that the caller has counted in `uses`; otherwise the caller still owns
 * it. */
AP_HIDDEN bool rc_record_access(rc_thread *t, uintptr_t address, uint8_t kind, uint64_t id, bool write, uint32_t stack,
                                _Atomic int64_t *uses, rc_race *race);

/* Every use of an object comes before its finalizer. The thread acquires the epoch of each recorded access, and the
 * clocks of the threads that made them. These have grown since the accesses: more is acquired than is ordered, and no
 * order is missed. */
AP_HIDDEN void rc_acquire_all_uses(rc_thread *t, uintptr_t address);

/* ---- the same-epoch cache: the accesses of a thread in its present epoch --------------------------------------- */

struct rc_cache_entry {
    uintptr_t address;
    uint64_t id;
    rc_epoch epoch;
    uint32_t generation;
    uint16_t kind, written;
};
#define RC_CACHE_ENTRIES 256

static inline rc_cache_entry *rc_cache_at(const rc_thread *t, uintptr_t address, uint8_t kind, uint64_t id)
{
    return &t->cache[rc_mix(address ^ (id << 1) ^ kind) % RC_CACHE_ENTRIES];
}

static inline uint32_t rc_generation_of(uintptr_t address)
{
    return atomic_load_explicit(&rc_buckets[rc_bucket_of(address)].generation, memory_order_acquire);
}

/* Has this thread recorded such an access in its present epoch? Then nothing is left to do: no lock, no table.
 *
 *   1. FastTrack does nothing for a second access in one epoch, and a write stands for a read.
 *   2. A matching entry is about the object that lives at the address now. The caller has a reference to that object.
 *      If another object was there before, its record was purged and the generation advanced before this object could
 *      reach the thread. The interpreter publishes an object with release and finds it with acquire, so the thread
 *      reads the new generation, and the entry does not match.
 *   3. Only its own thread reads and writes a cache. Another thread may advance the epoch
 *      (rc_thread_begin_unannounced, rc_new_session). No order holds between that and an access that read the old
 *      epoch: the access came first. */
static inline bool rc_same_epoch(const rc_thread *t, uintptr_t address, uint8_t kind, uint64_t id, bool write)
{
    const rc_cache_entry *e = rc_cache_at(t, address, kind, id);
    return e->address == address && e->id == id && e->kind == kind && e->epoch == rc_now(t) && e->written >= write
           && e->generation == rc_generation_of(address);
}

/* The epoch and the generation before an access is recorded. If the record leaves the table afterwards, the generation
 * has advanced, and the entry made of this stamp does not match. */
typedef struct {
    rc_epoch now;
    uint32_t generation;
} rc_stamp;

static inline rc_stamp rc_stamp_of(const rc_thread *t, uintptr_t address)
{
    return (rc_stamp){rc_now(t), rc_generation_of(address)};
}

static inline void rc_cache_access(rc_thread *t, uintptr_t address, uint8_t kind, uint64_t id, bool write,
                                   rc_stamp stamp)
{
    *rc_cache_at(t, address, kind, id) = (rc_cache_entry){address, id, stamp.now, stamp.generation, kind, write};
}

#endif
