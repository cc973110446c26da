"""The task -> result(), exception(), wait(), as_completed() and callbacks of its future.

submit -> the task needs nothing of its own: it goes through a queue.
"""

from __future__ import annotations

import concurrent.futures
from concurrent.futures import Future
from typing import Any

from atomicpy.race.engine.engine import Around, Each
from atomicpy.race.happens_before.patch import acquire, acquire_after, around, release


def install() -> None:
    done = vars(Future)["done"]
    running = vars(Future)["running"]

    def finished(future: Any, /, *_: Any, **__: Any) -> None:
        if done(future):
            acquire(future)

    def cancels(future: Any, /, *_: Any) -> None:
        # One that succeeds is the end of the future; one that fails orders nothing.
        if not done(future) and not running(future):
            release(future)

    def calls_back(future: Any, fn: Any = None, *rest: Any, **named: Any) -> Any:
        return ((future, Around(fn, finished), *rest), named) if callable(fn) else None

    for name in ("set_result", "set_exception"):
        around(Future, name, release)
    for name in ("result", "exception"):
        around(Future, name, end=finished)
    around(Future, "done", after=acquire_after)
    around(Future, "cancelled", after=acquire_after)
    around(Future, "cancel", cancels)
    around(Future, "add_done_callback", calls_back)

    def waited(answer: Any, *_: Any, **__: Any) -> Any:
        for future in answer.done:
            finished(future)
        return answer

    def completed(futures: Any, *_: Any, **__: Any) -> Any:
        return Each(futures, finished)

    around(concurrent.futures, "wait", after=waited)
    around(concurrent.futures, "as_completed", after=completed)
