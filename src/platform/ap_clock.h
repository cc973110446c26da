/* SPDX-License-Identifier: MIT
 *
 * ap_clock.h: the monotonic clock. Times and deadlines are int64_t nanoseconds of it.
 */
#ifndef AP_CLOCK_H
#define AP_CLOCK_H

#include <stdint.h>

#define AP_NS_PER_SECOND INT64_C(1000000000)

/* A deadline that never comes. */
#define AP_FOREVER INT64_MAX

int64_t ap_now(void);

#endif /* AP_CLOCK_H */
