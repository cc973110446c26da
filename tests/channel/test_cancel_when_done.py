"""A cancellation that comes after the operation was done: the `await` returns, and no value is lost."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from atomicpy import Channel


async def receiving(ch: Channel[str], operation: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """A task whose receive is done and which is then cancelled, before it has run again."""
    task = asyncio.create_task(operation)
    await asyncio.sleep(0)
    assert ch.try_send("a"), "the task does not wait"
    task.cancel("why")
    return task


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(test())


def test_a_task_that_is_only_the_receive_has_the_value_as_its_result():
    async def test() -> None:
        ch: Channel[str] = Channel()
        task = await receiving(ch, ch.arecv())
        assert await task == "a"

    run(test)


def test_a_task_that_is_only_the_send_ends_when_the_value_was_received():
    async def test() -> None:
        ch: Channel[str] = Channel()
        task = asyncio.create_task(ch.asend("a"))
        await asyncio.sleep(0)
        assert ch.try_recv() == ("a", True)
        task.cancel()
        assert await task is None

    run(test)


@pytest.mark.parametrize("next_await", [lambda: asyncio.sleep(0), lambda: asyncio.sleep(60), lambda: Channel().arecv()])
def test_the_cancellation_comes_when_the_task_next_waits(next_await):
    got = []

    async def test() -> None:
        ch: Channel[str] = Channel()

        async def use() -> None:
            got.append(await ch.arecv())
            try:
                await next_await()
            except asyncio.CancelledError as cancelled:
                got.append(cancelled.args)
                got.append(asyncio.current_task().cancelling())
                raise

        task = await receiving(ch, use())
        with pytest.raises(asyncio.CancelledError):
            await task

    run(test)
    assert got == ["a", ("why",), 1]


def test_a_timeout_that_came_too_late_cancels_nothing_behind_its_block():
    async def test() -> None:
        ch: Channel[str] = Channel()
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        async with asyncio.timeout(60) as timeout:
            loop.call_soon(ch.try_send, "a")
            timeout.reschedule(loop.time())  # after the send, and before this task runs again
            assert await ch.arecv() == "a"
        assert timeout.expired()
        assert task.cancelling() == 0
        await asyncio.sleep(0)
        await asyncio.sleep(0.01)

    run(test)


def test_a_timeout_that_came_too_late_ends_what_its_block_awaits_next():
    async def test() -> None:
        ch: Channel[str] = Channel()
        loop = asyncio.get_running_loop()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60) as timeout:
                loop.call_soon(ch.try_send, "a")
                timeout.reschedule(loop.time())
                assert await ch.arecv() == "a"
                await ch.arecv()

    run(test)


def test_an_older_request_of_the_task_does_not_stand_for_that_of_a_timeout():
    async def test() -> None:
        ch: Channel[str] = Channel()
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.sleep(0)  # the task has handled this request and not taken it back, as most code does
        async with asyncio.timeout(60) as timeout:
            loop.call_soon(ch.try_send, "a")
            timeout.reschedule(loop.time())
            assert await ch.arecv() == "a"
        assert task.cancelling() == 1
        await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        task.uncancel()

    run(test)


def test_a_timeout_that_came_too_late_leaves_the_cancellation_of_the_task():
    """Two requests came after the send: the block takes back its own, and the other one is raised behind it."""

    async def test() -> None:
        ch: Channel[str] = Channel()
        got = []

        async def use() -> None:
            async with asyncio.timeout(60) as timeout:
                loop.call_soon(ch.try_send, "a")
                loop.call_soon(task.cancel, "why")
                timeout.reschedule(loop.time())
                got.append(await ch.arecv())
            got.append("behind the block")
            await asyncio.sleep(60)

        loop = asyncio.get_running_loop()
        task = asyncio.create_task(use())
        with pytest.raises(asyncio.CancelledError):
            await task
        assert got in (["a", "behind the block"], ["a"])

    run(test)


def test_a_timeout_that_came_too_late_while_a_cancelled_task_cleans_up_cancels_nothing_behind_its_block():
    async def test() -> None:
        ch: Channel[str] = Channel()
        got = []

        async def use() -> None:
            try:
                await asyncio.sleep(60)
            finally:
                async with asyncio.timeout(60) as timeout:
                    loop.call_soon(ch.try_send, "a")
                    timeout.reschedule(loop.time())
                    got.append(await ch.arecv())
                await asyncio.sleep(0.01)
                got.append("cleaned up")

        loop = asyncio.get_running_loop()
        task = asyncio.create_task(use())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert got == ["a", "cleaned up"]

    run(test)


@pytest.mark.parametrize("operation", ["arecv", "asend"])
def test_cancellation_is_not_taken_by_a_timeout_that_begins_later(operation):
    async def test() -> None:
        ch: Channel[str] = Channel()

        async def use() -> None:
            await ch.arecv()
            for _ in range(100):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0):
                        await (ch.arecv() if operation == "arecv" else ch.asend("b"))

        task = await receiving(ch, use())
        with pytest.raises(asyncio.CancelledError):
            await task

    run(test)
