"""threading.Condition."""

import threading

from together import Box, together, twice, use


def clean_wait_for_a_predicate():
    box, condition = Box(None), threading.Condition()

    def produce():
        with condition:
            box.value = 1
            condition.notify()

    def consume():
        with condition:
            while box.value is None:
                condition.wait(30)
            assert box.value == 1

    together(produce, consume)


def clean_wait_for():
    box, condition = Box(None), threading.Condition()
    box.data = None

    def produce():
        box.data = 5
        with condition:
            box.value = 1
            condition.notify_all()

    def consume():
        with condition:
            assert condition.wait_for(lambda: box.value, 30)
        assert box.data == 5

    together(produce, consume, consume)


def clean_bounded_buffer():
    condition, buffer, taken = threading.Condition(threading.Lock()), [], []

    def produce():
        for number in range(5):
            with condition:
                while len(buffer) >= 2:
                    condition.wait(30)
                box = Box()
                box.value = number
                buffer.append(box)
                condition.notify_all()

    def consume():
        for _ in range(5):
            with condition:
                while not buffer:
                    condition.wait(30)
                taken.append(buffer.pop(0).value)
                condition.notify_all()

    together(produce, consume)
    assert taken == list(range(5))


def clean_two_conditions_on_one_lock():
    lock = threading.Lock()
    empty, full = threading.Condition(lock), threading.Condition(lock)
    box = Box(None)

    def produce():
        for number in range(4):
            with lock:
                while box.value is not None:
                    empty.wait(30)
                box.value = number
                full.notify()

    def consume():
        for _ in range(4):
            with lock:
                while box.value is None:
                    full.wait(30)
                box.value = None
                empty.notify()

    together(produce, consume)


def clean_condition_used_as_a_lock():
    box, condition = Box(), threading.Condition()

    def work():
        with condition:
            box.value += 1

    twice(work)


def clean_condition_on_a_recursive_lock():
    box, condition = Box(0), threading.Condition(threading.RLock())

    def first():
        with condition, condition:
            box.value = 1
            condition.notify()

    def second():
        with condition, condition:
            condition.wait_for(lambda: box.value == 1, 30)
            box.value = 2

    together(first, second)
    assert box.value == 2


def clean_explicit_acquire():
    box, condition = Box(False), threading.Condition()

    def first():
        condition.acquire()
        box.value = True
        condition.notify()
        condition.release()

    def second():
        condition.acquire()
        while not box.value:
            condition.wait(30)
        condition.release()

    together(first, second)


def race_read_outside():
    """Box.value"""
    box, condition = Box(None), threading.Condition()

    def produce():
        with condition:
            box.value = 1
            condition.notify()

    together(produce, lambda: use(box.value))


def race_written_after_the_notification():
    """Box.data"""
    box, condition = Box(None), threading.Condition()
    box.data = 0

    def produce():
        with condition:
            box.value = 1
            condition.notify()
        box.data = 5

    def consume():
        with condition:
            condition.wait_for(lambda: box.value, 30)
        use(box.data)

    together(produce, consume)


def race_wait_that_timed_out():
    """Box.value"""
    box, condition = Box(0), threading.Condition()

    def consume():
        with condition:
            assert not condition.wait(0.005)
        use(box.value)

    def write():
        box.value = 1

    together(consume, write)


def race_two_conditions():
    """Box.value"""
    box, left, right = Box(0), threading.Condition(), threading.Condition()

    def one():
        with left:
            box.value += 1
            left.notify_all()

    def two():
        with right:
            box.value += 1
            right.notify_all()

    together(one, two)


def race_write_while_another_waits():
    """Box.extra"""
    box, condition = Box(False), threading.Condition()
    box.extra = 0

    def wait():
        box.extra = 1
        with condition:
            condition.wait_for(lambda: box.value, 30)

    def wake():
        box.extra = 2
        with condition:
            box.value = True
            condition.notify()

    together(wake, wait, lambda: use(box.extra))
