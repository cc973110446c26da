/* SPDX-License-Identifier: MIT
 *
 * rc_module.h: what engine.pyx includes. CPython before 3.13 does not report when an object is freed. There the module
 * has the clocks alone, and install() raises.
 */
#ifndef RC_MODULE_H
#define RC_MODULE_H

#include <Python.h>
#include <stddef.h>

#include "race/rc_counts.h"
#include "race/rc_current.h"
#include "race/rc_reclaim.h"

#if PY_VERSION_HEX >= 0x030D0000
#define RC_WORKS 1
#include "rc_iteration.h"

#define RC_FAST(name, function) {"_race_" #name "__", (PyCFunction)(void (*)(void))(function), METH_FASTCALL, NULL}

static PyMethodDef rc_calls[] = {
    RC_FAST(read, rc_call_read),
    RC_FAST(write, rc_call_write),
    RC_FAST(wrote, rc_call_wrote),
    RC_FAST(attr, rc_call_attr),
    RC_FAST(get, rc_call_get),
    RC_FAST(set, rc_call_set),
    RC_FAST(del, rc_call_del),
    RC_FAST(item, rc_call_item),
    RC_FAST(iter, rc_call_iter),
    RC_FAST(method, rc_call_method),
    RC_FAST(before, rc_call_before),
    RC_FAST(after, rc_call_after),
    RC_FAST(global_read, rc_call_global_read),
    RC_FAST(global_write, rc_call_global_write),
    {"_race_scope__", rc_call_scope, METH_NOARGS, NULL},
    RC_FAST(var_read, rc_call_var_read),
    RC_FAST(var_write, rc_call_var_write),
    RC_FAST(del_entry, rc_call_del_entry),
    {NULL, NULL, 0, NULL},
};

static PyTypeObject *rc_type_of(const char *name)
{
    PyObject *module = PyImport_ImportModule("collections");
    PyObject *type = module == NULL ? NULL : PyObject_GetAttrString(module, name);
    Py_XDECREF(module);
    return (PyTypeObject *)type; /* the reference is never dropped */
}

/* Called once, when the module is imported. A dict of the calls, under the names that instrumented code uses. */
static PyObject *rc_make_calls(void)
{
    PyTypeObject *types[] = {&rc_key_entry_type, &rc_scope_type, &rc_attr_type,
                             &rc_item_type,      &rc_iter_type,  &rc_method_type};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (PyType_Ready(types[i]) < 0) {
            return NULL;
        }
    }
    rc_names = PySet_New(NULL);
    rc_keys = PyDict_New();
    rc_container_name = PyUnicode_InternFromString("atomicpy.race: container");
    rc_deque_type = rc_type_of("deque");
    rc_ordered_type = rc_type_of("OrderedDict");
    rc_defaultdict_type = rc_type_of("defaultdict");
    PyObject *calls = PyDict_New();
    if (rc_names == NULL || rc_keys == NULL || rc_container_name == NULL || rc_deque_type == NULL
        || rc_ordered_type == NULL || rc_defaultdict_type == NULL || calls == NULL) {
        return NULL;
    }
    for (PyMethodDef *d = rc_calls; d->ml_name != NULL; d++) {
        PyObject *f = PyCFunction_New(d, NULL);
        if (f == NULL || PyDict_SetItemString(calls, d->ml_name, f) < 0) {
            return NULL;
        }
        Py_DECREF(f);
    }
    rc_depot_init(rc_retain_code);
    return rc_current_init() ? calls : PyErr_NoMemory();
}

/* A second thread has begun or is about to. */
static void rc_start_recording(void)
{
    int waiting = RC_WAITING;
    atomic_compare_exchange_strong(&rc_mode, &waiting, RC_RECORDING);
}

/* The calling thread, attached if it was not. */
static rc_thread *rc_this_thread(void)
{
    if (rc_current == NULL) {
        rc_start_recording();
        rc_attach_unannounced();
    }
    return rc_current;
}

static uint64_t rc_begin_thread(const rc_sync *parent)
{
    rc_detach(); /* one thread of the system may begin twice: it is two threads of the engine */
    rc_thread *t = rc_attach(rc_thread_begin_after(parent));
    rc_start_recording();
    return t->number;
}

/* Has the interpreter a thread state besides the caller's? New ones are inserted at the head of the list. So it is
 * enough to see whether the caller's is the first and the last; no other one is dereferenced, which might be freed
 * meanwhile. A thread that has not begun to run or is about to end counts. */
static bool rc_has_other_threads(void)
{
    PyThreadState *me = PyThreadState_GetUnchecked();
    return PyInterpreterState_ThreadHead(PyInterpreterState_Get()) != me || PyThreadState_Next(me) != NULL;
}

/* Sets rc_first_new_state above the numbers of all thread states so far. */
static bool rc_set_first_new_state(void)
{
    PyThreadState *next = PyThreadState_New(PyInterpreterState_Get());
    if (next == NULL) {
        return false;
    }
    atomic_store(&rc_first_new_state, PyThreadState_GetID(next));
    PyThreadState_Clear(next);
    PyThreadState_Delete(next);
    return true;
}

/* Begins a session (rc_clock.h), for the first time or again, after rc_uninstall() or without it.
 *
 * Where the caller is the only thread, its steps until a second thread begins happen before every step of that thread.
 * So the mode is RC_WAITING, and they are not recorded. Otherwise recording begins at once. For another thread, which
 * the last session or its next access attaches, nothing orders the caller's next steps before its own.
 *
 * The mode is set before the session begins. So no access of the session is recorded without the order it depends on:
 *
 *   1. Before the mode is set, neither order nor accesses are recorded.
 *   2. What is recorded between the mode and the session is past. So is the access of a thread that has been in the
 *      middle of it since the last session. Where that access ends in the new session, the later accesses of its
 *      thread belong to the new session too.
 *   3. Such a thread may have added records after rc_uninstall() emptied the table. They are past, and are purged for
 *      their memory. */
static int rc_install(void)
{
    if (!rc_frames_work()) {
        PyErr_SetString(PyExc_RuntimeError, "the race detector cannot read the frames of this interpreter");
        return -1;
    }
    if (!rc_views_work()) {
        PyErr_SetString(PyExc_RuntimeError, "the race detector cannot read the dict views of this interpreter");
        return -1;
    }
    if (!rc_set_first_new_state()) {
        return -1;
    }
    if (rc_current == NULL) {
        rc_attach(rc_thread_begin(NULL));
    }
    if (rc_install_tracer() < 0) {
        return -1;
    }
    if (rc_has_other_threads()) {
        atomic_store(&rc_mode, RC_RECORDING);
    } else {
        int off = RC_OFF;
        atomic_compare_exchange_strong(&rc_mode, &off, RC_WAITING);
    }
    rc_purge_all();
    rc_new_session();
    return 0;
}

static void rc_uninstall(void)
{
    atomic_store(&rc_mode, RC_OFF);
    rc_remove_tracer();
}

static int rc_get_mode(void) { return atomic_load_explicit(&rc_mode, memory_order_relaxed); }
static void rc_set_report(rc_reporter report) { rc_report_race = report; }

/* The stack of the caller, which is about to start a thread. Its next steps may race with that thread, so recording
 * begins here and not with the first access of the new thread. */
static uint32_t rc_here_now(void)
{
    rc_thread *t = rc_this_thread();
    rc_start_recording();
    return rc_here(t);
}

static uint64_t rc_current_number(void) { return rc_this_thread()->number; }
static uint64_t rc_n_keys(void) { return (uint64_t)PyDict_GET_SIZE(rc_keys); }
static uint64_t rc_n_stacks(void) { return rc_depot_size(); }

#else
#define RC_WORKS 0
#include "race/rc_shadow.h" /* rc_race */
enum { RC_OFF }; /* the only mode */
typedef void (*rc_reporter)(int, PyObject *, PyObject *, int, rc_epoch, uint32_t, const rc_race *);
static PyObject *rc_make_calls(void) { return PyDict_New(); }
static rc_thread *rc_this_thread(void) { return NULL; }
static uint64_t rc_begin_thread(const rc_sync *parent)
{
    (void)parent;
    return 0;
}
static int rc_install(void) { return 0; } /* engine.pyx has refused */
static void rc_uninstall(void) { }
static int rc_get_mode(void) { return 0; }
static void rc_set_report(rc_reporter report) { (void)report; }
static uint32_t rc_here_now(void) { return 0; }
static uint64_t rc_current_number(void) { return 0; }
static uint64_t rc_n_keys(void) { return 0; }
static uint64_t rc_n_stacks(void) { return 0; }
static PyObject *rc_frame_at(uint32_t entry, uint32_t *parent)
{
    (void)entry;
    *parent = 0;
    Py_RETURN_NONE;
}
#endif

/* They use the functions above. */
#include "rh_hook.h"
#include "rh_locks.h"

/* Clears the flag of immutability and returns it, for rc_restore_immutable(). Meanwhile a class written in C may get
 * other methods. Its slots follow them, as those of a class written in Python do. */
static unsigned long rc_make_mutable(PyTypeObject *type)
{
    unsigned long immutable = type->tp_flags & Py_TPFLAGS_IMMUTABLETYPE;
    type->tp_flags &= ~Py_TPFLAGS_IMMUTABLETYPE;
    return immutable;
}

static void rc_restore_immutable(PyTypeObject *type, unsigned long immutable) { type->tp_flags |= immutable; }

/* ---- new channels ---------------------------------------------------------------------------------------------- */

/* The type's tp_new and tp_vectorcall before rc_call_for_new_channels(). */
static newfunc rc_plain_channel;
static vectorcallfunc rc_plain_channel_call;
static PyObject *rc_for_a_new_channel; /* never dropped */

static PyObject *rc_new_channel(PyTypeObject *type, PyObject *args, PyObject *named)
{
    PyObject *channel = rc_plain_channel(type, args, named);
    PyObject *answer = channel == NULL ? NULL : PyObject_CallOneArg(rc_for_a_new_channel, channel);
    if (channel != NULL && answer == NULL) {
        Py_CLEAR(channel);
    }
    Py_XDECREF(answer);
    return channel;
}

/* Calls function(channel) for each new channel before the program gets it; NULL: calls nothing any more. */
static void rc_call_for_new_channels(PyTypeObject *type, PyObject *function)
{
    if (rc_plain_channel == NULL) {
        rc_plain_channel = type->tp_new;
        rc_plain_channel_call = type->tp_vectorcall;
    }
    if (function != NULL) {
        rc_for_a_new_channel = Py_NewRef(function);
    }
    type->tp_new = function == NULL ? rc_plain_channel : rc_new_channel;
    type->tp_vectorcall = function == NULL ? rc_plain_channel_call : NULL; /* NULL: a call of the type calls tp_new */
}

#endif
