/* SPDX-License-Identifier: MIT
 *
 * channel_waiters.c: waiters that no thread of this process resumes: a callback that can never run, a waiter of an
 * unreachable channel, the waiters of the parent after fork(). And channels of the clock. `make channel_waiters`.
 */
#include "platform/ap_os.h"
#include "one_channel.h"

#include <sys/wait.h>
#include <unistd.h>

#include "ap_core.h"

/* ---- a callback that can never run ---- */

static void test_lost_callbacks(void)
{
    callback lost = {.lost = true}, next = {0};
    for (uint64_t capacity = 0; capacity <= 1; capacity++) {
        /* The next receiver gets the value; without one it stays the sender's, or goes into the buffer. */
        start_over(capacity);
        for (int receivers = 2; receivers > 0; receivers--) {
            CHECK(start_callback(&lost, receive_from(&ch)) == AP_CHANNEL_WOULD_BLOCK);
            if (receivers == 2) {
                CHECK(start_callback(&next, receive_from(&ch)) == AP_CHANNEL_WOULD_BLOCK);
            }
            ap_channel_result expected = receivers == 2 || capacity == 1 ? AP_CHANNEL_DONE : AP_CHANNEL_WOULD_BLOCK;
            CHECK(send_until(&ch, a, ap_now() + MS) == expected && ap_load_u32(&lost.woken) == 1);
            CHECK(next.c.value == a && ap_load_u32(&next.woken) == 1);
        }
        if (capacity == 1) {
            check_received(a);
        }
        /* The same for a send by a callback, and by one that does not wait. */
        CHECK(start_callback(&lost, receive_from(&ch)) == AP_CHANNEL_WOULD_BLOCK);
        CHECK(start_callback(&next, send_to(&ch, b)) == (capacity == 1 ? AP_CHANNEL_DONE : AP_CHANNEL_WOULD_BLOCK));
        check_received(b);
        CHECK(start_callback(&lost, receive_from(&ch)) == AP_CHANNEL_WOULD_BLOCK);
        CHECK(ap_channel_try_send(&ch, c) == (capacity == 1 ? AP_CHANNEL_DONE : AP_CHANNEL_WOULD_BLOCK));
        CHECK(capacity == 0 || try_receive(&(parcel *){NULL}) == AP_CHANNEL_DONE);
        /* A sender that is lost has sent. */
        CHECK(capacity == 0 || ap_channel_try_send(&ch, a) == AP_CHANNEL_DONE);
        CHECK(start_callback(&lost, send_to(&ch, b)) == AP_CHANNEL_WOULD_BLOCK);
        if (capacity == 1) {
            check_received(a);
        }
        check_received(b);
        receive_all();
    }
    printf("ok  channel: a value for a callback that can never run\n");
}

/* ---- what the garbage collector does ---- */

static int count_visit(void *visited, void *context)
{
    CHECK(visited != NULL);
    return ++*(int *)context == 4 ? -7 : 0;
}

static void test_visits(void)
{
    callback back = {0};
    int visits = 0;
    void *value;
    start_over(2);
    CHECK(ap_channel_try_send(&ch, a) == AP_CHANNEL_DONE && ap_channel_try_send(&ch, b) == AP_CHANNEL_DONE);
    CHECK(ap_channel_visit(&ch, count_visit, &visits) == 0 && visits == 2);
    CHECK(start_callback(&back, send_to(&ch, c)) == AP_CHANNEL_WOULD_BLOCK);
    CHECK(ap_channel_visit(&ch, count_visit, &(int){-9}) == 0);
    visits = 0; /* the two in the buffer, the sender's, and the sender: the result of the fourth call */
    CHECK(ap_channel_visit(&ch, count_visit, &visits) == -7 && visits == 4);
    CHECK(ap_channel_remove_waiter(&ch, &value) == &back && value == c);
    CHECK(ap_channel_remove_waiter(&ch, &value) == NULL);
    receive_all();
    printf("ok  channel: visits\n");
}

/* ---- a channel of the clock ---- */

static ap_u32 fired;

static void fire_until_due(int me)
{
    for (int64_t due; (due = ap_channel_due(&ch)) < ROUNDS;) {
        ap_fetch_add_u32(&fired, ap_channel_fire(&ch, due, due + me % 3, &parcels[0][due]));
    }
}

static void test_clock(void)
{
    start_over(1);
    ap_channel_set_clock(&ch, 100, -1); /* once */
    CHECK(!ap_channel_fire(&ch, 100, 99, a) && ap_channel_due(&ch) == 100);
    CHECK(!ap_channel_fire(&ch, 99, 100, a));
    CHECK(ap_channel_fire(&ch, 100, 100, a) && ap_channel_due(&ch) == AP_FOREVER);
    CHECK(!ap_channel_fire(&ch, 100, 200, b) && ap_channel_count(&ch) == 1);
    check_received(a);
    receive_all();

    start_over(1);
    ap_channel_set_clock(&ch, 100, 10); /* repeatedly; what was missed is left out, and the phase stays */
    CHECK(ap_channel_fire(&ch, 100, 125, a) && ap_channel_due(&ch) == 130);
    CHECK(!ap_channel_fire(&ch, 130, 130, b) && ap_channel_due(&ch) == 140); /* no room: dropped */
    check_received(a);
    CHECK(ap_channel_fire(&ch, 140, 140, c) && ap_channel_due(&ch) == 150);
    check_received(c);
    CHECK(ap_channel_close(&ch) && !ap_channel_fire(&ch, 150, 150, a) && ap_channel_due(&ch) == 160);
    receive_all();

    start_over(AP_CHANNEL_UNBOUNDED);
    ap_channel_set_clock(&ch, 0, 1); /* of the threads that find it due, one fires */
    hammer("channel: a value of the clock is sent once", fire_until_due);
    CHECK(ap_channel_count(&ch) == ap_load_u32(&fired));
    for (int last = -1; ap_channel_count(&ch) > 0;) {
        parcel *p = NULL;
        CHECK(try_receive(&p) == AP_CHANNEL_DONE && p->number > last);
        last = p->number;
    }
    receive_all();
}

/* ---- fork() while others wait ---- */

static void *wait_for_value(void *unused)
{
    parcel *p;
    CHECK(receive_until(&ch, &p, AP_FOREVER) == AP_CHANNEL_DONE && p == c);
    return unused;
}

static void without_the_waiters(callback *back)
{
    void *value;
    CHECK(ap_channel_visit(&ch, count_visit, &(int){0}) == 0);
    CHECK(ap_channel_try_send(&ch, a) == AP_CHANNEL_WOULD_BLOCK); /* they do not receive it */
    check_full(a);
    CHECK(ap_load_u32(&back->woken) == 0);
    callback mine = {0};
    CHECK(start_callback(&mine, receive_from(&ch)) == AP_CHANNEL_WOULD_BLOCK);
    CHECK(ap_channel_try_send(&ch, b) == AP_CHANNEL_DONE && mine.c.value == b);
    CHECK(ap_channel_remove_waiter(&ch, &value) == NULL);
    receive_all();
}

static void test_fork(void)
{
    pthread_t waiter;
    callback back = {0};
    int status;
    start_over(0);
    CHECK(pthread_create(&waiter, NULL, wait_for_value, NULL) == 0);
    while (ap_channel_send_would_block(&ch)) { }
    CHECK(start_callback(&back, receive_from(&ch)) == AP_CHANNEL_WOULD_BLOCK);
    sleep_ms(50); /* until the thread has unlocked the channel, as each thread of Python has at a fork() */
    pid_t child = fork();
    if (child == 0) {
        alarm(20); /* a deadlock becomes a failure, not a hang */
        without_the_waiters(&back);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(ap_channel_try_send(&ch, c) == AP_CHANNEL_DONE && ap_channel_try_send(&ch, b) == AP_CHANNEL_DONE);
    CHECK(back.c.value == b);
    pthread_join(waiter, NULL);
    receive_all();
    printf("ok  channel: a child has none of the parent's waiters\n");
}

int main(void)
{
    alarm(600); /* a lost wake-up becomes a failure, not a hang */
    CHECK(ap_core_init());
    test_lost_callbacks();
    test_visits();
    test_clock();
    test_fork();
    printf("ok  all\n");
    return 0;
}
