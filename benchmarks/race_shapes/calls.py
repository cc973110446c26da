"""Call-heavy: a recursive function, and one call of a method in each step."""

import measure


def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


class Adder:
    def __init__(self):
        self.sum = 0

    def add(self, left, right):
        return left + right


def work(steps):
    adder = Adder()
    for step in range(steps // 16):
        fibonacci(5)
        adder.add(step, 1)


measure.run(work)
