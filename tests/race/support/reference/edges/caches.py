"""functools' caches: the end of the function -> every return of what it had computed."""

import functools

from engine import Clock


def install():
    lru_cache = functools.lru_cache

    def new_lru_cache(maxsize=128, typed=False):
        def decorate(function):
            clock = Clock()

            def inner(*arguments, **named):
                try:
                    return function(*arguments, **named)
                finally:
                    clock.release()

            kept = lru_cache(limit, typed)(inner)

            def outer(*arguments, **named):
                try:
                    return kept(*arguments, **named)
                finally:
                    clock.acquire()

            return functools.wraps(function)(outer)

        limit = 128 if callable(maxsize) else maxsize
        return decorate(maxsize) if callable(maxsize) else decorate

    functools.lru_cache, functools.cache = new_lru_cache, new_lru_cache(None)
