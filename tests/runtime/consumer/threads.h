/* threads.h: plain C on the headers of atomicpy, without Cython and without Python. */
#ifndef THREADS_H
#define THREADS_H

#include "ap_atomic.h"

/* Add one, `times` times. */
void add_in_c(ap_i64 *count, int64_t times);

/* Call callback(context) on so many new threads, and return when all have ended; how many could be started. */
int call_on_threads(void (*callback)(void *context), void *context, int threads);

#endif /* THREADS_H */
