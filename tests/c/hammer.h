/* SPDX-License-Identifier: MIT
 *
 * hammer.h: starts threads together, for the programs of this folder.
 */
#ifndef HAMMER_H
#define HAMMER_H

#include "check.h" /* first */

#include <pthread.h>
#include <stdint.h>
#include <time.h>

enum { THREADS = 8, ROUNDS = 20000 };

static const int64_t MS = 1000000;

/* ---- threads that start together ---- */

typedef void (*body)(int me);

typedef struct {
    pthread_barrier_t *gate;
    body run;
    int me;
} start;

static inline void *enter(void *arg)
{
    start *s = arg;
    pthread_barrier_wait(s->gate);
    s->run(s->me);
    return NULL;
}

static inline void hammer(const char *what, body run)
{
    pthread_t threads[THREADS];
    start starts[THREADS];
    pthread_barrier_t gate;

    pthread_barrier_init(&gate, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        starts[i] = (start){.gate = &gate, .run = run, .me = i};
        CHECK(pthread_create(&threads[i], NULL, enter, &starts[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    pthread_barrier_destroy(&gate);
    printf("ok  %s\n", what);
}

static inline void sleep_ms(long ms) { nanosleep(&(struct timespec){.tv_nsec = ms * (long)MS}, NULL); }

#endif /* HAMMER_H */
