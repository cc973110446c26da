"""Internal state of the standard library is not watched; accesses of the program through the library are."""

import contextlib
import contextvars
import copy
import functools
import heapq
import itertools
import logging
import queue
import random
import sched
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from enum import Enum

from together import Box, together, twice, use


def clean_lru_cache():
    @functools.lru_cache(maxsize=4)
    def square(number):
        return number * number

    twice(lambda: use([square(number % 6) for number in range(12)]))


def clean_cache():
    @functools.cache
    def box():
        return Box(5)

    twice(lambda: use(box().value))


def clean_logging():
    logger = logging.getLogger("atomicpy.suite")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    twice(lambda: logger.warning("from %s", threading.current_thread().name))


def clean_random():
    source = random.Random(5)
    twice(lambda: use(source.random(), random.random()))


def clean_counter_of_itertools():
    numbers, taken = itertools.count(), []
    twice(lambda: taken.append(next(numbers)))
    assert sorted(taken) == [0, 1]


def clean_context_variables():
    current = contextvars.ContextVar("current", default=0)

    def work():
        current.set(current.get() + 1)
        assert current.get() == 1

    twice(lambda: contextvars.Context().run(work))


def clean_enum_members():
    class Colour(Enum):
        RED = 1
        BLUE = 2

    twice(lambda: use(Colour.RED.value, Colour["BLUE"].name, list(Colour)))


def clean_copies():
    original = Box([1, 2])

    def work():
        mine = copy.deepcopy(original)
        mine.value[0] = 5
        mine.value = None

    twice(work)


def clean_partial():
    box, lock = Box(), threading.Lock()

    def add(amount):
        with lock:
            box.value += amount

    together(functools.partial(add, 1), functools.partial(add, 2))
    assert box.value == 3


def clean_scheduler_in_one_thread():
    box = Box()

    def step():
        box.value += 1

    def work():
        plan = sched.scheduler(time.monotonic, time.sleep)
        plan.enter(0.001, 1, step)
        plan.enter(0.002, 1, step)
        plan.run()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert box.value == 2


def clean_heap_with_a_lock():
    heap, lock = [], threading.Lock()

    def work(start):
        for number in range(start, start + 5):
            with lock:
                heapq.heappush(heap, number)

    together(lambda: work(0), lambda: work(5))
    assert heapq.nsmallest(3, heap) == [0, 1, 2]


def clean_pool_of_objects():
    free = queue.Queue()
    for _ in range(2):
        free.put(Box())

    def work():
        for _ in range(5):
            box = free.get(timeout=30)
            box.value += 1
            free.put(box)

    together(work, work, work)
    assert free.get().value + free.get().value == 15


def clean_sorted_with_a_key():
    boxes = [Box(3), Box(1), Box(2)]
    twice(lambda: use(sorted(boxes, key=lambda box: box.value)))


def race_callback_of_the_library():
    """Box.value"""
    box = Box()

    def key(number):
        box.value += 1
        return number

    twice(lambda: use(sorted([3, 1, 2], key=key)))


def race_partial():
    """Box.value"""
    box = Box()

    def add(amount):
        box.value += amount

    together(functools.partial(add, 1), functools.partial(add, 2))


def race_object_in_a_cache():
    """Box.value"""

    @functools.cache
    def shared():
        return Box()

    shared()

    def work():
        shared().value += 1

    twice(work)


def race_map_of_a_pool():
    """Box.value"""
    box, barrier = Box(), threading.Barrier(2)

    def work(number):
        barrier.wait(30)
        box.value += number

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, [1, 2]))


def race_hook_of_logging():
    """Handler.seen"""

    class Handler(logging.Handler):
        seen = 0

        def createLock(self):  # noqa: N802
            self.lock = contextlib.nullcontext()  # so there is no lock

        def emit(self, record):
            self.seen += 1

    logger = logging.Logger("alone")
    logger.addHandler(Handler())
    twice(lambda: logger.warning("counted"))
