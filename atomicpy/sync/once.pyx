# SPDX-License-Identifier: MIT
# cython: preliminary_late_includes_cy28=True
"""Once and once: one thread calls the function, all callers get its result. The states are in `src/sync/ap_once.h`.

The wait ends at Ctrl-C in the main thread. Meanwhile the other threads and the garbage collector run. It works in the
child after `os.fork()`.
"""

cimport cython
from cpython.object cimport PyTypeObject
from libc.stdint cimport int64_t, uint64_t

from atomicpy._runtime.core cimport AP_FOREVER, block, owner_shown, refuse_lost_owner
from atomicpy._runtime.core_calls cimport bind_core
from atomicpy._runtime.deferred_refcount cimport note_use
from atomicpy._runtime.public_name cimport name_public

__all__ = ["Once", "once"]

cdef extern from "sync/ap_once.h" nogil:
    ctypedef enum ap_once_result:
        AP_ONCE_DONE
        AP_ONCE_MINE
        AP_ONCE_TIMED_OUT

    void ap_once_init(ap_once *o) noexcept
    bint ap_once_is_done(ap_once *o) noexcept
    uint64_t ap_once_runner(ap_once *o) noexcept
    ap_once_result ap_once_begin(ap_once *o, int64_t deadline) noexcept
    void ap_once_finish(ap_once *o) noexcept

cdef extern from "platform/ap_owner.h" nogil:
    bint ap_owner_is_lost(uint64_t id) noexcept
    bint ap_owner_is_caller(uint64_t id) noexcept

cdef extern from "park/ap_park.h" nogil:
    size_t ap_waiters(const void *word) noexcept

bind_core()


cdef struct beginner:
    ap_once *state
    bint mine


cdef bint begin_until(void *beginning, uint64_t unused, int64_t deadline) noexcept nogil:
    cdef beginner *b = <beginner *>beginning
    cdef ap_once_result result = ap_once_begin(b.state, deadline)
    b.mine = result == AP_ONCE_MINE
    return result != AP_ONCE_TIMED_OUT


cdef int refuse_endless(void *beginning) except -1:
    """Raise if the function runs in the calling thread, deeper in its stack, or in a thread that was lost in fork()."""
    cdef uint64_t runner = ap_once_runner((<beginner *>beginning).state)
    if runner == 0:
        return 0
    if ap_owner_is_caller(runner):
        raise RuntimeError(
            "the function of this Once is running in this thread: a wait for it here would never end. The function, and"
            " a signal handler or a __del__ that interrupts it, must not call do() of the same Once"
        )
    if ap_owner_is_lost(runner):
        refuse_lost_owner("Once", "in the middle of its function")
    return 0


cdef inline bint is_done(Once once) noexcept:
    return ap_once_is_done(&once.state)


cdef inline bint has_result "ap_do_has_result"(Once once) noexcept:
    """For the fast calls too. An exception goes through the method, so that its traceback names the method."""
    return is_done(once) and once.error is None


cdef inline object result_of "ap_do_result"(Once once):
    return once.result


cdef inline object outcome(Once once):
    return result_of(once) if has_result(once) else raise_again(once)


cdef object raise_again(Once once):
    # With the first traceback: each raise would add to the traceback of the exception that all callers share.
    raise once.error.with_traceback(once.traceback)


cdef object do_or_wait(Once once, object fn, tuple args, dict kwargs):
    cdef beginner b
    b.state = &once.state
    b.mine = False
    block(begin_until, &b, 0, AP_FOREVER, refuse_endless)
    if b.mine:
        try:
            once.result = fn(*args, **kwargs)
        except BaseException as error:
            once.error = error
            once.traceback = error.__traceback__
        finally:
            ap_once_finish(&once.state)
    return outcome(once)


@cython.final
cdef class Once:
    """Once()
--

    Calls one function once, however many threads call `do()`, and returns its result to each. Go's `sync.Once`.

    >>> settings = Once()
    >>> settings.do(dict, debug=True)
    {'debug': True}
    >>> settings.do(dict, debug=False)
    {'debug': True}
    """

    def __cinit__(self):
        ap_once_init(&self.state)

    def __init__(self):
        pass

    def do(self, fn, /, *args, **kwargs):
        """Call `fn(*args, **kwargs)` if this is the first call, and return the result of the first call.

        A call during the first one waits for it. If the first call raises, each call raises that exception, also a
        KeyboardInterrupt; the function is not called again. What the function wrote is visible after each return.

        Raises TypeError if `fn` is not callable, and RuntimeError if the wait could not end: inside the function
        itself, in its thread, and in the child after `os.fork()` if another thread ran the function. Raises
        KeyboardInterrupt at Ctrl-C in the main thread while it waits; the first call goes on.

        >>> Once().do(max, 3, 4)
        4
        """
        if not callable(fn):
            raise TypeError(f"do() needs a function to call, not the {type(fn).__name__} {fn!r}")
        note_use(self)
        if is_done(self):
            return outcome(self)
        return do_or_wait(self, fn, args, kwargs)

    def __repr__(self):
        cdef uint64_t runner = ap_once_runner(&self.state)
        at = f"{<size_t><void *>self:#x}"
        if runner:
            owner = owner_shown(runner, ap_owner_is_lost(runner))
            return f"<running atomicpy.Once object owner={owner} waiters={ap_waiters(&self.state)} at {at}>"
        return f"<{'done' if ap_once_is_done(&self.state) else 'new'} atomicpy.Once object at {at}>"


@cython.final
cdef class once:
    """once(fn, /)
--

    Make a function that calls `fn()` once and returns its result each time. Go's `sync.OnceValue`.

    For a function without parameters. It waits and raises as `Once.do` does. `__wrapped__` is `fn`.

    >>> @once
    ... def settings():
    ...     print("read")
    ...     return {"debug": True}
    >>> settings()
    read
    {'debug': True}
    >>> settings()
    {'debug': True}
    """

    cdef Once done               # whether fn was called, and its outcome
    cdef object fn
    cdef dict __dict__           # __name__, __doc__ and so on, copied from fn
    cdef object __weakref__
    cdef void *vectorcall        # the fast call, below

    def __cinit__(self, *args, **kwargs):
        self.done = Once()
        self.vectorcall = <void *>call_fast

    def __init__(self, fn, /):
        if not callable(fn):
            raise TypeError(f"once() needs a function to call, not the {type(fn).__name__} {fn!r}")
        if self.fn is not None:  # initialised again
            self.done = Once()
        self.fn = fn
        # Imported here, so that importing the package loads no module that threading has not loaded.
        from functools import update_wrapper
        update_wrapper(self, fn)

    def __call__(self):
        note_use(self)
        if is_done(self.done):
            return outcome(self.done)
        if self.fn is None:
            raise TypeError("this once has no function yet: its __init__(fn) was not called")
        return do_or_wait(self.done, self.fn, (), {})

    def __repr__(self):
        return f"<atomicpy.once of {self.fn!r}>"


# The fast calls, see fast_calls.h. The method do() builds a tuple and a dict on each call; the call of a once goes
# through a slot of its type.
cdef extern from *:
    """
    #include "_runtime/fast_calls.h"

    static PyCFunction do_method;
    static PyObject *do_fast(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
    {
        void *self = object;
        if (nargs > 0 && ap_do_has_result(self) && PyCallable_Check(args[0]) && !ap_is_first_use(object)) {
            return ap_do_result(self);
        }
        return ap_call_method(do_method, object, args, nargs, names);
    }

    /* The type's own slot with these arguments: it reports the error. */
    static AP_COLD PyObject *call_slot(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
    {
        Py_ssize_t named = names == NULL ? 0 : PyTuple_GET_SIZE(names);
        PyObject *given = PyTuple_New(nargs), *by_name = named > 0 ? PyDict_New() : NULL, *result = NULL;
        bool ok = given != NULL && (named == 0 || by_name != NULL);
        for (Py_ssize_t i = 0; ok && i < nargs; i++) {
            PyTuple_SET_ITEM(given, i, Py_NewRef(args[i]));
        }
        for (Py_ssize_t i = 0; ok && i < named; i++) {
            ok = PyDict_SetItem(by_name, PyTuple_GET_ITEM(names, i), args[nargs + i]) == 0;
        }
        if (ok) {
            result = Py_TYPE(self)->tp_call(self, given, by_name);
        }
        Py_XDECREF(given);
        Py_XDECREF(by_name);
        return result;
    }

    typedef struct __pyx_obj_8atomicpy_4sync_4once_once ap_once_function;

    static PyObject *call_fast(PyObject *object, PyObject *const *args, size_t nargsf, PyObject *names)
    {
        ap_once_function *self = (ap_once_function *)object;
        Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
        if (nargs == 0 && names == NULL && ap_do_has_result(self->done) && !ap_is_first_use(object)) {
            return ap_do_result(self->done);
        }
        return call_slot(object, args, nargs, names);
    }

    static const ap_fast_call ap_fast_calls[] = {AP_OVERRIDE(do), AP_OVERRIDE_END};

    static void ap_override_call(PyTypeObject *type)
    {
        type->tp_vectorcall_offset = offsetof(ap_once_function, vectorcall);
        type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
    }
    """
    void call_fast()
    void ap_override_call(PyTypeObject *type) noexcept
    int ap_override_methods(PyTypeObject *type, const void *calls) except -1
    const void *ap_fast_calls

name_public(<PyTypeObject *>Once, "atomicpy.Once")
name_public(<PyTypeObject *>once, "atomicpy.once")
ap_override_methods(<PyTypeObject *>Once, ap_fast_calls)
ap_override_call(<PyTypeObject *>once)
