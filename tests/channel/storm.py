"""A storm of sends, receives and selects: `storm.py SECONDS [SEED]`. No value may be lost, or received twice.

Threads and asyncio tasks send and receive on four channels, by every operation, with random timeouts. Tasks are
cancelled, Ctrl-C interrupts the main thread, the collector runs, and the channels are closed while they are in use.

Then the values whose send returned are those that were received and those that are left in the buffers, exactly. A
receiver gets the values that one sender sent on one channel in their order, and every value is freed.
"""

import asyncio
import faulthandler
import gc
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from functools import partial

from helpers import WATCHDOG, join_threads, start_threads

from atomicpy import AtomicInt, Channel, ChannelClosed, after, select

CHANNELS = [Channel(), Channel(1), Channel(7), Channel(None)]
SENDERS = LOOPS = 2  # as many threads receive as send
TASKS = 6  # of each loop

stop = threading.Event()
paused = ""  # "send" or "receive": these actors pause, so that the others wait for long
actors: list["Actor"] = []
numbers = AtomicInt()


class Value:
    """What is sent. `name` is (actor, number): no two are the same."""

    __slots__ = ("name",)

    def __init__(self, name):
        self.name = name


class Actor:
    """A thread or a task with what it sent, as names, and what it received: (channel's index, name)."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.me, self.made = numbers.fetch_add(1), 0
        self.sent, self.received = [], []
        self.outcomes = Counter()
        self.cancelled, self.late = False, 0  # how many operations ended otherwise after the cancellation
        actors.append(self)

    def value(self):
        self.made += 1
        return Value((self.me, self.made))

    def some(self):
        return self.random.sample(range(len(CHANNELS)), self.random.randint(1, len(CHANNELS)))

    def seconds(self):
        return self.random.choice((0, 0.00001, 0.0005, 0.003))

    def got(self, at, value):
        self.received.append((at, value.name))

    # ---- a step of a thread: it raises ChannelClosed, or TimeoutError if nothing was done ----

    def send(self):
        at, value = self.random.randrange(len(CHANNELS)), self.value()
        way = self.random.randrange(3)
        if way == 0:
            CHANNELS[at].send(value, self.seconds())
        elif way == 1:
            CHANNELS[at].send(value)
        elif not CHANNELS[at].try_send(value):
            return
        self.sent.append(value.name)

    def receive(self):
        at = self.random.randrange(len(CHANNELS))
        way = self.random.randrange(3)
        if way == 0:
            self.got(at, CHANNELS[at].recv(self.seconds()))
        elif way == 1:
            self.got(at, CHANNELS[at].recv())
        else:
            value, ok = CHANNELS[at].try_recv()
            if ok:
                self.got(at, value)

    def cases(self, kinds):
        """Cases of select, and for each the value that it sends, or None, and the channel's index, or None."""
        made = []
        for at in self.some():
            if self.random.choice(kinds) == "send":
                value = self.value()
                made.append(((CHANNELS[at], value), value, at))
            else:
                made.append((CHANNELS[at], None, at))
        if self.random.random() < 0.3:
            made.append((after(self.seconds()), None, None))
        return made

    def done(self, made, result):
        index, value, ok = result
        if index < 0 or made[index][2] is None:
            raise TimeoutError
        if made[index][1] is not None:
            self.sent.append(made[index][1].name)
        elif ok:
            self.got(made[index][2], value)
        else:
            raise ChannelClosed

    def select(self, kinds):
        made = self.cases(kinds)
        timeout = self.random.choice((None, self.seconds()))
        self.done(made, select(*(case for case, _, _ in made), timeout=timeout))

    def run(self, kind, *steps):
        """Until the channels are closed."""
        while True:
            while paused == kind:
                time.sleep(0.001)
            step = self.random.choice(steps)
            try:
                step()
                self.outcomes["done"] += 1
            except TimeoutError:
                self.outcomes["timeout"] += 1
            except ChannelClosed:
                self.outcomes["closed"] += 1
                return


# ---- the actors -------------------------------------------------------------------------------------------------


def sends(actor):
    actor.run("send", actor.send, partial(actor.select, ["send"]), partial(actor.select, ["send", "receive"]))


def receives(actor):
    actor.run("receive", actor.receive, partial(actor.select, ["receive"]), partial(actor.select, ["send", "receive"]))


async def task(actor, kind):
    while not stop.is_set():
        while paused == kind:
            await asyncio.sleep(0.001)
        at = actor.random.randrange(len(CHANNELS))
        try:
            async with asyncio.timeout(actor.random.choice((None, actor.seconds()))):
                if kind == "send":
                    value = actor.value()
                    await CHANNELS[at].asend(value)
                    actor.sent.append(value.name)
                else:
                    actor.got(at, await CHANNELS[at].arecv())
            actor.outcomes["done"] += 1
        except TimeoutError:
            actor.outcomes["timeout"] += 1
        except ChannelClosed:
            actor.outcomes["closed"] += 1
            return
        actor.late += actor.cancelled
        if actor.random.random() < 0.1:
            await asyncio.sleep(0)


async def loop(seed):
    """Tasks that send or receive. Some are cancelled, and others begin."""
    chance, tasks = random.Random(seed), []

    def begin(kind):
        actor = Actor(chance.random())
        tasks.append((asyncio.create_task(task(actor, kind)), actor, kind))

    for n in range(TASKS):
        begin("send" if n % 2 else "receive")
    while not stop.is_set():
        await asyncio.sleep(chance.choice((0, 0, 0.0002, 0.002)))
        cancelled, actor, kind = tasks.pop(chance.randrange(TASKS))
        actor.cancelled = cancelled.cancel()
        await asyncio.wait([cancelled])
        begin(kind)
    for left, _, _ in tasks:
        if chance.random() < 0.3:
            left.cancel()
    await asyncio.wait([left for left, _, _ in tasks])


class MainThread(Actor):
    """The actor that Ctrl-C interrupts.

    An exception of a signal handler may be raised between any two instructions of Python code. So each operation, and
    the note that it was done, are one call in C: list.extend(map(operation, ...)).
    """

    def __init__(self, seed):
        super().__init__(seed)
        self.armed, self.results, self.interrupts = False, [], 0
        signal.signal(signal.SIGINT, self.interrupt)

    def interrupt(self, *_):
        if self.armed:
            self.armed = False
            self.interrupts += 1
            raise KeyboardInterrupt

    def checkpoint(self):
        """The call of a Python function: here the interpreter raises what is pending."""

    def attempt(self, calls):
        self.results = []
        try:
            self.armed = True
            self.results.extend(calls)
            self.armed = False
            self.checkpoint()
        except KeyboardInterrupt:
            self.outcomes["interrupted, done" if self.results else "interrupted"] += 1
        finally:
            self.armed = False
        return self.results

    def send(self):
        at, value = self.random.randrange(len(CHANNELS)), self.value()
        if self.attempt(map(CHANNELS[at].send, (value,), (self.random.choice((None, self.seconds())),))):
            self.sent.append(value.name)

    def receive(self):
        at = self.random.randrange(len(CHANNELS))
        for value in self.attempt(map(CHANNELS[at].recv, (self.random.choice((None, self.seconds())),))):
            self.got(at, value)

    def select(self, kinds):
        made = self.cases(kinds)
        call = partial(select, timeout=self.random.choice((None, self.seconds())))
        for result in self.attempt(map(call, *((case,) for case, _, _ in made))):
            self.done(made, result)


# ---- the storm --------------------------------------------------------------------------------------------------


def disturb(seconds, seed):
    """Ctrl-C for the main thread, collections, pauses, and then the end."""
    global paused
    chance, end = random.Random(seed), time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(chance.choice((0.0001, 0.001, 0.005)))
        os.kill(os.getpid(), signal.SIGINT)
        if chance.random() < 0.02:
            gc.collect()
        if chance.random() < 0.02:
            paused = chance.choice(("send", "receive", "", ""))
    stop.set()
    paused = ""
    for ch in chance.sample(CHANNELS, len(CHANNELS)):
        ch.close()
        time.sleep(chance.choice((0, 0.001)))


def check() -> str:
    sent = Counter(name for actor in actors for name in actor.sent)
    received = Counter(name for actor in actors for _, name in actor.received)
    left = Counter(value.name for ch in CHANNELS for value in ch)
    assert max(sent.values()) == 1
    assert sent == received + left, f"lost {sent - received - left}, more than sent {received + left - sent}"
    assert max(actor.late for actor in actors) <= 1, "a task went on after its cancellation"
    for actor in actors:
        last: dict = {}
        for at, (sender, number) in actor.received:
            assert number > last.get((at, sender), 0), "not in the order of the sender"
            last[at, sender] = number
    gc.collect()
    alive = sum(type(each) is Value for each in gc.get_objects())
    assert alive == 0, f"{alive} values were not freed"
    outcomes = sum((actor.outcomes for actor in actors), Counter())
    return f"{len(sent)} sent, {sum(left.values())} left, {len(actors)} actors, {dict(outcomes)}"


def storm(seconds: float, seed: int) -> None:
    faulthandler.dump_traceback_later(seconds + WATCHDOG, exit=True)
    main = MainThread(seed)
    threads = []
    for n in range(SENDERS):
        threads += start_threads(1, sends, Actor(hash((seed, n))), name="sender")
        threads += start_threads(1, receives, Actor(hash((seed, -n - 1))), name="receiver")
    for n in range(LOOPS):
        threads += start_threads(1, asyncio.run, loop(hash((seed, n, n))), name="loop")
    threads += start_threads(1, disturb, seconds, seed, name="disturber")
    main.run(None, main.send, main.receive, *(partial(main.select, kinds) for kinds in (["send"], ["receive"])))
    join_threads(threads)
    del threads
    main.results.clear()
    print(f"seed {seed}: {check()}, {main.interrupts} interrupts")


if __name__ == "__main__":
    storm(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(10**6))
