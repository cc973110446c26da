/* SPDX-License-Identifier: MIT
 *
 * ap_clock.c: see ap_clock.h.
 */
#include "ap_os.h"

int64_t ap_now(void) { return ap_os_now(); }
