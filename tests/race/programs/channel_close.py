"""Channels between threads: close() and those that learn of it."""

import contextlib

from together import Box, together, use, wait_until

from atomicpy import Channel, ChannelClosed


def clean_close_then_receive():
    line, box = Channel(), Box()

    def end():
        box.value = 1
        line.close()

    def consume():
        with contextlib.suppress(ChannelClosed):
            line.recv(timeout=30)
        assert box.value == 1

    together(end, consume)


def clean_close_then_try_recv():
    line, box = Channel(1), Box()

    def end():
        box.value = 1
        line.close()

    def consume():
        wait_until(lambda: line.closed)
        try:
            line.try_recv()
        except ChannelClosed:
            assert box.value == 1

    together(end, consume)


def clean_close_then_a_send_that_fails():
    for send in (Channel.send, Channel.try_send):
        line, box = Channel(), Box()

        def end(line=line, box=box):
            box.value = 1
            line.close()

        def produce(line=line, box=box, send=send):
            wait_until(lambda: line.closed)
            try:
                send(line, None)
            except ChannelClosed:
                assert box.value == 1

        together(end, produce)


def clean_close_wakes_a_sender():
    line, box = Channel(), Box()

    def end():
        box.value = 1
        line.close()

    def produce():
        with contextlib.suppress(ChannelClosed):
            line.send(None, timeout=30)
        assert box.value == 1

    together(end, produce)


def race_closed_is_no_edge():
    """Box.value"""
    line, box = Channel(None), Box()

    def produce():
        box.value = 1
        line.close()

    def consume():
        wait_until(lambda: line.closed)
        use(box.value, repr(line))

    together(produce, consume)


def race_second_close():
    """Box.value"""
    line, box = Channel(), Box()
    line.close()

    def end():
        box.value = 1
        line.close()

    def consume():
        with contextlib.suppress(ChannelClosed):
            line.recv()
        use(box.value)

    together(end, consume)


def race_close_does_not_order_what_is_buffered():
    """Box.value"""
    line, box = Channel(1), Box()
    line.send(None)

    def end():
        box.value = 1
        line.close()

    def consume():
        wait_until(lambda: line.closed)
        line.recv()
        use(box.value)

    together(end, consume)


def race_written_after_close():
    """Box.value"""
    line, box = Channel(), Box()

    def end():
        line.close()
        box.value = 1

    def consume():
        assert list(line) == []
        use(box.value)

    together(end, consume)
