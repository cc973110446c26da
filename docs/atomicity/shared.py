"""What the operations share: how many threads do them at once, an object, and a function of the program.

An operation is given how often it is done in all. It returns what a thread does, called with its number and how often,
and what counts the losses afterwards.
"""

THREADS = 4


class Box:
    """An object with attributes."""

    def __init__(self):
        self.n = 0
        self.taken = False


def plus_one(n):
    return n + 1
