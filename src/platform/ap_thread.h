/* SPDX-License-Identifier: MIT
 *
 * ap_thread.h: which thread this is, as a number that fits beside two flags in a word.
 *
 *     bits 63..48   how many times the process had been forked when the mark was made, modulo 2**16
 *     bits 47..2    the same bits of the system's thread id: of its address, that is, on POSIX
 *     bits  1..0    zero, for the flags of a lock
 *
 * A lock that holds the mark of its owner can say who that is, and whether it is still there: in the child after fork()
 * the forking thread alone lives on. A mark from before the fork that is not that thread's is an orphan's: nobody will
 * ever release what it holds. Ids are used again, by the new threads of the child too, hence the forks in the mark.
 *
 * (A thread of the child that forks again may have the id of another that held a lock in a generation before it: such a
 * mark passes for its own. It takes two forks, the second from a new thread, to get there.)
 */
#ifndef AP_THREAD_H
#define AP_THREAD_H

#include <stdbool.h>
#include <stdint.h>

#define AP_THREAD_FORKS 48 /* the first bit of the forks */
#define AP_THREAD_ID_BITS UINT64_C(0x0000fffffffffffc)

/* Call once before the rest, from one thread. False: no memory for the handler of fork(). */
bool ap_thread_init(void);

/* The calling thread. */
uint64_t ap_thread_mark(void);

/* How many times this process is a child, modulo 2**16; and the same where a mark has it. */
uint64_t ap_thread_forks(void);
extern uint64_t ap_forks_mark;

/* Was the mark made before a fork that its thread did not live through? Zero is nobody's, and no orphan's. */
bool ap_thread_is_orphan(uint64_t mark);

/* Was it made since the last fork? (The forking thread's own from before it was not.) Zero may be either. */
static inline bool ap_thread_is_of_this_process(uint64_t mark) { return (mark ^ ap_forks_mark) >> AP_THREAD_FORKS == 0; }

/* Is it the calling thread's, from before a fork or after? */
bool ap_thread_is_me(uint64_t mark);

/* The thread id in a mark: AP_THREAD_ID_BITS of what Python calls threading.get_ident(). */
static inline uint64_t ap_thread_id_of(uint64_t mark) { return mark & AP_THREAD_ID_BITS; }

#endif /* AP_THREAD_H */
