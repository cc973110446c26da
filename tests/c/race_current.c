/* SPDX-License-Identifier: MIT
 *
 * race_current.c: which thread of the race detector's engine the calling thread is, the end of a thread, and fork()
 * while other threads are inside critical sections.
 */
#include "hammer.h"

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "race/rc_counts.h"
#include "race/rc_current.h"
#include "race/rc_depot.h"
#include "race/rc_reclaim.h"
#include "race/rc_shadow.h"

static void attaching(void)
{
    CHECK(rc_current == NULL);
    rc_detach(); /* nothing to end */
    rc_thread *t = rc_attach(rc_thread_begin_after(NULL));
    uint64_t number = t->number;
    CHECK(rc_current == t && t->cache != NULL && rc_threads.first == t);

    rc_sync *s = rc_sync_new();
    rc_epoch before = rc_now(t);
    rc_release(t, s);
    rc_thread *u = rc_thread_begin_after(s); /* the creator has released into s */
    CHECK(rc_before(before, u) && !rc_before(rc_now(t), u));
    rc_sync_unref(s);
    rc_thread_end(u);

    rc_detach();
    CHECK(rc_current == NULL && rc_threads.first == NULL);
    rc_detach();
    CHECK(rc_attach(rc_thread_begin(NULL))->number > number); /* the same thread of the system, another of the engine */
    rc_detach();
    printf("ok  attached, detached, attached again\n");
}

/* The thread is attached so many times, and detached all times but the last, or all times. */
static void *ends(void *times)
{
    int n = *(int *)times;
    for (int i = 0; i < n; i++) {
        rc_detach();
        rc_attach(rc_thread_begin_unannounced());
    }
    if (n % 2 == 0) {
        rc_detach();
    }
    return NULL;
}

static void thread_ends(void)
{
    for (int times = 0; times < 5; times++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, ends, &times) == 0);
        pthread_join(thread, NULL);
        CHECK(rc_threads.first == NULL);
    }
    printf("ok  a thread that ends is detached, once\n");
}

/* ---- fork ------------------------------------------------------------------------------------------------------ */

static _Atomic bool stop;
static rc_sync *shared;

static void retain(void *code) { (void)code; }

enum { LOCKS = 6 };
static rc_spinlock *const locks[LOCKS] = {
    &rc_sync_locks[0],   &rc_sync_locks[RC_SYNC_LOCKS - 1],     &rc_threads.lock,
    &rc_bucket_locks[0], &rc_bucket_locks[RC_BUCKET_LOCKS - 1], &rc_depot_lock,
};
static _Atomic int turn = -1, held = -1; /* indices of locks */

static void *hold_each(void *unused)
{
    for (int i = 0; i < LOCKS; i++) {
        while (atomic_load(&turn) != i) {
            sched_yield();
        }
        rc_spin_lock(locks[i]);
        atomic_store(&held, i);
        sleep_ms(20);
        rc_spin_unlock(locks[i]);
    }
    while (atomic_load(&turn) != LOCKS) { /* in the child, ThreadSanitizer reports a thread that has ended */
        sched_yield();
    }
    return unused;
}

static void forking_beside_a_holder(void)
{
    pthread_t holder;
    CHECK(pthread_create(&holder, NULL, hold_each, NULL) == 0);
    for (int i = 0; i < LOCKS; i++) {
        int status;
        atomic_store(&turn, i);
        while (atomic_load(&held) != i) {
            sched_yield();
        }
        pid_t child = fork(); /* it waits for the holder */
        if (child == 0) {
            CHECK(atomic_load(&locks[i]->word) == 0);
            _exit(0);
        }
        CHECK(waitpid(child, &status, 0) == child);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    atomic_store(&turn, LOCKS);
    pthread_join(holder, NULL);
    printf("ok  fork waits for the holder of a lock\n");
}

/* A use of each lock of the engine. */
static void use_all(rc_thread *t, uint32_t i)
{
    rc_race race;
    uint32_t entry;
    uintptr_t at = 0x10000 + 16 * (uintptr_t)(i % 1000);
    rc_depot_put(0, 1, (void *[]){(void *)8}, &(int32_t){(int32_t)(i % 5000)}, &entry);
    rc_record_access(t, at, RC_NAME, 1, false, entry, NULL, &race);
    rc_swap(t, shared);
    rc_purge(at);
}

static void *use_until_stopped(void *unused)
{
    rc_thread *t = rc_attach(rc_thread_begin_unannounced());
    for (uint32_t i = 0; !atomic_load(&stop); i++) {
        use_all(t, i);
    }
    return unused;
}

static void in_child(void)
{
    uint32_t n;
    alarm(60); /* a lock that is held becomes a failure, not a hang */
    CHECK(rc_current != NULL && !rc_threads.reclaiming);
    for (uint32_t i = 0; i < 1000; i++) {
        use_all(rc_current, i);
    }
    rc_purge_all();
    CHECK(rc_count().objects == 0 && rc_depot_size() > 0);
    rc_reclaim_soon();
    uint64_t *removed = rc_reclaim(&n);
    CHECK(removed != NULL);
    free(removed);
    rc_detach();
}

static void forking(void)
{
    enum { USERS = 3, FORKS = 50 };
    pthread_t users[USERS];
    shared = rc_sync_new();
    rc_depot_init(retain);
    rc_attach(rc_thread_begin_unannounced());
    for (int i = 0; i < USERS; i++) {
        CHECK(pthread_create(&users[i], NULL, use_until_stopped, NULL) == 0);
    }
    for (int i = 0; i < FORKS; i++) {
        int status;
        rc_spin_lock(&rc_threads.lock);
        rc_threads.reclaiming = i % 2 != 0; /* as if another thread reclaimed */
        rc_spin_unlock(&rc_threads.lock);
        pid_t child = fork();
        if (child == 0) {
            in_child();
            _exit(0);
        }
        CHECK(waitpid(child, &status, 0) == child);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        use_all(rc_current, (uint32_t)i); /* the parent's locks are free too */
    }
    atomic_store(&stop, true);
    for (int i = 0; i < USERS; i++) {
        pthread_join(users[i], NULL);
    }
    rc_detach();
    rc_sync_unref(shared);
    CHECK(rc_threads.first == NULL);
    printf("ok  the child of a fork finds every lock free\n");
}

int main(void)
{
    CHECK(rc_current_init());
    attaching();
    thread_ends();
    forking_beside_a_holder();
    forking();
    return 0;
}
