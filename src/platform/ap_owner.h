/* SPDX-License-Identifier: MIT
 *
 * ap_owner.h: owner ids: a number for the calling thread that fits beside four flags in the state word of a lock.
 *
 *     bits 63..50   the fork count of the process when the id was made, modulo 2**14
 *     bits 49..48   zero, for the flags of the lock
 *     bits 47..2    the same bits of the system's thread id (on POSIX that is an address)
 *     bits  1..0    zero, for the flags of the lock
 *
 * A lock stores the id of its owner, so it can name the owner, and it can detect that the owner was lost in fork().
 * After fork() the child has one thread, the one that called fork(). An id with an older fork count belongs either to
 * that thread or to a lost owner, which will never release the lock (POSIX names this state EOWNERDEAD). The fork
 * count is part of the id because the child's new threads may get the thread ids of the parent's threads.
 *
 * Limit: a new thread of the child may itself call fork(). In that grandchild, the id of a lost owner with the same
 * thread id, from before the first fork, counts as the surviving thread's.
 */
#ifndef AP_OWNER_H
#define AP_OWNER_H

#include <stdbool.h>
#include <stdint.h>

#define AP_OWNER_FORKS_SHIFT 50
#define AP_OWNER_THREAD_BITS UINT64_C(0x0000fffffffffffc)

/* The fork count of this process, in the bits where an id has it. Written by the core's fork handler, while the child
 * has one thread. A pointer, because a module that calls the core through its table shares the core's variable. */
extern const uint64_t *ap_owner_forks;

/* The calling thread's id. */
uint64_t ap_owner_id(void);

/* How often this process, with its ancestors, has been forked, modulo 2**14. */
static inline uint64_t ap_fork_count(void) { return *ap_owner_forks >> AP_OWNER_FORKS_SHIFT; }

/* Was the owner lost in fork()? False for 0, which means that the lock has no owner. */
bool ap_owner_is_lost(uint64_t id);

/* Was the id made after the last fork? The forking thread's own older ids were not. Unspecified for 0. */
static inline bool ap_owner_is_current(uint64_t id) { return (id ^ *ap_owner_forks) >> AP_OWNER_FORKS_SHIFT == 0; }

/* Does the id belong to the calling thread, whether it was made before or after a fork? */
bool ap_owner_is_caller(uint64_t id);

/* The thread id in an owner id: AP_OWNER_THREAD_BITS of Python's threading.get_ident(). */
static inline uint64_t ap_owner_thread(uint64_t id) { return id & AP_OWNER_THREAD_BITS; }

/* The core's part of the fork handler: runs in the child. */
void ap_owner_after_fork_in_child(void);

#endif /* AP_OWNER_H */
