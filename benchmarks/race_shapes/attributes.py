"""Attribute-heavy: five reads and three writes of attributes in each step, and little else."""

import measure


class Account:
    def __init__(self):
        self.balance, self.step, self.count, self.highest = 0, 3, 0, 0

    def work(self, steps):
        for _ in range(steps):
            self.balance += self.step
            self.count += 1
            if self.balance > self.highest:
                self.highest = self.balance


measure.run(Account().work)
