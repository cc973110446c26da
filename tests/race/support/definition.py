"""The definition of a race, for a list of steps: whole vector clocks, and every access is kept.

Two accesses to one location race if they are of different threads, one of them is a write, and the earlier one does not
happen before the later one. Here a clock is a dict from threads to the number of their steps that happen before.
"""

from collections import defaultdict


class Definition:
    def __init__(self):
        self.known = {}  # thread -> its clock; its own entry is the number of its steps
        self.clocks = defaultdict(dict)
        self.accesses = defaultdict(list)  # location -> (thread, its step, write)

    def begin(self, thread, seen=None):
        """`seen`: the clock of its creator; None: every step so far happens before the thread."""
        clock = {}
        for each in [seen] if seen is not None else self.known.values():
            self.join(clock, each)
        self.known[thread] = clock

    @staticmethod
    def join(into, clock):
        for thread, steps in clock.items():
            into[thread] = max(steps, into.get(thread, 0))

    def step(self, thread):
        self.known[thread][thread] = self.known[thread].get(thread, 0) + 1

    def acquire(self, thread, clock):
        self.join(self.known[thread], self.clocks[clock])
        self.step(thread)

    def release(self, thread, clock):
        self.step(thread)
        self.join(self.clocks[clock], self.known[thread])

    def set(self, thread, clock):
        self.clocks[clock] = {}
        self.release(thread, clock)

    def swap(self, thread, clock):
        self.acquire(thread, clock)
        self.release(thread, clock)

    def access(self, thread, location, write, changes_race=True):
        """The accesses (thread, write) that this one races with. `changes_race`: do two writes race?"""
        self.step(thread)
        mine = self.known[thread]
        races = {
            (other, wrote)
            for other, at, wrote in self.accesses[location]
            if other != thread and at > mine.get(other, 0) and (write != wrote or (write and changes_race))
        }
        self.accesses[location].append((thread, mine[thread], write))
        return races

    def forget(self, owner):
        """The object has been freed, with its locations."""
        for location in [each for each in self.accesses if each[0] == owner]:
            del self.accesses[location]

    def new_session(self):
        self.accesses.clear()
