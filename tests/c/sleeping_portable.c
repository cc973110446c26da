/* SPDX-License-Identifier: MIT
 *
 * sleeping_portable.c: sleeping.c once more, as on a system whose futex is not used: each thread sleeps on a condition.
 */
#include "sleeping.c"
