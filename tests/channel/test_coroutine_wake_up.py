"""What a coroutine and the thread that does the other half of its operation do, one between two steps of the other.

The thread calls `call_soon_threadsafe` of the coroutine's loop after it has unlocked the channel. A loop of these tests
first runs a function there, which waits until another thread has done what the test is about.
"""

import asyncio
import contextlib
import gc
import threading
import weakref

from helpers import WATCHDOG, join_threads, start_threads

from atomicpy import Channel, ChannelClosed


class Loop(asyncio.SelectorEventLoop):
    """An event loop in a thread of its own, with one task. `results`: what the task returned or raised."""

    before = after = None

    def call_soon_threadsafe(self, *args, **kwargs):
        run, self.before = self.before, None
        if run is not None:
            run()
        handle = super().call_soon_threadsafe(*args, **kwargs)
        run, self.after = self.after, None
        if run is not None:
            run()
        return handle

    def start(self, operation):
        self.results, self.ended = [], threading.Event()
        waits = threading.Event()

        async def main():
            self.task = asyncio.current_task()
            self.call_soon(waits.set)  # the task has run to its first await by then
            try:
                self.results.append(await operation())
            except BaseException as error:
                self.results.append(type(error))

        def run():
            with contextlib.suppress(asyncio.CancelledError):  # of a task that was cancelled after its last await
                self.run_until_complete(main())
            self.close()
            self.ended.set()

        [self.thread] = start_threads(1, run)
        assert waits.wait(WATCHDOG)

    def cancel_and_end(self):
        """Cancel the task from another thread, and wait until the loop is closed."""
        super().call_soon_threadsafe(self.task.cancel)
        assert self.ended.wait(WATCHDOG)


class Value:
    pass


def test_a_value_that_the_coroutine_takes_during_its_wake_up_is_not_leaked():
    loop, ch = Loop(), Channel()
    loop.start(ch.arecv)
    loop.after = lambda: loop.ended.wait(WATCHDOG)
    value = Value()
    alive = weakref.ref(value)
    ch.send(value)
    join_threads([loop.thread])
    assert loop.results == [value]
    del value
    loop.results.clear()
    gc.collect()
    assert alive() is None


def test_a_coroutine_that_is_cancelled_after_close_and_before_its_wake_up_gets_what_close_did():
    def while_one_is_woken(operation_of):
        """close() wakes two coroutines, one after the other. The other one is cancelled while it wakes the first."""
        ch = Channel()
        loops = [Loop(), Loop()]
        for loop in loops:
            loop.start(lambda: operation_of(ch))

        def cancel_the_other(first, other):
            other.before = None
            other.cancel_and_end()

        loops[0].before = lambda: cancel_the_other(*loops)
        loops[1].before = lambda: cancel_the_other(*reversed(loops))
        ch.close()
        join_threads(loop.thread for loop in loops)
        return [loop.results for loop in loops]

    assert while_one_is_woken(lambda ch: ch.arecv()) == [[ChannelClosed]] * 2
    assert while_one_is_woken(lambda ch: ch.asend(1)) == [[ChannelClosed]] * 2


def test_a_value_that_a_cancelled_coroutine_returned_is_not_sent_again_when_its_loop_is_closed():
    loop, ch = Loop(), Channel(1)
    loop.start(ch.arecv)
    loop.before = loop.cancel_and_end
    value = Value()
    alive = weakref.ref(value)
    ch.send(value)
    assert loop.results == [value]
    assert len(ch) == 0
    del value
    loop.results.clear()
    gc.collect()
    assert alive() is None


def test_a_value_for_a_coroutine_whose_loop_is_closed_stays_the_senders():
    ch = Channel(1)
    loop = asyncio.new_event_loop()
    task = loop.create_task(ch.arecv())
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    value = Value()
    ch.send(value)  # goes into the buffer, after the first receiver was not woken
    assert ch.try_recv() == (value, True)
    task._log_destroy_pending = False
