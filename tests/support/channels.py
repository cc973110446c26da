"""What several tests of channels use: a thread or a task that waits, and the test of an order of arrival."""

import asyncio
import time
from collections.abc import Callable

from helpers import join_threads, start_threads

SOON = 0.02  # s: most likely, another thread has parked after that time; no test depends on it


class Waiting:
    """A thread that waits in an operation. `result` is what the operation returned, or the exception that it raised."""

    def __init__(self, operation: Callable, *arguments: object) -> None:
        self._operation, self._arguments = operation, arguments
        self._results: list = []
        [self.thread] = start_threads(1, self._run)
        self.thread.join(SOON)

    def _run(self) -> None:
        try:
            self._results.append(self._operation(*self._arguments))
        except Exception as error:
            self._results.append(error)

    @property
    def waits(self) -> bool:
        return not self._results

    @property
    def result(self) -> object:
        join_threads([self.thread])
        [result] = self._results
        return result


def eventually(attempt: Callable[[Callable[[], None]], bool]) -> bool:
    """Whether attempt(pause) is true with a pause long enough that a thread that was started before has parked.

    No channel shows which threads wait on it. A busy machine needs a longer pause than an idle one, and an error in the
    code fails with each.
    """
    return any(attempt(lambda seconds=seconds: time.sleep(seconds)) for seconds in (0.01, 0.1, 1, 5, 20))


async def turns(n=5):
    """Let the event loop run what is ready, and what follows from it."""
    for _ in range(n):
        await asyncio.sleep(0)


async def started(coroutine):
    """A task that waits in its first operation."""
    task = asyncio.create_task(coroutine)
    await turns()
    assert not task.done()
    return task
