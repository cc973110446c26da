"""asyncio: call_soon_threadsafe -> the callback. to_thread, run_in_executor, run_coroutine_threadsafe call it."""

from __future__ import annotations

import sys
from typing import Any

from atomicpy.race.engine.engine import Clock, Hook
from atomicpy.race.happens_before.patch import hook


def install() -> None:
    import asyncio  # here, because it is large and only the detector needs it

    def calls(self: Any, callback: Any = None, *arguments: Any, **named: Any) -> Any:
        if not callable(callback) or sys.is_finalizing():
            return None
        clock = Clock()
        clock.release()
        return (self, Hook(callback, clock.acquire), *arguments), named

    hook(asyncio.BaseEventLoop, "call_soon_threadsafe", calls)
