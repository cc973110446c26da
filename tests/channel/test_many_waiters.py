"""Many waiters, many cases, and channels that only their waiters know."""

import asyncio
import gc
import sys
import threading
import weakref

import pytest
from channels import Waiting
from helpers import join_threads, run_program, run_threaded, start_threads, wait_until

from atomicpy import Channel, ChannelClosed, select


@pytest.mark.slow
def test_100000_coroutines_wait_on_one_channel():
    n = 100_000

    async def main():
        ch, received = Channel(), []

        async def receive():
            received.append(await ch.arecv())

        tasks = [asyncio.create_task(receive()) for _ in range(n)]
        await asyncio.sleep(0)
        gc.collect()
        for task in tasks[1::2]:
            task.cancel()
        await asyncio.sleep(0)
        for value in range(n // 4):
            assert ch.try_send(value) is True
        ch.close()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert received == list(range(n // 4))
        kinds = [sum(type(each) is kind for each in results) for kind in (type(None), ChannelClosed)]
        assert kinds == [n // 4, n // 4]
        assert sum(isinstance(each, asyncio.CancelledError) for each in results) == n // 2

    asyncio.run(main())


def test_1000_threads_wait_on_one_channel():
    ch, received = Channel(), []
    previous = threading.stack_size(256 * 1024)
    try:
        threads = start_threads(1000, lambda: received.append(ch.recv()))
    finally:
        threading.stack_size(previous)
    for n in range(1000):
        ch.send(n)
    join_threads(threads)
    assert sorted(received) == list(range(1000))


def test_select_of_10000_cases():
    channels = [Channel() for _ in range(10_000)]
    receiver = Waiting(select, *channels)
    channels[7777].send("a")
    assert receiver.result == (7777, "a", True)
    assert select(*channels, timeout=0.01) == (-1, None, False)
    assert select(*[(channels[0], 1)] * 10_000, timeout=0.01) == (-1, None, False)


def test_channel_that_only_its_waiting_threads_know_is_freed_when_their_wait_ends():
    refs = []

    def body(me):
        ch = Channel(me % 2)
        refs.append(weakref.ref(ch))
        inner = start_threads(2, wait, ch)
        del ch
        gc.collect()
        join_threads(inner)

    def wait(ch):
        with pytest.raises(TimeoutError):
            ch.recv(timeout=0.05)
        assert select(ch, timeout=0.01) == (-1, None, False)

    run_threaded(body, 4)
    wait_until(lambda: gc.collect() >= 0 and not any(ref() for ref in refs))


def test_channel_that_only_its_waiting_coroutines_know_is_collected():
    """The collector closes them: GeneratorExit ends the wait."""
    ended = []

    async def wait(ch, value):
        try:
            await (ch.arecv() if value is None else ch.asend(value))
        finally:
            ended.append(sys.exc_info()[0])

    async def main():
        for value in (None, "a"):
            ch = Channel()
            tasks = [asyncio.create_task(wait(ch, value)) for _ in range(3)]
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            ref = weakref.ref(ch)
            for task in tasks:
                task._log_destroy_pending = False
            del ch, tasks, task
            gc.collect()
            assert ref() is None

    asyncio.run(main())
    assert ended == [GeneratorExit] * 6


def test_program_ends_while_threads_and_coroutines_wait():
    out = run_program("""
import asyncio, threading
from atomicpy import Channel, select, tick
ch = Channel()
for wait in (ch.recv, lambda: select(Channel(), (Channel(), 1)), lambda: list(tick(0.001))):
    for _ in range(3):
        threading.Thread(target=wait, daemon=True).start()
loop = asyncio.new_event_loop()
task = loop.create_task(ch.arecv())
task._log_destroy_pending = False
loop.run_until_complete(asyncio.sleep(0.05))
loop.close()
print("ok")
""")
    assert out.strip() == "ok"
