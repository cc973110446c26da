# SPDX-License-Identifier: MIT
# In the documentation: docs/design/channel.md
"""select: do one of several sends and receives, whichever is ready first. The algorithm is in `src/channel/`.

And `after` and `tick`, the channels of the clock, which are there for the cases of a select.
"""

from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from cpython.sequence cimport PySequence_Fast_ITEMS
from cpython.tuple cimport PyTuple_CheckExact, PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from atomicpy._runtime.core cimport AP_FOREVER, ap_now, duration, wait_deadline
from atomicpy._runtime.core_calls cimport bind_core
from atomicpy._runtime.deferred_refcount cimport note_use
from atomicpy.channel.channel cimport Channel, refuse_send
from atomicpy.channel.waiting cimport (
    AP_CHANNEL_CLOSED,
    ap_case,
    ap_channel,
    ap_select_look,
    begin_receive,
    begin_send,
    is_watched,
    note_closed,
    raise_failed,
    received,
    wait_for,
)

__all__ = ["after", "select", "tick"]

cdef extern from "channel/ap_channel.h" nogil:
    void ap_channel_set_clock(ap_channel *ch, int64_t due, int64_t interval) noexcept

bind_core()

cdef extern from *:
    """
    #define FEW 8 /* so many cases need no memory from the system */

    #include "channel/select_call.h"
    """
    const int FEW
    object ap_select_result_new()
    int ap_select_result_end(object result, Py_ssize_t index, void *value, bint ok) except -1
    object ap_take_reference(void *value)
    object ap_public_select(PyTypeObject *channel, object general, object module_name)


cdef inline int read_case(ap_case *c, PyObject *case, bint *timed, bint *watched) except -1:
    """Fill in one case. The value of a send is still the caller's."""
    cdef PyObject *channel = case
    memset(c, 0, sizeof(ap_case))
    if channel is <PyObject *>None:
        return 0
    if PyTuple_CheckExact(<object>case) and PyTuple_GET_SIZE(<object>case) == 2:
        channel = PyTuple_GET_ITEM(<object>case, 0)
        c.value = PyTuple_GET_ITEM(<object>case, 1)
        c.sends = True
    if type(<object>channel) is not Channel:
        return refuse_case(<object>case)
    note_use(<object>channel)
    c.channel = &(<Channel>channel).channel
    if c.channel.interval != 0:
        if c.sends:
            refuse_send(<Channel>channel)
        timed[0] = True
    if is_watched(c.channel):
        watched[0] = True
    return 0


cdef list begin_cases(ap_case *cases, Py_ssize_t n):
    """The race detector's record of each case, or None. That of a send takes the place of the value."""
    cdef Py_ssize_t i
    records = [None] * n
    for i in range(n):
        if cases[i].channel is NULL:
            continue
        if not cases[i].sends:
            records[i] = begin_receive(cases[i].channel)
            continue
        value = <object>cases[i].value
        sent = begin_send(cases[i].channel, value)
        if sent is not value:
            records[i] = sent
            Py_INCREF(sent)
            cases[i].value = <void *>sent
            Py_DECREF(value)
    return records


cdef void *end_case(ap_case *c, object record, bint ok, bint sent, void *value) except NULL:
    """Notify the race detector that the case is done. The value for the result, from that of the case."""
    cdef object found = ap_take_reference(value)
    if not ok:
        note_closed(c.channel)
    elif not sent:
        found = received(c.channel, record, found)
    elif record is not None:
        record.done()
    Py_INCREF(found)
    return <void *>found


cdef int refuse_case(case) except -1:
    import reprlib

    hint = ""
    if isinstance(case, (list, tuple, set, frozenset)) and any(type(each) is Channel for each in case):
        hint = "; for the cases in a list write select(*cases)"
    elif isinstance(case, (int, float)):
        hint = f"; for a timeout write timeout={case!r}"
    raise TypeError(
        "a case of select() is a Channel, to receive, or (Channel, value), to send, or None, which is never ready; not"
        f" {reprlib.repr(case)}{hint}"
    )


cdef object select_in(ap_case *cases, PyObject *const *given, Py_ssize_t n, int64_t deadline):
    cdef Py_ssize_t i
    cdef int64_t done = -1
    cdef bint timed = False, watched = False, sends = False, ok, sent
    for i in range(n):
        read_case(&cases[i], given[i], &timed, &watched)
        sends = sends or cases[i].sends
    if sends:  # each case has a reference to its value until it is sent
        for i in range(n):
            if cases[i].sends:
                Py_INCREF(<object>cases[i].value)
    cdef void *value = <void *>None
    cdef list records = None
    result = ap_select_result_new()
    try:
        if watched:
            records = begin_cases(cases, n)
        if not timed:
            done = ap_select_look(cases, n)
        if done < 0:
            done = wait_for(cases, n, deadline)
        ok = done >= 0 and not cases[done].closed
        sent = done >= 0 and cases[done].sends
        if sent:
            if not ok:
                raise_failed(cases[done].channel, AP_CHANNEL_CLOSED, f"case {done}: send")
            cases[done].sends = False  # the value is the receiver's
        if ok and not sent:
            value = cases[done].value
        else:
            Py_INCREF(None)
        if done >= 0 and is_watched(cases[done].channel):
            value = end_case(&cases[done], None if records is None else records[done], ok, sent, value)
        ap_select_result_end(result, done, value, ok)
        return result
    finally:
        if sends:
            for i in range(n):
                if cases[i].sends:
                    Py_DECREF(<object>cases[i].value)


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
    cdef ap_case few[FEW]
    cdef ap_case *memory = few
    cdef Py_ssize_t n = len(cases)
    if n == 0 and timeout is None:
        raise ValueError("select() without a case would wait for ever: give it a case, or a timeout")
    cdef int64_t deadline = wait_deadline(timeout)
    if n > FEW:
        memory = <ap_case *>malloc(n * sizeof(ap_case))
        if memory is NULL:
            raise MemoryError
    try:
        return select_in(memory, PySequence_Fast_ITEMS(cases), n, deadline)
    finally:
        if memory is not few:
            free(memory)


def after(seconds, /):
    """Return a channel on which one value comes, `seconds` from now: the `time.monotonic()` at which it was due.

    No thread stands behind it. Raises ValueError for a negative number. Go's time.After.

    >>> from atomicpy import Channel, select
    >>> answers = Channel()
    >>> index, when, ok = select(answers, after(0.01))
    >>> index, ok
    (1, True)
    """
    return clock_channel(duration(seconds, "after()"), -1)


def tick(seconds, /):
    """Return a channel on which a value comes every `seconds`: the `time.monotonic()` at which it was due.

    At most one value waits there: a receiver that is late misses the others, and the next one comes on time. No thread
    stands behind it. Raises ValueError unless `seconds` is positive. Go's time.Tick.

    >>> ticks = tick(0.01)
    >>> first, second = ticks.recv(), ticks.recv()
    >>> first < second
    True
    """
    cdef int64_t interval = duration(seconds, "tick()")
    if interval == 0:
        raise ValueError(f"tick() needs a positive number of seconds, not {seconds!r}")
    return clock_channel(interval, interval)


cdef Channel clock_channel(int64_t first, int64_t interval):
    cdef Channel ch = Channel(1)
    cdef int64_t now = ap_now()
    ap_channel_set_clock(&ch.channel, now + first if first < AP_FOREVER - now else AP_FOREVER, interval)
    return ch


select = ap_public_select(<PyTypeObject *>Channel, select, "atomicpy")
after.__module__ = tick.__module__ = "atomicpy"
