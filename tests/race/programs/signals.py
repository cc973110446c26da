"""Event, Semaphore, Barrier."""

import contextlib
import threading

from together import Box, together, twice, use, wait_until


def clean_event_wait():
    box, event = Box(), threading.Event()

    def write():
        box.value = 1
        event.set()

    def read():
        assert event.wait(30)
        assert box.value == 1

    together(write, read, read)


def clean_event_polled():
    box, event = Box(), threading.Event()

    def write():
        box.value = 1
        event.set()

    def read():
        wait_until(event.is_set)
        assert box.value == 1

    together(write, read)


def clean_event_looked_at_once():
    box, event = Box(), threading.Event()

    def write():
        box.value = 1
        event.set()

    def read():
        if event.is_set():
            assert box.value == 1

    together(write, read)


def clean_event_set_twice():
    box, event = Box(), threading.Event()
    box.second = 0

    def one():
        box.value = 1
        event.set()

    def two():
        box.second = 2
        event.set()

    def read():
        event.wait(30)

    together(one, two, read)


def clean_ping_pong_of_events():
    box, ping, pong = Box(), threading.Event(), threading.Event()

    def one():
        box.value += 1
        ping.set()
        pong.wait(30)
        box.value += 1

    def two():
        ping.wait(30)
        box.value += 1
        pong.set()

    together(one, two)
    assert box.value == 3


def race_written_after_set():
    """Box.value"""
    box, event = Box(), threading.Event()

    def write():
        event.set()
        box.value = 1

    def read():
        event.wait(30)
        use(box.value)

    together(write, read)


def race_event_wait_timed_out():
    """Box.value"""
    box, event = Box(), threading.Event()

    def write():
        box.value = 1

    def read():
        assert not event.wait(0.005)
        use(box.value)

    together(write, read)
    event.set()


def race_event_that_is_not_set():
    """Box.value"""
    box, event = Box(), threading.Event()

    def write():
        box.value = 1

    together(write, lambda: use(event.is_set(), box.value))


def race_clear_is_no_release():
    """Box.value"""
    box, event = Box(), threading.Event()

    def write():
        box.value = 1
        event.clear()

    def read():
        use(event.is_set(), event.wait(0.005), box.value)

    together(write, read)


def race_event_that_was_set_and_cleared():
    """Box.value"""
    box, event, cleared = Box(), threading.Event(), []

    def write():
        box.value = 1
        event.set()
        event.clear()
        cleared.append(True)

    def read():
        wait_until(lambda: len(cleared))  # orders nothing
        assert not event.wait(0.001)
        use(event.is_set(), box.value)

    together(write, read)


def race_wrong_event():
    """Box.value"""
    box, right, wrong = Box(), threading.Event(), threading.Event()
    wrong.set()

    def write():
        box.value = 1
        right.set()

    def read():
        wrong.wait(30)
        use(box.value)

    together(write, read)


def clean_semaphore_as_a_mutex():
    box, semaphore = Box(), threading.Semaphore(1)

    def work():
        for _ in range(10):
            with semaphore:
                box.value += 1

    twice(work)
    assert box.value == 20


def clean_semaphore_as_a_signal():
    box, semaphore = Box(), threading.Semaphore(0)

    def write():
        box.value = 1
        semaphore.release()

    def read():
        semaphore.acquire()
        assert box.value == 1

    together(write, read)


def clean_semaphore_that_collects_two():
    left, right, semaphore = Box(), Box(), threading.Semaphore(0)

    def one():
        left.value = 1
        semaphore.release()

    def two():
        right.value = 2
        semaphore.release()

    def read():
        semaphore.acquire()
        semaphore.acquire()
        assert left.value + right.value == 3

    together(one, two, read)


def clean_bounded_semaphore():
    box, semaphore = Box(), threading.BoundedSemaphore(1)

    def work():
        with semaphore:
            box.value += 1

    twice(work)


def clean_semaphore_release_of_many():
    box, semaphore = Box(), threading.Semaphore(0)

    def write():
        box.value = 1
        semaphore.release(2)

    def read():
        semaphore.acquire()
        assert box.value == 1

    together(write, read, read)


def race_semaphore_for_two():
    """Box.value"""
    box, semaphore = Box(), threading.Semaphore(2)

    def work():
        semaphore.acquire()
        box.value += 1

    twice(work)


def race_semaphore_acquire_failed():
    """Box.value"""
    box, semaphore = Box(), threading.Semaphore(0)

    def read():
        assert not semaphore.acquire(timeout=0.005)
        use(box.value)

    def write():
        box.value = 1

    together(write, read)


def clean_barrier():
    boxes, barrier = [Box(), Box()], threading.Barrier(2)

    def work(mine, other):
        boxes[mine].value = 1
        barrier.wait(30)
        assert boxes[other].value == 1

    together(lambda: work(0, 1), lambda: work(1, 0))


def clean_barrier_rounds():
    row, barrier = [0, 0], threading.Barrier(2)

    def work(me):
        for number in range(1, 5):
            row[me] = number
            barrier.wait(30)
            assert row[1 - me] == number
            barrier.wait(30)

    together(lambda: work(0), lambda: work(1))


def clean_barrier_action():
    box = Box()
    row = [0, 0]

    def add():
        box.value = row[0] + row[1]

    barrier = threading.Barrier(2, action=add)

    def work(me):
        row[me] = me + 1
        barrier.wait(30)
        assert box.value == 3

    together(lambda: work(0), lambda: work(1))


def race_after_the_barrier():
    """Box.value"""
    box, barrier = Box(), threading.Barrier(2)

    def work():
        barrier.wait(30)
        box.value += 1

    twice(work)


def race_before_the_barrier():
    """Box.value"""
    box, barrier = Box(), threading.Barrier(2)

    def work():
        box.value += 1
        barrier.wait(30)

    twice(work)


def race_one_round_late():
    """row[0]"""
    row, barrier = [0, 0], threading.Barrier(2)

    def one():
        barrier.wait(30)
        row[0] = 1
        barrier.wait(30)

    def two():
        barrier.wait(30)
        use(row[0])
        barrier.wait(30)

    together(one, two)


def race_broken_barrier():
    """Box.value"""
    box, barrier = Box(), threading.Barrier(3)

    def work():
        with contextlib.suppress(threading.BrokenBarrierError):
            barrier.wait(0.05)
        box.value += 1

    twice(work)


def race_sleep_is_no_edge():
    """Box.value"""
    box = Box()

    def write():
        box.value = 1

    thread = threading.Thread(target=write)
    thread.start()
    threading.Event().wait(0.02)
    use(box.value)
    thread.join()
