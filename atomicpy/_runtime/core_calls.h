/* SPDX-License-Identifier: MIT
 *
 * core_calls.h: for each module of the package but core: its copy of the pointer to the core's table.
 */
#ifndef AP_CORE_CALLS_H
#define AP_CORE_CALLS_H

#include "ap_core.h"

/* Before the module calls any function of the core. False: the table is of another build. */
bool ap_core_bind(const ap_core *table);

#endif /* AP_CORE_CALLS_H */
