/* SPDX-License-Identifier: MIT
 *
 * check.h: a check that aborts. Each program includes this first, because -std=c11 hides POSIX unless it is requested.
 */
#ifndef CHECK_H
#define CHECK_H

#if !defined(__APPLE__) && !defined(_GNU_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                  \
        }                                                                             \
    } while (0)

#endif /* CHECK_H */
