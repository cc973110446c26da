/* SPDX-License-Identifier: MIT
 * In the documentation: docs/design/channel.md
 *
 * ap_select.h: wait for one of several sends and receives. Go's select (runtime/select.go).
 *
 * A waiter has one or more cases; a send or a receive that has to wait is a waiter with one case. Each case stands in
 * the queue of its channel. A thread that does the other half of a case chooses it:
 *
 *     waiter->chosen    AP_WAITING -> the number of a case    a compare-and-swap by another thread, which holds the lock
 *                                                             of the case's channel
 *                       AP_WAITING -> AP_WITHDRAWN            a compare-and-swap by the waiter: timeout, signal,
 *                                                             cancellation
 *
 * 1. One case of a waiter is done, or none: the first compare-and-swap wins. If AP_WITHDRAWN wins, no operation was
 *    done, so an exception loses nothing. If a case wins, the operation is done, and the waiter returns its result.
 * 2. A case whose waiter is no longer AP_WAITING is dead. A thread that finds it in a queue dequeues it.
 * 3. The memory of a waiter lives until its thread has dequeued all its cases under their channels' locks, and, if a case
 *    was chosen, until it has been woken. A thread that holds a channel's lock may read every case in its queues, and one
 *    that has chosen a case may read its waiter until it wakes it.
 * 4. A waiter keeps its place. Each case gets a ticket of its channel when it is first enqueued. A waiter that withdrew to
 *    look for signals comes back with the same tickets.
 * 5. To see whether any case is ready, all channels are locked, in the order of their addresses, so two selects do not
 *    wait for each other. A case is chosen among the ready ones with equal chance (reservoir sampling: Vitter 1985).
 *
 * A waiter is a thread or a callback. After fork() the child has the forking thread alone: a waiter of the parent is dead.
 * Its memory is not on a stack, because Python ends a thread that attaches while the interpreter shuts down, and its case
 * would stay in the queue.
 */
#ifndef AP_SELECT_H
#define AP_SELECT_H

#include "ap_channel.h"

#define AP_WAITING 0u
#define AP_WITHDRAWN 1u
#define AP_CHOSEN(index) ((uint32_t)(index) + 2u)

struct ap_waiter {
    ap_u32 chosen;
    uint32_t forks; /* the process's fork count when it began to wait */
    ap_case *cases;
    /* Called after the unlock by the thread that chose a case: it must resume the waiter. False: the waiter can never
     * run again, so a value that was handed to it is still the sender's. */
    bool (*wake)(ap_waiter *waiter);
    void *owner; /* for ap_channel_visit(); NULL for a thread */
};

struct ap_case {
    ap_channel *channel; /* NULL: a case that is never ready */
    void *value;         /* to send, or received */
    ap_waiter *waiter;
    ap_case *next, *previous; /* in the queue; a closed channel's waiters are a list by `next` */
    uint64_t ticket;          /* 0: none yet */
    bool sends;
    bool queued; /* with the channel's lock held */
    bool closed; /* the result: the channel is closed */
};

/* How a thread of the runtime blocks. `parallel`: other threads run while this one spins. */
typedef struct {
    void *(*detach)(void);
    void (*attach)(void *state);
    bool parallel;
} ap_runtime;

typedef struct ap_select ap_select;

#define AP_SELECT_TIMED_OUT (-1)
#define AP_SELECT_NO_MEMORY (-2)

/* A copy of n cases; NULL: no memory. The values stay the caller's. */
ap_select *ap_select_new(const ap_case *cases, size_t n);
ap_case *ap_select_case(ap_select *s, size_t index);
void ap_select_free(ap_select *s);

/* Do one case, or return AP_SELECT_TIMED_OUT once the deadline has passed; 0 does not wait. Returns the case's number,
 * with its result in `value` and `closed`. May be called again after AP_SELECT_TIMED_OUT. */
int64_t ap_select_wait(ap_select *s, int64_t deadline, const ap_runtime *runtime);

/* For a waiter that is a callback, with one case: do it, or enqueue it. */
ap_channel_result ap_case_start(ap_case *c);

/* Withdraw such a waiter. False: its case was chosen. */
bool ap_case_withdraw(ap_case *c);

/* For ap_channel.c. The channel is locked. */
void ap_case_dequeue(ap_case *c);
ap_case *ap_case_choose_first(ap_case_queue *queue);

static inline bool ap_waiter_is_live(ap_waiter *w)
{
    return ap_load_u32(&w->chosen) == AP_WAITING && w->forks == (uint32_t)ap_fork_count();
}

static inline bool ap_waiter_choose(ap_waiter *w, uint32_t chosen)
{
    uint32_t waiting = AP_WAITING;
    return ap_compare_exchange_u32(&w->chosen, &waiting, chosen);
}

/* A number below n, by a generator of the calling thread. */
uint32_t ap_random_below(uint32_t n);

/* A ready case, each with equal chance, or NULL: of k ready ones so far, the last is chosen with the chance 1/k. */
static inline ap_case *ap_case_choose_ready(ap_case *cases, size_t n, bool (*is_ready)(ap_case *))
{
    ap_case *chosen = NULL;
    uint32_t found = 0;
    for (ap_case *c = cases; c < cases + n; c++) {
        if (c->channel == NULL || !is_ready(c)) {
            continue;
        }
        found++;
        if (found == 1 || ap_random_below(found) == 0) {
            chosen = c;
        }
    }
    return chosen;
}

static inline bool ap_case_looks_ready(ap_case *c)
{
    return c->sends ? !ap_channel_send_would_block(c->channel) : !ap_channel_receive_would_block(c->channel);
}

/* Do a case that looks ready, without waiting and without memory. -1: none does, which is no proof that none is. */
static inline int64_t ap_select_look(ap_case *cases, size_t n)
{
    ap_case *c = ap_case_choose_ready(cases, n, ap_case_looks_ready);
    if (c == NULL) {
        return AP_SELECT_TIMED_OUT;
    }
    ap_channel_result result =
        c->sends ? ap_channel_try_send(c->channel, c->value) : ap_channel_try_receive(c->channel, &c->value);
    c->closed = result == AP_CHANNEL_CLOSED;
    return result == AP_CHANNEL_DONE || c->closed ? c - cases : AP_SELECT_TIMED_OUT;
}

#endif /* AP_SELECT_H */
