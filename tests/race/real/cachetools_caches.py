"""cachetools: caches that threads share, with a lock as its documentation asks for, and without."""

import threading

import cachetools
import cachetools.func

from together import together

CACHES = (
    lambda: cachetools.LRUCache(8),
    lambda: cachetools.LFUCache(8),
    lambda: cachetools.FIFOCache(8),
    lambda: cachetools.RRCache(8),
    lambda: cachetools.TTLCache(8, 0.001),
    lambda: cachetools.TLRUCache(8, lambda key, value, now: now + 0.001),
)
PROTECTED = (
    lambda: {"lock": threading.Lock()},
    lambda: {"lock": threading.RLock(), "info": True},
    lambda: {"condition": threading.Condition()},
    lambda: {"condition": threading.Condition(), "info": True},
)


def clean_function_with_a_lock():
    for protected in PROTECTED:
        for cache in CACHES:
            options = protected()

            @cachetools.cached(cache(), **options)
            def square(number):
                return number * number

            def work(square=square, options=options):
                for turn in range(30):
                    assert square(turn % 12) == (turn % 12) ** 2
                    if "info" in options:
                        assert square.cache_info().maxsize == 8

            together(work, work, work)
            square.cache_clear()


def clean_cache_with_a_lock_by_hand():
    for make in CACHES:
        cache, lock = make(), threading.Lock()

        def work(cache=cache, lock=lock):
            for turn in range(30):
                with lock:
                    cache[turn % 12] = turn
                with lock:
                    assert cache.get(turn % 12) in (None, turn)
                with lock:
                    sorted(cache)
                    cache.pop(turn % 5, None)

        together(work)
        together(work, lambda lock=lock, cache=cache: lock.acquire() and (cache.clear(), lock.release()))


def clean_like_functools():
    for decorate in (cachetools.func.lru_cache, cachetools.func.lfu_cache, cachetools.func.ttl_cache):

        @decorate(maxsize=8)
        def twice(number):
            return 2 * number

        def work(twice=twice):
            for turn in range(30):
                assert twice(turn % 12) == 2 * (turn % 12)
                twice.cache_info()

        together(work, work)


def race_method_with_a_lock():
    """_LockedWrapper.__cache -- the first thread to call it makes a wrapper, which the method's descriptor
    _LockedWrapper.__obj -- leaves in the object's __dict__ by setdefault(), before any lock is taken. The
    _LockedWrapper.__lock -- other thread finds it there and reads the four attributes that its __init__
    _LockedWrapper.cache_key -- has set. It is harmless, because the dict has its own lock. The program has none.
    """

    class Numbers:
        def __init__(self):
            self.cache = cachetools.LRUCache(8)
            self.lock = threading.RLock()

        @cachetools.cachedmethod(lambda self: self.cache, lock=lambda self: self.lock)
        def next(self, number):
            return number + 1

    numbers = Numbers()
    together(*[lambda: [numbers.next(turn % 12) for turn in range(30)]] * 2)


def race_function_without_a_lock():
    """data[(2,)] -- a cache is not more thread-safe than its dict and its counts, as its documentation states:
    LRUCache.__currsize -- `self.__currsize += 1` of two threads can lose one.
    ? order[(2,)] -- as the data
    """

    @cachetools.cached(cachetools.LRUCache(8))
    def square(number):
        return number * number

    together(lambda: [square(1), square(2)], lambda: [square(2), square(3)])
