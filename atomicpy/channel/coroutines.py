"""`asend`, `arecv` and `async for` of a Channel: what a coroutine does while it waits, and when it is cancelled.

A cancelled `await` withdraws. If it cannot, the operation is done: it returns, and the cancellation comes when the task
next waits, as in trio, so that nothing is lost.
"""

import asyncio
import time
from typing import Any

from atomicpy.channel.channel import Channel
from atomicpy.channel.coroutine_waiter import CoroutineWaiter
from atomicpy.channel.waiting import ChannelClosed


async def asend(channel: Channel[Any], value: Any) -> None:
    await _do(CoroutineWaiter(channel, "send"), value)


async def arecv(channel: Channel[Any]) -> Any:
    return await _do(CoroutineWaiter(channel, "recv"), None)


async def next_value(channel: Channel[Any]) -> Any:
    try:
        return await _do(CoroutineWaiter(channel, "recv"), None)
    except ChannelClosed:
        raise StopAsyncIteration from None


async def _do(waiter: CoroutineWaiter, value: Any) -> Any:
    if _late:
        _raise_late()
    if waiter.start(value):
        return waiter.value
    timer = _watch_clock(waiter)
    task = asyncio.current_task()
    requests = task.cancelling() if task is not None else 0
    try:
        await waiter.future
    except asyncio.CancelledError as cancelled:
        if waiter.withdraw():
            raise
        if task is not None:
            _cancel_later(task, requests, cancelled)
    except BaseException:  # GeneratorExit: the coroutine was closed
        waiter.withdraw()
        raise
    finally:
        if timer is not None:
            timer.cancel()
    return waiter.result()


# The tasks that are to be cancelled once more, with the arguments and the requests of before: for one turn of the loop.
_late: dict[asyncio.Task[Any], tuple[tuple[Any, ...], int]] = {}


def _cancel_later(task: asyncio.Task[Any], before: int, cancelled: asyncio.CancelledError) -> None:
    """Cancel the running task once more, when it has ended or waits again.

    Not now: a task that ended next would drop its result, the value that was received (`Task.__step`). And not if the
    blocks that made the requests, such as `asyncio.timeout()`, have taken them back: the cancellation was for those
    blocks only. `before` is the number of requests when the wait began. The number of requests stays as it was.
    """
    # A request that the task made itself came before the wait.
    _late[task] = cancelled.args, min(before, task.cancelling() - 1)
    task.get_loop().call_soon(_cancel_again, task)


def _cancel_again(task: asyncio.Task[Any]) -> None:
    args, before = _late.pop(task, ((), task.cancelling()))
    if task.cancelling() > before:
        task.uncancel()
        task.cancel(*args)


def _raise_late() -> None:
    """The task uses a channel before it has waited: it is cancelled here.

    A new `asyncio.timeout()` that ended in the same turn of the loop would take the request for its own.
    """
    task = asyncio.current_task()
    if task in _late:
        args, before = _late.pop(task)
        if task.cancelling() > before:
            raise asyncio.CancelledError(*args)


class _ClockWatch:
    """Sends what is due on a channel of the clock, while a coroutine waits for it."""

    def __init__(self, waiter: CoroutineWaiter) -> None:
        self._waiter = waiter
        self._handle: asyncio.TimerHandle | None = None
        self._schedule()

    def _schedule(self) -> None:
        due = self._waiter.next_due()
        if due is not None and not self._waiter.future.done():
            delay = max(0.0, due - time.monotonic())
            self._handle = self._waiter.future.get_loop().call_later(delay, self._schedule)

    def cancel(self) -> None:
        if self._handle is not None:
            self._handle.cancel()


def _watch_clock(waiter: CoroutineWaiter) -> _ClockWatch | None:
    return None if waiter.next_due() is None else _ClockWatch(waiter)
