"""Channels between threads and coroutines, and between the loops of two threads."""

import asyncio
import contextlib
import threading

from together import Box, together, use, wait_until

from atomicpy import Channel, ChannelClosed


def clean_asend_to_a_thread():
    for capacity in (0, 1, None):
        line = Channel(capacity)

        async def produce(line=line):
            sends = line.asend(box := Box())
            box.value = 1  # before the send begins
            await sends

        def consume(line=line):
            assert line.recv(timeout=30).value == 1

        together(lambda produce=produce: asyncio.run(produce()), consume)


def clean_arecv_from_a_thread():
    for capacity in (0, 1, None):
        line = Channel(capacity)

        def produce(line=line):
            box = Box()
            box.value = 1
            line.send(box)

        async def consume(line=line):
            assert (await line.arecv()).value == 1

        together(produce, lambda consume=consume: asyncio.run(consume()))


def clean_async_for():
    line, done, total = Channel(1), Box(), Box()

    def produce():
        for number in range(4):
            box = Box()
            box.value = number
            line.send(box)
        done.value = 1
        line.close()

    async def consume():
        async for box in line:
            total.value += box.value
        assert (total.value, done.value) == (6, 1)

    together(produce, lambda: asyncio.run(consume()))


def clean_two_loops_and_back():
    there, back = Channel(), Channel()

    async def ask():
        box = Box()
        for _ in range(3):
            box.value += 1
            await there.asend(box)
            assert await back.arecv() is box
        there.close()
        assert box.value == 6

    async def answer():
        async for box in there:
            box.value += 1
            await back.asend(box)

    together(lambda: asyncio.run(ask()), lambda: asyncio.run(answer()))


def clean_rendezvous_orders_the_coroutine_that_sends():
    line, box = Channel(), Box()

    def receive():
        box.value = 1
        line.recv(timeout=30)

    async def send():
        await line.asend(None)
        assert box.value == 1

    together(receive, lambda: asyncio.run(send()))


def clean_rendezvous_orders_the_thread_that_sends():
    line, box = Channel(), Box()

    async def receive():
        box.value = 1
        await line.arecv()

    def send():
        line.send(None)
        assert box.value == 1

    together(lambda: asyncio.run(receive()), send)


def clean_close_ends_coroutines():
    for operation in (Channel.arecv, lambda line: line.asend(None)):
        line, box = Channel(), Box()

        def end(line=line, box=box):
            box.value = 1
            line.close()

        async def wait(line=line, box=box, operation=operation):
            with contextlib.suppress(ChannelClosed):
                await operation(line)
            assert box.value == 1

        together(end, lambda wait=wait: asyncio.run(wait()))


def race_written_after_asend():
    """Box.value"""
    line = Channel(1)

    async def produce():
        box = Box()
        await line.asend(box)
        box.value = 1

    def consume():
        use(line.recv(timeout=30).value)

    together(lambda: asyncio.run(produce()), consume)


def race_loop_goes_on_while_a_coroutine_sends():
    """Box.value"""
    line, box, received = Channel(), Box(), threading.Event()

    async def produce():
        sends = asyncio.create_task(line.asend(None))
        await asyncio.sleep(0)
        box.value = 1
        await asyncio.to_thread(received.wait, 30)
        await sends

    def consume():
        line.recv(timeout=30)
        use(box.value)
        received.set()

    together(lambda: asyncio.run(produce()), consume)


def race_cancelled_arecv_orders_nothing():
    """Box.value"""
    line, box, gone = Channel(1), Box(), []

    async def consume():
        box.value = 1
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(line.arecv(), 0.001)
        gone.append(1)

    def produce():
        wait_until(lambda: gone)
        for number in range(3):
            line.send(number)
            line.recv()
        use(box.value)

    together(lambda: asyncio.run(consume()), produce)


def race_cancelled_asend_orders_nothing():
    """Box.value"""
    line, box, gone = Channel(), Box(), []

    async def produce():
        box.value = 1
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(line.asend(None), 0.001)
        gone.append(1)

    def consume():
        wait_until(lambda: gone)
        assert line.try_recv() == (None, False)
        use(box.value)

    together(lambda: asyncio.run(produce()), consume)
