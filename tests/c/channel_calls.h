/* SPDX-License-Identifier: MIT
 *
 * channel_calls.h: a thread's send, receive and select without Python, and values that know how often they were received.
 */
#ifndef CHANNEL_CALLS_H
#define CHANNEL_CALLS_H

#include "hammer.h" /* first */

#include "channel/ap_select.h"

static void *keep_running(void) { return NULL; }
static void run_again(void *state) { CHECK(state == NULL); }

static const ap_runtime RUNTIME = {.detach = keep_running, .attach = run_again, .parallel = true};

/* Its plain fields are written by the sender and read by the receiver, so ThreadSanitizer reports a value that was not
 * published. */
typedef struct {
    int sender, number;
    ap_u32 sent, received; /* how often */
} parcel;

static inline ap_case receive_from(ap_channel *ch) { return (ap_case){.channel = ch}; }

static inline ap_case send_to(ap_channel *ch, void *value)
{
    return (ap_case){.channel = ch, .value = value, .sends = true};
}

/* Do one of the cases, or return -1 at the deadline. The results are in `cases`. */
static inline int64_t do_one(ap_case *cases, size_t n, int64_t deadline)
{
    ap_select *s = ap_select_new(cases, n);
    CHECK(s != NULL);
    int64_t done = ap_select_wait(s, deadline, &RUNTIME);
    CHECK(done >= AP_SELECT_TIMED_OUT && done < (int64_t)n);
    if (done >= 0) {
        cases[done] = *ap_select_case(s, (size_t)done);
    }
    ap_select_free(s);
    return done;
}

static inline ap_channel_result do_case(ap_case *c, int64_t deadline)
{
    return do_one(c, 1, deadline) < 0 ? AP_CHANNEL_WOULD_BLOCK : c->closed ? AP_CHANNEL_CLOSED : AP_CHANNEL_DONE;
}

static inline ap_channel_result send_until(ap_channel *ch, void *value, int64_t deadline)
{
    ap_case c = send_to(ch, value);
    return do_case(&c, deadline);
}

static inline ap_channel_result receive_until(ap_channel *ch, void *value, int64_t deadline)
{
    ap_case c = receive_from(ch);
    ap_channel_result result = do_case(&c, deadline);
    *(void **)value = c.value;
    return result;
}

static inline void note_received(parcel *p)
{
    CHECK(p->number >= 0);
    ap_fetch_add_u32(&p->received, 1);
}

/* A number below n, of a sequence that each thread has of its own. */
static inline uint32_t next_below(uint32_t *state, uint32_t n)
{
    *state = *state * 1664525 + 1013904223;
    return (*state >> 8) % n;
}

/* ---- a waiter that is a callback ---- */

typedef struct {
    ap_waiter waiter; /* first: wake() gets its address */
    ap_case c;
    ap_u32 woken;
    bool lost; /* wake() returns false */
} callback;

static inline bool wake_callback(ap_waiter *w)
{
    callback *back = (callback *)w;
    bool runs = !back->lost; /* read first: the woken thread may reuse the memory */
    CHECK(ap_fetch_add_u32(&back->woken, 1) == 0);
    return runs;
}

static inline ap_channel_result start_callback(callback *back, ap_case c)
{
    *back = (callback){.waiter = {.cases = &back->c, .wake = wake_callback, .owner = back}, .c = c, .lost = back->lost};
    back->c.waiter = &back->waiter;
    return ap_case_start(&back->c);
}

#endif /* CHANNEL_CALLS_H */
