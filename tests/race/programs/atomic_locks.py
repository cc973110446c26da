"""atomicpy's locks, wait groups, once, and the sharded counter."""

import contextlib
import threading

from atomicpy import Mutex, Once, RWMutex, ShardedCounter, WaitGroup, once
from together import Box, together, twice, use, wait_until


def clean_mutex():
    box, mutex = Box(), Mutex()

    def work():
        for _ in range(10):
            with mutex:
                box.value += 1

    twice(work)
    assert box.value == 20


def clean_mutex_by_hand():
    box, mutex = Box(), Mutex()

    def work():
        assert mutex.acquire(timeout=30)
        box.value += 1
        mutex.release()

    twice(work)


def clean_condition_on_a_mutex():
    box, condition = Box(None), threading.Condition(Mutex())

    def produce():
        with condition:
            box.value = 1
            condition.notify()

    def consume():
        with condition:
            condition.wait_for(lambda: box.value, 30)

    together(produce, consume)


def race_mutex_on_one_side():
    """Box.value"""
    box, mutex = Box(), Mutex()

    def write():
        with mutex:
            box.value = 1

    together(write, lambda: use(box.value))


def race_mutex_not_acquired():
    """Box.value"""
    box, mutex = Box(), Mutex()

    def other():
        assert not mutex.acquire(blocking=False)
        use(box.value)

    with mutex:
        thread = threading.Thread(target=other)
        thread.start()
        box.value = 1
        thread.join()


def race_two_mutexes():
    """Box.value"""
    box, left, right = Box(), Mutex(), Mutex()

    def work(mutex):
        with mutex:
            box.value += 1

    together(lambda: work(left), lambda: work(right))


def clean_readers_and_a_writer():
    box, lock = Box(), RWMutex()

    def write():
        with lock.write():
            box.value += 1

    def read():
        with lock.read():
            use(box.value)

    together(write, read, write, read)


def clean_reader_and_writer_by_hand():
    box, lock = Box(), RWMutex()

    def write():
        assert lock.acquire_write(30)
        box.value += 1
        lock.release_write()

    def read():
        assert lock.acquire_read(30)
        use(box.value)
        lock.release_read()

    together(write, read)


def clean_writer_after_readers():
    boxes, lock = [Box(), Box()], RWMutex()

    def read(me):
        with lock.read():
            boxes[me].value += 1  # one box per thread

    def write():
        with lock.write():
            boxes[0].value += boxes[1].value

    def own():
        read(0)

    together(own, write)


def race_write_in_a_read_section():
    """Box.value"""
    box, lock = Box(), RWMutex()

    def work():
        with lock.read():
            box.value += 1

    twice(work)


def race_read_section_does_not_order_reads():
    """Box.value"""
    box, lock = Box(), RWMutex()

    def one():
        box.value = 1
        with lock.read():
            pass

    def two():
        with lock.read():
            pass
        use(box.value)

    together(one, two)


def clean_wait_group():
    boxes, group = [Box() for _ in range(3)], WaitGroup()
    group.add(3)

    def work(box):
        box.value = 1
        group.done()

    threads = [threading.Thread(target=work, args=(box,)) for box in boxes]
    for thread in threads:
        thread.start()
    assert group.wait(30)
    assert sum(box.value for box in boxes) == 3
    for thread in threads:
        thread.join()


def clean_wait_group_go():
    boxes = [Box(1), Box(2)]

    def work(box):
        box.value += 1

    with WaitGroup() as group:
        for box in boxes:
            group.go(work, box)
    assert [box.value for box in boxes] == [2, 3]


def clean_wait_group_of_a_failure():
    box, group = Box(), WaitGroup()

    def fail():
        box.value = 1
        raise ValueError

    group.go(fail)
    with contextlib.suppress(ExceptionGroup):
        group.wait(30)
    assert box.value == 1


def clean_two_wait_for_one_group():
    box, group = Box(), WaitGroup()
    group.add(1)

    def work():
        box.value = 1
        group.done()

    def wait():
        assert group.wait(30)
        assert box.value == 1

    together(work, wait, wait)


def race_functions_of_a_wait_group():
    """Box.value"""
    box = Box()

    def work():
        box.value += 1

    with WaitGroup() as group:
        group.go(work)
        group.go(work)


def race_written_before_wait():
    """Box.value"""
    box, group = Box(), WaitGroup()

    def work():
        box.value += 1

    group.go(work)
    box.value += 1
    group.wait(30)


def race_written_after_done():
    """Box.value"""
    box, group = Box(), WaitGroup()
    group.add(1)

    def work():
        group.done()
        box.value = 1

    thread = threading.Thread(target=work)
    thread.start()
    group.wait(30)
    use(box.value)
    thread.join()


def race_wait_group_timed_out():
    """Box.value"""
    box, group = Box(), WaitGroup()
    group.add(2)

    def work():
        box.value = 1
        group.done()

    thread = threading.Thread(target=work)
    thread.start()
    assert not group.wait(0.01)
    use(box.value)
    thread.join()
    group.done()


def clean_once():
    box, guard = Box(None), Once()

    def make():
        box.value = Box(5)

    def work():
        guard.do(make)
        assert box.value.value == 5

    together(work, work, work)


def clean_once_decorator():
    @once
    def settings():
        box = Box()
        box.value = 7
        return box

    twice(lambda: use(settings().value))


def race_changed_after_once():
    """Box.value"""
    box, guard = Box(), Once()

    def make():
        box.value = 1

    def work():
        guard.do(make)
        box.value += 1

    twice(work)


def clean_sharded_counter():
    count = ShardedCounter()

    def work():
        mine = count.local()
        for _ in range(10):
            count.inc()
            mine.inc()

    twice(work)
    assert count.load() == 40


def clean_sharded_counter_publishes():
    box, count = Box(), ShardedCounter()

    def write():
        box.value = 1
        count.inc()

    def read():
        wait_until(lambda: count.load() == 1)
        assert box.value == 1

    together(write, read)


def clean_sharded_counter_drained():
    box, count, seen = Box(), ShardedCounter(), []

    def write():
        box.value = 1
        count.add(3)

    def drain():
        wait_until(lambda: seen.append(count.drain()) or sum(seen) == 3)
        assert box.value == 1

    together(write, drain)


def race_written_after_the_count():
    """Box.value"""
    box, count = Box(), ShardedCounter()

    def write():
        count.inc()
        box.value = 1

    def read():
        wait_until(lambda: count.load() == 1)
        use(box.value)

    together(write, read)


def race_two_that_count():
    """Box.value"""
    box, count = Box(), ShardedCounter()

    def work():
        box.value += 1
        count.inc()

    twice(work)
