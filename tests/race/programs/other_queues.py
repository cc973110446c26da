"""LifoQueue, PriorityQueue, SimpleQueue, and subclasses of Queue."""

import queue

from together import Box, together, twice, use


def clean_subclass_of_a_queue():
    class Unique(queue.Queue):
        def _init(self, maxsize):
            self.queue = []

        def _put(self, item):
            self.queue.append(item)

        def _get(self):
            return self.queue.pop()

    line = Unique()

    def produce():
        box = Box()
        box.value = 1
        line.put(box)

    def consume():
        assert line.get(timeout=30).value == 1

    together(produce, consume)


def clean_subclass_of_a_queue_that_counts():
    class Counting(queue.Queue):
        puts = 0

        def _put(self, item):
            self.puts += 1  # the queue calls it with its lock held, as documented
            super()._put(item)

    line = Counting()

    def work():
        for number in range(5):
            line.put(number)

    twice(work)
    assert line.puts == 10


def clean_simple_queue():
    line = queue.SimpleQueue()

    def produce():
        box = Box()
        box.value = 1
        line.put(box)

    def consume():
        assert line.get(timeout=30).value == 1

    together(produce, consume)


def race_written_after_put_in_a_simple_queue():
    """Box.value"""
    line = queue.SimpleQueue()

    def produce():
        box = Box()
        line.put(box)
        box.value = 1

    def consume():
        use(line.get(timeout=30).value)

    together(produce, consume)


def clean_priorities():
    line = queue.PriorityQueue()

    def produce(rank):
        box = Box()
        box.value = rank
        line.put((rank, id(box), box))

    def consume():
        for _ in range(2):
            rank, _, box = line.get(timeout=30)
            assert box.value == rank

    together(lambda: produce(1), lambda: produce(2), consume)


def clean_last_in_first_out():
    line = queue.LifoQueue()

    def produce():
        box = Box()
        box.value = 1
        line.put(box)

    def consume():
        assert line.get(timeout=30).value == 1

    together(produce, consume)
