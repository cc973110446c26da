"""What the operations share: the number of threads, an object, and a function of the program.

An operation is a function of the total number of times. It returns `work(me, times)`, which thread number `me` calls,
and `lost()`, which counts the losses afterwards.
"""

THREADS = 4


class Box:
    """An object with attributes."""

    def __init__(self):
        self.n = 0
        self.taken = False


def plus_one(n):
    return n + 1
