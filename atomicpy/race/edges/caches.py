"""functools' caches: the end of the function -> every return of what it had computed."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from atomicpy.race.edges.replaced import for_the_program, replace
from atomicpy.race.engine import Clock


def install() -> None:
    original = functools.lru_cache

    @functools.wraps(original)
    def lru_cache(maxsize: Any = 128, typed: bool = False) -> Any:
        if not for_the_program():
            return original(maxsize, typed)
        limit = 128 if callable(maxsize) else maxsize

        def decorate(function: Callable[..., Any]) -> Any:
            clock = Clock()

            @functools.wraps(function)
            def inner(*arguments: Any, **named: Any) -> Any:
                try:
                    return function(*arguments, **named)
                finally:
                    clock.release()

            kept = original(limit, typed)(inner)

            @functools.wraps(kept)
            def outer(*arguments: Any, **named: Any) -> Any:
                try:
                    return kept(*arguments, **named)
                finally:
                    clock.acquire()

            for name in ("cache_info", "cache_clear", "cache_parameters"):
                setattr(outer, name, getattr(kept, name))
            outer.__wrapped__ = function
            return outer

        return decorate(maxsize) if callable(maxsize) else decorate

    @functools.wraps(functools.cache)
    def cache(user_function: Callable[..., Any], /) -> Any:
        return lru_cache(None)(user_function)

    replace(functools, "lru_cache", lru_cache)
    replace(functools, "cache", cache)
