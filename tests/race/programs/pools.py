"""concurrent.futures: executors and futures."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait

from together import Box, together, use


def clean_submit_and_result():
    box = Box(1)

    def work():
        box.value += 1
        return box

    with ThreadPoolExecutor(2) as pool:
        assert pool.submit(work).result().value == 2


def clean_map():
    boxes = [Box(number) for number in range(5)]

    def work(box):
        box.value *= 2
        return box

    with ThreadPoolExecutor(3) as pool:
        assert [box.value for box in pool.map(work, boxes)] == [0, 2, 4, 6, 8]


def clean_leaving_the_block():
    boxes = [Box() for _ in range(4)]

    def work(box):
        box.value += 1

    with ThreadPoolExecutor(2) as pool:
        for box in boxes:
            pool.submit(work, box)
    assert sum(box.value for box in boxes) == 4


def clean_shutdown():
    box = Box()

    def work():
        box.value = 1

    pool = ThreadPoolExecutor(1)
    pool.submit(work)
    pool.shutdown(wait=True)
    assert box.value == 1


def clean_wait():
    boxes = [Box(), Box()]

    def work(box):
        box.value = 1

    with ThreadPoolExecutor(2) as pool:
        done, left = wait([pool.submit(work, box) for box in boxes], timeout=30)
        assert len(done) == 2
        assert not left
        assert [box.value for box in boxes] == [1, 1]


def clean_as_completed():
    def work(number):
        box = Box()
        box.value = number
        return box

    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(work, number) for number in range(4)]
        assert sorted(future.result().value for future in as_completed(futures)) == [0, 1, 2, 3]


def clean_as_completed_alone():
    boxes = [Box(), Box()]

    def work(box):
        box.value = 1

    with ThreadPoolExecutor(2) as pool:
        futures = {pool.submit(work, box): box for box in boxes}
        for future in as_completed(futures):
            assert futures[future].value == 1


def clean_exception():
    box = Box()

    def work():
        box.value = 1
        raise ValueError

    with ThreadPoolExecutor(1) as pool:
        assert isinstance(pool.submit(work).exception(), ValueError)
        assert box.value == 1


def clean_callback():
    box, seen = Box(), threading.Event()

    def work():
        box.value = 1

    def finished(future):
        box.value += 1
        seen.set()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).add_done_callback(finished)
        assert seen.wait(30)
        assert box.value == 2


def clean_callback_of_a_finished_future():
    box = Box()

    def work():
        box.value = 1

    def finished(future):
        box.value += 1

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work)
        while not future.done():
            threading.Event().wait(0.001)
        future.add_done_callback(finished)
    assert box.value == 2


def clean_future_by_hand():
    future, box = Future(), Box()

    def produce():
        box.value = 1
        future.set_result(box)

    together(produce, lambda: future.result(30).value, lambda: future.result(30).value)


def clean_future_with_an_exception():
    future, box = Future(), Box()

    def produce():
        box.value = 1
        future.set_exception(ValueError())

    def consume():
        assert isinstance(future.exception(30), ValueError)
        assert box.value == 1

    together(produce, consume)


def clean_initializer():
    box, local = Box(3), threading.local()

    def prepare(given):
        local.value = given.value

    with ThreadPoolExecutor(2, initializer=prepare, initargs=(box,)) as pool:
        assert list(pool.map(lambda _: local.value, range(4))) == [3] * 4


def clean_task_submits_a_task():
    box = Box()

    def inner():
        box.value += 1

    with ThreadPoolExecutor(2) as pool:

        def outer():
            box.value += 1
            pool.submit(inner).result(30)
            box.value += 1

        pool.submit(outer).result(30)
    assert box.value == 3


def clean_one_worker():
    box = Box()

    def work():
        box.value += 1

    with ThreadPoolExecutor(1) as pool:
        for _ in range(10):
            pool.submit(work)
    assert box.value == 10


def clean_cancelled():
    gate, box = threading.Event(), Box()

    def never():
        box.value = 1

    with ThreadPoolExecutor(1) as pool:
        pool.submit(gate.wait, 30)
        future = pool.submit(never)
        assert future.cancel()
        box.value = 2
        gate.set()


def in_two_threads(pool, work):
    """Run the function in two workers: a barrier makes each take one call."""
    barrier = threading.Barrier(2)

    def meet():
        barrier.wait(30)
        work()

    for future in [pool.submit(meet), pool.submit(meet)]:
        future.result(30)


def race_two_tasks():
    """Box.value"""
    box = Box()

    def work():
        box.value += 1

    with ThreadPoolExecutor(2) as pool:
        in_two_threads(pool, work)


def race_two_tasks_and_a_dict():
    """counts['x']"""
    counts = {"x": 0}

    def work():
        counts["x"] += 1

    with ThreadPoolExecutor(2) as pool:
        in_two_threads(pool, work)


def race_written_after_submit():
    """Box.value"""
    box = Box()

    def work():
        use(box.value)

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work)
        box.value = 1
        future.result()


def race_read_before_the_result():
    """Box.value"""
    box = Box()

    def work():
        box.value = 1

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work)
        use(box.value)
        future.result()


def race_result_that_timed_out():
    """Box.value"""
    box, gate = Box(), threading.Event()

    def work():
        box.value = 1
        gate.wait(30)

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work)
        try:
            future.result(0.01)
        except TimeoutError:
            use(box.value)
        gate.set()


def race_shutdown_without_waiting():
    """Box.value"""
    box, gate = Box(), threading.Event()

    def work():
        box.value = 1
        gate.wait(30)

    pool = ThreadPoolExecutor(1)
    future = pool.submit(work)
    pool.shutdown(wait=False)
    use(box.value)
    gate.set()
    future.result(30)


def race_written_after_set_result():
    """Box.value"""
    future = Future()

    def produce():
        box = Box()
        future.set_result(box)
        box.value = 1

    together(produce, lambda: use(future.result(30).value))


def race_result_of_another_task():
    """Box.value"""
    box, barrier = Box(), threading.Barrier(2)

    def one():
        barrier.wait(30)
        box.value = 1

    with ThreadPoolExecutor(2) as pool:
        slow, quick = pool.submit(one), pool.submit(barrier.wait, 30)
        quick.result(30)
        use(box.value)
        slow.result(30)
