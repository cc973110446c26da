"""Channels between threads: send, receive, the capacity."""

import contextlib
import threading

from together import Box, together, twice, use, wait_until

from atomicpy import Channel, after, tick


def clean_send_and_receive():
    for capacity in (0, 1, None):
        line = Channel(capacity)

        def produce(line=line):
            box = Box()
            box.value = 1
            line.send(box)

        def consume(line=line):
            assert line.recv(timeout=30).value == 1

        together(produce, consume)


def clean_try_send_and_try_recv():
    line = Channel(1)

    def produce():
        box = Box()
        box.value = 1
        assert line.try_send(box)

    def consume():
        wait_until(lambda: len(line))
        got, ok = line.try_recv()
        assert ok
        assert got.value == 1

    together(produce, consume)


def clean_iteration_and_with():
    line, total, done = Channel(2), Box(), Box()

    def produce():
        with line:
            for number in range(5):
                box = Box()
                box.value = number
                line.send(box)
            done.value = 1

    def consume():
        for box in line:
            total.value += box.value
        assert (total.value, done.value) == (10, 1)

    together(produce, consume)


def clean_same_value_of_two_senders():
    line, boxes = Channel(None), [Box(), Box()]
    fence = threading.Barrier(2)

    def produce(me):
        boxes[me].value = 1
        line.send(None)
        fence.wait(30)

    def consume():
        line.recv(timeout=30)
        line.recv(timeout=30)
        assert [box.value for box in boxes] == [1, 1]

    together(lambda: produce(0), lambda: produce(1), consume)


def clean_channel_of_one_as_a_mutex():
    line, box = Channel(1), Box()

    def work():
        for _ in range(5):
            line.send(None)
            box.value += 1
            line.recv()

    twice(work)
    assert box.value == 10


def clean_rendezvous_orders_the_sender_too():
    line, box = Channel(), Box()

    def receive():
        box.value = 1
        line.recv(timeout=30)

    def send():
        line.send(None, timeout=30)
        assert box.value == 1

    together(receive, send)


def clean_semaphore_of_two_with_one_box_each():
    line, boxes = Channel(2), [Box(), Box()]
    free = Channel(2)
    for number in range(2):
        free.send(number)

    def work():
        for _ in range(4):
            line.send(None)
            number = free.recv(timeout=30)
            boxes[number].value += 1
            free.send(number)
            line.recv(timeout=30)

    together(work, work, work)
    assert sum(box.value for box in boxes) == 12


def clean_pipeline_of_channels():
    first, second = Channel(), Channel(1)

    def source():
        with first:
            for number in range(3):
                first.send(Box(number))

    def square():
        with second:
            for box in first:
                box.value **= 2
                second.send(box)

    def sink():
        assert sum(box.value for box in second) == 5

    together(source, square, sink)


def clean_request_with_a_reply_channel():
    requests = Channel()

    def serve():
        for _ in range(2):
            box, reply = requests.recv(timeout=30)
            box.value *= 2
            reply.send(box)

    def ask():
        box, reply = Box(4), Channel(1)
        requests.send((box, reply))
        assert reply.recv(timeout=30).value == 8

    together(serve, ask, ask)


def race_written_after_send():
    """Box.value"""
    line = Channel(1)

    def produce():
        box = Box()
        line.send(box)
        box.value = 1

    def consume():
        use(line.recv(timeout=30).value)

    together(produce, consume)


def race_written_after_an_iteration_ends_the_sender():
    """Box.value"""
    line, box = Channel(2), Box()

    def produce():
        line.send(1)
        line.send(2)
        box.value = 1

    def consume():
        for number in line:
            if number == 2:
                break
        use(box.value)

    together(produce, consume)


def race_same_value_of_another_sender():
    """Box.value"""
    line, box = Channel(None), Box()

    def first():
        line.send(None)

    def second():
        wait_until(lambda: len(line) == 1)
        box.value = 1
        line.send(None)

    def consume():
        wait_until(lambda: len(line) == 2)
        line.recv()
        use(box.value)

    together(first, second, consume)


def race_one_object_sent_twice():
    """Box.value"""
    line, box = Channel(2), Box()
    line.send(box)
    line.send(box)

    def work():
        line.recv().value += 1

    twice(work)


def race_two_senders_are_not_ordered():
    """Box.value"""
    line, box = Channel(None), Box()

    def work():
        box.value += 1
        line.send(box)

    twice(work)


def race_receive_does_not_order_a_send_with_room():
    """Box.value"""
    line, box = Channel(None), Box()
    line.send("from before")

    def one():
        box.value = 1
        line.recv()

    def two():
        line.send("more")
        use(box.value)

    together(one, two)


def race_receive_does_not_order_the_first_sends():
    """Box.value"""
    line, box = Channel(3), Box()
    line.send("from before")

    def one():
        box.value = 1
        line.recv()

    def two():
        line.send("second")
        line.send("third")
        use(box.value)

    together(one, two)


def race_recv_that_timed_out():
    """Box.value"""
    line, box = Channel(), Box()

    def produce():
        box.value = 1

    def consume():
        with contextlib.suppress(TimeoutError):
            line.recv(timeout=0.005)
        use(box.value)

    together(produce, consume)


def race_recv_that_timed_out_orders_no_send():
    """Box.value"""
    line, box, gone = Channel(1), Box(), []

    def consume():
        box.value = 1
        with contextlib.suppress(TimeoutError):
            line.recv(timeout=0.005)
        gone.append(1)

    def produce():
        wait_until(lambda: gone)
        for number in range(3):
            line.send(number)
            line.recv()
        use(box.value)

    together(consume, produce)


def race_send_that_timed_out():
    """Box.value"""
    line, box, gone = Channel(), Box(), []

    def produce():
        box.value = 1
        with contextlib.suppress(TimeoutError):
            line.send(None, timeout=0.005)
        assert not line.try_send(None)
        gone.append(1)

    def consume():
        wait_until(lambda: gone)
        assert line.try_recv() == (None, False)
        use(box.value)

    together(produce, consume)


def race_length_is_no_edge():
    """Box.value"""
    line, box = Channel(None), Box()

    def produce():
        box.value = 1
        line.send(1)

    def consume():
        wait_until(lambda: len(line))
        use(box.value)

    together(produce, consume)


def race_clock_orders_nothing():
    """Box.value"""
    box, ticks = Box(), tick(0.001)

    def work():
        box.value += 1
        ticks.recv()
        after(0.001).recv()
        box.value += 1

    twice(work)


def race_value_of_another_sender():
    """Box.value"""
    line, boxes = Channel(), [Box(), Box()]

    def produce(me):
        boxes[me].value = 1
        line.send(me)

    def consume():
        got = line.recv(timeout=30)
        use(boxes[1 - got].value)
        line.recv(timeout=30)

    together(lambda: produce(0), lambda: produce(1), consume)
