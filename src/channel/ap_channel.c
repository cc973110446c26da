/* SPDX-License-Identifier: MIT
 *
 * ap_channel.c: the steps of a channel. The invariants, which the comments here name by number, are in ap_channel.h.
 */
#include "../platform/ap_os.h"

#include <string.h>

#include "ap_channel.h"
#include "ap_select.h"

void ap_channel_init(ap_channel *ch, uint64_t capacity)
{
    memset(ch, 0, sizeof *ch);
    ch->capacity = capacity;
    ap_mutex_init(&ch->lock);
    ap_init_u64(&ch->count, 0);
    ap_init_i64(&ch->due, AP_FOREVER);
    ap_init_u32(&ch->closed, 0);
    ap_init_u64(&ch->watch, 0);
}

void ap_channel_destroy(ap_channel *ch)
{
    free(ch->first);
    free(ch->spare);
}

void ap_channel_lock_slow(ap_channel *ch) { ap_mutex_lock_until(&ch->lock, 0, AP_FOREVER); }

/* ---- the buffer ------------------------------------------------------------------------------------------------- */

/* After this, append() succeeds. False: no memory. */
static bool reserve(ap_channel *ch)
{
    return ap_channel_has_place(ch) || ch->spare != NULL || (ch->spare = malloc(sizeof *ch->spare)) != NULL;
}

static void append(ap_channel *ch, void *value)
{
    if (!ap_channel_has_place(ch)) {
        ap_chunk *chunk = ch->spare;
        ch->spare = NULL;
        chunk->next = NULL;
        *(ch->last == NULL ? &ch->first : &ch->last->next) = chunk;
        ch->last = chunk;
        ch->tail = 0;
    }
    ch->last->values[ch->tail++] = value;
    ap_channel_set_count(ch, ap_load_u64_relaxed(&ch->count) + 1);
}

static void *take_first(ap_channel *ch)
{
    ap_chunk *chunk = ch->first;
    void *value = chunk->values[ch->head++];
    if (ch->head == AP_CHUNK_VALUES) {
        ch->head = 0;
        ch->first = chunk->next;
        if (ch->first == NULL) {
            ch->last = NULL;
        }
        if (ch->spare == NULL) {
            ch->spare = chunk;
        } else {
            free(chunk);
        }
    }
    ap_channel_set_count(ch, ap_load_u64_relaxed(&ch->count) - 1);
    return value;
}

/* ---- the steps, with the lock held ------------------------------------------------------------------------------ */

ap_channel_result ap_channel_send_locked(ap_channel *ch, void *value, ap_waiter **woken)
{
    *woken = NULL;
    if (ap_load_u32_relaxed(&ch->closed) != 0) {
        return AP_CHANNEL_CLOSED;
    }
    ap_case *receiver = ap_case_choose_first(&ch->receivers);
    if (receiver != NULL) {
        receiver->value = value;
        *woken = receiver->waiter;
        return AP_CHANNEL_DONE;
    }
    if (ap_load_u64_relaxed(&ch->count) >= ch->capacity) {
        return AP_CHANNEL_WOULD_BLOCK;
    }
    if (!reserve(ch)) {
        return AP_CHANNEL_NO_MEMORY;
    }
    append(ch, value);
    return AP_CHANNEL_DONE;
}

ap_channel_result ap_channel_receive_locked(ap_channel *ch, void **value, ap_waiter **woken)
{
    *woken = NULL;
    bool buffered = ap_load_u64_relaxed(&ch->count) > 0;
    if (buffered && ap_case_queue_first(&ch->senders) != NULL && !reserve(ch)) {
        return AP_CHANNEL_NO_MEMORY; /* before a sender is chosen: nothing has changed */
    }
    if (buffered) {
        *value = take_first(ch);
    }
    ap_case *sender = ap_case_choose_first(&ch->senders);
    if (sender != NULL) {
        *woken = sender->waiter;
        if (buffered) {
            append(ch, sender->value); /* invariant 4 */
        } else {
            *value = sender->value;
        }
    }
    if (buffered || sender != NULL) {
        return AP_CHANNEL_DONE;
    }
    return ap_load_u32_relaxed(&ch->closed) != 0 ? AP_CHANNEL_CLOSED : AP_CHANNEL_WOULD_BLOCK;
}

/* ---- without the lock ------------------------------------------------------------------------------------------- */

ap_channel_result ap_channel_try_send_slow(ap_channel *ch, void *value)
{
    for (;;) {
        ap_waiter *woken;
        ap_channel_result result = ap_channel_send_locked(ch, value, &woken);
        ap_channel_unlock(ch);
        if (woken == NULL || woken->wake(woken)) {
            return result;
        }
        ap_channel_lock(ch); /* the receiver never runs again: the value is still to be sent */
    }
}

ap_channel_result ap_channel_try_receive_slow(ap_channel *ch, void **value)
{
    ap_waiter *woken;
    ap_channel_result result = ap_channel_receive_locked(ch, value, &woken);
    ap_channel_unlock(ch);
    if (woken != NULL) {
        woken->wake(woken);
    }
    return result;
}

/* Choose all live cases of a queue, and put them before `list`. */
static ap_case *choose_all(ap_case_queue *queue, ap_case *list)
{
    for (ap_case *c; (c = ap_case_choose_first(queue)) != NULL;) {
        c->closed = true;
        c->next = list;
        list = c;
    }
    return list;
}

bool ap_channel_close(ap_channel *ch)
{
    ap_channel_lock(ch);
    if (ap_load_u32_relaxed(&ch->closed) != 0) {
        ap_channel_unlock(ch);
        return false;
    }
    ap_exchange_u32(&ch->closed, 1);
    ap_case *waiting = choose_all(&ch->senders, choose_all(&ch->receivers, NULL));
    ap_channel_unlock(ch);
    while (waiting != NULL) {
        ap_case *next = waiting->next; /* read first: the woken thread frees its case */
        waiting->waiter->wake(waiting->waiter);
        waiting = next;
    }
    return true;
}

bool ap_channel_fire(ap_channel *ch, int64_t due, int64_t now, void *value)
{
    ap_channel_lock(ch);
    if (ap_load_i64_relaxed(&ch->due) != due || due > now) {
        ap_channel_unlock(ch);
        return false;
    }
    int64_t next = AP_FOREVER;
    if (ch->interval > 0) {
        next = due + ((now - due) / ch->interval + 1) * ch->interval;
    }
    ap_store_i64_relaxed(&ch->due, next);
    return ap_channel_try_send_slow(ch, value) == AP_CHANNEL_DONE;
}

void *ap_channel_remove_waiter(ap_channel *ch, void **value)
{
    void *owner = NULL;
    ap_channel_lock(ch);
    for (ap_case *c;
         owner == NULL
         && ((c = ap_case_queue_first(&ch->senders)) != NULL || (c = ap_case_queue_first(&ch->receivers)) != NULL);) {
        ap_case_dequeue(c);
        owner = c->waiter->owner;
        *value = c->sends ? c->value : NULL;
    }
    ap_channel_unlock(ch);
    return owner;
}

static int visit_queue(ap_case_queue *queue, ap_channel_visitor visit, void *context)
{
    int result = 0;
    for (const ap_case *c = ap_case_queue_first(queue); c != NULL && result == 0; c = c->next) {
        if (c->sends) {
            result = visit(c->value, context);
        }
        if (c->waiter->owner != NULL && result == 0) {
            result = visit(c->waiter->owner, context);
        }
    }
    return result;
}

int ap_channel_visit(ap_channel *ch, ap_channel_visitor visit, void *context)
{
    uint32_t at = ch->head;
    for (const ap_chunk *chunk = ch->first; chunk != NULL; chunk = chunk->next, at = 0) {
        for (uint32_t end = chunk == ch->last ? ch->tail : AP_CHUNK_VALUES; at < end; at++) {
            int result = visit(chunk->values[at], context);
            if (result != 0) {
                return result;
            }
        }
    }
    int result = visit_queue(&ch->receivers, visit, context);
    return result != 0 ? result : visit_queue(&ch->senders, visit, context);
}
