/* SPDX-License-Identifier: MIT */
#include "rc_counts.h"

rc_counts rc_count(void)
{
    rc_counts c = {0};
    for (uint32_t bucket = 0; bucket < RC_BUCKETS; bucket++) {
        rc_spin_lock(rc_bucket_lock_of(bucket));
        for (rc_record *r = rc_buckets[bucket].head; r != NULL; r = r->next) {
            c.objects++;
            c.clocks += r->sync != NULL;
            for (uint32_t i = 0; i < r->n_chains; i++) {
                for (rc_location *l = r->chains[i]; l != NULL; l = l->next) {
                    bool clock = l->kind == RC_CLOCK;
                    c.clocks += clock;
                    c.locations += !clock;
                    c.reads += !clock && l->shared != NULL ? l->shared->room : 0;
                }
            }
        }
        rc_spin_unlock(rc_bucket_lock_of(bucket));
    }
    rc_spin_lock(&rc_threads.lock);
    for (const rc_thread *t = rc_threads.first; t != NULL; t = t->next) {
        c.threads++;
    }
    c.slots = rc_threads.n_slots;
    c.tenants = rc_threads.n_tenants;
    rc_spin_unlock(&rc_threads.lock);
    return c;
}
