/* SPDX-License-Identifier: MIT
 *
 * fast_calls_lock.h: `with` on a lock that is free; see fast_calls.h. Cython's __exit__ counts a reference to each of its
 * three arguments.
 */
#ifndef AP_SHORTCUTS_LOCK_H
#define AP_SHORTCUTS_LOCK_H

#include "../_runtime/fast_calls.h"

/* The struct of a class is the one that we know. */
static int ap_put_layout(PyTypeObject *type, size_t size)
{
    if ((size_t)type->tp_basicsize != size) {
        PyErr_Format(PyExc_SystemError, "%s is not laid out as its shortcut expects", type->tp_name);
        return -1;
    }
    return 0;
}

/* __enter__(): take the lock if it is free, and return True; else it is for the method to wait. */
#define AP_SHORTCUT_ENTER(name, try_lock)                                     \
    static PyCFunction name##_method;                                         \
    static inline PyObject *name##_body(PyObject *self, PyObject *unused)     \
    {                                                                         \
        return (try_lock) ? Py_NewRef(Py_True) : name##_method(self, unused); \
    }                                                                         \
    AP_SHARED(name, (PyObject * self, PyObject *unused), (self, unused))

/* __exit__(exc_type, exc_value, traceback): unlock; where that is an error it is for the method to raise. */
#define AP_SHORTCUT_EXIT(name, unlock)                                                                          \
    static inline bool name##_plain(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject **result) \
    {                                                                                                           \
        (void)args;                                                                                             \
        if (nargs != 3 || !(unlock)) {                                                                          \
            return false;                                                                                       \
        }                                                                                                       \
        *result = Py_NewRef(Py_None);                                                                           \
        return true;                                                                                            \
    }                                                                                                           \
    AP_SHORTCUT(name, name##_plain)

#endif /* AP_SHORTCUTS_LOCK_H */
