/* SPDX-License-Identifier: MIT
 *
 * select.c: select of the core alone. A select does one case or none, no waiter is lost when selects meet, and ready cases
 * are chosen with equal chance. `make select`; channel.c has one channel.
 */
#include "platform/ap_os.h"
#include "channel_calls.h"

#include <unistd.h>

#include "ap_core.h"

enum { CHANNELS = 3 };

static ap_channel channels[CHANNELS];
static parcel parcels[THREADS][ROUNDS][2];

static void start_over(const uint64_t capacities[CHANNELS])
{
    for (int i = 0; i < CHANNELS; i++) {
        ap_channel_init(&channels[i], capacities[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        for (int j = 0; j < ROUNDS; j++) {
            parcels[i][j][0] = parcels[i][j][1] = (parcel){.sender = i, .number = j};
        }
    }
}

static void check_each_sent_is_received(uint64_t least)
{
    uint64_t sent = 0;
    for (int i = 0; i < CHANNELS; i++) {
        parcel *p;
        while (ap_channel_try_receive(&channels[i], (void **)&p) == AP_CHANNEL_DONE) {
            note_received(p);
        }
        CHECK(ap_case_queue_first(&channels[i].senders) == NULL && ap_case_queue_first(&channels[i].receivers) == NULL);
        ap_channel_destroy(&channels[i]);
    }
    for (parcel *p = &parcels[0][0][0]; p <= &parcels[THREADS - 1][ROUNDS - 1][1]; p++) {
        CHECK(ap_load_u32(&p->sent) == ap_load_u32(&p->received) && ap_load_u32(&p->sent) <= 1);
        sent += ap_load_u32(&p->sent);
    }
    CHECK(sent >= least);
}

/* ---- one thread ---- */

static parcel *const a = &parcels[0][0][0], *const b = &parcels[0][1][0];

static void test_one_thread(void)
{
    start_over((uint64_t[]){0, 1, 1});
    ap_channel *rendezvous = &channels[0], *one = &channels[1], *other = &channels[2];

    /* None is ready. NULL never is. The same channel twice does not meet itself. */
    ap_case none[] = {receive_from(one), receive_from(NULL), send_to(rendezvous, a), receive_from(rendezvous)};
    CHECK(do_one(none, 4, 0) == -1 && do_one(none, 4, ap_now() + MS) == -1 && ap_select_look(none, 4) == -1);
    CHECK(do_one(NULL, 0, 0) == -1 && do_one(NULL, 0, ap_now() + MS) == -1);

    /* One is ready, and it alone is done. */
    ap_case sends[] = {send_to(rendezvous, a), send_to(NULL, a), send_to(one, b)};
    CHECK(do_one(sends, 3, AP_FOREVER) == 2 && ap_channel_count(one) == 1);
    CHECK(do_one(sends, 3, ap_now() + MS) == -1 && ap_channel_count(one) == 1);
    ap_case receives[] = {receive_from(rendezvous), receive_from(other), receive_from(one)};
    CHECK(do_one(receives, 3, AP_FOREVER) == 2 && receives[2].value == b && !receives[2].closed);

    /* A waiter on the other side makes a case ready. */
    callback back = {0};
    CHECK(start_callback(&back, receive_from(rendezvous)) == AP_CHANNEL_WOULD_BLOCK);
    CHECK(do_one(sends, 1, 0) == 0 && back.c.value == a && ap_load_u32(&back.woken) == 1);
    CHECK(start_callback(&back, send_to(rendezvous, b)) == AP_CHANNEL_WOULD_BLOCK);
    CHECK(ap_select_look(receives, 2) == 0 && receives[0].value == b && ap_load_u32(&back.woken) == 1);

    /* A receiver that can never run. */
    callback lost = {.lost = true};
    CHECK(start_callback(&lost, receive_from(rendezvous)) == AP_CHANNEL_WOULD_BLOCK);
    CHECK(do_one(sends, 1, ap_now() + MS) == -1 && ap_load_u32(&lost.woken) == 1);

    /* A closed channel is ready, to send and to receive. */
    CHECK(ap_channel_close(other));
    CHECK(do_one(receives, 3, AP_FOREVER) == 1 && receives[1].closed);
    ap_case refused[] = {send_to(rendezvous, a), send_to(other, b)};
    CHECK(do_one(refused, 2, AP_FOREVER) == 1 && refused[1].closed && refused[1].value == b);
    CHECK(ap_select_look(refused, 2) == 1 && refused[1].closed);
    check_each_sent_is_received(0);
    printf("ok  select: one thread\n");
}

/* Ready cases are chosen with equal chance, by a look and by a select: of n choices among three, each is chosen n / 3
 * times. The bound is ten standard deviations. */
static void test_chances(void)
{
    enum { CHOICES = 3000 };
    start_over((uint64_t[]){AP_CHANNEL_UNBOUNDED, AP_CHANNEL_UNBOUNDED, AP_CHANNEL_UNBOUNDED});
    int chosen[2][4] = {{0}};
    for (int i = 0; i < 2 * CHOICES; i++) {
        ap_case cases[] = {
            send_to(&channels[0], a), send_to(&channels[1], a), receive_from(NULL), send_to(&channels[2], a)};
        int64_t done = i % 2 == 0 ? ap_select_look(cases, 4) : do_one(cases, 4, AP_FOREVER);
        CHECK(done >= 0 && done != 2);
        chosen[i % 2][done]++;
        void *value;
        CHECK(ap_channel_try_receive(cases[done].channel, &value) == AP_CHANNEL_DONE);
    }
    for (int i = 0; i < 8; i++) {
        CHECK(i % 4 == 2 || abs(chosen[i / 4][i % 4] - CHOICES / 3) < 260);
    }
    printf("ok  select: equal chances\n");
}

/* A waiter that times out and comes back has the turn that it had. */
static ap_select *early;

static void *wait_again(void *unused)
{
    CHECK(ap_select_wait(early, AP_FOREVER, &RUNTIME) == 1);
    return unused;
}

static void test_turn(void)
{
    start_over((uint64_t[]){0, 0, 0});
    ap_case cases[] = {receive_from(&channels[1]), receive_from(&channels[0])};
    callback late = {0};
    pthread_t thread;
    early = ap_select_new(cases, 2);
    CHECK(early != NULL && ap_select_wait(early, ap_now() + MS, &RUNTIME) == AP_SELECT_TIMED_OUT);
    CHECK(start_callback(&late, receive_from(&channels[0])) == AP_CHANNEL_WOULD_BLOCK);
    CHECK(pthread_create(&thread, NULL, wait_again, NULL) == 0);
    while (atomic_load(&channels[0].receivers.first) != ap_select_case(early, 1)) { }
    CHECK(ap_channel_try_send(&channels[0], a) == AP_CHANNEL_DONE && ap_load_u32(&late.woken) == 0);
    pthread_join(thread, NULL);
    CHECK(ap_select_case(early, 1)->value == a && ap_case_withdraw(&late.c));
    ap_select_free(early);
    check_each_sent_is_received(0);
    printf("ok  select: a waiter that comes back has its turn\n");
}

/* ---- all threads, over all channels, in both directions ---- */

static void select_at_random(int me)
{
    uint32_t random = (uint32_t)me;
    for (int i = 0; i < ROUNDS / 4; i++) {
        ap_case cases[4];
        size_t n = 1 + next_below(&random, 4), sends = 0;
        for (size_t at = 0; at < n; at++) {
            ap_channel *ch = &channels[next_below(&random, CHANNELS)];
            cases[at] = sends < 2 && next_below(&random, 2) ? send_to(ch, &parcels[me][i][sends++]) : receive_from(ch);
        }
        uint32_t patience = next_below(&random, 40);
        int64_t done = patience < 10 ? ap_select_look(cases, n) : do_one(cases, n, ap_now() + patience * 1000);
        if (done >= 0 && cases[done].sends) {
            ap_fetch_add_u32(&((parcel *)cases[done].value)->sent, 1);
        } else if (done >= 0) {
            note_received(cases[done].value);
        }
    }
}

static void test_at_random(void)
{
    static const uint64_t capacities[][CHANNELS] = {{0, 0, 0}, {0, 1, 2}, {1, 1, AP_CHANNEL_UNBOUNDED}};
    for (int i = 0; i < 3; i++) {
        start_over(capacities[i]);
        hammer("select: sent is received and left, over three channels", select_at_random);
        check_each_sent_is_received(ROUNDS / 10);
    }
}

/* ---- selects that face each other, and never time out ---- */

/* Of two threads each offers a value on the channel from which the other one receives, in the other order. One of the two
 * cases is done, by both. After as many rounds neither waits. */
static ap_channel pairs[THREADS];

static void face_the_other(int me)
{
    ap_channel *mine = &pairs[me], *others = &pairs[me ^ 1];
    for (int i = 0; i < ROUNDS / 4; i++) {
        ap_case cases[] = {send_to(mine, &parcels[me][i][0]), receive_from(others)};
        int64_t done = do_one(cases, 2, AP_FOREVER);
        if (done == 0) {
            ap_fetch_add_u32(&parcels[me][i][0].sent, 1);
        } else {
            CHECK(((parcel *)cases[1].value)->sender == (me ^ 1));
            note_received(cases[1].value);
        }
    }
}

static void test_facing(void)
{
    start_over((uint64_t[]){0, 0, 0});
    for (int i = 0; i < THREADS; i++) {
        ap_channel_init(&pairs[i], 0);
    }
    hammer("select: two that face each other", face_the_other);
    check_each_sent_is_received(THREADS / 2 * (ROUNDS / 4));
}

/* ---- close, while selects wait ---- */

enum { CLOSES = ROUNDS / 20 };
static ap_channel closing[CLOSES][2];

static void select_or_close(int me)
{
    for (int i = 0; i < CLOSES; i++) {
        ap_channel *first = &closing[i][i % 2], *second = &closing[i][(i + 1) % 2];
        if (me == i % THREADS) {
            CHECK(ap_channel_close(first)); /* which ends each select */
        }
        ap_case cases[] = {receive_from(second), receive_from(first), send_to(second, &parcels[me][i][0])};
        int64_t done = do_one(cases, me % 2 == 0 ? 2 : 3, AP_FOREVER);
        CHECK(done >= 0 && cases[done].closed == (done == 1));
        if (done == 2) {
            ap_fetch_add_u32(&parcels[me][i][0].sent, 1);
        } else if (done == 0) {
            note_received(cases[0].value);
        }
    }
}

static void test_close(void)
{
    start_over((uint64_t[]){0, 0, 0});
    for (int i = 0; i < CLOSES; i++) {
        ap_channel_init(&closing[i][0], (uint64_t)i / 2 % 2);
        ap_channel_init(&closing[i][1], (uint64_t)i / 2 % 2);
    }
    hammer("select: close ends each", select_or_close);
    for (int i = 0; i < CLOSES; i++) {
        parcel *p;
        while (ap_channel_try_receive(&closing[i][(i + 1) % 2], (void **)&p) == AP_CHANNEL_DONE) {
            note_received(p);
        }
        ap_channel_destroy(&closing[i][0]);
        ap_channel_destroy(&closing[i][1]);
    }
    check_each_sent_is_received(0);
}

int main(void)
{
    alarm(600); /* a lost wake-up becomes a failure, not a hang */
    CHECK(ap_core_init());
    test_one_thread();
    test_chances();
    test_turn();
    test_at_random();
    test_facing();
    test_close();
    printf("ok  all\n");
    return 0;
}
