"""Attributes of plain objects."""

import contextlib
import threading

from together import Box, together, twice, use


class Counter:
    def __init__(self):
        self.value = 0
        self.other = 0

    def inc(self):
        self.value += 1

    def get(self):
        return self.value


def race_write_and_write():
    """Box.value"""
    box = Box()

    def one():
        box.value = 1

    def two():
        box.value = 2

    together(one, two)


def race_write_and_read():
    """Box.value"""
    box = Box()

    def write():
        box.value = 1

    together(write, lambda: use(box.value))


def race_read_and_write():
    """Box.value"""
    box = Box()

    def write():
        box.value = 1

    together(lambda: use(box.value), write)


def race_increment():
    """Counter.value"""
    twice(Counter().inc)


def race_increment_and_getter():
    """Counter.value"""
    counter = Counter()
    together(counter.inc, counter.get)


def race_many_threads_many_times():
    """Counter.value"""
    counter = Counter()

    def work():
        for _ in range(50):
            counter.inc()

    together(*[work] * 4)


def race_main_and_thread():
    """Box.value"""
    box = Box()
    thread = threading.Thread(target=lambda: use(box.value))
    thread.start()
    box.value = 1
    thread.join()


def race_delete_and_read():
    """Box.value"""
    box = Box()

    def delete():
        del box.value

    def read():
        with contextlib.suppress(AttributeError):
            use(box.value)

    together(delete, read)


def race_first_write_and_read():
    """Box.fresh"""
    box = Box()

    def write():
        box.fresh = 1

    def read():
        with contextlib.suppress(AttributeError):
            use(box.fresh)

    together(write, read)


def race_setattr_and_read():
    """Box.value"""
    box = Box()
    together(lambda: setattr(box, "value", 1), lambda: use(box.value))


def race_getattr_and_write():
    """Box.value"""
    box = Box()

    def write():
        box.value = 1

    together(lambda: use(getattr(box, "value", None)), write)


def race_delattr_and_write():
    """Box.value"""
    box = Box()

    def write():
        box.value = 1

    together(write, lambda: delattr(box, "value"))


def race_through_two_names():
    """Box.value"""
    here = Box()
    there = [here]

    def one():
        here.value = 1

    def two():
        there[0].value = 2

    together(one, two)


def race_nested_object():
    """Box.value"""
    outer = Box(Box(0))

    def work():
        outer.value.value += 1

    twice(work)


def race_callback_replaced():
    """Box.callback"""
    box = Box()
    box.callback = int

    def replace():
        box.callback = str

    together(replace, lambda: box.callback())


def race_check_then_act():
    """Box.value"""
    box = Box(None)

    def make():
        if box.value is None:
            box.value = object()

    twice(make)


def race_flag_polled():
    """Box.stop"""
    box = Box()
    box.stop = False

    def work():
        for _ in range(100):
            if box.stop:
                break

    def stop():
        box.stop = True

    together(work, stop)


def race_swap():
    """Box.left | Box.right"""
    box = Box()
    box.left, box.right = 1, 2

    def swap():
        box.left, box.right = box.right, box.left

    twice(swap)


def clean_readers_only():
    box = Box(5)
    together(*[lambda: use(box.value)] * 3)


def clean_different_attributes():
    counter = Counter()

    def one():
        counter.value += 1

    def two():
        counter.other += 1

    together(one, two)


def clean_different_objects():
    together(Counter().inc, Counter().inc)


def clean_before_start_and_after_join():
    counter = Counter()
    counter.inc()
    thread = threading.Thread(target=counter.inc)
    thread.start()
    thread.join()
    counter.inc()
    assert counter.value == 3


def clean_one_after_the_other():
    counter = Counter()
    for _ in range(3):
        thread = threading.Thread(target=counter.inc)
        thread.start()
        thread.join()
    assert counter.value == 3


def clean_object_of_one_thread():
    def work():
        counter = Counter()
        for _ in range(20):
            counter.inc()
        assert counter.value == 20

    twice(work)


def clean_immutable_objects():
    number, text = 3.5, "text"
    together(lambda: use(number.real, text.upper), lambda: use(number.real, text.upper))


def clean_hand_over_by_start():
    def child(box):
        box.value += 1
        grandchild = threading.Thread(target=increment, args=(box,))
        grandchild.start()
        grandchild.join()

    def increment(box):
        box.value += 1

    box = Box()
    thread = threading.Thread(target=child, args=(box,))
    thread.start()
    thread.join()
    assert box.value == 2


def clean_dict_of_the_object():
    box = Box()
    together(lambda: box.__dict__.__setitem__("value", 1), lambda: use(box.__dict__["value"]))
