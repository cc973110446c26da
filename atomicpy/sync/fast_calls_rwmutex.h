/* SPDX-License-Identifier: MIT
 *
 * fast_calls_rwmutex.h: `with rw.read()` and `with rw.write()` where nobody is in the way; see fast_calls.h.
 *
 * Each makes an object that lives as long as the statement. It could be one for each lock, since it knows nothing but its
 * lock; but then each would refer to the other, and the lock live until the collector comes by. So each is made anew, but
 * the lock keeps the memory of the last one that was dropped, for its next. That is for the thread alone that owns the
 * lock, as the interpreter has it (whoever has the GIL; else the one that made it), so it takes no atomic step.
 *
 * Up to 3.13, the `with` statement asks for __enter__ and __exit__ before it calls them, and gets two bound methods: two
 * more objects that are made and dropped, which cost more than all the rest. So the object is its own bound method: what
 * stands in its class under these names (`Itself` in rwmutex.pyx) gives back the object, and that, called without
 * arguments, is __enter__, and with three __exit__. Later versions call both without binding them.
 */
#ifndef AP_SHORTCUTS_RWMUTEX_H
#define AP_SHORTCUTS_RWMUTEX_H

#include "fast_calls_lock.h"
#include "sync/ap_rwmutex.h"

#if PY_VERSION_HEX < 0x030E0000
#define AP_BINDS
#endif

/* The structs of the classes, as the .pxd and the .pyx lay them out. */
typedef struct {
    PyObject_HEAD
    ap_rwmutex rw;
    void *spare; /* an ap_side that was dropped, or NULL */
    PyObject *weakrefs;
} ap_rwmutex_object;

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *rw;
} ap_side;

static inline ap_rwmutex_object *ap_lock_of(PyObject *side) { return (ap_rwmutex_object *)((ap_side *)side)->rw; }
static inline ap_rwmutex *ap_rwmutex_of(PyObject *side) { return &ap_lock_of(side)->rw; }

#ifdef Py_GIL_DISABLED
#define ap_has_spare(lock) _Py_IsOwnedByCurrentThread((PyObject *)(lock))
#else
#define ap_has_spare(lock) true
#endif

static inline PyObject *ap_side_new(PyTypeObject *type, PyObject *rw, vectorcallfunc call)
{
    ap_rwmutex_object *lock = (ap_rwmutex_object *)rw;
    ap_side *side;
    if (ap_has_spare(lock) && lock->spare != NULL) {
        side = (ap_side *)PyObject_Init(lock->spare, type);
        lock->spare = NULL;
    } else if ((side = PyObject_New(ap_side, type)) == NULL) {
        return NULL;
    }
    side->call = call;
    side->rw = Py_NewRef(rw);
    return (PyObject *)side;
}

static void ap_side_dealloc(PyObject *self)
{
    ap_rwmutex_object *lock = ap_lock_of(self);
    if ((PyObject *)lock != Py_None && ap_has_spare(lock) && lock->spare == NULL) { /* None: it was not made by us */
        lock->spare = self;
    } else {
        PyObject_Free(self);
    }
    Py_DECREF(lock);
}

/* name(), which makes an object for that side of the lock; and the methods of that. */
#define AP_SIDE(name)                                                                                        \
    AP_SHORTCUT_ENTER(name##_enter, ap_rwmutex_try_##name##_lock(ap_rwmutex_of(self)))                       \
    AP_SHORTCUT_EXIT(name##_exit, ap_rwmutex_##name##_unlock(ap_rwmutex_of(self)))                           \
    static const ap_shortcut name##_side_shortcuts[] = {                                                     \
        AP_PUT_NOARGS_AS("__enter__", name##_enter), AP_PUT_AS("__exit__", name##_exit), AP_PUT_END,         \
    };                                                                                                       \
    static PyTypeObject *name##_side_type;                                                                   \
    static PyMethodDef *name##_enter_def, *name##_exit_def;                                                  \
    static PyObject *name##_side_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *names) \
    {                                                                                                        \
        Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);                                                       \
        if (nargs == 0 && names == NULL) {                                                                   \
            return name##_enter_def->ml_meth(self, NULL);                                                    \
        }                                                                                                    \
        return ((ap_method)(void (*)(void))name##_exit_def->ml_meth)(self, args, nargs, names);              \
    }                                                                                                        \
    static inline PyObject *name##_body(PyObject *self, PyObject *unused)                                    \
    {                                                                                                        \
        (void)unused;                                                                                        \
        return ap_side_new(name##_side_type, self, name##_side_call);                                        \
    }                                                                                                        \
    AP_SHARED(name, (PyObject * self, PyObject *unused), (self, unused))                                     \
    static int name##_put_side(PyTypeObject *type)                                                           \
    {                                                                                                        \
        name##_side_type = type;                                                                             \
        return ap_put_side(type, name##_side_shortcuts, &name##_enter_def, &name##_exit_def);                \
    }

static int ap_put_side(PyTypeObject *type, const ap_shortcut *shortcuts, PyMethodDef **enter, PyMethodDef **exit)
{
    if (ap_put_layout(type, sizeof(ap_side)) || ap_put_shortcuts(type, shortcuts)) {
        return -1;
    }
    *enter = ap_method_named(type, shortcuts[0].name, shortcuts[0].flags);
    *exit = ap_method_named(type, shortcuts[1].name, shortcuts[1].flags);
    type->tp_dealloc = ap_side_dealloc;
#ifdef AP_BINDS
    type->tp_call = PyVectorcall_Call;
    type->tp_vectorcall_offset = offsetof(ap_side, call);
    type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
#endif
    return 0;
}

AP_SIDE(read)
AP_SIDE(write)

static const ap_shortcut ap_shortcuts[] = {AP_PUT_NOARGS(read), AP_PUT_NOARGS(write), AP_PUT_END};

/* Puts `itself(method)` in the place of a method that `with` would bind. */
static int ap_put_unbound(PyTypeObject *type, PyObject *itself)
{
#ifdef AP_BINDS
    static const char *const names[] = {"__enter__", "__exit__"};
    for (int i = 0; i < 2; i++) {
        PyObject *method = PyDict_GetItemString(type->tp_dict, names[i]);
        PyObject *made = method == NULL ? NULL : PyObject_CallOneArg(itself, method);
        int failed = made == NULL || PyDict_SetItemString(type->tp_dict, names[i], made);
        Py_XDECREF(made);
        if (failed) {
            return -1;
        }
    }
    PyType_Modified(type);
#else
    (void)type, (void)itself;
#endif
    return 0;
}

static int ap_put_all(PyTypeObject *type, PyTypeObject *reading, PyTypeObject *writing, PyObject *itself)
{
    return ap_put_layout(type, sizeof(ap_rwmutex_object)) || read_put_side(reading) || write_put_side(writing)
        || ap_put_unbound(reading, itself) || ap_put_unbound(writing, itself) || ap_put_shortcuts(type, ap_shortcuts);
}

#endif /* AP_SHORTCUTS_RWMUTEX_H */
