"""Captured variables: one location for each call of the function that owns them."""

import contextlib
import threading

from together import Box, together, twice, use


def race_nonlocal_counter():
    """variable total of race_nonlocal_counter()"""
    total = 0

    def work():
        nonlocal total
        total += 1

    twice(work)
    return total


def race_write_and_read():
    """variable result of race_write_and_read()"""
    result = None

    def write():
        nonlocal result
        result = 1

    together(write, lambda: use(result))


def race_owner_writes_after_start():
    """variable ready"""
    ready = False
    thread = threading.Thread(target=lambda: use(ready))
    thread.start()
    ready = True
    thread.join()


def race_owner_reads_before_join():
    """variable answer"""
    answer = 0

    def compute():
        nonlocal answer
        answer = 42

    thread = threading.Thread(target=compute)
    thread.start()
    use(answer)
    thread.join()


def race_loop_variable():
    """variable i of race_loop_variable()"""
    threads = []
    for i in range(3):
        thread = threading.Thread(target=lambda: use(i))  # noqa: B023
        thread.start()
        threads.append(thread)
    for thread in threads:
        thread.join()


def race_two_levels():
    """variable deep of race_two_levels()"""
    deep = 0

    def middle():
        def inner():
            nonlocal deep
            deep += 1

        return inner

    together(middle(), middle())


def race_parameter():
    """variable amount of add_twice()"""

    def add_twice(amount):
        def work():
            nonlocal amount
            amount += 1

        twice(work)
        return amount

    add_twice(5)


def race_function_redefined():
    """variable step"""

    def step():
        return 1

    thread = threading.Thread(target=lambda: step())
    thread.start()

    def step():  # noqa: F811
        return 2

    thread.join()


def race_delete():
    """variable gone"""
    gone = 1

    def delete():
        nonlocal gone
        del gone

    def write():
        nonlocal gone
        gone = 2

    together(delete, write)


def race_exception_variable():
    """variable problem"""
    problem = None

    def fail():
        nonlocal problem
        try:
            raise ValueError("x")
        except ValueError as caught:
            problem = caught

    together(fail, lambda: use(problem))


def race_with_target():
    """variable entered"""
    entered = None

    def enter():
        nonlocal entered
        with contextlib.nullcontext(1) as entered:
            pass

    twice(enter)


def race_walrus():
    """variable last"""
    last = 0

    def work():
        nonlocal last
        return [last := number for number in range(3)]

    twice(work)


def race_star_target():
    """variable rest"""
    rest = []

    def work():
        nonlocal rest
        _, *rest = range(4)

    twice(work)


def race_import():
    """variable module"""
    module = None

    def work():
        nonlocal module
        import json as module

    twice(work)


def race_class_in_between():
    """variable count"""
    count = 0

    class Body:
        def inc(self):
            nonlocal count
            count += 1

    body = Body()
    twice(body.inc)


def race_lambda_captures_a_lambda_parameter():
    """Box.value"""
    make = lambda box: lambda: setattr(box, "value", 1)  # noqa: E731
    work = make(Box())
    twice(work)


def race_generator_expression_reads_later():
    """variable factor"""
    factor = 1

    def read():
        return sum(factor * number for number in range(3))

    def write():
        nonlocal factor
        factor = 2

    together(read, write)


def clean_loop_variable_as_a_default():
    threads = []
    for i in range(3):
        thread = threading.Thread(target=lambda i=i: use(i))
        thread.start()
        threads.append(thread)
    for thread in threads:
        thread.join()


def clean_one_scope_for_each_call():
    def counter():
        count = 0

        def inc():
            nonlocal count
            count += 1
            return count

        return inc

    together(counter(), counter())


def clean_only_read():
    limit = 10
    twice(lambda: use(limit))


def clean_written_before_start_and_after_join():
    total = 0

    def work():
        nonlocal total
        total += 1

    total = 5
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    total += 1
    assert total == 7


def clean_with_lock():
    lock, total = threading.Lock(), 0

    def work():
        nonlocal total
        for _ in range(10):
            with lock:
                total += 1

    twice(work)
    assert total == 20


def clean_recursion():
    def descend(depth):
        below = depth - 1

        def step():
            nonlocal below
            below += 0
            return descend(below) if below > 0 else 0

        return step()

    twice(lambda: descend(4))


def clean_two_variables_of_one_call():
    left = right = 0

    def one():
        nonlocal left
        left += 1

    def two():
        nonlocal right
        right += 1

    together(one, two)


def clean_function_that_looks_at_its_locals():
    shown = 1

    def work():
        return use(shown, sorted(locals()))

    twice(work)


def clean_variable_of_the_thread_itself():
    def work():
        mine = 0

        def inc():
            nonlocal mine
            mine += 1

        for _ in range(5):
            inc()
        assert mine == 5

    twice(work)
