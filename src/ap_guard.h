/* SPDX-License-Identifier: MIT
 *
 * ap_guard.h: readers that never wait, and a writer that knows when none of them can hold on to what it took away.
 *
 *     reader                                  writer
 *     side = ap_guard_enter(g)                old = exchange(pointer, new)
 *     p = load(pointer)                       ap_guard_synchronize(g)      one writer at a time
 *     count a reference to p                  drop the reference to old
 *     ap_guard_leave(g, side)
 *
 * The algorithm is sleepable RCU (McKenney, "Sleepable RCU", 2006): two counters of readers, and a bit that says
 * which of the two a new reader joins. All steps are sequentially consistent.
 *
 * Why nothing is dropped under a reader. Take a reader that loaded old: its load comes before the exchange, and its
 * joining of a counter before that, so that counter is above zero until it has left. The writer drops old only after
 * it has seen each counter at zero, after the exchange: zero means that this reader has left, its reference counted.
 *
 * Why the writer gets through though readers keep coming. It looks first at the counter that new readers do not join,
 * then turns the bit and looks at the other. Only a reader that has read the bit and not joined yet can still join
 * the side that is looked at: at most one per thread, since its next one reads the bit anew. A reader does a handful
 * of instructions there and never waits for anybody, so the writer spins and does not sleep.
 */
#ifndef AP_GUARD_H
#define AP_GUARD_H

#include "ap_atomic.h"

typedef struct {
    ap_u32 readers[2];
    ap_u32 side; /* 0 or 1: which of the two a new reader joins */
} ap_guard;

static inline void ap_guard_init(ap_guard *g)
{
    ap_init_u32(&g->readers[0], 0);
    ap_init_u32(&g->readers[1], 0);
    ap_init_u32(&g->side, 0);
}

/* Returns what ap_guard_leave wants. Nothing that may block or call back may stand between the two. */
static inline uint32_t ap_guard_enter(ap_guard *g)
{
    uint32_t side = ap_load_u32_relaxed(&g->side); /* either is right: both are looked at */
    ap_fetch_add_u32(&g->readers[side], 1);
    return side;
}

static inline void ap_guard_leave(ap_guard *g, uint32_t side) { ap_fetch_sub_u32(&g->readers[side], 1); }

/* Is each counter at zero when it is looked at? After the exchange that is all there is to wait for, and any number of
 * writers may ask at once: turning the bit is for getting through while readers keep coming, and for that alone. */
static inline bool ap_guard_quiet(ap_guard *g)
{
    return ap_load_u32(&g->readers[0]) == 0 && ap_load_u32(&g->readers[1]) == 0;
}

/* Returns when every reader that had entered before the call has left. One caller at a time. relax() is called while
 * readers are at it. */
static inline void ap_guard_synchronize(ap_guard *g, void (*relax)(void))
{
    uint32_t side = ap_load_u32(&g->side);
    while (ap_load_u32(&g->readers[1 - side]) != 0) {
        relax();
    }
    ap_exchange_u32(&g->side, 1 - side);
    while (ap_load_u32(&g->readers[side]) != 0) {
        relax();
    }
}

#endif /* AP_GUARD_H */
