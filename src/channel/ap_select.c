/* SPDX-License-Identifier: MIT
 *
 * ap_select.c: waiters. The invariants, which the comments here name by number, are in ap_select.h.
 */
#include "../platform/ap_os.h"

#include "ap_select.h"

/* ---- a queue of cases; its channel is locked -------------------------------------------------------------------- */

static ap_case_queue *queue_of(const ap_case *c) { return c->sends ? &c->channel->senders : &c->channel->receivers; }

/* Make `second` follow `first`; NULL stands for the end of the queue on that side. */
static void link_cases(ap_case_queue *queue, ap_case *first, ap_case *second)
{
    if (first != NULL) {
        first->next = second;
    } else {
        atomic_store_explicit(&queue->first, second, memory_order_release);
    }
    *(second != NULL ? &second->previous : &queue->last) = first;
}

/* Keeps invariant 4. A case that comes back has a lower ticket than the last one, and belongs near the front. */
static void enqueue(ap_case *c)
{
    ap_case_queue *queue = queue_of(c);
    ap_case *behind = NULL; /* the case before which c belongs */
    if (c->ticket == 0) {
        c->ticket = ++c->channel->tickets;
    } else if (queue->last != NULL && queue->last->ticket > c->ticket) {
        for (behind = ap_case_queue_first(queue); behind->ticket < c->ticket;) {
            behind = behind->next;
        }
    }
    link_cases(queue, behind != NULL ? behind->previous : queue->last, c);
    link_cases(queue, c, behind);
    c->queued = true;
}

void ap_case_dequeue(ap_case *c)
{
    link_cases(queue_of(c), c->previous, c->next);
    c->queued = false;
}

/* The first case that can be chosen, or NULL. Dequeues dead ones (invariant 2). */
static ap_case *first_live(ap_case_queue *queue)
{
    ap_case *c = ap_case_queue_first(queue);
    while (AP_UNLIKELY(c != NULL) && !ap_waiter_is_live(c->waiter)) {
        ap_case *next = c->next;
        ap_case_dequeue(c);
        c = next;
    }
    return c;
}

/* Choose and dequeue the first live case, or NULL. */
ap_case *ap_case_choose_first(ap_case_queue *queue)
{
    for (ap_case *c; (c = first_live(queue)) != NULL;) {
        if (ap_waiter_choose(c->waiter, AP_CHOSEN(c - c->waiter->cases))) {
            ap_case_dequeue(c);
            return c;
        }
    }
    return NULL;
}

/* ---- one case --------------------------------------------------------------------------------------------------- */

/* Its channel is locked. */
static bool is_ready(ap_case *c)
{
    ap_channel *ch = c->channel;
    uint64_t count = ap_load_u64_relaxed(&ch->count);
    bool room = c->sends ? count < ch->capacity : count > 0;
    return room || ap_load_u32_relaxed(&ch->closed) != 0
           || first_live(c->sends ? &ch->receivers : &ch->senders) != NULL;
}

static ap_channel_result do_locked(ap_case *c, ap_waiter **woken)
{
    ap_channel_result result = c->sends ? ap_channel_send_locked(c->channel, c->value, woken)
                                        : ap_channel_receive_locked(c->channel, &c->value, woken);
    c->closed = result == AP_CHANNEL_CLOSED;
    return result;
}

ap_channel_result ap_case_start(ap_case *c)
{
    ap_channel_lock(c->channel);
    for (;;) {
        ap_waiter *woken;
        ap_channel_result result = do_locked(c, &woken);
        if (result == AP_CHANNEL_WOULD_BLOCK) {
            c->waiter->forks = (uint32_t)ap_fork_count();
            enqueue(c);
        }
        ap_channel_unlock(c->channel);
        if (woken == NULL || woken->wake(woken) || !c->sends) {
            return result;
        }
        ap_channel_lock(c->channel);
    }
}

bool ap_case_withdraw(ap_case *c)
{
    bool withdrawn = ap_waiter_choose(c->waiter, AP_WITHDRAWN);
    ap_channel_lock(c->channel);
    if (c->queued) {
        ap_case_dequeue(c);
    }
    ap_channel_unlock(c->channel);
    return withdrawn;
}

/* ---- several cases, and a thread that waits --------------------------------------------------------------------- */

struct ap_select {
    ap_waiter waiter; /* first: the functions below get its address */
    ap_os_parker parker;
    size_t n;
    ap_case **by_address; /* the cases, ordered by their channels; NULL channels are left out */
    size_t ordered;
    ap_case cases[];
};

static bool unpark(ap_waiter *waiter)
{
    ap_os_unpark(&((ap_select *)waiter)->parker);
    return true;
}

static int compare_channels(const void *a, const void *b)
{
    uintptr_t left = (uintptr_t)(*(ap_case *const *)a)->channel, right = (uintptr_t)(*(ap_case *const *)b)->channel;
    return (left > right) - (left < right);
}

ap_select *ap_select_new(const ap_case *cases, size_t n)
{
    if (n > (SIZE_MAX - sizeof(ap_select)) / (sizeof *cases + sizeof(ap_case *))) {
        return NULL;
    }
    ap_select *s = malloc(sizeof *s + n * (sizeof *cases + sizeof(ap_case *)));
    if (s == NULL) {
        return NULL;
    }
    s->waiter = (ap_waiter){.cases = s->cases, .wake = unpark};
    ap_os_parker_init(&s->parker);
    s->n = n;
    s->by_address = (ap_case **)(void *)&s->cases[n];
    s->ordered = 0;
    for (size_t i = 0; i < n; i++) {
        s->cases[i] = cases[i];
        s->cases[i].waiter = &s->waiter;
        if (cases[i].channel != NULL) {
            s->by_address[s->ordered++] = &s->cases[i];
        }
    }
    if (s->ordered > 1) {
        qsort(s->by_address, s->ordered, sizeof *s->by_address, compare_channels);
    }
    return s;
}

ap_case *ap_select_case(ap_select *s, size_t index) { return &s->cases[index]; }

void ap_select_free(ap_select *s)
{
    ap_os_parker_destroy(&s->parker);
    free(s);
}

/* Call it for each channel once, in the order of addresses (invariant 5). */
static void for_each_channel(ap_select *s, void (*call)(ap_channel *))
{
    ap_channel *before = NULL;
    for (size_t i = 0; i < s->ordered; i++) {
        if (s->by_address[i]->channel != before) {
            before = s->by_address[i]->channel;
            call(before);
        }
    }
}

AP_THREAD_LOCAL uint32_t ap_select_random;

/* xorshift (Marsaglia 2003). */
uint32_t ap_random_below(uint32_t n)
{
    uint32_t r = ap_select_random;
    if (r == 0) {
        r = ((uint32_t)(ap_os_thread_id() >> 4) ^ (uint32_t)ap_os_now()) | 1;
    }
    r ^= r << 13;
    r ^= r >> 17;
    r ^= r << 5;
    ap_select_random = r;
    return (uint32_t)(((uint64_t)r * n) >> 32);
}

/* Do a ready case: its number. Or AP_SELECT_TIMED_OUT; then the cases are enqueued if `enqueues`. */
static int64_t start(ap_select *s, bool enqueues)
{
    for (;;) {
        ap_waiter *woken = NULL;
        ap_channel_result result = AP_CHANNEL_WOULD_BLOCK;
        ap_case *c;
        for_each_channel(s, ap_channel_lock);
        /* Ready, and would block after all: another channel's thread has chosen the waiter on the other side. */
        while ((c = ap_case_choose_ready(s->cases, s->n, is_ready)) != NULL
               && (result = do_locked(c, &woken)) == AP_CHANNEL_WOULD_BLOCK) { }
        if (c == NULL && enqueues) {
            s->waiter.forks = (uint32_t)ap_fork_count();
            ap_init_u32(&s->waiter.chosen, AP_WAITING);
            for (size_t i = 0; i < s->ordered; i++) {
                enqueue(s->by_address[i]);
            }
        }
        for_each_channel(s, ap_channel_unlock);
        if (c == NULL) {
            return AP_SELECT_TIMED_OUT;
        }
        if (woken == NULL || woken->wake(woken) || !c->sends) {
            return result == AP_CHANNEL_NO_MEMORY ? AP_SELECT_NO_MEMORY : c - s->cases;
        }
        /* the receiver never runs again: the value is still to be sent */
    }
}

/* After the wait: dequeue the cases that were not chosen. */
static void leave(ap_select *s, const ap_case *chosen)
{
    for (size_t i = 0; i < s->ordered; i++) {
        ap_case *c = s->by_address[i];
        if (c == chosen) {
            continue; /* dequeued by the thread that chose it */
        }
        ap_channel_lock(c->channel);
        if (c->queued) {
            ap_case_dequeue(c);
        }
        ap_channel_unlock(c->channel);
    }
}

/* A thread spins for about 5 microseconds before it parks, which costs about as much: the pauses between two probes double
 * up to AP_SPIN_PAUSES. */
#define AP_SPIN_PROBES 12
#define AP_SPIN_PAUSES 16

static bool spin(ap_select *s)
{
    int pauses = 1;
    for (int i = 0; i < AP_SPIN_PROBES; i++) {
        if (ap_os_is_unparked(&s->parker)) {
            return true;
        }
        ap_cpu_relax_for(pauses);
        pauses = pauses < AP_SPIN_PAUSES ? 2 * pauses : AP_SPIN_PAUSES;
    }
    return false;
}

int64_t ap_select_wait(ap_select *s, int64_t deadline, const ap_runtime *runtime)
{
    int64_t done = start(s, deadline != 0);
    if (done != AP_SELECT_TIMED_OUT || deadline == 0) {
        return done;
    }

    void *state = runtime->detach();
    bool unparked = (runtime->parallel && spin(s)) || ap_os_park_until(&s->parker, deadline);
    if (!unparked && !ap_waiter_choose(&s->waiter, AP_WITHDRAWN)) {
        unparked = ap_os_park_until(&s->parker, AP_FOREVER); /* a case was chosen: its thread wakes this one */
    }
    runtime->attach(state);

    if (!unparked) {
        leave(s, NULL);
        return AP_SELECT_TIMED_OUT;
    }
    ap_case *chosen = &s->cases[ap_load_u32(&s->waiter.chosen) - AP_CHOSEN(0)];
    leave(s, chosen);
    return chosen - s->cases;
}
