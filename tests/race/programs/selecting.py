"""Waiting for the first of several, as Go's select; polling; timeouts."""

import contextlib
import queue
import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from together import Box, together, use, wait_until


def clean_first_of_two_futures():
    left, right = Future(), Future()

    def produce(future, number):
        box = Box()
        box.value = number
        future.set_result(box)

    def consume():
        done, _ = wait([left, right], timeout=30, return_when=FIRST_COMPLETED)
        for future in done:
            assert future.result().value in (1, 2)

    together(lambda: produce(left, 1), lambda: produce(right, 2), consume)


def race_first_completed_says_nothing_of_the_other():
    """Box.value"""
    box, first, never = Box(), Future(), Future()

    def one():
        first.set_result(None)

    def two():
        box.value = 1

    def consume():
        wait([first, never], timeout=30, return_when=FIRST_COMPLETED)
        use(box.value)

    together(one, two, consume)


def clean_several_senders_into_one_queue():
    line = queue.Queue()

    def send(kind):
        box = Box()
        box.value = kind
        line.put((kind, box))

    def select():
        for _ in range(2):
            kind, box = line.get(timeout=30)
            assert box.value == kind

    together(lambda: send("tick"), lambda: send("data"), select)


def clean_queues_polled_in_turn():
    left, right = queue.Queue(), queue.Queue()

    def send(line):
        box = Box()
        box.value = 7
        line.put(box)

    def select():
        got = 0
        while got < 2:
            for line in (left, right):
                try:
                    box = line.get(timeout=0.005)
                except queue.Empty:
                    continue
                assert box.value == 7
                got += 1

    together(lambda: send(left), lambda: send(right), select)


def race_default_branch_taken():
    """Box.value"""
    line, box = queue.Queue(), Box()

    def select():
        try:
            line.get_nowait()
        except queue.Empty:
            box.value = 1

    def other():
        box.value = 2

    together(select, other)


def clean_stop_event_and_queue():
    line, stop, box = queue.Queue(), threading.Event(), Box()

    def work():
        while not stop.is_set():
            with contextlib.suppress(queue.Empty):
                line.get(timeout=0.002).value += 1

    def control():
        other = Box()
        line.put(other)
        box.value = 1
        stop.set()

    together(work, control)


def race_join_that_timed_out():
    """Box.value"""
    box, gate = Box(), threading.Event()

    def work():
        box.value = 1
        gate.wait(30)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(0.02)
    use(box.value)
    gate.set()
    thread.join()


def clean_polling_a_future():
    with ThreadPoolExecutor(1) as pool:
        box = Box()

        def work():
            box.value = 1

        future = pool.submit(work)
        wait_until(future.done)
        assert box.value == 1


def clean_polling_a_thread():
    box = Box()

    def work():
        box.value = 1

    thread = threading.Thread(target=work)
    thread.start()
    wait_until(lambda: not thread.is_alive())
    assert box.value == 1
    thread.join()


def race_alive_thread_gives_no_edge():
    """Box.value"""
    box, gate = Box(), threading.Event()

    def work():
        box.value = 1
        gate.wait(30)

    thread = threading.Thread(target=work)
    thread.start()
    use(thread.is_alive(), box.value)
    gate.set()
    thread.join()


def race_future_that_is_not_done():
    """Box.value"""
    box, future = Box(), Future()

    def work():
        box.value = 1

    def look():
        use(future.done(), future.running(), box.value)

    together(work, look)
