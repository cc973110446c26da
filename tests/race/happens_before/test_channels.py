"""Channels that are in use when the detector is installed or uninstalled; the program sees its own values alone."""

import sys

import pytest
from helpers import run_program

pytestmark = pytest.mark.skipif(sys.version_info < (3, 13), reason="the race detector needs CPython 3.13")

START = """
import asyncio, contextlib, gc, sys, threading, time, weakref
from atomicpy import Channel, ChannelClosed, after, select, tick
from atomicpy.race import happens_before
from atomicpy.race.engine import engine

class Box:
    pass

def install():
    engine.install(print)
    happens_before.install()

def uninstall():
    happens_before.uninstall()
    engine.uninstall()

def start(function):
    thread = threading.Thread(target=function)
    thread.start()
    return thread

def until(condition):
    while not condition():
        time.sleep(0.001)

async def async_for(ch):
    async for value in ch:
        return value

async def await_send(ch, value):
    await ch.asend(value)

async def await_recv(ch):
    return await ch.arecv()

RECEIVES = {
    "recv": lambda ch: ch.recv(),
    "recv with a timeout": lambda ch: ch.recv(timeout=240),
    "next": next,
    "select": lambda ch: select(Channel(), ch)[1],
    "arecv": lambda ch: asyncio.run(await_recv(ch)),
    "async for": lambda ch: asyncio.run(async_for(ch)),
}
TRY_RECEIVES = {"try_recv": lambda ch: ch.try_recv()[0], "select at once": lambda ch: select(ch, timeout=0)[1]}
SENDS = {
    "send": lambda ch, value: ch.send(value),
    "send with a timeout": lambda ch, value: ch.send(value, timeout=240),
    "select": lambda ch, value: select(Channel(), (ch, value)),
    "asend": lambda ch, value: asyncio.run(await_send(ch, value)),
}
TRY_SENDS = {"try_send": lambda ch, value: ch.try_send(value),
             "select at once": lambda ch, value: select((ch, value), timeout=0)}
"""

PROGRAMS = {
    "values sent before": """
for send in (SENDS | TRY_SENDS).values():
    for receive in (RECEIVES | TRY_RECEIVES).values():
        ch, box = Channel(1), Box()
        send(ch, box)
        install()
        assert receive(ch) is box
        uninstall()
""",
    "values left after": """
for send in (SENDS | TRY_SENDS).values():
    for receive in (RECEIVES | TRY_RECEIVES).values():
        install()
        ch, box = Channel(1), Box()
        send(ch, box)
        assert len(ch) == 1
        uninstall()
        assert receive(ch) is box
""",
    "receivers that wait while it is installed, and uninstalled": """
for change, undo in ((install, uninstall), (uninstall, install)):
    for send in SENDS.values():
        for receive in RECEIVES.values():
            undo is install and install()
            ch, got = Channel(), []
            thread = start(lambda: got.append(receive(ch)))
            time.sleep(0.01)
            change()
            box = Box()
            send(ch, box)
            thread.join()
            assert got == [box]
            change is install and uninstall()
""",
    "senders that wait while it is installed, and uninstalled": """
for change, undo in ((install, uninstall), (uninstall, install)):
    for send in SENDS.values():
        for receive in RECEIVES.values():
            undo is install and install()
            ch, box = Channel(), Box()
            thread = start(lambda: send(ch, box))
            time.sleep(0.01)
            change()
            assert receive(ch) is box
            thread.join()
            change is install and uninstall()
""",
    "a send that fails leaves the value": """
install()
for capacity in (0, 1):
    ch, box = Channel(capacity), Box()
    capacity and ch.send(None)
    there = sys.getrefcount(box)
    for attempt in (lambda: ch.send(box, timeout=0.001), lambda: ch.try_send(box), lambda: select((ch, box), timeout=0),
                    lambda: select((ch, box), timeout=0.001),
                    lambda: asyncio.run(asyncio.wait_for(await_send(ch, box), 0.001))) * 2:
        with contextlib.suppress(TimeoutError, ChannelClosed):
            assert attempt() in (False, (-1, None, False))
        gc.collect()
        assert sys.getrefcount(box) == there, attempt.__code__
    ch.close()
    for attempt in (lambda: ch.send(box), lambda: ch.try_send(box), lambda: select((ch, box)),
                    lambda: asyncio.run(await_send(ch, box))):
        try:
            attempt()
        except ChannelClosed:
            pass
        else:
            raise AssertionError
        gc.collect()
        assert sys.getrefcount(box) == there
""",
    "values are freed, cycles too": """
install()
ch, box = Channel(None), Box()
gone = weakref.ref(box)
ch.send(box)
del box
assert ch.recv() is gone()
gc.collect()
assert gone() is None
box = Box()
gone = weakref.ref(box)
ch.send(box)
ch.send(ch)
del box, ch
gc.collect()
assert gone() is None
""",
    "what is shown": """
install()
ch = Channel(2)
assert type(ch) is Channel and isinstance(ch, Channel) and Channel[int].__origin__ is Channel
assert repr(ch) == "<Channel(2) with 0 values>" and repr(after(1)) == "<Channel of the clock>"
for value in (None, ch):
    ch.send(value)
assert repr(ch) == "<Channel(2) with 2 values>" and len(ch) == 2 and ch.capacity == 2
ch.close()
assert list(ch) == [None, ch]
assert repr(ch) == "<Channel(2) with 0 values, closed>"
assert type(after(0).recv()) is float and type(select(tick(0.001))[1]) is float
for wrong in (lambda: Channel(-1), lambda: Channel("3"), lambda: Channel(1, 2), lambda: Channel(size=1),
              lambda: select(3), lambda: select((ch,)), lambda: select((ch, 1, 2)), lambda: after(1).send(1)):
    messages = []
    for detector in (True, False):
        detector or uninstall()
        try:
            wrong()
        except (TypeError, ValueError) as error:
            messages.append((type(error), str(error)))
        detector or install()
    assert len(messages) == 2 and len(set(messages)) == 1, messages
""",
    "a finalizer that uses a channel at the end of the process": """
install()
ch = Channel(None)
class Last:
    def __init__(self):
        self.ch, self.sent = ch, Box()
    def __del__(self):
        self.ch.send(self.sent)
        assert self.ch.recv() is self.sent
        self.ch.close()
        print("finalized")
last = Last()
sys.modules["kept"] = last
""",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_program_sees_its_own_values(name):
    out = run_program(START + PROGRAMS[name] + "\nprint('right')")
    assert out.split() == ["right", *(["finalized"] if "finalizer" in name else [])]


def test_each_channel_has_a_watch_while_the_detector_is_installed():
    out = run_program(
        START
        + """
early = {capacity: Channel(capacity) for capacity in (0, 1, None)}
install()
for capacity, ch in early.items():
    assert engine.watch_of(ch) is not None and engine.watch_of(Channel(capacity)) is not None
uninstall()
assert engine.watch_of(Channel()) is None
print("right")
"""
    )
    assert out.split() == ["right"]
