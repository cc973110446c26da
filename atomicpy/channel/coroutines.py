"""`asend`, `arecv` and `async for` of a Channel: what a coroutine does while it waits, and when it is cancelled.

A cancelled `await` withdraws. If it cannot, the operation is done: it returns, and the cancellation comes when the task
next waits, as in trio, so that nothing is lost.
"""

import asyncio
import time
from typing import Any

from atomicpy.channel.channel import Channel, ChannelClosed
from atomicpy.channel.coroutine_waiter import CoroutineWaiter


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
    if waiter.start(value):
        return waiter.value
    timer = _watch_clock(waiter)
    try:
        await waiter.future
    except asyncio.CancelledError as cancelled:
        if waiter.withdraw():
            raise
        _cancel_later(cancelled)
    except BaseException:  # GeneratorExit: the coroutine was closed
        waiter.withdraw()
        raise
    finally:
        if timer is not None:
            timer.cancel()
    return waiter.result()


def _cancel_later(cancelled: asyncio.CancelledError) -> None:
    """Cancel the running task once more, when it has ended or waits again.

    Not now: a task that ended next would drop its result, the value that was received (`Task.__step`). And not if a
    block such as `asyncio.timeout()` has taken its request back: the cancellation was for that block only. The number
    of requests stays as it was.
    """
    task = asyncio.current_task()
    if task is None:
        return
    requests = task.cancelling()

    def cancel() -> None:
        if task.cancelling() >= requests:
            task.uncancel()
            task.cancel(*cancelled.args)

    task.get_loop().call_soon(cancel)


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
