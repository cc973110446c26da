"""Compound operations that are not atomic, and the remedies for each."""

import threading

from atomicpy import AtomicInt, Mutex, ShardedCounter, WaitGroup
from together import twice

counter = 0
amounts = 0
table = {}
locked = 0
lock = threading.Lock()
mutex = Mutex()
atomic = AtomicInt()
sharded = ShardedCounter()


def race_counter_plus_one():
    """global counter"""

    def work():
        global counter
        for _ in range(10):
            counter += 1

    twice(work)


def race_plus_n():
    """global amounts"""

    def work():
        global amounts
        for n in range(10):
            amounts += n

    twice(work)


def race_map_assignment_against_a_reader():
    """table['key']"""

    def write():
        for value in range(10):
            table["key"] = value

    def read():
        return [table["key"] for _ in range(10)]

    table["key"] = 0
    with WaitGroup() as group:
        group.go(write)
        group.go(read)


def race_map_iteration_against_an_insertion():
    """keys of members"""
    members = {0: True}

    def write():
        members[1] = True

    def read():
        try:
            for member in members:
                assert member in members
        except RuntimeError:
            pass

    with WaitGroup() as group:
        group.go(write)
        group.go(read)


def race_thousand_threads_in_small():
    """Racy.n"""

    class Racy:
        n = 0

    racy = Racy()

    def work():
        for _ in range(3):
            racy.n += 1

    with WaitGroup() as group:
        for _ in range(30):
            group.go(work)


def clean_atomic():
    def work():
        for _ in range(10):
            atomic.inc()

    twice(work)


def clean_sharded():
    def work():
        for _ in range(10):
            sharded.inc()

    twice(work)


def clean_mutex():
    def work():
        global locked
        for _ in range(10):
            with mutex:
                locked += 1

    twice(work)


def clean_map_with_a_lock():
    members = {}

    def write():
        with lock:
            members["key"] = 1

    def read():
        with lock:
            return [members[member] for member in members]

    with WaitGroup() as group:
        group.go(write)
        group.go(read)
