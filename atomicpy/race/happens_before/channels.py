"""Channels: a send -> its receive, a receive -> the send that needed its room, close() -> what reports it.

No method is hooked. A channel calls its watch (atomicpy/channel/waiting.pyx) from each operation, from select() too, an
iteration or a coroutine. A send puts its record into the channel in place of the value, and the receive takes the value
out of it. So a receive acquires the clock of the one send that it received from.

The k-th receive happens before the (k + capacity)-th send is done. A watch does not know the number of a receive. So a
send that is not among the first `capacity` sends acquires the clocks of all receives that are done or in progress. This
adds an order that does not exist: a race may be missed, and none is invented. A receive that ends without a value
leaves no clock, so a timeout orders nothing.

after() and tick() order nothing: no send is behind their values.
"""

from __future__ import annotations

import gc
import itertools
from typing import Any, ClassVar

import atomicpy
from atomicpy.race.engine import engine
from atomicpy.race.engine.engine import Clock


class _Send:
    """A send. It is in the channel, with the value."""

    __slots__ = ("clock", "needs_room", "value", "watch")

    def __init__(self, watch: _Watch, value: Any, needs_room: bool) -> None:
        self.watch = watch
        self.value = value
        self.needs_room = needs_room
        self.clock = watch.new_clock()
        self.clock.release()

    def done(self) -> None:
        if self.needs_room:
            # These first: a receive releases into `room` before its clock leaves `in_progress`.
            for clock in list(self.watch.in_progress.values()):
                clock.acquire()
            self.watch.room.acquire()


class _Receive:
    """A receive. It is in progress until this object is freed."""

    __slots__ = ("watch",)

    def __init__(self, watch: _Watch) -> None:
        self.watch = watch
        if watch.installed and watch.bounded:
            clock = watch.new_clock()
            clock.release()
            watch.in_progress[id(self)] = clock

    def done(self, found: Any) -> Any:
        """The value, from what was in the channel: a _Send, or the value if the send began unwatched."""
        value = found
        if type(found) is self.watch.send_type:
            found.clock.acquire()
            value, found.value = found.value, None
        if self.watch.bounded:
            self.watch.room.release()
        return value

    def __del__(self) -> None:
        self.watch.in_progress.pop(id(self), None)


class _Watch:
    """What one channel calls. It uses no globals: a finalizer may use the channel when they have been cleared."""

    __slots__ = ("bounded", "capacity", "closing", "in_progress", "is_full", "numbers", "room")
    installed: ClassVar[bool] = False
    new_clock, send_type, receive_type = Clock, _Send, _Receive

    def __init__(self, capacity: int | None, is_new: bool) -> None:
        self.bounded = capacity is not None
        self.capacity = capacity or 0
        self.numbers = itertools.count(1)  # of sends, also of those that fail
        self.is_full = not is_new  # an earlier send has no number
        self.in_progress: dict[int, Clock] = {}  # of receives, by identity
        self.room = self.new_clock()
        self.closing = self.new_clock()

    def send(self, value: Any) -> Any:
        if not self.installed:
            self.is_full = True
            return value
        return self.send_type(self, value, self.bounded and (next(self.numbers) > self.capacity or self.is_full))

    def receive(self) -> Any:
        return self.receive_type(self)

    def close(self) -> None:
        self.closing.release()

    def reports_closed(self) -> None:
        self.closing.acquire()


def install() -> None:
    engine.call_for_new_channels(lambda channel: engine.set_watch(channel, _Watch(channel.capacity, is_new=True)))
    for channel in gc.get_objects():
        if type(channel) is atomicpy.Channel and engine.watch_of(channel) is None:
            engine.set_watch(channel, _Watch(channel.capacity, is_new=False))
    # A thread that has found no watch is about to receive without one, and must not find a _Send. No thread is at that
    # point once the collector has stopped them all; with the GIL no other thread can be there now.
    gc.get_objects(generation=0)
    _Watch.installed = True


def uninstall() -> None:
    """Channels keep their watches, because a _Send may be in them."""
    _Watch.installed = False
    engine.call_for_new_channels(None)
