"""asyncio: call_soon_threadsafe -> the callback, which carries to_thread, run_in_executor, run_coroutine_threadsafe."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

from atomicpy.race.edges.replaced import replace
from atomicpy.race.engine import Clock


def install() -> None:
    import asyncio  # here: it is large, and only the detector needs it

    cls = asyncio.BaseEventLoop
    original = vars(cls)["call_soon_threadsafe"]

    @functools.wraps(original)
    def call_soon_threadsafe(self: Any, callback: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        if not callable(callback) or sys.is_finalizing():
            return original(self, callback, *arguments, **named)
        clock = Clock()
        clock.release()

        def call(*given: Any) -> Any:
            clock.acquire()
            return callback(*given)

        return original(self, call, *arguments, **named)

    replace(cls, "call_soon_threadsafe", call_soon_threadsafe)
