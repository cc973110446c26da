# SPDX-License-Identifier: MIT
# In the documentation: docs/design/channel.md
"""What the operations of a channel have in common: how a thread waits, how an operation fails, what comes due.

The race detector too: see below.
"""

from cpython.exc cimport PyErr_CheckSignals
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport int64_t

from atomicpy._runtime.core cimport AP_FOREVER, ap_now, next_signal_check
from atomicpy._runtime.core_calls cimport bind_core

__all__ = ["ChannelClosed"]

cdef extern from "channel/ap_select.h" nogil:
    ctypedef struct ap_select:
        pass
    ctypedef struct ap_runtime:
        pass

    int64_t ap_channel_due(ap_channel *ch) noexcept
    bint ap_channel_fire(ap_channel *ch, int64_t due, int64_t now, void *value) noexcept
    ap_select *ap_select_new(const ap_case *cases, size_t n) noexcept
    ap_case *ap_select_case(ap_select *s, size_t index) noexcept
    void ap_select_free(ap_select *s) noexcept
    int64_t ap_select_wait(ap_select *s, int64_t deadline, const ap_runtime *runtime) noexcept
    int64_t AP_SELECT_NO_MEMORY

cdef extern from "channel/attached.h":
    const ap_runtime ap_python

bind_core()


class ChannelClosed(Exception):
    """The channel is closed: a send cannot be done, and a receive has nothing left.

    >>> from atomicpy import Channel
    >>> ch = Channel(1)
    >>> ch.close()
    >>> ch.recv()
    Traceback (most recent call last):
    atomicpy.ChannelClosed: recv from a closed channel, and everything that was sent has been received
    """

    __module__ = "atomicpy"


cdef int raise_failed(ap_channel *ch, ap_channel_result result, str operation) except -1:
    """For a result that is neither AP_CHANNEL_DONE nor AP_CHANNEL_WOULD_BLOCK."""
    if result == AP_CHANNEL_NO_MEMORY:
        raise MemoryError
    note_closed(ch)
    if operation == "recv":
        raise ChannelClosed("recv from a closed channel, and everything that was sent has been received")
    raise ChannelClosed(f"{operation} to a closed channel: the value was not sent")


cdef int64_t fire(ap_channel *ch) except 0:
    """Send what is due on a channel of the clock; when the next value is due. AP_FOREVER for other channels."""
    cdef int64_t due = ap_channel_due(ch)
    cdef int64_t now
    cdef object value
    if due == AP_FOREVER:
        return due
    now = ap_now()
    if due > now:
        return due
    value = due / 1e9
    Py_INCREF(value)
    if not ap_channel_fire(ch, due, now, <void *>value):
        Py_DECREF(value)
    return ap_channel_due(ch)  # which may have passed: a loop until it has not would not end with a short interval


cdef int64_t fire_all(ap_case *cases, size_t n) except 0:
    cdef int64_t first = AP_FOREVER
    cdef size_t i
    for i in range(n):
        if cases[i].channel is not NULL:
            first = min(first, fire(cases[i].channel))
    return first


cdef int64_t wait_for(ap_case *cases, size_t n, int64_t deadline) except -2:
    """Do one case, and return its number; -1 at the deadline. Its result is in `cases`.

    Raises what a signal handler raises, but only while no case is done: then nothing was sent and nothing received.
    """
    cdef int64_t until, due, done
    cdef ap_select *s = ap_select_new(cases, n)
    if s is NULL:
        raise MemoryError
    try:
        while True:
            due = fire_all(cases, n)
            until = min(deadline, due, next_signal_check())
            done = ap_select_wait(s, until, &ap_python)
            if done == AP_SELECT_NO_MEMORY:
                raise MemoryError
            if done >= 0:
                cases[done].value = ap_select_case(s, done).value
                cases[done].closed = ap_select_case(s, done).closed
                return done
            if until == deadline and due > deadline:
                return -1
            PyErr_CheckSignals()
    finally:
        ap_select_free(s)


# ---- the race detector ----
#
# While it is installed, each channel has a watch, an object of atomicpy/race/happens_before/channels.py. A channel
# calls it, because a hook around a method cannot know which send a receive belongs to. A send puts the watch's record
# into the channel in place of the value, and the receive takes the value out. A channel keeps its watch, because
# records may be in its buffer.


cdef object begin_send(ap_channel *ch, object value):
    """What to put into the channel: the value, or a record with the value in it. Call its done() after the send."""
    watch = watch_of(ch)
    return value if watch is None else watch.send(value)


cdef object begin_receive(ap_channel *ch):
    """A record of the receive, or None. Without a received() it counts as a receive that was not done."""
    watch = watch_of(ch)
    return None if watch is None else watch.receive()


cdef object received(ap_channel *ch, object record, object value):
    """The value that was sent, from what was in the channel. `record` is None also if the receive began unwatched."""
    if record is None:
        record = begin_receive(ch)
    return value if record is None else record.done(value)


cdef int note_closed(ap_channel *ch) except -1:
    """The program is about to learn from an operation that the channel is closed."""
    watch = watch_of(ch)
    if watch is not None:
        watch.reports_closed()
    return 0
