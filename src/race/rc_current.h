/* SPDX-License-Identifier: MIT
 *
 * rc_current.h: which thread of the engine the calling thread is; the end of a thread; fork().
 *
 *   1. rc_current is NULL until the calling thread is attached, and again after it is detached. A thread that ends is
 *      detached by the system's handler.
 *   2. fork() acquires every lock of the engine before the process is copied, and both processes release them after.
 *      So the child finds no lock held by a thread that it does not have, and no structure in the middle of a change.
 */
#ifndef RC_CURRENT_H
#define RC_CURRENT_H

#include "rc_clock.h"

extern AP_THREAD_LOCAL rc_thread *rc_current;

/* Call once before the rest. False: no memory for the handlers. */
AP_HIDDEN bool rc_current_init(void);

/* The calling thread is t from here on. Returns t. */
AP_HIDDEN rc_thread *rc_attach(rc_thread *t);

/* The thread of the engine that the calling thread is ends; nothing happens where it is none. */
AP_HIDDEN void rc_detach(void);

#endif
