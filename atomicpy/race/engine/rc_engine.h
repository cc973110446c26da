/* SPDX-License-Identifier: MIT
 *
 * rc_engine.h: the mode of the engine, the tracer of objects, the calling thread, and the record of an access.
 */
#ifndef RC_ENGINE_H
#define RC_ENGINE_H

#include "race/rc_current.h"
#include "race/rc_shadow.h"
#include "rc_stacks.h"

/* RC_WAITING: no second thread has begun, so no access can race, and none is recorded. */
enum { RC_OFF, RC_WAITING, RC_RECORDING };
static _Atomic int rc_mode;

/* A set of the names whose addresses are ids of locations. It never shrinks: the names are those of the source. */
static PyObject *rc_names;

/* The kind of a location in a report. */
enum { RC_ATTRIBUTE, RC_GLOBAL, RC_VARIABLE, RC_ITEM, RC_KEY_SET };

/* Makes a record of the race and calls on_race; set by engine.pyx. `now` and `stack` are of the later access. */
typedef void (*rc_reporter)(int what, PyObject *obj, PyObject *name, int write, rc_epoch now, uint32_t stack,
                            const rc_race *race);
static rc_reporter rc_report_race;

/* ---- the tracer: it purges the shadow memory ------------------------------------------------------------------- */

static PyRefTracer rc_chained;
static void *rc_chained_data;

/* The interpreter calls this for every object that is created or destroyed, in any thread, also inside the engine's
 * own calls. It calls no Python, and acquires no lock but those of rc_base.h.
 *
 * A creation purges its address too, because not every destruction is traced. GIL builds of 3.13.0 to 3.13.2 trace none
 * that the evaluation loop causes, and 3.14 none that the trashcan defers. The destruction of an object with a
 * finalizer purges nothing: the interpreter traces it before __del__ runs, which needs the record
 * (rc_acquire_all_uses). */
static int rc_tracer(PyObject *op, PyRefTracerEvent event, void *data)
{
    (void)data;
    if (event != PyRefTracer_DESTROY || Py_TYPE(op)->tp_finalize == NULL) {
        rc_purge((uintptr_t)op);
    }
    PyRefTracer chained = rc_chained;
    return chained == NULL ? 0 : chained(op, event, rc_chained_data);
}

/* Installs rc_tracer, which calls the tracer that was there. Objects may have been freed and made while it was not
 * installed, so no record can be trusted. The order is: tracer, purge, new session. What a thread records between the
 * purge and the session is past, and so is everything that the purged clocks have ordered. */
static int rc_install_tracer(void)
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

static void rc_remove_tracer(void)
{
    void *data;
    if (PyRefTracer_GetTracer(&data) == rc_tracer) {
        PyRefTracer_SetTracer(rc_chained, rc_chained_data);
    }
    rc_purge_all();
}

/* ---- the calling thread ---------------------------------------------------------------------------------------- */

/* The numbers of thread states grow. A smaller one belongs to a thread state that was there when the session began. */
static _Atomic uint64_t rc_first_new_state;

/* A thread whose start the engine did not see. Either it was there before the session, which orders it, or a library
 * has started it since, and the order of its start is unknown. */
static rc_thread *rc_attach_unannounced(void)
{
    bool old = PyThreadState_GetID(PyThreadState_GetUnchecked()) < atomic_load(&rc_first_new_state);
    return rc_attach(old ? rc_thread_begin(NULL) : rc_thread_begin_unannounced());
}

/* The calling thread; NULL if it has nothing to record. An unannounced thread is attached here, and ends RC_WAITING. */
static inline rc_thread *rc_recording_thread(void)
{
    int mode = atomic_load_explicit(&rc_mode, memory_order_relaxed);
    if (RC_LIKELY(mode == RC_RECORDING)) {
        rc_thread *t = rc_current;
        if (AP_UNLIKELY(t == NULL)) {
            t = rc_attach_unannounced();
        }
        return AP_UNLIKELY(t->busy) ? NULL : t;
    }
    if (mode == RC_WAITING && AP_UNLIKELY(rc_current == NULL)) {
        atomic_store_explicit(&rc_mode, RC_RECORDING, memory_order_relaxed);
        return rc_attach_unannounced();
    }
    return NULL;
}

/* ---- accesses -------------------------------------------------------------------------------------------------- */

/* `id` names the location in its object, `name` names it in a report. Returns whether the location was made, as
 * rc_record_access() does. */
static bool rc_record_and_report(rc_thread *t, PyObject *owner, uint8_t kind, uint64_t id, bool write, int what,
                                 PyObject *obj, PyObject *name, _Atomic int64_t *uses)
{
    void *data;
    if (AP_UNLIKELY(PyRefTracer_GetTracer(&data) != rc_tracer)) {
        rc_install_tracer(); /* another tracer was installed, or tracemalloc was stopped */
    }
    rc_race race;
    uint32_t stack = rc_here(t);
    bool made = rc_record_access(t, (uintptr_t)owner, kind, id, write, stack, uses, &race);
    if (made && kind == RC_NAME && !_Py_IsImmortal(name) && PySet_Add(rc_names, name) < 0) {
        PyErr_Clear();
    }
    if (AP_UNLIKELY(race.found)) {
        t->busy++;
        rc_report_race(what, obj, name, write, race.now, stack, &race);
        t->busy--;
    }
    return made;
}

static inline void rc_access_name(rc_thread *t, PyObject *owner, PyObject *name, bool write, int what, PyObject *obj)
{
    if (RC_LIKELY(rc_same_epoch(t, (uintptr_t)owner, RC_NAME, (uintptr_t)name, write))) {
        return;
    }
    rc_stamp stamp = rc_stamp_of(t, (uintptr_t)owner);
    rc_record_and_report(t, owner, RC_NAME, (uintptr_t)name, write, what, obj, name, NULL);
    rc_cache_access(t, (uintptr_t)owner, RC_NAME, (uintptr_t)name, write, stamp);
}

static inline void rc_access_keys(rc_thread *t, PyObject *owner, bool write)
{
    /* The cache has one kind for each of the two locations, both as reads: a change does not stand for an iteration. */
    uint8_t kind = write ? RC_KEYS_CHANGED : RC_KEYS;
    if (RC_LIKELY(rc_same_epoch(t, (uintptr_t)owner, kind, 0, false))) {
        return;
    }
    rc_stamp stamp = rc_stamp_of(t, (uintptr_t)owner);
    rc_record_and_report(t, owner, RC_KEYS, 0, write, RC_KEY_SET, owner, Py_None, NULL);
    rc_cache_access(t, (uintptr_t)owner, kind, 0, false, stamp);
}

/* A new reference to the name, interned: names of attributes are compared by address. The constants of code are
 * interned already. */
static inline PyObject *rc_interned(PyObject *name)
{
    PyObject *n = Py_NewRef(name);
    if (AP_UNLIKELY(!PyUnicode_CHECK_INTERNED(n))) {
        PyUnicode_InternInPlace(&n);
    }
    return n;
}

#endif
