"""The queues of module queue, used like Go's channels."""

import importlib
import queue
import sys
import threading

from together import Box, together, twice, use, wait_until


def clean_put_and_get():
    line, box = queue.Queue(), Box()

    def produce():
        box.value = 1
        line.put(box)

    def consume():
        assert line.get(timeout=30).value == 1

    together(produce, consume)


def clean_worker_until_a_sentinel():
    line, done = queue.Queue(), queue.Queue()

    def worker():
        while (box := line.get(timeout=30)) is not None:
            box.value += 1
            done.put(box)

    def feed():
        for number in range(5):
            line.put(Box(number))
        line.put(None)
        total = sum(done.get(timeout=30).value for _ in range(5))
        assert total == 15

    together(feed, worker)


def clean_task_done_and_join():
    line, boxes = queue.Queue(), [Box() for _ in range(4)]
    for box in boxes:
        line.put(box)

    def worker():
        while True:
            box = line.get()
            if box is None:
                return
            box.value += 1
            line.task_done()

    threads = [threading.Thread(target=worker) for _ in range(2)]
    for thread in threads:
        thread.start()
    line.join()
    assert [box.value for box in boxes] == [1] * 4
    for _ in threads:
        line.put(None)
    for thread in threads:
        thread.join()


def clean_get_without_waiting():
    line = queue.Queue()

    def produce():
        box = Box()
        box.value = 1
        line.put_nowait(box)

    def consume():
        wait_until(line.qsize)
        assert line.get_nowait().value == 1

    together(produce, consume)


def clean_queue_of_one_as_a_mutex():
    line, box = queue.Queue(1), Box()

    def work():
        for _ in range(5):
            line.put(0)
            box.value += 1
            line.get()

    twice(work)
    assert box.value == 10


def clean_queue_of_two_as_a_window():
    line, boxes = queue.Queue(2), [Box(), Box()]

    def produce():
        for number in range(6):
            line.put(number)

    def consume():
        for _ in range(6):
            boxes[0].value += line.get(timeout=30)

    together(produce, consume)


def clean_request_and_reply():
    requests = queue.Queue()

    def serve():
        for _ in range(2):
            box, reply = requests.get(timeout=30)
            box.value *= 2
            reply.put(box)

    def ask():
        box, reply = Box(4), queue.Queue()
        requests.put((box, reply))
        assert reply.get(timeout=30).value == 8

    together(serve, ask, ask)


def clean_pipeline():
    first, second = queue.Queue(), queue.Queue()

    def source():
        for number in range(3):
            first.put(Box(number))

    def square():
        for _ in range(3):
            box = first.get(timeout=30)
            box.value **= 2
            second.put(box)

    def sink():
        assert sum(second.get(timeout=30).value for _ in range(3)) == 5

    together(source, square, sink)


def copy_of_the_library(in_c=sys.modules["_queue"], *, executed_anew=False):
    """A second copy of the module queue; `in_c`: its half in C, None for none."""
    before = {name: sys.modules.pop(name) for name in ("queue", "_queue")}
    if in_c is not ...:
        sys.modules["_queue"] = in_c
    copy = importlib.import_module("queue")
    if executed_anew:
        importlib.reload(copy)
    sys.modules |= before
    assert copy.Queue is not queue.Queue
    return copy


def clean_a_copy_of_the_module():
    copies = copy_of_the_library(), copy_of_the_library(executed_anew=True), copy_of_the_library(None)
    for library in (*copies, copy_of_the_library(...)):
        for kind in (library.Queue, library.LifoQueue, library.PriorityQueue, library.SimpleQueue):
            line, box = kind(), Box()

            def produce(line=line, box=box):
                box.value += 1
                line.put(1)

            def consume(line=line, box=box):
                line.get(timeout=30)
                box.value += 1

            together(produce, consume)
            assert box.value == 2
            for put, get in ((line.put_nowait, line.get), (line.put, line.get_nowait)):
                put(box)
                assert get() is box
            try:
                line.get_nowait()
            except library.Empty:
                continue
            raise AssertionError


def race_in_a_copy_of_the_module():
    """Box.value"""
    line, box = copy_of_the_library().Queue(), Box()

    def produce():
        line.put(1)
        box.value = 1

    def consume():
        line.get(timeout=30)
        use(box.value)

    together(produce, consume)


def race_written_after_put():
    """Box.value"""
    line = queue.Queue()

    def produce():
        box = Box()
        line.put(box)
        box.value = 1

    def consume():
        use(line.get(timeout=30).value)

    together(produce, consume)


def race_get_that_timed_out():
    """Box.value"""
    line, box = queue.Queue(), Box()

    def produce():
        box.value = 1

    def consume():
        try:
            line.get(timeout=0.005)
        except queue.Empty:
            use(box.value)

    together(produce, consume)


def race_get_of_nothing():
    """Box.value"""
    line, box = queue.Queue(), Box()

    def produce():
        box.value = 1

    def consume():
        try:
            line.get_nowait()
        except queue.Empty:
            use(box.value)

    together(produce, consume)


def race_get_does_not_order_a_put_with_room():
    """Box.value"""
    line, box = queue.Queue(), Box()
    line.put("from before")

    def one():
        box.value = 1
        line.get()

    def two():
        line.put("more")
        use(box.value)

    together(one, two)


def race_two_puts_are_not_ordered():
    """Box.value"""
    line, box = queue.Queue(), Box()

    def work():
        box.value += 1
        line.put(box)

    twice(work)


def race_one_object_put_twice():
    """Box.value"""
    line, box = queue.Queue(), Box()
    line.put(box)
    line.put(box)

    def work():
        line.get().value += 1

    twice(work)


def race_full_queue_gives_no_edge():
    """Box.value"""
    line, box = queue.Queue(1), Box()
    line.put("full")

    def one():
        try:
            line.put_nowait("no room")
        except queue.Full:
            box.value = 1

    def two():
        try:
            line.put("no room", timeout=0.005)
        except queue.Full:
            use(box.value)

    together(one, two)


def race_sizes_are_no_edge():
    """Box.value"""
    line, box = queue.Queue(), Box()

    def produce():
        line.put(1)
        box.value = 1

    def consume():
        wait_until(lambda: not line.empty())
        use(line.qsize(), box.value)

    together(produce, consume)


def race_join_does_not_see_what_comes_after_task_done():
    """Box.value"""
    line, box = queue.Queue(), Box()
    line.put(box)

    def work():
        line.get()
        line.task_done()
        box.value = 1

    thread = threading.Thread(target=work)
    thread.start()
    line.join()
    use(box.value)
    thread.join()


def race_item_of_another_producer():
    """Box.value"""
    line = queue.Queue()
    boxes = [Box(), Box()]

    def produce(me):
        boxes[me].value = 1
        line.put(me)

    def consume():
        got = line.get(timeout=30)
        use(boxes[1 - got].value)

    together(lambda: produce(0), lambda: produce(1), consume)
