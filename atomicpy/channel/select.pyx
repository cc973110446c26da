# SPDX-License-Identifier: MIT
# In the documentation: docs/design/channel.md
"""select: do one of several sends and receives, whichever is ready first. The algorithm is in `src/channel/`."""

from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from cpython.sequence cimport PySequence_Fast_ITEMS
from cpython.tuple cimport PyTuple_CheckExact, PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from atomicpy._runtime.core cimport AP_FOREVER, wait_deadline
from atomicpy._runtime.core_calls cimport bind_core
from atomicpy._runtime.deferred_refcount cimport note_use
from atomicpy.channel.channel cimport (
    AP_CHANNEL_CLOSED,
    Channel,
    ap_case,
    ap_select_look,
    fire,
    raise_failed,
    refuse_send,
    wait_for,
)

__all__ = ["select"]

cdef extern from "channel/attached.h":
    object ap_take_reference(void *value)

bind_core()

cdef extern from *:
    """
        #define FEW 8 /* so many cases need no memory from the system */

    static PyObject *ap_do_select(PyObject *const *given, Py_ssize_t n, int64_t deadline);

    /* The public select() calls this one, the function of select.pyx, with a timeout and in rare cases. Cython would
     * make a tuple of the cases at each call. */
    static PyObject *ap_general_select;

    static PyObject *ap_select_call(PyObject *unused, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
    {
        (void)unused;
        if (names != NULL || nargs < 1 || nargs > FEW) {
            return PyObject_Vectorcall(ap_general_select, args, (size_t)nargs, names);
        }
        return ap_do_select(args, nargs, AP_FOREVER);
    }

    static PyMethodDef ap_select_method
        = {"select", (PyCFunction)(void (*)(void))ap_select_call, METH_FASTCALL | METH_KEYWORDS, NULL};

    static PyObject *ap_public_select(PyObject *general, PyObject *module_name)
    {
        ap_general_select = Py_NewRef(general);
        ap_select_method.ml_doc = ((PyCFunctionObject *)general)->m_ml->ml_doc;
        return PyCFunction_NewEx(&ap_select_method, NULL, module_name);
    }
    """
    const int FEW
    object ap_public_select(object general, object module_name)


cdef int read_case(ap_case *c, object case, bint *timed) except -1:
    """Fill in one case. The reference to the value of a send is new."""
    cdef Channel ch
    if case is None:
        return 0
    if type(case) is Channel:
        ch = <Channel>case
    elif PyTuple_CheckExact(case):
        if PyTuple_GET_SIZE(case) != 2 or type(<object>PyTuple_GET_ITEM(case, 0)) is not Channel:
            return refuse_case(case)
        ch = <Channel>PyTuple_GET_ITEM(case, 0)
        if ch.channel.interval != 0:
            refuse_send(ch)
        c.sends = True
        c.value = PyTuple_GET_ITEM(case, 1)
        Py_INCREF(<object>c.value)
    else:
        return refuse_case(case)
    note_use(ch)
    c.channel = &ch.channel
    if ch.channel.interval != 0:
        timed[0] = True
    return 0


cdef int refuse_case(case) except -1:
    import reprlib

    raise TypeError(
        "a case of select() is a Channel, to receive, or (Channel, value), to send, or None, which is never ready; not"
        f" {reprlib.repr(case)}"
    )


cdef object select_in(ap_case *cases, PyObject *const *given, Py_ssize_t n, int64_t deadline):
    cdef Py_ssize_t i
    cdef int64_t done = -1
    cdef bint timed = False
    memset(cases, 0, n * sizeof(ap_case))
    try:
        for i in range(n):
            read_case(&cases[i], <object>given[i], &timed)
        if not timed:
            done = ap_select_look(cases, n)
        if done < 0:
            done = wait_for(cases, n, deadline)
        if done < 0:
            return -1, None, False
        if not cases[done].closed:
            if not cases[done].sends:
                return done, ap_take_reference(cases[done].value), True
            cases[done].sends = False  # the value is the receiver's
            return done, None, True
        if cases[done].sends:
            raise_failed(AP_CHANNEL_CLOSED, "send")
        return done, None, False
    finally:
        for i in range(n):
            if cases[i].sends:
                Py_DECREF(<object>cases[i].value)


cdef object select_few "ap_do_select"(PyObject *const *given, Py_ssize_t n, int64_t deadline):
    cdef ap_case cases[FEW]
    return select_in(cases, given, n, deadline)


def select(*cases, timeout=None):
    """Do one of several sends and receives, whichever is ready first; return `(index, value, ok)`.

    A case is a `Channel`, to receive from it; `(channel, value)`, to send the value; or None, which is never ready. If
    several are ready, one of them is chosen with equal chance. If none is, select waits until one is: `timeout` in
    seconds, None to wait for ever, 0 not to wait.

    - A receive that was done is `(index, value, True)`, a send `(index, None, True)`.
    - A receive from a channel that is closed and empty is ready, with `(index, None, False)`.
    - At the timeout the result is `(-1, None, False)`, and nothing was sent or received.
    - A send to a closed channel raises `ChannelClosed`.

    Raises ValueError without a case and without a timeout, TypeError for what is no case. Go's select.

    >>> from atomicpy import Channel
    >>> inbox, outbox = Channel(1), Channel(1)
    >>> select(inbox, (outbox, "a"))
    (1, None, True)
    >>> select(inbox, (outbox, "b"), timeout=0)
    (-1, None, False)
    """
    cdef ap_case *memory
    cdef Py_ssize_t n = len(cases)
    if n == 0 and timeout is None:
        raise ValueError("select() without a case would wait for ever: give it a case, or a timeout")
    cdef int64_t deadline = wait_deadline(timeout)
    if n <= FEW:
        return select_few(PySequence_Fast_ITEMS(cases), n, deadline)
    memory = <ap_case *>malloc(n * sizeof(ap_case))
    if memory is NULL:
        raise MemoryError
    try:
        return select_in(memory, PySequence_Fast_ITEMS(cases), n, deadline)
    finally:
        free(memory)


select = ap_public_select(select, "atomicpy")
