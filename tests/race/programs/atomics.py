"""atomicpy's atomic values: accesses that they order, and accesses that they do not."""

import os
import time

from atomicpy import AtomicBool, AtomicFloat, AtomicInt, AtomicIntArray, AtomicRef, AtomicUInt
from together import Box, together, twice, use, wait_until


def clean_counter():
    count = AtomicInt()

    def work():
        for _ in range(20):
            count.inc()

    twice(work)
    assert count == 40


def clean_every_operation():
    number, flag, real, ref, row = AtomicInt(), AtomicBool(), AtomicFloat(), AtomicRef(), AtomicIntArray(2)
    bits = AtomicUInt()

    def work():
        number.add(2)
        number.exchange(5)
        number.update(lambda value: value + 1)
        number.compare_exchange(6, 7)
        use(int(number), number == 7, str(number))
        bits.fetch_or(4)
        flag.toggle()
        flag.test_and_set()
        flag.clear()
        real.add(0.5)
        ref.store(object())
        ref.exchange(None)
        row[0] = 1
        row.add(0, 5)
        use(row[0], row[1], bool(flag), float(real))

    twice(work)


def clean_store_and_load():
    box, flag = Box(), AtomicInt()

    def write():
        box.value = 1
        flag.store(1)

    def read():
        wait_until(lambda: flag.load() == 1)
        assert box.value == 1

    together(write, read)


def clean_looked_at_once():
    box, flag = Box(), AtomicBool()

    def write():
        box.value = 1
        flag.store(True)

    def read():
        if flag.load():
            assert box.value == 1

    together(write, read)


def clean_conversion_is_a_load():
    box, flag = Box(), AtomicBool()

    def write():
        box.value = 1
        flag.store(True)

    def read():
        if flag:
            assert box.value == 1

    together(write, read)


def clean_comparison_is_a_load():
    box, count = Box(), AtomicInt()

    def write():
        box.value = 1
        count.inc()

    def read():
        while count != 1:
            time.sleep(0.001)
        assert box.value == 1

    together(write, read)


def clean_last_one_out():
    boxes, left = [Box(), Box()], AtomicInt(2)

    def work(me):
        boxes[me].value = 1
        if left.sub(1) == 0:
            assert boxes[0].value + boxes[1].value == 2

    together(lambda: work(0), lambda: work(1))


def clean_augmented_assignment():
    box, count = Box(), AtomicInt()

    def write():
        mine = count
        box.value = 1
        mine += 1

    def read():
        wait_until(lambda: int(count) == 1)
        assert box.value == 1

    together(write, read)


def clean_spin_lock():
    box, held = Box(), AtomicBool()

    def work():
        for _ in range(5):
            while held.test_and_set():
                time.sleep(0.0005)
            box.value += 1
            held.clear()

    twice(work)
    assert box.value == 10


def clean_lock_by_compare_exchange():
    box, held = Box(), AtomicInt()

    def work():
        while not held.compare_exchange(0, 1):
            time.sleep(0.0005)
        box.value += 1
        held.store(0)

    twice(work)


def clean_failed_compare_exchange_acquires():
    box, state = Box(), AtomicInt()

    def write():
        box.value = 1
        state.store(5)

    def read():
        while state.compare_exchange(0, 0):
            time.sleep(0.0005)
        assert box.value == 1

    together(write, read)


def clean_published_by_reference():
    current = AtomicRef(None)

    def write():
        box = Box()
        box.value = 5
        current.store(box)

    def read():
        box = current.load()
        if box is not None:
            assert box.value == 5

    together(write, read, read)


def clean_replaced_by_update():
    current = AtomicRef((0, Box()))

    def work():
        def next_one(old):
            box = Box()
            box.value = old[1].value + 1
            return old[0] + 1, box

        current.update(next_one)

    twice(work)
    assert current.load()[1].value == 2


def clean_float_publishes():
    box, level = Box(), AtomicFloat()

    def write():
        box.value = 1
        level.add(0.5)

    def read():
        wait_until(lambda: level.load() > 0)
        assert box.value == 1

    together(write, read)


def clean_unsigned_publishes():
    box, bits = Box(), AtomicUInt()

    def write():
        box.value = 1
        bits.fetch_or(8)

    def read():
        wait_until(lambda: bits.load() & 8)
        assert box.value == 1

    together(write, read)


def clean_array_cell_publishes():
    box, cells = Box(), AtomicIntArray(4)

    def write():
        box.value = 1
        cells[2] = 1

    def read():
        wait_until(lambda: cells[2])
        assert box.value == 1

    together(write, read)


def clean_wait_and_notify():
    box, word = Box(), AtomicInt()

    def write():
        box.value = 1
        word.store(1)
        word.notify_all()

    def read():
        assert word.wait(0, 30)
        assert box.value == 1

    together(write, read)


def race_written_after_the_store():
    """Box.value"""
    box, flag = Box(), AtomicInt()

    def write():
        flag.store(1)
        box.value = 1

    def read():
        wait_until(lambda: flag.load() == 1)
        use(box.value)

    together(write, read)


def race_failed_compare_exchange_releases_nothing():
    """Box.value"""
    box, state = Box(), AtomicInt()

    def write():
        box.value = 1
        assert not state.compare_exchange(5, 6)

    def read():
        use(state.load(), box.value)

    together(write, read)


def race_load_releases_nothing():
    """Box.value"""
    box, state = Box(), AtomicInt()

    def write():
        box.value = 1
        state.load()

    def read():
        use(state.load(), box.value)

    together(write, read)


def race_store_forgets_what_was_stored_before():
    """Box.value"""
    box, flag = Box(), AtomicInt()
    # Pipes keep the threads in turn. The definition has no edge for a pipe.
    (first_out, first_in), (second_out, second_in) = os.pipe(), os.pipe()

    def write():
        box.value = 1
        flag.store(1)
        os.write(first_in, b".")

    def overwrite():
        os.read(first_out, 1)
        flag.store(2)
        os.write(second_in, b".")

    def read():
        os.read(second_out, 1)
        assert flag.load() == 2
        use(box.value)

    together(write, overwrite, read)
    for end in (first_out, first_in, second_out, second_in):
        os.close(end)


def race_another_atomic():
    """Box.value"""
    box, left, right = Box(), AtomicInt(), AtomicInt()

    def write():
        box.value = 1
        left.store(1)

    def read():
        use(right.load(), box.value)

    together(write, read)


def race_another_cell():
    """Box.value"""
    box, cells = Box(), AtomicIntArray(4)

    def write():
        box.value = 1
        cells[0] = 1

    def read():
        use(cells[1], box.value)

    together(write, read)


def race_reference_changed_after_publication():
    """Box.value"""
    current = AtomicRef(None)

    def write():
        box = Box()
        current.store(box)
        box.value = 1

    def read():
        wait_until(lambda: current.load() is not None)
        use(current.load().value)

    together(write, read)


def race_attribute_that_holds_the_atomic():
    """Box.count"""
    box = Box()
    box.count = AtomicInt()

    def replace():
        box.count = AtomicInt()

    together(replace, lambda: box.count.inc())


def race_wait_that_timed_out():
    """Box.value"""
    box, word = Box(), AtomicInt()

    def write():
        box.value = 1
        word.notify_all()

    def read():
        assert not word.wait(0, 0.005)
        use(box.value)

    together(write, read)


def race_plain_next_to_atomic():
    """Stats.plain"""

    class Stats:
        plain = 0
        atomic = AtomicInt()

    stats = Stats()

    def work():
        stats.plain += 1
        stats.atomic.inc()

    twice(work)
