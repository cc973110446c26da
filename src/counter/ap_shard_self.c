/* SPDX-License-Identifier: MIT
 *
 * ap_shard_self.c: the thread-local variable of ap_shards.h, for the one module of a process that adds to counters.
 */
#include "ap_shards.h"

static ap_shard_entry no_entry[1];
static ap_shard_thread unregistered = {.entries = no_entry};

AP_THREAD_LOCAL ap_shard_thread *ap_shard_self = &unregistered;

ap_shard_thread **ap_shard_self_here(void) { return &ap_shard_self; }
