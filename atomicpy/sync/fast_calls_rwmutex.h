/* SPDX-License-Identifier: MIT
 * In the documentation: docs/design/fast-calls.md
 *
 * fast_calls_rwmutex.h: `with rw.read()` and `with rw.write()` where the lock is free; see fast_calls.h.
 *
 * Each statement makes an object, a side of the lock, that lives as long as the statement. A side kept in the lock
 * would make a cycle: the two would refer to each other, and only the collector could free the lock. So each side is
 * made anew, and the lock keeps the memory of the last side that was dropped. Only the thread that owns the lock
 * object uses that memory (with the GIL its holder; without it the thread that made the object), so this takes no
 * atomic step.
 *
 * Up to 3.13 a `with` statement binds __enter__ and __exit__ before it calls them. These two bound methods, made and
 * dropped, cost more than everything else. So a side is its own bound method: the class has an `Itself` (rwmutex.pyx)
 * under each of the two names, which returns the side. The side, called without arguments, is __enter__; with three, it
 * is __exit__. Later versions call both without binding them.
 */
#ifndef AP_FAST_CALLS_RWMUTEX_H
#define AP_FAST_CALLS_RWMUTEX_H

#include <stddef.h>

#include "_runtime/fast_calls.h"

#if PY_VERSION_HEX < 0x030E0000
#define AP_BINDS
#endif

/* The structs of the classes. The two sides have the same one, field by field. */
typedef struct __pyx_obj_8atomicpy_4sync_7rwmutex_RWMutex ap_rwmutex_object;
typedef struct __pyx_obj_8atomicpy_4sync_7rwmutex__Reading ap_side;
typedef struct __pyx_obj_8atomicpy_4sync_7rwmutex__Writing ap_writing_side;
_Static_assert(sizeof(ap_side) == sizeof(ap_writing_side), "the sides of a lock differ");
_Static_assert(offsetof(ap_side, call) == offsetof(ap_writing_side, call), "the sides of a lock differ");
_Static_assert(offsetof(ap_side, rw) == offsetof(ap_writing_side, rw), "the sides of a lock differ");

#ifdef Py_GIL_DISABLED
#define ap_owns_spare(lock) _Py_IsOwnedByCurrentThread((PyObject *)(lock))
#else
#define ap_owns_spare(lock) true
#endif

static inline PyObject *ap_side_new(PyTypeObject *type, ap_rwmutex_object *lock, vectorcallfunc call)
{
    ap_side *side;
    if (ap_owns_spare(lock) && lock->spare != NULL) {
        side = (ap_side *)PyObject_Init(lock->spare, type);
        lock->spare = NULL;
    } else if ((side = PyObject_New(ap_side, type)) == NULL) {
        return NULL;
    }
    side->call = (void *)call;
    side->rw = (void *)Py_NewRef((PyObject *)lock);
    return (PyObject *)side;
}

static void ap_side_dealloc(PyObject *self)
{
    ap_rwmutex_object *lock = ((ap_side *)self)->rw;
    /* None: a side that __new__ refused to make. */
    if ((PyObject *)lock != Py_None && ap_owns_spare(lock) && lock->spare == NULL) {
        lock->spare = self;
    } else {
        PyObject_Free(self);
    }
    Py_DECREF((PyObject *)lock);
}

/* ap_read_side(lock) makes a side of the class `name##_type`, and name() is its fast call. The side itself, called
 * with the arguments of __enter__ or __exit__, is that method. */
#define AP_SIDE(name)                                                                                    \
    AP_FAST_NOARGS(name##_enter, AP_TRUE_OR_ERROR(ap_do_enter_##name(((ap_side *)self)->rw)))            \
    AP_FAST_CALL(name##_exit, 3, 3, true, AP_NONE_OR_ERROR(ap_do_release_##name(((ap_side *)self)->rw))) \
    static const ap_fast_call name##_fast_calls[] = {                                                    \
        AP_OVERRIDE_NOARGS_AS("__enter__", name##_enter),                                                \
        AP_OVERRIDE_AS("__exit__", name##_exit),                                                         \
        AP_OVERRIDE_END,                                                                                 \
    };                                                                                                   \
    static PyTypeObject *name##_type;                                                                    \
    static PyObject *name##_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *names)  \
    {                                                                                                    \
        Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);                                                   \
        if (nargs == 0 && names == NULL) {                                                               \
            return name##_enter_fast(self, NULL);                                                        \
        }                                                                                                \
        return name##_exit_fast(self, args, nargs, names);                                               \
    }                                                                                                    \
    static inline PyObject *ap_##name##_side(ap_rwmutex_object *lock)                                    \
    {                                                                                                    \
        return ap_side_new(name##_type, lock, name##_call);                                              \
    }                                                                                                    \
    AP_FAST_NOARGS(name, ap_##name##_side(self))

AP_SIDE(read)
AP_SIDE(write)

/* Puts `itself(method)` in the place of a method that `with` would bind. */
static int ap_override_binding(PyTypeObject *type, PyObject *itself)
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
    type->tp_call = PyVectorcall_Call;
    type->tp_vectorcall_offset = offsetof(ap_side, call);
    type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
    PyType_Modified(type);
#else
    (void)type, (void)itself;
#endif
    return 0;
}

static int ap_override_side(PyTypeObject *type, const ap_fast_call *calls, PyObject *itself)
{
    type->tp_dealloc = ap_side_dealloc;
    return ap_override_methods(type, calls) || ap_override_binding(type, itself) ? -1 : 0;
}

static const ap_fast_call ap_fast_calls[] = {AP_OVERRIDE_NOARGS(read), AP_OVERRIDE_NOARGS(write), AP_OVERRIDE_END};

static int ap_override_sides(PyTypeObject *type, PyTypeObject *reading, PyTypeObject *writing, PyObject *itself)
{
    read_type = reading;
    write_type = writing;
    return ap_override_side(reading, read_fast_calls, itself) || ap_override_side(writing, write_fast_calls, itself)
                   || ap_override_methods(type, ap_fast_calls)
               ? -1
               : 0;
}

#endif /* AP_FAST_CALLS_RWMUTEX_H */
