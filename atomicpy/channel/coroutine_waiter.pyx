# SPDX-License-Identifier: MIT
# In the documentation: docs/design/channel.md
"""CoroutineWaiter: a coroutine in the queue of a channel, with a future of its event loop in the place of a thread.

The thread that chooses the case calls `wake()`, and that sets the future: by `call_soon_threadsafe`, or at once in the
thread of the event loop. The queue has a reference to the waiter, and to the value of a send, until the case is chosen
or withdrawn.
"""

cimport cython
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport int64_t

from asyncio import get_running_loop
from asyncio.events import _get_running_loop

from atomicpy._runtime.core cimport AP_FOREVER
from atomicpy._runtime.core_calls cimport bind_core
from atomicpy.channel.channel cimport Channel
from atomicpy.channel.waiting cimport (
    AP_CHANNEL_CLOSED,
    AP_CHANNEL_DONE,
    AP_CHANNEL_WOULD_BLOCK,
    ap_case,
    ap_case_start,
    ap_case_withdraw,
    ap_channel,
    ap_channel_result,
    ap_waiter,
    begin_receive,
    begin_send,
    c_bool,
    fire,
    raise_failed,
    received,
)

__all__ = ["CoroutineWaiter"]

cdef extern from "channel/ap_select.h" nogil:
    ap_channel_result ap_channel_try_send(ap_channel *ch, void *value) noexcept
    ap_channel_result ap_channel_try_receive(ap_channel *ch, void **value) noexcept

cdef extern from "channel/attached.h":
    object ap_take_reference(void *value)

cdef extern from "Python.h":
    int PyThreadState_SetAsyncExc(unsigned long thread, object exception)
    unsigned long PyThread_get_thread_ident() noexcept

cdef enum:
    ATTEMPTS = 10  # of a call that signal handlers interrupt

bind_core()


@cython.final
cdef class CoroutineWaiter:
    """CoroutineWaiter(channel, operation)
--

    One `asend` or `arecv`: operation is "send" or "recv".
    """

    cdef ap_waiter waiter
    cdef ap_case case_
    cdef readonly Channel channel
    cdef readonly object future, value
    cdef object loop, record  # the race detector's, or None
    cdef str operation
    cdef bint settled, taken

    def __cinit__(self, Channel channel, str operation):
        self.channel = channel
        self.operation = operation
        self.waiter.cases = &self.case_
        self.waiter.wake = wake
        self.waiter.owner = <void *>self
        self.case_.channel = &channel.channel
        self.case_.waiter = &self.waiter
        self.case_.sends = operation == "send"

    def start(self, value=None):
        """Do the operation and return True, or enqueue it and return False: then `future` is set when it is done."""
        cdef ap_channel_result result = AP_CHANNEL_WOULD_BLOCK
        fire(&self.channel.channel)
        if self.case_.sends:
            sent = begin_send(&self.channel.channel, value)
            if sent is not value:
                self.record = sent
            self.case_.value = <void *>sent
            Py_INCREF(sent)
            result = ap_channel_try_send(&self.channel.channel, <void *>sent)
        else:
            self.record = begin_receive(&self.channel.channel)
            result = ap_channel_try_receive(&self.channel.channel, &self.case_.value)
        if result == AP_CHANNEL_WOULD_BLOCK:
            if self.case_.sends:
                Py_DECREF(sent)  # the next two lines may raise
            self.loop = get_running_loop()
            self.future = self.loop.create_future()
            if self.case_.sends:
                Py_INCREF(sent)
            Py_INCREF(self)  # before the core sees it
            result = ap_case_start(&self.case_)
            if result == AP_CHANNEL_WOULD_BLOCK:
                return False
            Py_DECREF(self)
        self.settled = True
        if result == AP_CHANNEL_DONE:
            self.value = self.end(None if self.case_.sends else ap_take_reference(self.case_.value))
            return True
        if self.case_.sends:
            Py_DECREF(<object>self.case_.value)
        raise_failed(&self.channel.channel, result, self.operation)

    cdef object end(self, object value):
        """For an operation that is done. The value of a receive."""
        if not self.case_.sends:
            return received(&self.channel.channel, self.record, value)
        if self.record is not None:
            self.record.done()

    def next_due(self):
        """Send what is due on a channel of the clock; when the next value is due, in seconds. None: nothing will be."""
        cdef int64_t due = fire(&self.channel.channel)
        return None if due == AP_FOREVER else due / 1e9

    def withdraw(self):
        """Return whether the operation was withdrawn; False: it is done."""
        if not ap_case_withdraw(&self.case_):
            return False
        if self.case_.sends:
            Py_DECREF(<object>self.case_.value)
        self.record = None
        Py_DECREF(self)
        return True

    def result(self):
        """The result of an operation that is done: the value of a receive. Raises ChannelClosed."""
        settle(self)
        if self.case_.closed:
            raise_failed(&self.channel.channel, AP_CHANNEL_CLOSED, self.operation)
        with cython.critical_section(self):
            self.taken = True
            value, self.value = self.value, None
        return self.end(value)


cdef void settle(CoroutineWaiter waiter) noexcept:
    """Take over the reference that came with the choice of the case. The first of wake() and result() does it.

    A cancelled coroutine may be here before the thread that chose its case is in wake(): withdraw() has waited for that
    thread's unlock, so the result is there.
    """
    with cython.critical_section(waiter):
        if waiter.settled:
            return
        waiter.settled = True
        if waiter.case_.sends:
            if waiter.case_.closed:
                Py_DECREF(<object>waiter.case_.value)
        elif not waiter.case_.closed:
            waiter.value = ap_take_reference(waiter.case_.value)


cdef c_bool wake(ap_waiter *w) noexcept:
    """For the thread that chose the case, which is attached, and holds no channel."""
    cdef CoroutineWaiter waiter = <CoroutineWaiter>w.owner
    Py_DECREF(waiter)  # the queue's reference: `waiter` is another
    settle(waiter)
    if resume(waiter) or waiter.case_.sends or waiter.case_.closed:
        return True
    return not take_back(waiter)


cdef bint take_back(CoroutineWaiter waiter) noexcept:
    """Make the value of a receive the sender's again. False: a cancelled coroutine has returned it."""
    with cython.critical_section(waiter):
        if waiter.taken:
            return False
        waiter.taken = True
        Py_INCREF(waiter.value)
        waiter.value = None
        return True


cdef bint resume(CoroutineWaiter waiter) noexcept:
    """Set the future. False: the loop is closed, so the coroutine never runs again.

    A signal handler may run and raise meanwhile, in the main thread. The operation is done, so that exception must not
    end it: it is raised after the operation has returned.
    """
    cdef int _attempt
    raised = None
    for _attempt in range(ATTEMPTS):
        try:
            if _get_running_loop() is waiter.loop:
                set_done(waiter.future)
            else:
                waiter.loop.call_soon_threadsafe(set_done, waiter.future)
            break
        except BaseException as error:
            if isinstance(error, RuntimeError) and waiter.loop.is_closed():
                return False
            raised = error
    if raised is not None:
        PyThreadState_SetAsyncExc(PyThread_get_thread_ident(), type(raised))
    return True


def set_done(future):
    if not future.done():
        future.set_result(None)
