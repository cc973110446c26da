"""asend, arecv and `async for`: the operations of a Channel from asyncio, beside threads on the same channel."""

import asyncio
import gc
import inspect
import sys

import pytest
from channels import started, turns

from atomicpy import Channel, ChannelClosed, select

CAPACITIES = [0, 1, 3, None]

every_capacity = pytest.mark.parametrize("capacity", CAPACITIES)


# ---- in one loop ------------------------------------------------------------------------------------------------


@every_capacity
def test_values_are_received_in_the_order_in_which_they_were_sent(capacity):
    async def main():
        ch = Channel(capacity)

        async def feed():
            for n in range(200):
                assert await ch.asend(n) is None
            ch.close()

        feeder = asyncio.create_task(feed())
        received = [value async for value in ch]
        await feeder
        assert received == list(range(200))
        with pytest.raises(ChannelClosed, match="recv from a closed channel"):
            await ch.arecv()
        with pytest.raises(ChannelClosed, match="send to a closed channel: the value was not sent"):
            await ch.asend(1)

    asyncio.run(main())


def test_operations_are_coroutines_and_do_nothing_before_they_are_awaited():
    async def main():
        ch = Channel(1)
        send = ch.asend("a")
        assert inspect.iscoroutine(send)
        assert len(ch) == 0
        await send
        receive = ch.arecv()
        assert len(ch) == 1
        assert await receive == "a"
        assert ch.__aiter__() is ch

    asyncio.run(main())


def test_waiting_coroutines_are_served_in_the_order_in_which_they_came():
    async def main():
        ch, got = Channel(), []

        async def receive(me):
            got.append((me, await ch.arecv()))

        tasks = [await started(receive(me)) for me in range(5)]
        for n in range(5):
            ch.send(n)
        await asyncio.gather(*tasks)
        assert got == [(n, n) for n in range(5)]
        tasks = [await started(ch.asend(n)) for n in range(5)]
        assert [ch.recv() for _ in range(5)] == list(range(5))
        await asyncio.gather(*tasks)

    asyncio.run(main())


def test_close_ends_the_wait_of_coroutines():
    async def main():
        ch = Channel()
        tasks = [await started(ch.arecv()) for _ in range(3)]
        ch.close()
        assert [type(each) for each in await asyncio.gather(*tasks, return_exceptions=True)] == [ChannelClosed] * 3
        ch = Channel()
        tasks = [await started(ch.asend(1)) for _ in range(3)]
        ch.close()
        assert [type(each) for each in await asyncio.gather(*tasks, return_exceptions=True)] == [ChannelClosed] * 3
        assert ch.closed

    asyncio.run(main())


def test_try_operations_and_select_meet_a_waiting_coroutine():
    async def main():
        ch = Channel()
        task = await started(ch.arecv())
        assert ch.try_send("a") is True
        assert ch.try_send("b") is False
        assert await task == "a"
        task = await started(ch.asend("c"))
        assert select(Channel(), ch, timeout=0) == (1, "c", True)
        await task
        task = await started(ch.arecv())
        assert select((ch, "d"), timeout=0) == (0, None, True)
        assert await task == "d"

    asyncio.run(main())


def test_waiting_coroutine_does_not_block_the_loop():
    async def main():
        ch, ticks = Channel(), []
        task = await started(ch.arecv())
        for n in range(10):
            await asyncio.sleep(0.001)
            ticks.append(n)
        await ch.asend("a")
        assert await task == "a"
        assert len(ticks) == 10

    asyncio.run(main())


def test_operation_that_has_to_wait_needs_a_running_loop():
    ch, thing = Channel(1), object()
    before = sys.getrefcount(thing)
    for _ in range(50):
        with pytest.raises(RuntimeError, match="no running event loop"):
            ch.arecv().send(None)
    ch.send("a")
    for _ in range(50):
        with pytest.raises(RuntimeError, match="no running event loop"):
            ch.asend(thing).send(None)
    assert sys.getrefcount(thing) == before
    assert [ch.recv(), ch.try_recv()] == ["a", (None, False)]


# ---- cancellation -----------------------------------------------------------------------------------------------


def test_cancelled_operation_is_withdrawn():
    async def main():
        for operation in (ch.arecv, lambda: ch.asend(thing)):
            for _ in range(50):
                task = await started(operation())
                task.cancel("why")
                with pytest.raises(asyncio.CancelledError, match="why"):
                    await task
            assert ch.try_recv() == (None, False)
            assert ch.try_send("a") is False

    ch, thing = Channel(), object()
    before = sys.getrefcount(thing)
    asyncio.run(main())
    gc.collect()
    assert sys.getrefcount(thing) == before


@pytest.mark.parametrize("wrapped", [False, True])
def test_operation_that_was_done_before_its_task_was_cancelled_returns(wrapped):
    async def main():
        ch = Channel()

        async def wrap(awaitable):
            return await awaitable

        task = await started(wrap(ch.arecv()) if wrapped else ch.arecv())
        ch.send("a")
        task.cancel()
        assert await task == "a"
        task = await started(wrap(ch.asend("b")) if wrapped else ch.asend("b"))
        assert ch.recv() == "b"
        task.cancel()
        assert await task is None

    asyncio.run(main())


def test_wait_for_with_a_timeout_receives_nothing():
    async def main():
        ch = Channel()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ch.arecv(), 0.01)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ch.asend("a"), 0.01)
        assert ch.try_recv() == (None, False)
        assert ch.try_send("b") is False

    asyncio.run(main())


def test_cancelled_waiter_leaves_the_queue_to_those_behind_it():
    async def main():
        ch = Channel()
        tasks = [await started(ch.arecv()) for _ in range(3)]
        tasks[0].cancel()
        tasks[1].cancel()
        await turns()
        ch.send("a")
        assert await tasks[2] == "a"

    asyncio.run(main())


def test_value_that_is_sent_to_a_waiter_before_its_cancellation_arrives_is_received_once():
    async def main():
        ch = Channel()
        tasks = [await started(ch.arecv()) for _ in range(2)]
        tasks[0].cancel()  # the task has not run since
        ch.send("a")
        ch.send("b")
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert results == ["a", "b"]

    asyncio.run(main())


def test_coroutine_that_is_closed_withdraws():
    async def main():
        ch = Channel()
        for operation in (ch.arecv(), ch.asend("lost")):
            operation.send(None)
            operation.close()
            assert ch.try_send("a") is False
            assert ch.try_recv() == (None, False)

    asyncio.run(main())
