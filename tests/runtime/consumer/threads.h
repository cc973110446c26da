/* threads.h: plain C that includes the headers of atomicpy, without Cython and without Python. */
#ifndef THREADS_H
#define THREADS_H

#include "ap_atomic.h"

/* Adds 1, `times` times. */
void add_in_c(ap_i64 *count, int64_t times);

/* Calls callback(context) on so many new threads. Returns the number of threads that started, after all have ended. */
int call_on_threads(void (*callback)(void *context), void *context, int threads);

#endif /* THREADS_H */
