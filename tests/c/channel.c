/* SPDX-License-Identifier: MIT
 *
 * channel.c: a channel of the core alone. Each value is received once, in the order in which it was sent, whatever the
 * capacity, the timeouts, and the callbacks and threads that wait. `make channel`; select.c has several channels.
 */
#include "platform/ap_os.h"
#include "one_channel.h"

#include <unistd.h>

#include "ap_core.h"

static void check_each_sent_is_received(uint64_t least)
{
    uint64_t sent = 0;
    for (int i = 0; i < THREADS; i++) {
        for (int j = 0; j < ROUNDS; j++) {
            CHECK(ap_load_u32(&parcels[i][j].sent) == ap_load_u32(&parcels[i][j].received));
            sent += ap_load_u32(&parcels[i][j].sent);
        }
    }
    CHECK(sent >= least);
}

/* ---- one thread: the table of states in ap_channel.h ---- */

static void test_states(void)
{
    callback first = {0}, second = {0};
    parcel *p;
    for (uint64_t capacity = 0; capacity <= 1; capacity++) {
        start_over(capacity);
        check_empty();
        /* Receivers wait: a send hands its value to the first. */
        CHECK(start_callback(&first, receive_from(&ch)) == AP_CHANNEL_WOULD_BLOCK);
        CHECK(start_callback(&second, receive_from(&ch)) == AP_CHANNEL_WOULD_BLOCK);
        CHECK(!ap_channel_send_would_block(&ch) && ap_channel_try_send(&ch, a) == AP_CHANNEL_DONE);
        CHECK(first.c.value == a && ap_load_u32(&first.woken) == 1 && ap_load_u32(&second.woken) == 0);
        CHECK(!ap_case_withdraw(&first.c) && ap_case_withdraw(&second.c));
        check_empty();
        /* Full; senders wait. A receive moves the value of the first one to the end. */
        CHECK(capacity == 0 || send_until(&ch, a, AP_FOREVER) == AP_CHANNEL_DONE);
        check_full(b);
        CHECK(start_callback(&first, send_to(&ch, b)) == AP_CHANNEL_WOULD_BLOCK);
        CHECK(start_callback(&second, send_to(&ch, c)) == AP_CHANNEL_WOULD_BLOCK);
        check_full(a);
        if (capacity == 1) {
            check_received(a);
            CHECK(ap_load_u32(&first.woken) == 1 && ap_channel_count(&ch) == 1);
        }
        check_received(b);
        CHECK(ap_load_u32(&first.woken) == 1 && ap_load_u32(&second.woken) == capacity);
        CHECK(ap_case_withdraw(&second.c) == (capacity == 0));
        if (capacity == 1) {
            check_received(c);
        }
        check_empty();
        /* Closed: what is buffered can be received. */
        CHECK(capacity == 0 || ap_channel_try_send(&ch, a) == AP_CHANNEL_DONE);
        CHECK(start_callback(&first, capacity == 0 ? receive_from(&ch) : send_to(&ch, b)) == AP_CHANNEL_WOULD_BLOCK);
        CHECK(!ap_channel_is_closed(&ch) && ap_channel_close(&ch) && !ap_channel_close(&ch));
        CHECK(ap_channel_is_closed(&ch) && first.c.closed && ap_load_u32(&first.woken) == 1);
        CHECK(!ap_channel_send_would_block(&ch) && ap_channel_try_send(&ch, b) == AP_CHANNEL_CLOSED);
        CHECK(send_until(&ch, b, AP_FOREVER) == AP_CHANNEL_CLOSED);
        CHECK(start_callback(&second, send_to(&ch, b)) == AP_CHANNEL_CLOSED && second.c.closed);
        if (capacity == 1) {
            check_received(a);
        }
        CHECK(!ap_channel_receive_would_block(&ch) && try_receive(&p) == AP_CHANNEL_CLOSED);
        CHECK(receive_until(&ch, &p, AP_FOREVER) == AP_CHANNEL_CLOSED);
        CHECK(start_callback(&second, receive_from(&ch)) == AP_CHANNEL_CLOSED);
        receive_all();
    }
    printf("ok  channel: the table of states\n");
}

/* As many values as fill many chunks, in bursts of each length, so that each place of a chunk is once the first and once
 * the last. */
static void test_chunks(void)
{
    start_over(AP_CHANNEL_UNBOUNDED);
    int sent = 0, received = 0;
    for (int burst = 1; sent + burst <= ROUNDS; burst = burst % (3 * AP_CHUNK_VALUES) + 1) {
        for (int i = 0; i < burst; i++) {
            CHECK(ap_channel_try_send(&ch, &parcels[0][sent++]) == AP_CHANNEL_DONE);
        }
        CHECK(ap_channel_count(&ch) == (uint64_t)(sent - received));
        for (int left = burst % 7 == 0 ? 0 : burst / 2; sent - received > left;) {
            parcel *p = NULL;
            CHECK(try_receive(&p) == AP_CHANNEL_DONE && p == &parcels[0][received++]);
        }
    }
    receive_all();
    printf("ok  channel: a buffer of many chunks\n");
}

/* ---- producers and consumers ---- */

enum { PRODUCERS = THREADS / 2, EACH = ROUNDS / 8 };

static ap_u32 producers_left;

static void produce(int me)
{
    for (int i = 0; i < EACH; i++) {
        if (i % 3 != 0 || ap_channel_try_send(&ch, &parcels[me][i]) != AP_CHANNEL_DONE) {
            CHECK(send_until(&ch, &parcels[me][i], AP_FOREVER) == AP_CHANNEL_DONE);
        }
        ap_fetch_add_u32(&parcels[me][i].sent, 1);
    }
    if (ap_fetch_sub_u32(&producers_left, 1) == 1) {
        CHECK(ap_channel_close(&ch));
    }
}

static void consume(void)
{
    int last[PRODUCERS];
    for (int i = 0; i < PRODUCERS; i++) {
        last[i] = -1;
    }
    for (int i = 0;; i++) {
        parcel *p;
        ap_channel_result result = i % 3 == 0 ? try_receive(&p) : AP_CHANNEL_WOULD_BLOCK;
        if (result == AP_CHANNEL_WOULD_BLOCK) {
            result = receive_until(&ch, &p, AP_FOREVER);
        }
        if (result == AP_CHANNEL_CLOSED) {
            return;
        }
        CHECK(result == AP_CHANNEL_DONE && last[p->sender] < p->number);
        CHECK(ap_channel_count(&ch) <= ch.capacity);
        last[p->sender] = p->number;
        note_received(p);
    }
}

static void produce_or_consume(int me)
{
    if (me < PRODUCERS) {
        produce(me);
    } else {
        consume();
    }
}

static void test_producers_and_consumers(void)
{
    static const uint64_t capacities[] = {0, 1, 3, AP_CHANNEL_UNBOUNDED};
    for (size_t i = 0; i < sizeof capacities / sizeof *capacities; i++) {
        start_over(capacities[i]);
        ap_init_u32(&producers_left, PRODUCERS);
        hammer("channel: each value is received once, those of a producer in their order", produce_or_consume);
        receive_all();
        check_each_sent_is_received(PRODUCERS * EACH);
    }
}

/* ---- timeouts that race with the other side; threads and callbacks in one queue ---- */

/* By a callback that is withdrawn if it was not woken for a while. */
static ap_channel_result do_by_callback(ap_case *given, uint32_t patience)
{
    callback back = {0};
    ap_channel_result result = start_callback(&back, *given);
    if (result == AP_CHANNEL_WOULD_BLOCK) {
        for (uint32_t i = 0; i < patience && ap_load_u32(&back.woken) == 0; i++) {
            ap_cpu_relax();
        }
        if (ap_case_withdraw(&back.c)) {
            CHECK(ap_load_u32(&back.woken) == 0);
            return AP_CHANNEL_WOULD_BLOCK;
        }
        while (ap_load_u32(&back.woken) == 0) { } /* its memory is on this stack */
        result = back.c.closed ? AP_CHANNEL_CLOSED : AP_CHANNEL_DONE;
    }
    given->value = back.c.value;
    return result;
}

/* By a waiter that comes back a few times, as Python's main thread after a look for signals. */
static ap_channel_result do_with_looks(ap_case *given, uint32_t looks)
{
    ap_select *s = ap_select_new(given, 1);
    int64_t done = AP_SELECT_TIMED_OUT;
    CHECK(s != NULL);
    for (uint32_t i = 0; i <= looks && done < 0; i++) {
        done = ap_select_wait(s, ap_now() + 1000 * (int64_t)i, &RUNTIME);
    }
    *given = *ap_select_case(s, 0);
    ap_select_free(s);
    return done < 0 ? AP_CHANNEL_WOULD_BLOCK : given->closed ? AP_CHANNEL_CLOSED : AP_CHANNEL_DONE;
}

static ap_channel_result do_impatiently(ap_case *given, uint32_t *random)
{
    switch (next_below(random, 4)) {
    case 0:
        return do_by_callback(given, next_below(random, 200));
    case 1:
        return do_with_looks(given, next_below(random, 4));
    default:
        return do_case(given, ap_now() + next_below(random, 30) * 1000);
    }
}

static void send_or_receive(int me)
{
    uint32_t random = (uint32_t)me;
    for (int i = 0; i < ROUNDS / 4; i++) {
        ap_case mine = me % 2 == 0 ? send_to(&ch, &parcels[me][i]) : receive_from(&ch);
        if (do_impatiently(&mine, &random) != AP_CHANNEL_DONE) {
            continue;
        }
        if (me % 2 == 0) {
            ap_fetch_add_u32(&parcels[me][i].sent, 1);
        } else {
            note_received(mine.value);
        }
    }
}

static void test_timeouts(void)
{
    for (uint64_t capacity = 0; capacity <= 3; capacity += capacity + 1) {
        start_over(capacity);
        hammer("channel: sent is received and left, with timeouts and callbacks", send_or_receive);
        receive_all();
        check_each_sent_is_received(ROUNDS / 100);
    }
}

/* ---- close, while threads wait ---- */

enum { CLOSES = ROUNDS / 20 };
static ap_channel closing[CLOSES];
static ap_u32 closers, refused;

static void wait_or_close(int me)
{
    uint32_t random = (uint32_t)me;
    for (int i = 0; i < CLOSES; i++) {
        /* The thread that closes is another one in each round. All others wait for ever. */
        if (me == i % THREADS) {
            for (uint32_t pauses = next_below(&random, 400); pauses > 0; pauses--) {
                ap_cpu_relax();
            }
            ap_fetch_add_u32(&closers, ap_channel_close(&closing[i]));
            CHECK(!ap_channel_close(&closing[i]));
        }
        ap_case mine = (me + i) % 3 == 0 ? receive_from(&closing[i]) : send_to(&closing[i], &parcels[me][i]);
        ap_channel_result result =
            next_below(&random, 4) == 0 ? do_by_callback(&mine, UINT32_MAX) : do_case(&mine, AP_FOREVER);
        CHECK(result == AP_CHANNEL_DONE || result == AP_CHANNEL_CLOSED);
        ap_fetch_add_u32(&refused, result == AP_CHANNEL_CLOSED);
        if (result == AP_CHANNEL_DONE && mine.sends) {
            ap_fetch_add_u32(&parcels[me][i].sent, 1);
        } else if (result == AP_CHANNEL_DONE) {
            note_received(mine.value);
        }
    }
}

static void test_close(void)
{
    start_over(0);
    for (int i = 0; i < CLOSES; i++) {
        ap_channel_init(&closing[i], (uint64_t)i % 3);
    }
    hammer("channel: close wakes each waiter", wait_or_close);
    for (int i = 0; i < CLOSES; i++) {
        ch = closing[i];
        receive_all();
    }
    CHECK(ap_load_u32(&closers) == CLOSES && ap_load_u32(&refused) > CLOSES);
    check_each_sent_is_received(0);
}

int main(void)
{
    alarm(600); /* a lost wake-up becomes a failure, not a hang */
    CHECK(ap_core_init());
    test_states();
    test_chunks();
    test_producers_and_consumers();
    test_timeouts();
    test_close();
    printf("ok  all\n");
    return 0;
}
