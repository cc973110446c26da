"""Items of lists and deques."""

import collections
import threading

from together import Box, together, twice, use, wait_until


def race_same_index():
    """row[0]"""
    row = [0, 0]

    def work():
        row[0] += 1

    twice(work)


def race_write_and_read():
    """row[1]"""
    row = [0, 0]

    def write():
        row[1] = 1

    together(write, lambda: use(row[1]))


def race_index_from_the_end():
    """row["""
    row = [0, 0, 0]

    def write():
        row[-1] = 1

    together(write, lambda: use(row[2]))


def race_matrix():
    """grid[1][0]"""
    grid = [[0, 0], [0, 0]]

    def work():
        grid[1][0] += 1

    twice(work)


def race_index_in_a_variable():
    """row[1]"""
    row, index = [0, 0], 1

    def work():
        row[index] = row[index] + 1

    twice(work)


def race_delete_item():
    """row[0]"""
    row = [0, 1, 2]

    def delete():
        del row[0]

    together(delete, lambda: use(row[0]))


def race_subclass_of_list():
    """stack[0]"""

    class Stack(list):
        pass

    stack = Stack([0])

    def work():
        stack[0] = 1

    twice(work)


def race_deque_item():
    """line[0]"""
    line = collections.deque([0, 1])

    def work():
        line[0] += 1

    twice(work)


def race_deque_iteration_reads_items():
    """line[1]"""
    line = collections.deque([0, 1])

    def write():
        line[1] = 5

    def read():
        for item in line:
            use(item)

    together(write, read)


def race_item_of_an_attribute():
    """self.slots[0]"""

    class Ring:
        def __init__(self):
            self.slots = [0] * 4

        def put(self):
            self.slots[0] = 1

    twice(Ring().put)


def race_swap_items():
    """row[0] | row[1]"""
    row = [1, 2]

    def swap():
        row[0], row[1] = row[1], row[0]

    twice(swap)


def race_star_target():
    """row[0]"""
    row = [0]

    def work():
        *row[0], _ = [1, 2, 3]

    twice(work)


def race_object_after_hand_over():
    """Box.value"""
    line = []

    def produce():
        box = Box()
        line.append(box)
        box.value = 1

    def consume():
        wait_until(lambda: len(line))
        use(line.pop().value)

    together(produce, consume)


def clean_different_indices():
    row = [0] * 3

    def work(index):
        row[index] += 1

    together(*[lambda index=index: work(index) for index in range(3)])
    assert row == [1, 1, 1]


def clean_index_from_the_end_elsewhere():
    row = [0, 0, 0]

    def one():
        row[-1] = 1

    def two():
        row[1] = 1

    together(one, two)


def clean_append_and_pop():
    row = []

    def work():
        for number in range(10):
            row.append(number)
        for _ in range(10):
            row.pop()

    twice(work)
    assert not row


def clean_hand_over_by_a_list():
    line = []

    def produce():
        box = Box()
        box.value = 5
        line.append(box)

    def consume():
        wait_until(lambda: len(line))
        assert line.pop().value == 5

    together(produce, consume)


def clean_hand_over_by_a_deque():
    line = collections.deque()

    def produce():
        box = Box()
        box.value = 5
        line.append(box)

    def consume():
        wait_until(lambda: len(line))
        assert line.popleft().value == 5

    together(produce, consume)


def clean_results_collected():
    results = []

    def work():
        box = Box()
        box.value += 1
        results.append(box)

    together(*[work] * 4)
    assert sum(box.value for box in results) == 4


def clean_length_and_in():
    row = []
    together(lambda: row.append(1), lambda: use(len(row), 1 in row))


def clean_iteration_in_c():
    row = [1, 2]
    together(lambda: row.append(3), lambda: use(sum(row), list(row), max(row)))


def clean_sort_against_append():
    row = [3, 1]
    together(lambda: row.append(2), lambda: row.extend([5, 4]))
    row.sort()
    assert row == [1, 2, 3, 4, 5]


def clean_with_lock():
    row, lock = [0], threading.Lock()

    def work():
        for _ in range(10):
            with lock:
                row[0] += 1

    twice(work)
    assert row == [20]


def clean_tuples_and_strings():
    pair, text = (1, 2), "text"
    twice(lambda: use(pair[0], text[1], pair[-1]))


def clean_bounded_deque():
    recent = collections.deque(maxlen=3)

    def work():
        for number in range(10):
            recent.append(number)

    twice(work)
    assert len(recent) == 3


def clean_own_list_of_each_thread():
    def work():
        row = [0] * 5
        for index in range(5):
            row[index] = index
        assert row[-1] == 4

    twice(work)
