"""asend and arecv beside threads on the same channel; the end of an event loop, and signals."""

import asyncio
import gc
import signal
import sys
import threading
import time
import weakref

import pytest
from channels import Waiting, started, turns
from helpers import WATCHDOG, in_thread, join_threads, run_program, run_threaded, start_threads, wait_until

from atomicpy import Channel, ChannelClosed

CAPACITIES = [0, 1, 3, None]

every_capacity = pytest.mark.parametrize("capacity", CAPACITIES)


class Loop:
    """An event loop in a thread of its own."""

    def __enter__(self):
        self.loop = asyncio.new_event_loop()
        [self.thread] = start_threads(1, self.loop.run_forever)
        return self

    def start(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.loop.stop)
        join_threads([self.thread])
        self.loop.close()


# ---- threads ----------------------------------------------------------------------------------------------------


@every_capacity
def test_threads_on_one_end_and_coroutines_on_the_other(capacity):
    ch, back, n = Channel(capacity), Channel(capacity), 500
    received: list = []

    async def main():
        async for value in ch:
            await back.asend(value)
        back.close()

    def feed():
        with ch:
            for value in range(n):
                ch.send(value)

    threads = [*start_threads(1, feed), *start_threads(1, lambda: received.extend(back))]
    asyncio.run(main())
    join_threads(threads)
    assert received == list(range(n))


def test_several_loops_and_threads_on_each_end():
    ch, n, loops = Channel(2), 200, 2

    async def send(me):
        for value in range(n):
            await ch.asend((me, value))

    async def receive():
        return [await ch.arecv() for _ in range(n)]

    def body(me):
        if me < loops:
            asyncio.run(send(me))
        elif me < 2 * loops:
            return asyncio.run(receive())
        elif me % 2:
            for value in range(n):
                ch.send((me, value))
        else:
            return [ch.recv() for _ in range(n)]
        return []

    parts = run_threaded(body, 2 * loops + 2)
    received = sorted(value for part in parts for value in part)
    assert received == [(me, value) for me in (0, 1, 5) for value in range(n)]
    assert len(ch) == 0


def test_threads_and_coroutines_wait_in_one_queue():
    ch = Channel()
    with Loop() as loop:
        first = loop.start(ch.arecv())
        wait_until(lambda: len(gc.get_referents(ch)) == 1)  # the coroutine in the queue
        second = Waiting(ch.recv)
        assert second.waits
        ch.send("a")
        ch.send("b")
        assert first.result(WATCHDOG) == "a"
        assert second.result == "b"


def test_references_are_exact_after_values_went_between_threads_and_loops():
    thing, ch, n = object(), Channel(), 300
    before = sys.getrefcount(thing)

    async def receive():
        for _ in range(n):
            await ch.arecv()

    async def send():
        for _ in range(n):
            await ch.asend(thing)

    run_threaded(lambda me: asyncio.run(receive()) if me else [ch.send(thing) for _ in range(n)], 2)
    run_threaded(lambda me: asyncio.run(send()) if me else [ch.recv() for _ in range(n)], 2)
    run_threaded(lambda me: asyncio.run(receive()) if me else asyncio.run(send()), 2)
    gc.collect()
    assert sys.getrefcount(thing) == before


def test_cancellation_races_with_a_thread_that_sends():
    """A value is received, or it is left. 400 rounds with a cancellation at about the time of the send."""
    ch, received, left = Channel(), [], []

    async def main(n):
        loop = asyncio.get_running_loop()
        for _ in range(n):
            task = asyncio.create_task(ch.arecv())
            await turns(1)
            go.set()
            loop.call_soon(task.cancel)
            try:
                received.append(await task)
            except asyncio.CancelledError:
                received.append("cancelled")
            sent = await loop.run_in_executor(None, done.recv)
            assert (received[-1] == "cancelled") is not sent
            if sent:
                left.append(received[-1])

    def feed(n):
        for value in range(n):
            go.wait(WATCHDOG)
            go.clear()
            done.send(ch.try_send(value))

    go, done = threading.Event(), Channel(1)
    feeder = start_threads(1, feed, 400)
    asyncio.run(main(400))
    join_threads(feeder)
    assert received.count("cancelled") == 400 - len(left)
    assert left == sorted(left)


# ---- the end of a loop, signals ---------------------------------------------------------------------------------


def test_value_for_a_coroutine_of_a_closed_loop_goes_to_the_next_receiver():
    ch = Channel(1)
    loop = asyncio.new_event_loop()
    task = loop.create_task(ch.arecv())
    loop.run_until_complete(turns())
    loop.close()
    assert ch.try_send("a") is True
    assert len(ch) == 1
    assert ch.recv() == "a"
    task._log_destroy_pending = False


def test_value_passes_several_coroutines_of_closed_loops():
    ch, kept = Channel(), []
    for _ in range(3):
        loop = asyncio.new_event_loop()
        kept.append(loop.create_task(ch.arecv()))
        loop.run_until_complete(turns())
        loop.close()
    receiver = Waiting(ch.recv)
    ch.send("a")
    assert receiver.result == "a"
    assert ch.try_send("b") is False
    for task in kept:
        task._log_destroy_pending = False


def test_close_passes_coroutines_of_closed_loops():
    ch = Channel()
    loop = asyncio.new_event_loop()
    tasks = [loop.create_task(ch.arecv())]
    loop.run_until_complete(turns())
    loop.close()
    receiver = Waiting(ch.recv)
    ch.close()
    assert isinstance(receiver.result, ChannelClosed)
    tasks[0]._log_destroy_pending = False


def test_cycle_through_a_waiting_coroutine_is_collected():
    class Thing:
        pass

    async def main():
        ch, thing = Channel(), Thing()
        refs = weakref.ref(ch), weakref.ref(thing)
        tasks = [await started(ch.asend(thing)), await started(Channel().arecv())]
        for task in tasks:
            task._log_destroy_pending = False
        del ch, thing, task, tasks
        gc.collect()
        assert [ref() for ref in refs] == [None, None]

    asyncio.run(main())


def test_collection_leaves_a_coroutine_that_waits_on_a_reachable_channel():
    async def main():
        ch = Channel()
        await started(ch.arecv())
        sender = asyncio.create_task(ch.asend("a"))
        await sender
        waiting = await started(ch.arecv())
        gc.collect()
        ch.send("b")
        assert await waiting == "b"

    asyncio.run(main())


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot send itself SIGINT on Windows")
def test_ctrl_c_while_a_send_wakes_a_coroutine_is_raised_after_the_send():
    """The signal handler runs in call_soon_threadsafe(). The value is sent all the same, and the signal is not lost."""
    ch = Channel()
    with Loop() as loop:
        receive = loop.start(ch.arecv())
        wait_until(lambda: len(gc.get_referents(ch)) == 1)
        schedule, calls = loop.loop.call_soon_threadsafe, []

        def interrupted(*args):
            calls.append(args)
            if len(calls) == 1:
                signal.raise_signal(signal.SIGINT)
            return schedule(*args)

        loop.loop.call_soon_threadsafe = interrupted
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            with pytest.raises(KeyboardInterrupt):
                ch.send("a")
                time.sleep(WATCHDOG)
        finally:
            signal.signal(signal.SIGINT, before)
            loop.loop.call_soon_threadsafe = schedule
        assert receive.result(WATCHDOG) == "a"
        assert len(calls) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot send itself SIGINT on Windows")
def test_ctrl_c_ends_asyncio_run_and_the_operation_is_withdrawn():
    out = run_program("""
import asyncio, os, signal, threading
from atomicpy import Channel
signal.signal(signal.SIGINT, signal.default_int_handler)
ch = Channel()

async def main():
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
    await ch.arecv()

try:
    asyncio.run(main())
except KeyboardInterrupt:
    print(ch.try_send("a"), ch.try_recv())
""")
    assert out.strip() == "False (None, False)"


def test_blocking_operations_of_a_thread_do_not_need_a_loop():
    async def main():
        ch = Channel()
        task = await started(ch.arecv())
        await asyncio.to_thread(ch.send, "a")
        assert await task == "a"
        assert in_thread(ch.try_recv) == (None, False)

    asyncio.run(main())
