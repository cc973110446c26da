# SPDX-License-Identifier: MIT
# cython: preliminary_late_includes_cy28=True
# In the documentation: docs/design/channel.md
"""Channel: values handed from senders to receivers, first in, first out. The algorithm is in `src/channel/`.

This file owns the references. A value's reference belongs to the sender until the core reports the value as sent,
then to the channel, then to the receiver. No reference is dropped and no Python code runs while a channel is locked,
so a finalizer may use the channel that held its object.

A channel is visible to the garbage collector with the values in its buffer, those of its waiting senders, and the
coroutines that wait: a cycle through a channel is freed. What the collector sees is whole, because a thread locks a
channel only while it is attached to the interpreter, and does not detach before it has unlocked it.
"""

cimport cython
from cpython.object cimport PyTypeObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport int64_t, uint64_t

from atomicpy._runtime.arguments cimport as_int64, shown
from atomicpy._runtime.core cimport AP_FOREVER, wait_deadline
from atomicpy._runtime.core_calls cimport bind_core
from atomicpy._runtime.deferred_refcount cimport note_use
from atomicpy._runtime.public_name cimport name_public
from atomicpy.channel.waiting cimport (
    AP_CHANNEL_CLOSED,
    AP_CHANNEL_DONE,
    AP_CHANNEL_WOULD_BLOCK,
    ap_case,
    ap_channel,
    ap_channel_result,
    begin_receive,
    begin_send,
    fire,
    is_watched,
    raise_failed,
    received,
    wait_for,
    watch_of,
)

from atomicpy.channel.waiting import ChannelClosed

__all__ = ["Channel"]

cdef extern from "channel/ap_select.h" nogil:
    uint64_t AP_CHANNEL_UNBOUNDED
    void ap_channel_init(ap_channel *ch, uint64_t capacity) noexcept
    void ap_channel_destroy(ap_channel *ch) noexcept
    ap_channel_result ap_channel_try_send(ap_channel *ch, void *value) noexcept
    ap_channel_result ap_channel_try_receive(ap_channel *ch, void **value) noexcept
    bint ap_channel_receive_would_block(ap_channel *ch) noexcept
    bint ap_channel_send_would_block(ap_channel *ch) noexcept
    bint ap_channel_close(ap_channel *ch) noexcept
    bint ap_channel_is_closed(ap_channel *ch) noexcept
    uint64_t ap_channel_count(ap_channel *ch) noexcept
    void *ap_channel_remove_waiter(ap_channel *ch, void **value) noexcept

cdef extern from "channel/attached.h":
    object ap_take_reference(void *value)

bind_core()


cdef int refuse_send(Channel ch) except -1:
    raise TypeError(f"{ch!r} gets its values from the clock, and takes no others; make a Channel to send on")


# ---- send and receive: each once, for the method and for the fast call ----


cdef int send_slow(Channel ch, object value, int64_t deadline) except -1:
    cdef ap_case c
    if ch.channel.interval != 0:
        refuse_send(ch)
    cdef object sent = begin_send(&ch.channel, value)
    c.channel, c.value, c.sends = &ch.channel, <void *>sent, True
    start_case(&c)
    Py_INCREF(sent)
    cdef int64_t done = -1
    try:
        done = wait_for(&c, 1, deadline)
    finally:
        if done < 0 or c.closed:
            Py_DECREF(sent)
    if done < 0:
        raise TimeoutError("send: no receiver took the value, and there was no room for it, within the timeout")
    if c.closed:
        raise_failed(&ch.channel, AP_CHANNEL_CLOSED, "send")
    if sent is not value:
        sent.done()
    return 0


cdef inline int send "ap_do_send"(Channel ch, object value, int64_t deadline) except -1:
    cdef ap_channel_result result = AP_CHANNEL_WOULD_BLOCK
    if ch.channel.interval == 0 and not is_watched(&ch.channel):
        Py_INCREF(value)
        result = ap_channel_try_send(&ch.channel, <void *>value)
        if result == AP_CHANNEL_DONE:
            return 0
        Py_DECREF(value)
    if result != AP_CHANNEL_WOULD_BLOCK:
        return raise_failed(&ch.channel, result, "send")
    return send_slow(ch, value, deadline)


cdef object receive_slow(Channel ch, int64_t deadline):
    cdef ap_case c
    cdef object record = begin_receive(&ch.channel)
    c.channel, c.value, c.sends = &ch.channel, NULL, False
    start_case(&c)
    if wait_for(&c, 1, deadline) < 0:
        raise TimeoutError("recv: no value came within the timeout")
    if c.closed:
        raise_failed(&ch.channel, AP_CHANNEL_CLOSED, "recv")
    return received(&ch.channel, record, ap_take_reference(c.value))


cdef inline object receive "ap_do_receive"(Channel ch, int64_t deadline):
    cdef void *value
    cdef ap_channel_result result
    if ch.channel.interval == 0 and not is_watched(&ch.channel):
        result = ap_channel_try_receive(&ch.channel, &value)
        if result == AP_CHANNEL_DONE:
            return ap_take_reference(value)
        if result != AP_CHANNEL_WOULD_BLOCK:
            raise_failed(&ch.channel, result, "recv")
    return receive_slow(ch, deadline)


cdef int close(ap_channel *ch) except -1:
    watch = watch_of(ch)
    if watch is not None and not ap_channel_is_closed(ch):
        watch.close()
    ap_channel_close(ch)
    return 0


cdef inline void start_case(ap_case *c) noexcept:
    c.waiter, c.ticket, c.queued, c.closed = NULL, 0, False, False


cdef uint64_t as_capacity(object capacity) except? 0:
    if capacity is None:
        return AP_CHANNEL_UNBOUNDED
    cdef int64_t n
    try:
        n = as_int64(capacity, "the capacity of a Channel")
    except OverflowError:
        n = -1
        if capacity > 0:
            raise OverflowError(
                f"capacity must be at most 2**63 - 1, or None for no bound, not {shown(capacity)}"
            ) from None
    if n < 0:
        raise ValueError(f"capacity must be 0 (a rendezvous) or more, or None for no bound, not {shown(capacity)}")
    return <uint64_t>n


cdef object load_coroutines = None
cdef object loaded_coroutines = None


def on_first_coroutine(load):
    """Set what returns the module `coroutines`. That module imports this one, so this one does not import it."""
    global load_coroutines
    load_coroutines = load


cdef object coroutines():
    global loaded_coroutines
    if loaded_coroutines is None:
        loaded_coroutines = load_coroutines()
    return loaded_coroutines


@cython.final
cdef class Channel:
    """Channel(capacity=0)
--

    Hands values from the threads and coroutines that send to those that receive, first in, first out.

    `capacity` is how many values it buffers: 0 makes a send wait until a receiver takes the value, None sets no bound.
    Each value that was sent is received once. A send or a receive that waits ends with a timeout, with Ctrl-C or when
    the channel is closed; then it was not done, and nothing is lost. Those that wait are served in the order in which
    they came. Go's chan.

    Happens before: a send before its receive returns; the k-th receive before the (k + capacity)-th send returns;
    `close()` before a receive that reports it.

    >>> ch = Channel(2)
    >>> ch.send("a"), ch.send("b"), ch.close()
    (None, None, None)
    >>> list(ch)
    ['a', 'b']
    """

    def __cinit__(self, capacity=0):
        ap_channel_init(&self.channel, as_capacity(capacity))

    def __dealloc__(self):
        drop_all(&self.channel)
        ap_channel_destroy(&self.channel)
        watch = watch_of(&self.channel)
        if watch is not None:
            Py_DECREF(watch)

    @classmethod
    def __class_getitem__(cls, item, /):
        """Channel[T], for annotations.

        >>> Channel[int]
        atomicpy.Channel[int]
        """
        import types

        return types.GenericAlias(cls, item)

    def send(self, value, timeout=None):
        """Send `value`: hand it to a waiting receiver, or append it to the buffer, or wait until either can be done.

        `timeout` in seconds, None to wait for ever. Raises `ChannelClosed` if the channel is closed, also while it
        waits, and `TimeoutError`; then the value was not sent.

        >>> ch = Channel(1)
        >>> ch.send(1)
        >>> ch.send(2, timeout=0.01)
        Traceback (most recent call last):
        TimeoutError: send: no receiver took the value, and there was no room for it, within the timeout
        """
        note_use(self)
        send(self, value, wait_deadline(timeout))

    def recv(self, timeout=None):
        """Receive the value that was sent first, or wait for one.

        `timeout` in seconds, None to wait for ever. Raises `ChannelClosed` if the channel is closed and what was sent
        has been received, also while it waits, and `TimeoutError`; then nothing was received.

        >>> ch = Channel(1)
        >>> ch.send("a")
        >>> ch.recv()
        'a'
        """
        note_use(self)
        return receive(self, wait_deadline(timeout))

    def try_send(self, value, /):
        """Send `value` if that can be done without waiting; return whether it was sent. Raises `ChannelClosed`.

        >>> ch = Channel(1)
        >>> ch.try_send("a"), ch.try_send("b")
        (True, False)
        """
        cdef ap_channel_result result
        note_use(self)
        if self.channel.interval != 0:
            refuse_send(self)
        if ap_channel_send_would_block(&self.channel):
            return False
        sent = begin_send(&self.channel, value)
        Py_INCREF(sent)
        result = ap_channel_try_send(&self.channel, <void *>sent)
        if result == AP_CHANNEL_DONE:
            if sent is not value:
                sent.done()
            return True
        Py_DECREF(sent)
        if result != AP_CHANNEL_WOULD_BLOCK:
            raise_failed(&self.channel, result, "send")
        return False

    def try_recv(self, /):
        """Receive a value if that can be done without waiting: `(value, True)`, or `(None, False)`.

        Raises `ChannelClosed` if the channel is closed and what was sent has been received.

        >>> ch = Channel(1)
        >>> ch.try_recv()
        (None, False)
        >>> ch.send("a")
        >>> ch.try_recv()
        ('a', True)
        """
        cdef void *value
        cdef ap_channel_result result
        note_use(self)
        fire(&self.channel)
        if ap_channel_receive_would_block(&self.channel):
            return None, False
        record = begin_receive(&self.channel)
        result = ap_channel_try_receive(&self.channel, &value)
        if result == AP_CHANNEL_DONE:
            return received(&self.channel, record, ap_take_reference(value)), True
        if result != AP_CHANNEL_WOULD_BLOCK:
            raise_failed(&self.channel, result, "recv")
        return None, False

    def asend(self, value, /):
        """`await ch.asend(value)`: as `send`, from asyncio. The event loop runs meanwhile.

        A coroutine and a thread wait in one queue. A cancelled `await` is done or it is not. If it is not, nothing was
        sent, and CancelledError is raised. If it is done, it returns, and CancelledError is raised when the task waits
        again.

        >>> import asyncio
        >>> async def main():
        ...     ch = Channel()
        ...     sender = asyncio.create_task(ch.asend("a"))
        ...     return await ch.arecv()
        >>> asyncio.run(main())
        'a'
        """
        note_use(self)
        if self.channel.interval != 0:
            refuse_send(self)
        return coroutines().asend(self, value)

    def arecv(self, /):
        """`await ch.arecv()`: as `recv`, from asyncio. See `asend`.

        >>> import asyncio
        >>> async def main():
        ...     ch = Channel(1)
        ...     ch.send("a")
        ...     return await ch.arecv()
        >>> asyncio.run(main())
        'a'
        """
        note_use(self)
        return coroutines().arecv(self)

    def close(self, /):
        """Close the channel: nothing more can be sent. A second `close()` does nothing.

        What was sent can still be received. Then receivers get `ChannelClosed`, and so do senders, those that wait too.

        >>> ch = Channel(1)
        >>> ch.close()
        >>> ch.send("a")
        Traceback (most recent call last):
        atomicpy.ChannelClosed: send to a closed channel: the value was not sent
        """
        note_use(self)
        close(&self.channel)

    @property
    def closed(self):
        """Whether the channel has been closed.

        >>> Channel().closed
        False
        """
        return ap_channel_is_closed(&self.channel)

    @property
    def capacity(self):
        """How many values the channel buffers; None without a bound.

        >>> Channel(2).capacity
        2
        """
        return None if self.channel.capacity == AP_CHANNEL_UNBOUNDED else self.channel.capacity

    def __len__(self):
        fire(&self.channel)
        return ap_channel_count(&self.channel)

    def __bool__(self):
        return True  # an empty channel is a channel

    def __iter__(self):
        return self

    def __next__(self):
        note_use(self)
        try:
            return receive(self, AP_FOREVER)
        except ChannelClosed:
            raise StopIteration from None

    def __aiter__(self):
        return self

    def __anext__(self):
        note_use(self)
        return coroutines().next_value(self)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback, /):
        close(&self.channel)

    def __repr__(self):
        bound = "None" if self.channel.capacity == AP_CHANNEL_UNBOUNDED else self.channel.capacity
        closed = ", closed" if ap_channel_is_closed(&self.channel) else ""
        if self.channel.interval != 0:
            return f"<Channel of the clock{closed}>"
        count = ap_channel_count(&self.channel)
        return f"<Channel({bound}) with {count} value{'' if count == 1 else 's'}{closed}>"

    def __reduce_ex__(self, protocol, /):
        raise TypeError(
            f"{self!r} cannot be copied or pickled: the copy would be a channel to which no thread sends. Pass the"
            " channel itself to threads; between processes use multiprocessing.Queue"
        )


cdef void drop_all "ap_drop_all"(ap_channel *ch) noexcept:
    """Drop each reference that the channel has. For a channel that no thread can reach."""
    cdef void *value
    cdef void *owner
    while True:
        owner = ap_channel_remove_waiter(ch, &value)
        if owner is NULL:
            break
        if value is not NULL:
            Py_DECREF(<object>value)
        Py_DECREF(<object>owner)
    while ap_channel_try_receive(ch, &value) == AP_CHANNEL_DONE:
        Py_DECREF(<object>value)


cdef extern from *:
    """
    #include "channel/channel_object.h"
    #include "_runtime/fast_calls.h"

    _Static_assert(offsetof(struct __pyx_obj_8atomicpy_7channel_7channel_Channel, channel)
                       == offsetof(ap_channel_object, channel),
                   "ap_channel_object is the beginning of a Channel");

    AP_FAST_CALL(send, 1, 1, true, AP_NONE_OR_ERROR(ap_do_send(self, args[0], AP_FOREVER)))
    AP_FAST_CALL(recv, 0, 0, true, ap_do_receive(self, AP_FOREVER))

    static const ap_fast_call ap_fast_calls[] = {AP_OVERRIDE(send), AP_OVERRIDE(recv), AP_OVERRIDE_END};
    """
    void ap_make_collectable(PyTypeObject *type) noexcept
    int ap_override_methods(PyTypeObject *type, const void *calls) except -1
    const void *ap_fast_calls

name_public(<PyTypeObject *>Channel, "atomicpy.Channel")
ap_make_collectable(<PyTypeObject *>Channel)
ap_override_methods(<PyTypeObject *>Channel, ap_fast_calls)
