/* SPDX-License-Identifier: MIT
 * In the documentation: docs/design/channel.md
 *
 * ap_channel.h: a channel: values handed from senders to receivers, first in, first out. Go's chan (runtime/chan.go).
 *
 * A channel is a buffer of `capacity` values, a queue of waiting receivers, a queue of waiting senders, and one lock.
 *
 *     state of the open channel       a send                            a receive
 *     buffer empty, receivers wait    hands the value to the first      (waits behind them)
 *                                     receiver
 *     buffer neither empty nor full   appends the value                 takes the first value
 *     buffer full, no sender waits    waits                             takes the first value
 *     buffer full, senders wait       waits behind them                 takes the first value, appends that of the
 *                                                                       first sender
 *     closed                          fails                             takes the first value; fails if there is none
 *
 * With capacity 0 the buffer is always both empty and full: a receive takes the value of the first sender.
 *
 * Invariants. "Waits" means that a live case is in the queue (ap_select.h). All hold while the channel is unlocked.
 *
 * 1. A receiver waits only if the buffer is empty and no sender waits; a sender waits only if the buffer is full and no
 *    receiver waits. (The cases of one select do not meet, so it may wait in both queues.) A closed channel has neither.
 * 2. Each value has one owner: the sender before it is sent, then the buffer, then the receiver. A step under the lock
 *    moves it. So no value is lost and none is received twice.
 * 3. The buffer holds at most `capacity` values.
 * 4. Values are received in the order in which they were sent: the buffer is a queue, the senders behind it are a queue,
 *    and a receive moves the first sender's value to the buffer's end.
 * 5. A thread is woken after the unlock, and its case holds the result. It does not take the lock to learn it.
 *
 * The lock is held for a few steps, and no foreign code runs meanwhile. Its holder waits for nothing but the locks of
 * other channels, in the order of their addresses (ap_select.h).
 * A thread of Python holds it only while it is attached to the interpreter. So a collection that has stopped all threads,
 * and a child after fork(), find every channel unlocked and whole.
 *
 * Values are pointers that the core does not look into. In Python they are references that the channel owns.
 *
 * The buffer is a list of chunks, so a channel without a bound never copies it, and one of a large capacity takes only
 * the memory that its values need. One empty chunk is kept.
 */
#ifndef AP_CHANNEL_H
#define AP_CHANNEL_H

#include <stddef.h>

#include "../atomic/ap_atomic.h"
#include "../atomic/ap_u32.h"
#include "../atomic/ap_u64.h"
#include "../platform/ap_clock.h"
#include "../sync/ap_mutex.h"

#define AP_CHANNEL_UNBOUNDED UINT64_MAX
#define AP_CHUNK_VALUES 32

typedef struct ap_waiter ap_waiter;
typedef struct ap_case ap_case;

typedef struct ap_chunk {
    struct ap_chunk *next;
    void *values[AP_CHUNK_VALUES];
} ap_chunk;

/* The cases that wait, ordered by their tickets. Written with the lock held; `first` is also read without it. */
typedef struct {
    _Atomic(ap_case *) first;
    ap_case *last;
} ap_case_queue;

static inline ap_case *ap_case_queue_first(ap_case_queue *queue)
{
    return atomic_load_explicit(&queue->first, memory_order_relaxed);
}

/* First what is rarely written, then what each operation writes, together: two cores that use the channel move one
 * cache line between them. */
typedef struct {
    uint64_t capacity;
    int64_t interval; /* of a channel of the clock, -1: one value; 0: another channel */
    ap_u64 watch;     /* 0; of the caller: the core does not look into it */
    ap_u32 closed;
    ap_mutex lock;
    ap_u64 count;           /* of buffered values; written with the lock held */
    ap_chunk *first, *last; /* the buffer; NULL without a chunk */
    uint32_t head, tail;    /* of the first value in `first`, and behind the last one in `last` */
    ap_chunk *spare;        /* empty, or NULL */
    ap_case_queue receivers, senders;
    uint64_t tickets; /* given to cases so far */
    ap_i64 due;       /* a channel of the clock: when the next value is due; else AP_FOREVER */
} ap_channel;

typedef int (*ap_channel_visitor)(void *value, void *context);

typedef enum {
    AP_CHANNEL_WOULD_BLOCK,
    AP_CHANNEL_DONE,
    AP_CHANNEL_CLOSED,
    AP_CHANNEL_NO_MEMORY,
} ap_channel_result;

void ap_channel_init(ap_channel *ch, uint64_t capacity);

/* Free the memory. The buffer and the queues are empty. */
void ap_channel_destroy(ap_channel *ch);

/* For ap_channel_lock(): tries once more, and then waits. */
void ap_channel_lock_slow(ap_channel *ch);

/* With AP_CALLERS_EXCLUDE_EACH_OTHER the callers have a lock of their own, which Python's GIL is: it is held in each
 * function here but while ap_select_wait() has detached the thread, and then no channel is locked. */
#if defined(AP_CALLERS_EXCLUDE_EACH_OTHER)
static inline void ap_channel_lock(ap_channel *ch) { (void)ch; }
static inline void ap_channel_unlock(ap_channel *ch) { (void)ch; }
#else
static inline void ap_channel_lock(ap_channel *ch)
{
    if (!ap_mutex_try_lock(&ch->lock)) {
        ap_channel_lock_slow(ch);
    }
}
static inline void ap_channel_unlock(ap_channel *ch) { ap_mutex_unlock(&ch->lock); }
#endif

/* With the lock held: the step, and in *woken whom to wake after the unlock, or NULL. */
ap_channel_result ap_channel_send_locked(ap_channel *ch, void *value, ap_waiter **woken);
ap_channel_result ap_channel_receive_locked(ap_channel *ch, void **value, ap_waiter **woken);

/* With the lock held, which they release: the cases that the inline functions below leave out. */
ap_channel_result ap_channel_try_send_slow(ap_channel *ch, void *value);
ap_channel_result ap_channel_try_receive_slow(ap_channel *ch, void **value);

/* Close it and wake every waiter. False: it was closed already. */
bool ap_channel_close(ap_channel *ch);

/* A channel of the clock: send `value` if the value that was due at `due` is still to be sent. A value that finds no
 * room is dropped. True: the channel or a receiver owns the value. */
bool ap_channel_fire(ap_channel *ch, int64_t due, int64_t now, void *value);

/* Dequeue the first waiter with an owner, and return the owner; NULL: there is none. *value: the value of a waiting
 * sender, or NULL. For a channel that no thread can reach any more, so no thread waits on it. */
void *ap_channel_remove_waiter(ap_channel *ch, void **value);

/* Call visit(value, context) for the values in the buffer and those of waiting senders, and for the owners of waiters
 * (ap_waiter), until one call returns another number than 0; return that. No other thread may use the channel. */
int ap_channel_visit(ap_channel *ch, ap_channel_visitor visit, void *context);

static inline bool ap_channel_is_closed(ap_channel *ch) { return ap_load_u32(&ch->closed) != 0; }

static inline uint64_t ap_channel_count(ap_channel *ch) { return ap_load_u64(&ch->count); }

/* A channel of the clock: when the next value is due. */
static inline int64_t ap_channel_due(ap_channel *ch) { return ap_load_i64(&ch->due); }

/* Before the first use. `interval`: between two values, or -1 for one value. */
static inline void ap_channel_set_clock(ap_channel *ch, int64_t due, int64_t interval)
{
    ap_init_i64(&ch->due, due);
    ch->interval = interval;
}

/* Does `value` go into the last chunk, or come out of the first, without more? */
static inline bool ap_channel_has_place(const ap_channel *ch) { return ch->last != NULL && ch->tail < AP_CHUNK_VALUES; }

static inline void ap_channel_set_count(ap_channel *ch, uint64_t count) { ap_store_u64_release(&ch->count, count); }

/* An uncontended step of the channel: with the lock, and without a waiter or a chunk to make. Go's runtime does the same
 * in two functions of which one is inlined. */
static inline ap_channel_result ap_channel_try_send(ap_channel *ch, void *value)
{
    ap_channel_lock(ch);
    uint64_t count = ap_load_u64_relaxed(&ch->count);
    if (count < ch->capacity && ap_channel_has_place(ch) && ap_case_queue_first(&ch->receivers) == NULL
        && ap_load_u32_relaxed(&ch->closed) == 0) {
        ch->last->values[ch->tail++] = value;
        ap_channel_set_count(ch, count + 1);
        ap_channel_unlock(ch);
        return AP_CHANNEL_DONE;
    }
    return ap_channel_try_send_slow(ch, value);
}

static inline ap_channel_result ap_channel_try_receive(ap_channel *ch, void **value)
{
    ap_channel_lock(ch);
    uint64_t count = ap_load_u64_relaxed(&ch->count);
    if (count > 0 && ch->head < AP_CHUNK_VALUES - 1 && ap_case_queue_first(&ch->senders) == NULL) {
        *value = ch->first->values[ch->head++];
        ap_channel_set_count(ch, count - 1);
        ap_channel_unlock(ch);
        return AP_CHANNEL_DONE;
    }
    return ap_channel_try_receive_slow(ch, value);
}

/* Without the lock: would a receive (a send) have waited at some time during the call? The count, or with capacity 0 the
 * queue of the other side, shows it. `closed` is never reset and is loaded last, so the two loads are one step: a channel
 * that was not ready and then not closed was neither at the first load (Go's chanrecv). `closed` first would not do,
 * because close() empties the queues. The stores to the count and the queues release, so what the second load returns is
 * not older than what the first one returns. A dead case in the queue costs a try. */
static inline bool ap_channel_receive_would_block(ap_channel *ch)
{
    return ap_load_u64(&ch->count) == 0 && (ch->capacity > 0 || atomic_load(&ch->senders.first) == NULL)
           && !ap_channel_is_closed(ch);
}

static inline bool ap_channel_send_would_block(ap_channel *ch)
{
    return ap_load_u64(&ch->count) >= ch->capacity && (ch->capacity > 0 || atomic_load(&ch->receivers.first) == NULL)
           && !ap_channel_is_closed(ch);
}

#endif /* AP_CHANNEL_H */
