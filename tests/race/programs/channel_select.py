"""select() of channels: one case is done, and it alone orders."""

import contextlib

from together import Box, together, twice, use, wait_until

from atomicpy import Channel, ChannelClosed, after, select


def clean_first_of_two_channels():
    left, right = Channel(), Channel(1)

    def send(line, number):
        box = Box()
        box.value = number
        line.send(box)

    def receive():
        for _ in range(2):
            index, box, ok = select(left, right)
            assert ok
            assert box.value == index + 1

    together(lambda: send(left, 1), lambda: send(right, 2), receive)


def clean_send_by_select():
    left, right = Channel(), Channel()

    def send():
        box = Box()
        box.value = 1
        assert select((left, box), right)[:1] == (0,)

    def receive():
        assert left.recv(timeout=30).value == 1

    together(send, receive)


def clean_select_on_both_ends():
    lines = [Channel(capacity) for capacity in (0, 1, None)]

    def send():
        for number in range(9):
            box = Box()
            box.value = number
            index, value, ok = select(*((line, box) for line in lines))
            assert index >= 0
            assert value is None
            assert ok

    def receive():
        assert sum(select(*lines, None)[1].value for _ in range(9)) == 36

    together(send, receive)


def clean_more_cases_than_fit_on_the_stack():
    lines = [Channel() for _ in range(20)]

    def send():
        for line in lines:
            box = Box()
            box.value = 1
            line.send(box)

    def receive():
        assert sum(select(*lines)[1].value for _ in lines) == 20

    together(send, receive)


def clean_closed_case():
    line, quiet, box = Channel(), Channel(), Box()

    def end():
        box.value = 1
        line.close()

    def receive():
        assert select(quiet, line) == (1, None, False)
        assert box.value == 1

    together(end, receive)


def clean_send_case_that_fails():
    line, quiet, box = Channel(), Channel(), Box()

    def end():
        box.value = 1
        line.close()

    def send():
        with contextlib.suppress(ChannelClosed):
            select(quiet, (line, None))
        assert box.value == 1

    together(end, send)


def clean_mutex_by_select():
    line, box = Channel(1), Box()

    def work():
        for _ in range(5):
            select((line, None), timeout=30)
            box.value += 1
            select(line)

    twice(work)
    assert box.value == 10


def clean_rendezvous_by_select_orders_the_sender_too():
    line, quiet, box = Channel(), Channel(), Box()

    def receive():
        box.value = 1
        select(line, quiet, timeout=30)

    def send():
        select((line, None), quiet, timeout=30)
        assert box.value == 1

    together(receive, send)


def clean_polling_in_turn():
    line = Channel()

    def send():
        box = Box()
        box.value = 1
        line.send(box)

    def receive():
        while (got := select(line, timeout=0.002)) == (-1, None, False):
            pass
        assert got[1].value == 1

    together(send, receive)


def clean_stop_channel():
    work, stop, box = Channel(), Channel(), Box()

    def worker():
        while True:
            index, item, ok = select(work, stop)
            if index == 1:
                assert not ok
                assert box.value == 1
                return
            item.value += 1

    def control():
        for number in range(3):
            work.send(Box(number))
        box.value = 1
        stop.close()

    together(worker, control)


def race_case_that_was_not_done():
    """Box.value"""
    ready, other, box = Channel(1), Channel(), Box()
    ready.send(None)

    def send():
        box.value = 1
        with contextlib.suppress(TimeoutError):
            other.send(None, timeout=0.02)

    def receive():
        index, _, _ = select(ready, after(60))
        use(index, box.value)

    together(send, receive)


def race_send_case_that_was_not_done():
    """Box.value"""
    ready, other, box, gone = Channel(1), Channel(1), Box(), []
    ready.send(None)
    other.send("full")

    def work():
        box.value = 1
        assert select(ready, (other, None))[0] == 0
        gone.append(1)

    def receive():
        wait_until(lambda: gone)
        other.recv()
        use(box.value)

    together(work, receive)


def race_default_case():
    """Box.value"""
    line, box = Channel(), Box()

    def receive():
        assert select(line, timeout=0)[0] == -1
        box.value = 1

    def other():
        assert select((line, None), timeout=0)[0] == -1
        box.value = 2

    together(receive, other)


def race_select_that_timed_out_orders_no_send():
    """Box.value"""
    line, quiet, box, gone = Channel(1), Channel(1), Box(), []

    def receive():
        box.value = 1
        select(line, quiet, timeout=0.005)
        gone.append(1)

    def send():
        wait_until(lambda: gone)
        for number in range(3):
            select((line, number))
            select(line)
        use(box.value)

    together(receive, send)


def race_written_after_a_send_by_select():
    """Box.value"""
    line = Channel(1)

    def send():
        box = Box()
        select((line, box))
        box.value = 1

    def receive():
        use(line.recv(timeout=30).value)

    together(send, receive)


def race_timer_case():
    """Box.value"""
    line, box = Channel(), Box()

    def send():
        box.value = 1

    def receive():
        assert select(line, after(0.01))[0] == 1
        use(box.value)

    together(send, receive)
