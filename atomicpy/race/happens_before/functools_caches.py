"""functools.cache, lru_cache: the end of the cached function -> every call that returns its result."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from atomicpy.race.engine.engine import Clock, Hook, for_the_program
from atomicpy.race.happens_before.patch import hook


def install() -> None:
    original = functools.lru_cache

    def cached(function: Callable[..., Any], limit: Any, typed: bool) -> Any:
        clock = Clock()
        cache = original(limit, typed)(Hook(function, end=clock.release))
        cache.__wrapped__ = function
        return Hook(cache, end=clock.acquire)

    def lru_cached(result: Any, maxsize: Any = 128, typed: bool = False) -> Any:
        if not for_the_program():
            return result
        if callable(maxsize):  # @lru_cache without parentheses
            return cached(maxsize, 128, typed)
        return Hook(result, after=lambda _, function: cached(function, maxsize, typed))

    def simply_cached(result: Any, user_function: Any) -> Any:
        return cached(user_function, None, False) if for_the_program() else result

    hook(functools, "lru_cache", after=lru_cached)
    hook(functools, "cache", after=simply_cached)
