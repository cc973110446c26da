"""Loops and comprehensions: their targets, their iterables and their scopes."""

import threading

from together import Box, together, twice, use


def race_for_target_is_an_attribute():
    """Box.value"""
    box = Box()

    def work():
        for box.value in range(3):
            pass

    twice(work)


def race_for_target_is_an_item():
    """row[0]"""
    row = [0]

    def work():
        for row[0] in range(3):
            pass

    twice(work)


def race_for_target_in_a_tuple():
    """Box.value"""
    box = Box()

    def work():
        for _, box.value in [(1, 2), (3, 4)]:
            pass

    twice(work)


def race_iteration_reads_the_items_of_a_list():
    """numbers[1]"""
    numbers = [1, 2, 3]

    def write():
        numbers[1] = 5

    def read():
        for number in numbers:
            use(number)

    together(write, read)


def race_list_comprehension_reads_items():
    """numbers[0]"""
    numbers = [1, 2, 3]

    def write():
        numbers[0] = 5

    together(write, lambda: use([number for number in numbers]))  # noqa: C416


def race_generator_expression_reads_items():
    """numbers[2]"""
    numbers = [1, 2, 3]

    def write():
        numbers[2] = 5

    together(write, lambda: sum(number + 1 for number in numbers))


def race_comprehension_variable_captured():
    """variable i of a comprehension"""

    def start(function):
        thread = threading.Thread(target=function)
        thread.start()
        return thread

    for thread in [start(lambda: use(i)) for i in range(3)]:  # noqa: B023
        thread.join()


def race_condition_of_while():
    """Box.value"""
    box = Box(3)

    def work():
        while box.value > 0:
            box.value -= 1

    twice(work)


def race_attribute_in_a_comprehension():
    """Box.value"""
    boxes = [Box(), Box()]

    def write():
        boxes[0].value = 1

    together(write, lambda: use([box.value for box in boxes]))


def race_condition_in_a_comprehension():
    """Box.value"""
    box = Box()

    def write():
        box.value = 1

    together(write, lambda: use([number for number in range(3) if number > box.value]))


def race_else_of_a_loop():
    """Box.value"""
    box = Box()

    def work():
        for _ in ():
            pass
        else:
            box.value += 1

    twice(work)


def race_nested_comprehension():
    """grid["""
    grid = [[1, 2], [3, 4]]

    def write():
        grid[0][1] = 5

    together(write, lambda: use([grid[row][column] for row in range(2) for column in range(2)]))


def clean_comprehension_variables():
    numbers = [1, 2, 3]
    twice(lambda: use([n for n in numbers], {n for n in numbers}, {n: n for n in numbers}))  # noqa: C416


def clean_threads_started_after_the_comprehension():
    threads = [threading.Thread(target=lambda: use(i)) for i in range(3)]  # noqa: B023
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def clean_range_and_enumerate():
    def work():
        total = 0
        for index, number in enumerate(range(10)):
            total += index * number
        return total

    twice(work)


def clean_iteration_by_several():
    rows = [[1], [2], [3]]

    def work():
        for row in rows:
            for number in row:
                use(number)

    twice(work)


def clean_each_its_part():
    results = [0] * 4

    def fill(start):
        for index in range(start, 4, 2):
            results[index] = index

    together(lambda: fill(0), lambda: fill(1))
    assert results == [0, 1, 2, 3]


def clean_copy_in_c_then_iterate():
    numbers = [1, 2, 3]

    def read():
        for number in list(numbers):
            use(number)

    together(read, lambda: numbers.append(4))


def clean_own_iterator_class():
    class Countdown:
        def __init__(self, start):
            self.left = start

        def __iter__(self):
            return self

        def __next__(self):
            if not self.left:
                raise StopIteration
            self.left -= 1
            return self.left

    twice(lambda: use([number for number in Countdown(3)]))  # noqa: C416


def race_shared_iterator_object():
    """Ticker.left"""

    class Ticker:
        def __init__(self):
            self.left = 4

        def __iter__(self):
            return self

        def __next__(self):
            if self.left <= 0:
                raise StopIteration
            self.left -= 1
            return self.left

    ticker = Ticker()

    def work():
        for number in ticker:
            use(number)

    twice(work)
