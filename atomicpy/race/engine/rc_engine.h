/* SPDX-License-Identifier: MIT
 *
 * rc_engine.h: the engine as the calls know it: is it on, which thread is this, what becomes of an access.
 */
#ifndef RC_ENGINE_H
#define RC_ENGINE_H

#include <pthread.h>

#include "rc_stacks.h"

enum { RC_OFF, RC_WAITING, RC_RECORDING }; /* waiting: no second thread has begun, nothing can race yet */
static _Atomic int rc_mode;

/* initial-exec: a load beside the thread pointer, where a shared library's default is a call. */
static __thread rc_thread *rc_me __attribute__((tls_model("initial-exec")));
static pthread_key_t rc_exit_key;

static PyObject *rc_names; /* a set: names whose addresses are ids of locations, for good; as many as the source has */

/* What the caller means by an access, for the report. */
enum { RC_ATTRIBUTE, RC_GLOBAL, RC_VARIABLE, RC_ITEM, RC_KEY_SET };

/* Set by the module: makes a record of the race and calls on_race. */
static void (*rc_tell_race)(int what, PyObject *obj, PyObject *name, int write, rc_epoch now, uint32_t stack, const rc_race *);

/* ---- the tracer: purge ------------------------------------------------------------------------------------------ */

static PyRefTracer rc_chained;
static void *rc_chained_data;

/* Called for every object that is created or destroyed, in any thread, in the middle of anything: no Python here, and no
 * lock but those of rc_base.h.
 *
 * An object with a finalizer is not forgotten at its destruction: that is told before its __del__ runs, which is ordered
 * after all its uses by what is recorded of them. What comes into being at its address is told as well. */
static int rc_tracer(PyObject *op, PyRefTracerEvent event, void *data)
{
    (void)data;
    if (event != PyRefTracer_DESTROY || Py_TYPE(op)->tp_finalize == NULL) {
        rc_purge((uintptr_t)op);
    }
    PyRefTracer chained = rc_chained;
    return chained == NULL ? 0 : chained(op, event, rc_chained_data);
}

/* Put ourselves in front of the tracer there is. While we were not called, objects may have come and gone: what was
 * recorded is worth nothing. First it is taken out, then the session begins: what a thread is about to put down meanwhile
 * is past, and so is whatever the clocks that were taken out have ordered. */
static int rc_put_tracer(void)
{
    void *data;
    PyRefTracer there = PyRefTracer_GetTracer(&data);
    if (there == rc_tracer) {
        return 0;
    }
    rc_chained = NULL;
    rc_chained_data = data;
    rc_chained = there;
    int result = PyRefTracer_SetTracer(rc_tracer, NULL);
    rc_purge_all();
    rc_new_session();
    return result;
}

static void rc_take_tracer_out(void)
{
    void *data;
    if (PyRefTracer_GetTracer(&data) == rc_tracer) {
        PyRefTracer_SetTracer(rc_chained, rc_chained_data);
    }
    rc_purge_all();
}

/* ---- threads ---------------------------------------------------------------------------------------------------- */

static void rc_thread_exit(void *thread)
{
    if (thread == rc_me && rc_me != NULL) {
        rc_me = NULL;
        rc_end(thread);
    }
}

static rc_thread *rc_enter(rc_thread *t)
{
    t->cache = rc_alloc(RC_CACHED * sizeof *t->cache);
    rc_me = t;
    pthread_setspecific(rc_exit_key, t);
    return t;
}

/* Thread states have numbers that go up. One below this was there when the session began. */
static _Atomic uint64_t rc_first_new_state;

/* A thread that the engine has not heard of. It was there before the session and has been told nothing since, or some
 * library began it since, and who knows what that thread had seen. */
static rc_thread *rc_enter_unannounced(void)
{
    bool old = PyThreadState_GetID(PyThreadState_GetUnchecked()) < atomic_load(&rc_first_new_state);
    return rc_enter(old ? rc_begin(NULL) : rc_begin_unknown());
}

/* This thread; NULL if it has nothing to record. A thread that the engine has not heard of begins here, and with it the
 * recording. */
static inline rc_thread *rc_recording_thread(void)
{
    int mode = atomic_load_explicit(&rc_mode, memory_order_relaxed);
    if (RC_LIKELY(mode == RC_RECORDING)) {
        rc_thread *t = rc_me;
        if (RC_UNLIKELY(t == NULL)) {
            t = rc_enter_unannounced();
        }
        return RC_UNLIKELY(t->busy) ? NULL : t;
    }
    if (mode == RC_WAITING && RC_UNLIKELY(rc_me == NULL)) {
        atomic_store_explicit(&rc_mode, RC_RECORDING, memory_order_relaxed);
        return rc_enter_unannounced();
    }
    return NULL;
}

/* ---- accesses --------------------------------------------------------------------------------------------------- */

/* The location's name or key is `id`; `name` is for the report. False if it has been in the table already. */
static bool rc_note(rc_thread *t, PyObject *owner, uint8_t kind, uint64_t id, bool write, int what, PyObject *obj,
                    PyObject *name, _Atomic int64_t *used)
{
    void *data;
    if (RC_UNLIKELY(PyRefTracer_GetTracer(&data) != rc_tracer)) {
        rc_put_tracer(); /* somebody else's took our place, or tracemalloc was stopped */
    }
    rc_race race;
    uint32_t stack = rc_here(t);
    bool made = rc_record_access(t, (uintptr_t)owner, kind, id, write, stack, used, &race);
    if (made && kind == RC_NAME && !_Py_IsImmortal(name) && PySet_Add(rc_names, name) < 0) {
        PyErr_Clear();
    }
    if (RC_UNLIKELY(race.found)) {
        t->busy++;
        rc_tell_race(what, obj, name, write, race.now, stack, &race);
        t->busy--;
    }
    return made;
}

static inline void rc_access_name(rc_thread *t, PyObject *owner, PyObject *name, bool write, int what, PyObject *obj)
{
    if (RC_LIKELY(rc_known(t, (uintptr_t)owner, RC_NAME, (uintptr_t)name, write))) {
        return;
    }
    rc_moment then = rc_moment_of(t, (uintptr_t)owner);
    rc_note(t, owner, RC_NAME, (uintptr_t)name, write, what, obj, name, NULL);
    rc_remember(t, (uintptr_t)owner, RC_NAME, (uintptr_t)name, write, then);
}

static inline void rc_access_keys(rc_thread *t, PyObject *owner, bool write)
{
    /* One is put down in its own list, apart from the other: a change does not stand for an iteration. */
    uint8_t kind = write ? RC_KEYS_CHANGED : RC_KEYS;
    if (RC_LIKELY(rc_known(t, (uintptr_t)owner, kind, 0, false))) {
        return;
    }
    rc_moment then = rc_moment_of(t, (uintptr_t)owner);
    rc_note(t, owner, RC_KEYS, 0, write, RC_KEY_SET, owner, Py_None, NULL);
    rc_remember(t, (uintptr_t)owner, kind, 0, false, then);
}

/* Names of attributes are compared by their addresses: interned. The constants of code are; gives back a reference. */
static inline PyObject *rc_interned(PyObject *name)
{
    PyObject *n = Py_NewRef(name);
    if (RC_UNLIKELY(!PyUnicode_CHECK_INTERNED(n))) {
        PyUnicode_InternInPlace(&n);
    }
    return n;
}

#endif
