/* SPDX-License-Identifier: MIT
 *
 * forks.c: after fork() the child has none of the parent's other threads. None is parked, and their locks have lost
 * owners. `make forks`.
 */
#include "hammer.h"

#include <sys/wait.h>
#include <unistd.h>

#include "sync/ap_mutex.h"
#include "sync/ap_rwmutex.h"
#include "ap_core.h"
#include "park/ap_park.h"
#include "sync/ap_waitgroup.h"

static ap_u32 turn;
static ap_mutex mutex;
static ap_rwmutex rw;
static ap_waitgroup group;

static bool still_is(const void *at, uint64_t what) { return ap_load_u32((ap_u32 *)at) == what; }

static void wait_for_group(void)
{
    uint64_t ticket;
    CHECK(ap_waitgroup_enter(&group, &ticket) && ap_waitgroup_wait(&group, AP_FOREVER));
    ap_waitgroup_leave(&group, ticket);
}

static void in_child(void (*run)(void))
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        alarm(20); /* a deadlock becomes a failure, not a hang */
        run();
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void *park_on_turn(void *unused)
{
    while (ap_park(&turn, still_is, ap_load_u32(&turn), AP_FOREVER) != AP_UNPARKED) { }
    return unused;
}

static ap_mutex held_elsewhere;

static ap_rwmutex pending_elsewhere;

static void *become_pending_writer(void *unused)
{
    CHECK(ap_rwmutex_write_lock_until(&pending_elsewhere, ap_now(), AP_FOREVER));
    CHECK(ap_rwmutex_write_unlock(&pending_elsewhere));
    return unused;
}

/* In the child of a parent with a pending writer, while this thread reads. The child gives up for the writer when
 * this thread unlocks or waits. */
static void without_the_writer(void)
{
    CHECK(!ap_rwmutex_try_read_lock(&pending_elsewhere));
    CHECK(ap_rwmutex_read_lock_until(&pending_elsewhere, AP_FOREVER) && ap_rwmutex_read_unlock(&pending_elsewhere));
    CHECK(ap_rwmutex_read_unlock(&pending_elsewhere));
    CHECK(ap_rwmutex_state(&pending_elsewhere) == 0 && !ap_mutex_is_locked(&pending_elsewhere.writers));
    CHECK(ap_rwmutex_try_write_lock(&pending_elsewhere) && ap_rwmutex_write_unlock(&pending_elsewhere));
}

static void without_the_writer_when_all_have_read(void)
{
    CHECK(ap_rwmutex_read_unlock(&pending_elsewhere));
    CHECK(ap_rwmutex_state(&pending_elsewhere) == 0 && !ap_mutex_is_locked(&pending_elsewhere.writers));
}

static ap_rwmutex read_before;

/* The id of a reader of the parent that has unlocked stays until the child's first reader locks. */
static void without_the_reader_that_left(void)
{
    CHECK(ap_owner_is_lost(ap_load_u64(&read_before.first)) && !ap_rwmutex_readers_are_lost(&read_before));
    ap_rwmutex_forget_lost_readers(&read_before);
    CHECK(!ap_owner_is_lost(ap_load_u64(&read_before.first)));
    CHECK(ap_rwmutex_try_read_lock(&read_before) && !ap_rwmutex_readers_are_lost(&read_before));
}

static void *read_once(void *unused)
{
    CHECK(ap_rwmutex_try_read_lock(&read_before) && ap_rwmutex_read_unlock(&read_before));
    return unused;
}

/* A reader that a write unlock admitted. */
static ap_rwmutex let_in;

static void with_the_reader_that_was_let_in(void)
{
    CHECK(ap_rwmutex_readers_of(ap_rwmutex_state(&let_in)) == 1 && ap_rwmutex_readers_are_lost(&let_in));
}

static void *wait_to_read(void *unused)
{
    CHECK(ap_rwmutex_read_lock_until(&let_in, AP_FOREVER));
    park_on_turn(unused);
    CHECK(ap_rwmutex_read_unlock(&let_in));
    return unused;
}

static void test_fork_beside_a_reader_that_was_let_in(void)
{
    pthread_t reader;
    ap_rwmutex_init(&let_in);
    /* The first reader is this thread, which exists in the child. */
    CHECK(ap_rwmutex_try_read_lock(&let_in) && ap_rwmutex_read_unlock(&let_in));
    CHECK(ap_rwmutex_try_write_lock(&let_in));
    CHECK(pthread_create(&reader, NULL, wait_to_read, NULL) == 0);
    while (ap_waiters(&let_in.state) == 0) { }
    CHECK(ap_rwmutex_write_unlock(&let_in));
    while (ap_waiters(&turn) == 0) { }
    in_child(with_the_reader_that_was_let_in);
    while (ap_unpark(&turn, 1) == 0) { }
    pthread_join(reader, NULL);
    printf("ok  fork with an admitted reader\n");
}

static void test_fork_after_reading(void)
{
    pthread_t reader;
    ap_rwmutex_init(&read_before);
    CHECK(pthread_create(&reader, NULL, read_once, NULL) == 0);
    pthread_join(reader, NULL);
    in_child(without_the_reader_that_left);
    printf("ok  fork after a reader has unlocked\n");
}

static void test_fork_rwmutex(void)
{
    pthread_t writer;
    ap_rwmutex_init(&pending_elsewhere);
    CHECK(ap_rwmutex_try_read_lock(&pending_elsewhere));
    CHECK(pthread_create(&writer, NULL, become_pending_writer, NULL) == 0);
    while (ap_waiters(&pending_elsewhere.drained) == 0) { }
    in_child(without_the_writer);
    in_child(without_the_writer_when_all_have_read);
    CHECK(ap_rwmutex_read_unlock(&pending_elsewhere));
    pthread_join(writer, NULL);
    printf("ok  fork while a writer waits\n");
}

static void *hold_and_wait(void *unused)
{
    CHECK(ap_mutex_try_lock(&held_elsewhere));
    CHECK(ap_rwmutex_try_read_lock(&rw));
    wait_for_group();
    CHECK(ap_rwmutex_read_unlock(&rw));
    return unused;
}

/* The owner id of the parent's main thread before the fork. */
static uint64_t mine;

static void test_child(void)
{
    int64_t count;
    CHECK(ap_unpark(&turn, AP_UNPARK_ALL) == 0 && ap_waiters(&group.state) == 0);
    /* This thread's id is still its own. The owner of the other mutex is lost. */
    CHECK(ap_owner_id() != mine && ap_owner_thread(ap_owner_id()) == ap_owner_thread(mine));
    CHECK(!ap_owner_is_lost(0)); /* an unlocked lock has no lost owner */
    CHECK(!ap_owner_is_lost(ap_mutex_owner(&mutex)) && ap_owner_is_caller(ap_mutex_owner(&mutex)));
    CHECK(ap_owner_is_lost(ap_mutex_owner(&held_elsewhere)));
    CHECK(ap_rwmutex_readers_are_lost(&rw));
    CHECK(ap_mutex_unlock(&mutex) && ap_mutex_try_lock(&mutex));
    CHECK(!ap_mutex_lock_until(&mutex, ap_now(), ap_now() + MS));
    /* The parent's waiter is not counted here. */
    CHECK(ap_waitgroup_waiters(&group) == 0 && ap_waitgroup_count(&group) == 1);
    CHECK(ap_waitgroup_add(&group, -1, &count) == AP_WAITGROUP_OK);
    CHECK(ap_waitgroup_add(&group, 1, &count) == AP_WAITGROUP_OK);
}

static void test_fork(void)
{
    int64_t count;
    pthread_t waiter, holder;
    ap_mutex_init(&mutex);
    CHECK(ap_mutex_try_lock(&mutex));
    CHECK(ap_waitgroup_add(&group, 1, &count) == AP_WAITGROUP_OK);
    CHECK(pthread_create(&waiter, NULL, park_on_turn, NULL) == 0);
    CHECK(pthread_create(&holder, NULL, hold_and_wait, NULL) == 0);
    while (ap_waiters(&turn) == 0 || ap_waiters(&group.state) == 0) { }
    mine = ap_owner_id();
    CHECK(!ap_owner_is_lost(mine) && !ap_owner_is_lost(ap_mutex_owner(&held_elsewhere)));
    in_child(test_child);
    while (ap_unpark(&turn, 1) == 0) { }
    CHECK(ap_waitgroup_add(&group, -1, &count) == AP_WAITGROUP_OK);
    pthread_join(waiter, NULL);
    pthread_join(holder, NULL);
    CHECK(ap_mutex_unlock(&mutex) && ap_mutex_unlock(&held_elsewhere)); /* any thread may unlock */
    printf("ok  fork\n");
}

int main(void)
{
    CHECK(ap_core_init());
    ap_rwmutex_init(&rw);
    ap_waitgroup_init(&group);
    test_fork();
    test_fork_rwmutex();
    test_fork_after_reading();
    test_fork_beside_a_reader_that_was_let_in();
    printf("ok  all\n");
    return 0;
}
