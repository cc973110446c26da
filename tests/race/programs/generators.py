"""Generators: a frame may run in several threads, which something must order."""

import queue
import threading

from together import Box, together, twice, use


def clean_generator_of_each_thread():
    def count(limit):
        total = 0
        for number in range(limit):
            total += number
            yield total

    def work():
        assert sum(count(4)) == 10

    twice(work)


def clean_generator_under_a_lock():
    lock, taken = threading.Lock(), []

    def tickets():
        state = Box()
        while True:
            state.value += 1
            yield state.value

    source = tickets()

    def work():
        for _ in range(5):
            with lock:
                taken.append(next(source))

    twice(work)
    assert sorted(taken) == list(range(1, 11))


def clean_generator_handed_over():
    line = queue.Queue()

    def numbers():
        box = Box()
        for _ in range(4):
            box.value += 1
            yield box.value

    def first():
        source = numbers()
        next(source)
        next(source)
        line.put(source)

    def second():
        assert list(line.get(timeout=30)) == [3, 4]

    together(first, second)


def clean_send_and_close():
    def work():
        def average():
            total = Box()
            try:
                while True:
                    total.value += yield total.value
            finally:
                total.value = 0

        source = average()
        next(source)
        source.send(4)
        assert source.send(5) == 9
        source.close()

    twice(work)


def clean_yield_from():
    def inner(box):
        box.value += 1
        yield box.value

    def outer(box):
        yield from inner(box)
        yield from inner(box)

    twice(lambda: use(list(outer(Box()))))


def race_object_behind_two_generators():
    """Box.value"""
    box = Box()

    def count():
        for _ in range(2):
            box.value += 1
            yield box.value

    twice(lambda: use(list(count())))


def race_yielded_attribute():
    """Box.value"""
    box = Box()

    def show():
        yield box.value

    def write():
        box.value = 1

    together(write, lambda: use(list(show())))


def race_attribute_set_to_what_is_sent():
    """Box.value"""
    box = Box()

    def keep():
        while True:
            box.value = yield

    def work():
        source = keep()
        next(source)
        source.send(1)

    twice(work)


def race_captured_by_a_generator():
    """variable step"""
    step = 1

    def count():
        number = 0
        while number < 2:
            number += step
            yield number

    def write():
        nonlocal step
        step = 2

    together(write, lambda: use(list(count())))


def race_generator_advanced_without_order():
    """Box.value"""
    gate = threading.Event()

    def numbers():
        box = Box()
        made.append(box)
        yield box
        box.value += 1
        yield box

    made = []
    source = numbers()
    next(source)

    def advance():
        next(source)
        gate.wait(0.001)

    together(advance, lambda: use(made[0].value))
