/* SPDX-License-Identifier: MIT */
#include "rc_depot.h"

rc_spinlock rc_depot_lock;

static struct {
    rc_depot_entry *entries; /* from 1 */
    uint32_t n, room;
    uint32_t *heads; /* n_heads chains of entries, a power of two */
    uint32_t n_heads;
    void (*retain)(void *code);
} rc_depot; /* under rc_depot_lock */

void rc_depot_init(void (*retain)(void *code)) { rc_depot.retain = retain; }

static uint32_t *rc_depot_head(uint32_t parent, const void *code, int32_t at)
{
    return &rc_depot.heads[rc_mix((uintptr_t)code ^ (uint64_t)parent << 20 ^ (uint32_t)at) & (rc_depot.n_heads - 1)];
}

static void rc_depot_rehash(void)
{
    uint32_t n = rc_depot.n_heads ? 4 * rc_depot.n_heads : 1024;
    free(rc_depot.heads);
    rc_depot.heads = rc_alloc(n * sizeof *rc_depot.heads);
    rc_depot.n_heads = n;
    for (uint32_t i = 1; i < rc_depot.n; i++) {
        rc_depot_entry *e = &rc_depot.entries[i];
        uint32_t *head = rc_depot_head(e->parent, e->code, e->at);
        e->next = *head;
        *head = i;
    }
}

static uint32_t rc_depot_put_frame(uint32_t parent, void *code, int32_t at)
{
    if (rc_depot.n_heads <= rc_depot.n) {
        rc_depot_rehash();
    }
    if (rc_depot.n >= RC_DEPOT_LIMIT) {
        parent = 0;
    }
    uint32_t *head = rc_depot_head(parent, code, at);
    for (uint32_t i = *head; i != 0; i = rc_depot.entries[i].next) {
        rc_depot_entry *e = &rc_depot.entries[i];
        if (e->code == code && e->at == at && e->parent == parent) {
            return i;
        }
    }
    if (rc_depot.n + 1 >= rc_depot.room) {
        rc_depot.room = rc_depot.room ? rc_depot.room * 2 : 1024;
        rc_depot.entries = rc_grow(rc_depot.entries, rc_depot.room * sizeof *rc_depot.entries);
        rc_depot.n += rc_depot.n == 0;
    }
    uint32_t i = rc_depot.n++;
    rc_depot.retain(code);
    rc_depot.entries[i] = (rc_depot_entry){code, at, parent, *head};
    *head = i;
    return i;
}

void rc_depot_put(uint32_t parent, uint32_t n, void *const *code, const int32_t *at, uint32_t *entries)
{
    rc_spin_lock(&rc_depot_lock);
    for (uint32_t i = 0; i < n; i++) {
        parent = entries[i] = rc_depot_put_frame(parent, code[i], at[i]);
    }
    rc_spin_unlock(&rc_depot_lock);
}

rc_depot_entry rc_depot_get(uint32_t entry)
{
    rc_spin_lock(&rc_depot_lock);
    rc_depot_entry e = entry != 0 && entry < rc_depot.n ? rc_depot.entries[entry] : (rc_depot_entry){NULL, 0, 0, 0};
    rc_spin_unlock(&rc_depot_lock);
    return e;
}

uint32_t rc_depot_size(void)
{
    rc_spin_lock(&rc_depot_lock);
    uint32_t n = rc_depot.n;
    rc_spin_unlock(&rc_depot_lock);
    return n;
}
