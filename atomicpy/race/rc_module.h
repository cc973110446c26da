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
    pthread_atfork(rc_before_fork, rc_after_fork, rc_after_fork);
    return calls;
}

/* The calling thread as one that the engine knows; it begins if it has not. */
static rc_thread *rc_this_thread(void)
{
    if (rc_me == NULL) {
        if (rc_threads.first != NULL && atomic_load_explicit(&rc_mode, memory_order_relaxed) == RC_WAITING) {
            atomic_store_explicit(&rc_mode, RC_RECORDING, memory_order_relaxed);
        }
        rc_enter(rc_threads.first == NULL ? rc_begin(NULL) : rc_begin_unknown());
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
    if (atomic_load_explicit(&rc_mode, memory_order_relaxed) == RC_WAITING) {
        atomic_store_explicit(&rc_mode, RC_RECORDING, memory_order_relaxed);
    }
    return t->number;
}

static void rc_end_thread(void)
{
    rc_thread_exit(rc_me);
}

static int rc_install(void)
{
    if (!rc_stacks_work()) {
        PyErr_SetString(PyExc_RuntimeError, "the race detector does not know how this interpreter keeps its frames");
        return -1;
    }
    rc_this_thread();
    if (rc_put_tracer() < 0) {
        return -1;
    }
    int off = RC_OFF;
    atomic_compare_exchange_strong(&rc_mode, &off, RC_WAITING);
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
static uint32_t rc_here_now(void) { return rc_here(rc_this_thread()); }
static uint64_t rc_my_number(void) { return rc_this_thread()->number; }

#else
#define RC_WORKS 0
enum { RC_OFF }; /* always */
#ifdef __GNUC__
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
#include "rc_shadow.h"
static const char rc_needs[] = "the race detector needs CPython 3.13 or later";
static PyObject *rc_make(void) { return PyDict_New(); }
static rc_thread *rc_this_thread(void) { return NULL; }
static uint64_t rc_begin_thread(const rc_sync *parent) { (void)parent; return 0; }
static void rc_end_thread(void) {}
static int rc_install(void) { PyErr_SetString(PyExc_RuntimeError, rc_needs); return -1; }
static void rc_uninstall(void) {}
static int rc_get_mode(void) { return 0; }
static void rc_set_tell(void (*tell)(int, PyObject *, PyObject *, int, rc_epoch, uint32_t, const rc_race *)) { (void)tell; }
static uint32_t rc_here_now(void) { return 0; }
static uint64_t rc_my_number(void) { return 0; }
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
