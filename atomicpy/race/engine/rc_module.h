/* SPDX-License-Identifier: MIT
 *
 * rc_module.h: what engine.pyx includes. Before CPython 3.13 nobody tells us when an object is freed: then there is nothing
 * here but the clocks, and install() refuses.
 */
#ifndef RC_MODULE_H
#define RC_MODULE_H

#include <Python.h>
#include <stddef.h>

#if PY_VERSION_HEX >= 0x030D0000
#define RC_WORKS 1
#include "race/rc_census.h"
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
    return (PyTypeObject *)type; /* for good */
}

/* Once, when the module is imported: a dict of the calls, under the names that rewritten code uses. */
static PyObject *rc_make(void)
{
    PyTypeObject *types[] = {&rc_entry_type, &rc_scope_type, &rc_attr_type, &rc_item_type, &rc_iter_type, &rc_method_type};
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
    if (rc_names == NULL || rc_keys == NULL || rc_container_name == NULL || rc_deque_type == NULL ||
        rc_ordered_type == NULL || rc_defaultdict_type == NULL || calls == NULL) {
        return NULL;
    }
    for (PyMethodDef *d = rc_calls; d->ml_name != NULL; d++) {
        PyObject *f = PyCFunction_New(d, NULL);
        if (f == NULL || PyDict_SetItemString(calls, d->ml_name, f) < 0) {
            return NULL;
        }
        Py_DECREF(f);
    }
    pthread_key_create(&rc_exit_key, rc_thread_exit);
    pthread_atfork(rc_before_fork, rc_after_fork, rc_after_fork_in_child);
    return calls;
}

/* A second thread is there, or is about to be. */
static void rc_wait_no_more(void)
{
    int waiting = RC_WAITING;
    atomic_compare_exchange_strong(&rc_mode, &waiting, RC_RECORDING);
}

/* The calling thread as one that the engine knows; it begins if it has not. */
static rc_thread *rc_this_thread(void)
{
    if (rc_me == NULL) {
        rc_wait_no_more();
        rc_enter_unannounced();
    }
    return rc_me;
}

static uint64_t rc_begin_thread(const rc_sync *parent)
{
    rc_thread *t;
    if (rc_me != NULL) {
        rc_thread_exit(rc_me); /* its number was another thread's: one OS thread that begins twice */
    }
    if (parent == NULL) {
        t = rc_begin(NULL);
    }
    else {
        rc_take(rc_lock_of(parent));
        t = rc_begin(&parent->vc);
        rc_drop(rc_lock_of(parent));
    }
    rc_enter(t);
    rc_wait_no_more();
    return t->number;
}

static void rc_end_thread(void)
{
    rc_thread_exit(rc_me);
}

/* Whether the interpreter has a thread besides this one. A new thread state is put in front of the list: so it is enough to
 * look whether ours is the first and the last, and no other is touched, which may go away meanwhile. One that has not
 * begun to run, or is about to end, counts. */
static bool rc_others(void)
{
    PyThreadState *me = PyThreadState_GetUnchecked();
    return PyInterpreterState_ThreadHead(PyInterpreterState_Get()) != me || PyThreadState_Next(me) != NULL;
}

/* The number after all that thread states have had. */
static bool rc_note_first_new_state(void)
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

/* The first time or again, after rc_uninstall or without it: a session begins (rc_clock.h).
 *
 * Where this is the only thread, what it does until another one begins comes before all of that: it is not recorded. Else
 * recording begins at once. For a thread that is there already may be one that the engine knows from the last session, or
 * one that it will hear of at its first access only; and in both cases what this thread does next is not ordered before it.
 *
 * The mode comes before the session. So there is nothing between the two that would be recorded without what orders it:
 * before the mode nothing of the order is noted, and all that is recorded until the session begins is past (the access of
 * a thread that has been in the middle of it since the last session as well; if it ends as one of the new session, so is
 * all that its thread does after it). Records of the last session that are in the table still, put there by such a
 * thread after rc_uninstall had emptied it, go away to make room; they are past as well. */
static int rc_install(void)
{
    if (!rc_stacks_work()) {
        PyErr_SetString(PyExc_RuntimeError, "the race detector does not know how this interpreter keeps its frames");
        return -1;
    }
    if (!rc_note_first_new_state()) {
        return -1;
    }
    if (rc_me == NULL) {
        rc_enter(rc_begin(NULL));
    }
    if (rc_put_tracer() < 0) {
        return -1;
    }
    if (rc_others()) {
        atomic_store(&rc_mode, RC_RECORDING);
    }
    else {
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
    rc_take_tracer_out();
}

static int rc_get_mode(void) { return atomic_load_explicit(&rc_mode, memory_order_relaxed); }
static void rc_set_tell(void (*tell)(int, PyObject *, PyObject *, int, rc_epoch, uint32_t, const rc_race *))
{
    rc_tell_race = tell;
}

/* Who asks is about to start a thread. What he does next may race with it, also before it is heard of. */
static uint32_t rc_here_now(void)
{
    rc_thread *t = rc_this_thread();
    rc_wait_no_more();
    return rc_here(t);
}

static uint64_t rc_my_number(void) { return rc_this_thread()->number; }
static uint64_t rc_n_keys(void) { return (uint64_t)PyDict_GET_SIZE(rc_keys); }
static uint64_t rc_n_stacks(void) { return rc_stacks.n; }

#else
#define RC_WORKS 0
enum { RC_OFF }; /* always */
#ifdef __GNUC__
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
#include "race/rc_census.h"
static PyObject *rc_make(void) { return PyDict_New(); }
static rc_thread *rc_this_thread(void) { return NULL; }
static uint64_t rc_begin_thread(const rc_sync *parent) { (void)parent; return 0; }
static void rc_end_thread(void) {}
static int rc_install(void) { return 0; } /* engine.pyx has refused */
static void rc_uninstall(void) {}
static int rc_get_mode(void) { return 0; }
static void rc_set_tell(void (*tell)(int, PyObject *, PyObject *, int, rc_epoch, uint32_t, const rc_race *)) { (void)tell; }
static uint32_t rc_here_now(void) { return 0; }
static uint64_t rc_my_number(void) { return 0; }
static uint64_t rc_n_keys(void) { return 0; }
static uint64_t rc_n_stacks(void) { return 0; }
static PyObject *rc_frame_of(uint32_t node, uint32_t *parent) { (void)node; *parent = 0; Py_RETURN_NONE; }
#endif

#include "rh_locks.h" /* what the edges are made of; on the functions above */

/* A class written in C may be given other methods while its flag of immutability is away: its slots follow them, as
 * those of a class written in Python do. Returns the flag, for rc_lock_type(). */
static unsigned long rc_unlock_type(PyTypeObject *type)
{
    unsigned long immutable = type->tp_flags & Py_TPFLAGS_IMMUTABLETYPE;
    type->tp_flags &= ~Py_TPFLAGS_IMMUTABLETYPE;
    return immutable;
}

static void rc_lock_type(PyTypeObject *type, unsigned long immutable)
{
    type->tp_flags |= immutable;
}

#endif
