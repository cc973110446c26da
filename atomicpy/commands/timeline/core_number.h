/* SPDX-License-Identifier: MIT
 *
 * core_number.h: which core the calling thread runs on, or -1 where the system does not report it. Python.h comes
 * first: it defines _GNU_SOURCE, which declares sched_getcpu().
 */
#ifndef AP_CORE_NUMBER_H
#define AP_CORE_NUMBER_H

#if defined(_WIN32)

#include <windows.h>

static inline int ap_core_number(void)
{
    PROCESSOR_NUMBER number; /* in groups of 64 */
    GetCurrentProcessorNumberEx(&number);
    return 64 * number.Group + number.Number;
}

#elif defined(__linux__)

#include <sched.h>

static inline int ap_core_number(void) { return sched_getcpu(); }

#else

static inline int ap_core_number(void) { return -1; }

#endif
#endif /* AP_CORE_NUMBER_H */
