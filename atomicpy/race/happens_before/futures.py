"""The task -> result(), exception(), wait(), as_completed() and callbacks of its future.

submit -> the task needs no hook here, because an executor passes the task through a queue.
"""

from __future__ import annotations

import concurrent.futures
from concurrent.futures import Future
from typing import Any

from atomicpy.race.engine.engine import Each, Hook
from atomicpy.race.happens_before.patch import acquire, acquire_after, hook, release


def install() -> None:
    done = vars(Future)["done"]
    running = vars(Future)["running"]

    def finished(future: Any, /, *_: Any, **__: Any) -> None:
        if done(future):
            acquire(future)

    def cancels(future: Any, /, *_: Any) -> None:
        # A cancel that succeeds ends the future. One that fails orders nothing.
        if not done(future) and not running(future):
            release(future)

    def calls_back(future: Any, fn: Any = None, *rest: Any, **named: Any) -> Any:
        return ((future, Hook(fn, finished), *rest), named) if callable(fn) else None

    for name in ("set_result", "set_exception"):
        hook(Future, name, release)
    for name in ("result", "exception"):
        hook(Future, name, end=finished)
    hook(Future, "done", after=acquire_after)
    hook(Future, "cancelled", after=acquire_after)
    hook(Future, "cancel", cancels)
    hook(Future, "add_done_callback", calls_back)

    def waited(answer: Any, *_: Any, **__: Any) -> Any:
        for future in answer.done:
            finished(future)
        return answer

    def completed(futures: Any, *_: Any, **__: Any) -> Any:
        return Each(futures, finished)

    hook(concurrent.futures, "wait", after=waited)
    hook(concurrent.futures, "as_completed", after=completed)
