/* SPDX-License-Identifier: MIT
 *
 * parking_portable.c: parking.c once more, as on a system whose futex is not used: each thread sleeps on a condition.
 */
#include "parking.c"
