/* SPDX-License-Identifier: MIT
 *
 * attached.h: how a thread of Python blocks in the core's ap_select_wait(), and Python's objects as the core sees them.
 */
#ifndef AP_ATTACHED_H
#define AP_ATTACHED_H

#include <Python.h>

#include "channel/ap_select.h"

static void *ap_detach(void) { return PyEval_SaveThread(); }

static void ap_attach(void *state) { PyEval_RestoreThread(state); }

static const ap_runtime ap_python = {
    .detach = ap_detach,
    .attach = ap_attach,
#ifdef Py_GIL_DISABLED
    .parallel = true,
#endif
};

/* The class Channel of channel.pyx, which checks it. */
typedef struct {
    PyObject_HEAD
    ap_channel channel;
} ap_channel_object;

/* The reference that the value is. */
static inline PyObject *ap_take_reference(void *value) { return value; }

#endif /* AP_ATTACHED_H */
