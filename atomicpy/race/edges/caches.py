"""functools' caches: the end of the function -> every return of what it had computed."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from atomicpy.race.edges.replaced import replace
from atomicpy.race.engine import Around, Clock, for_the_program


def install() -> None:
    original = functools.lru_cache

    def cached(function: Callable[..., Any], limit: Any, typed: bool) -> Any:
        clock = Clock()
        kept = original(limit, typed)(Around(function, end=clock.release))
        kept.__wrapped__ = function
        return Around(kept, end=clock.acquire)

    @functools.wraps(original)
    def lru_cache(maxsize: Any = 128, typed: bool = False) -> Any:
        if not for_the_program():
            return original(maxsize, typed)
        if callable(maxsize) and isinstance(typed, bool):
            return cached(maxsize, 128, typed)
        decorate = original(maxsize, typed)  # which says what is wrong
        return lambda function: cached(function, maxsize, typed) if callable(function) else decorate(function)

    @functools.wraps(functools.cache)
    def cache(user_function: Callable[..., Any], /) -> Any:
        return lru_cache(maxsize=None)(user_function)

    replace(functools, "lru_cache", lru_cache)
    replace(functools, "cache", cache)
