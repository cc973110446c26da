/* SPDX-License-Identifier: MIT
 *
 * ap_owner_id.c: the one function of ap_owner.h that lies on the fast path of a lock. It is a file of its own so that
 * each Python module that locks can link it, instead of calling it through the core's table.
 */
#include "ap_os.h"

#include "ap_owner.h"

uint64_t ap_owner_id(void) { return ap_owner_thread(ap_os_thread_id()) | *ap_owner_forks; }
