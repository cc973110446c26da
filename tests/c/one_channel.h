/* SPDX-License-Identifier: MIT
 *
 * one_channel.h: one channel, values for it, and the checks of its states.
 */
#ifndef ONE_CHANNEL_H
#define ONE_CHANNEL_H

#include "channel_calls.h" /* first */

static ap_channel ch;
static parcel parcels[THREADS][ROUNDS];

static inline void start_over(uint64_t capacity)
{
    ap_channel_init(&ch, capacity);
    for (int i = 0; i < THREADS; i++) {
        for (int j = 0; j < ROUNDS; j++) {
            parcels[i][j] = (parcel){.sender = i, .number = j};
        }
    }
}

static inline ap_channel_result try_receive(void *value) { return ap_channel_try_receive(&ch, (void **)value); }

/* Empty it, and count what was left. */
static inline void receive_all(void)
{
    parcel *p;
    while (try_receive(&p) == AP_CHANNEL_DONE) {
        note_received(p);
    }
    CHECK(ap_channel_count(&ch) == 0 && ap_case_queue_first(&ch.senders) == NULL);
    CHECK(ap_case_queue_first(&ch.receivers) == NULL);
    ap_channel_destroy(&ch);
}

static parcel *const a = &parcels[0][0], *const b = &parcels[0][1], *const c = &parcels[0][2];

static inline void check_empty(void)
{
    parcel *p;
    CHECK(ap_channel_receive_would_block(&ch) && try_receive(&p) == AP_CHANNEL_WOULD_BLOCK);
    CHECK(receive_until(&ch, &p, 0) == AP_CHANNEL_WOULD_BLOCK);
    CHECK(receive_until(&ch, &p, ap_now() + MS) == AP_CHANNEL_WOULD_BLOCK);
    CHECK(ap_channel_count(&ch) == 0);
}

static inline void check_full(parcel *p)
{
    CHECK(ap_channel_send_would_block(&ch) && ap_channel_try_send(&ch, p) == AP_CHANNEL_WOULD_BLOCK);
    CHECK(send_until(&ch, p, 0) == AP_CHANNEL_WOULD_BLOCK);
    CHECK(send_until(&ch, p, ap_now() + MS) == AP_CHANNEL_WOULD_BLOCK);
    CHECK(ap_channel_count(&ch) == ch.capacity);
}

static inline void check_received(parcel *expected)
{
    parcel *p = NULL;
    CHECK(!ap_channel_receive_would_block(&ch));
    CHECK((expected->number % 2 ? try_receive(&p) : receive_until(&ch, &p, AP_FOREVER)) == AP_CHANNEL_DONE);
    CHECK(p == expected);
}

#endif /* ONE_CHANNEL_H */
