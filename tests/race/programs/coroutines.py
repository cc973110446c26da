"""asyncio: coroutines of one loop run in one thread; calls from and to other threads."""

import asyncio
import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

from together import Box, use


def clean_coroutines_of_one_loop():
    box = Box()

    async def work():
        for _ in range(5):
            box.value += 1
            await asyncio.sleep(0)

    async def main():
        await asyncio.gather(work(), work())

    asyncio.run(main())
    assert box.value == 10


def clean_to_thread():
    box = Box()

    def work():
        box.value += 1

    async def main():
        box.value += 1
        await asyncio.to_thread(work)
        box.value += 1
        await asyncio.to_thread(work)

    asyncio.run(main())
    assert box.value == 4


def clean_run_in_executor():
    box = Box()

    def work(amount):
        box.value += amount
        return box

    async def main():
        with ThreadPoolExecutor(2) as pool:
            done = await asyncio.get_running_loop().run_in_executor(pool, work, 5)
            done.value += 1

    asyncio.run(main())
    assert box.value == 6


def clean_call_soon_threadsafe():
    box = Box()

    async def main():
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def finish():
            box.value += 1
            done.set()

        def work():
            box.value += 1
            loop.call_soon_threadsafe(finish)

        thread = threading.Thread(target=work)
        thread.start()
        await asyncio.wait_for(done.wait(), 30)
        assert box.value == 2
        thread.join()

    asyncio.run(main())


def clean_run_coroutine_threadsafe():
    box, ready = Box(), threading.Event()

    async def add(amount):
        box.value += amount
        return box.value

    def serve():
        with contextlib.closing(asyncio.new_event_loop()) as loop:
            holder.append(loop)
            loop.call_soon(ready.set)
            loop.run_forever()

    holder = []
    thread = threading.Thread(target=serve)
    thread.start()
    ready.wait(30)
    box.value = 1
    assert asyncio.run_coroutine_threadsafe(add(5), holder[0]).result(30) == 6
    box.value += 1
    holder[0].call_soon_threadsafe(holder[0].stop)
    thread.join()


def clean_two_loops_one_after_the_other():
    box = Box()

    async def work():
        box.value += 1

    def run():
        asyncio.run(work())

    for _ in range(2):
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    assert box.value == 2


def clean_queue_of_asyncio():
    async def main():
        line, total = asyncio.Queue(2), Box()

        async def produce():
            for number in range(6):
                await line.put(Box(number))

        async def consume():
            for _ in range(6):
                total.value += (await line.get()).value

        await asyncio.gather(produce(), consume())
        assert total.value == 15

    asyncio.run(main())


def clean_async_for_and_with():
    class Source:
        def __init__(self):
            self.left = 3

        def __aiter__(self):
            return self

        async def __anext__(self):
            if not self.left:
                raise StopAsyncIteration
            self.left -= 1
            return self.left

        async def __aenter__(self):
            return self

        async def __aexit__(self, *error):
            self.left = 0

    async def main():
        async with Source() as source:
            return [number async for number in source]

    assert asyncio.run(main()) == [2, 1, 0]


def race_two_to_threads():
    """Box.value"""
    box, barrier = Box(), threading.Barrier(2)

    def work():
        barrier.wait(30)
        box.value += 1

    async def main():
        await asyncio.gather(asyncio.to_thread(work), asyncio.to_thread(work))

    asyncio.run(main())


def race_loop_goes_on_meanwhile():
    """Box.value"""
    box, started, gate = Box(), threading.Event(), threading.Event()

    def work():
        started.set()
        box.value += 1
        gate.wait(30)

    async def main():
        task = asyncio.create_task(asyncio.to_thread(work))
        while not started.is_set():
            await asyncio.sleep(0)
        box.value += 1
        gate.set()
        await task

    asyncio.run(main())


def race_callback_and_thread():
    """Box.value"""
    box = Box()

    async def main():
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def finish():
            use(box.value)
            done.set()

        def work():
            loop.call_soon_threadsafe(finish)
            box.value = 1

        thread = threading.Thread(target=work)
        thread.start()
        await asyncio.wait_for(done.wait(), 30)
        thread.join()

    asyncio.run(main())


def race_two_loops_in_two_threads():
    """Box.value"""
    box, barrier = Box(), threading.Barrier(2)

    async def work():
        box.value += 1

    def run():
        barrier.wait(30)
        asyncio.run(work())

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def race_coroutine_changes_what_a_thread_reads():
    """settings['debug']"""
    settings, gate = {"debug": False}, threading.Event()

    def work():
        use(settings["debug"])
        gate.wait(30)

    async def main():
        task = asyncio.create_task(asyncio.to_thread(work))
        await asyncio.sleep(0.005)
        settings["debug"] = True
        gate.set()
        await task

    asyncio.run(main())
