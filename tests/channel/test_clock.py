"""after and tick: channels on which a value arrives at a given time, without a thread."""

import asyncio
import gc
import itertools
import os
import sys
import threading
import time

import pytest
from helpers import run_threaded

from atomicpy import Channel, ChannelClosed, after, select, tick


def system_threads():
    return len(os.listdir("/proc/self/task")) if sys.platform == "linux" else threading.active_count()


# ---- after ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [0, 0.0, 1e-9, 0.01, 0.06])
def test_value_of_after_is_the_time_at_which_it_was_due(seconds):
    before = time.monotonic()
    ch = after(seconds)
    made = time.monotonic()
    assert type(ch) is Channel
    due = ch.recv()
    assert before + seconds - 1e-6 <= due <= made + seconds + 1e-6
    assert time.monotonic() >= due


def test_after_yields_one_value():
    ch = after(0)
    ch.recv()
    assert ch.try_recv() == (None, False)
    with pytest.raises(TimeoutError):
        ch.recv(timeout=0.01)
    assert select(ch, timeout=0.01) == (-1, None, False)
    assert ch.closed is False


def test_value_stays_until_it_is_received():
    ch = after(0.01)
    time.sleep(0.02)
    assert len(ch) == 1
    time.sleep(0.02)
    assert len(ch) == 1
    assert ch.try_recv()[1] is True
    assert len(ch) == 0


def test_channel_that_is_not_due_is_empty():
    ch = after(1000)
    assert len(ch) == 0
    assert ch.try_recv() == (None, False)
    assert select(ch, timeout=0) == (-1, None, False)
    with pytest.raises(TimeoutError):
        ch.recv(timeout=0.01)


def test_select_waits_for_the_first_that_is_due():
    index, _, ok = select(after(1000), after(0.01), Channel(), after(500))
    assert (index, ok) == (1, True)


def test_shorter_timeout_of_select_ends_first_and_a_longer_one_does_not():
    assert select(after(1000), timeout=0.01) == (-1, None, False)
    assert select(after(0.01), timeout=1000)[::2] == (0, True)


@pytest.mark.parametrize("waiters", [1, 2, 4])
def test_one_of_several_threads_gets_the_value(waiters):
    ch, done = after(0.05), Channel()

    def body(me):
        index, value, _ = select(ch, done)
        if index == 0:
            done.close()
        return value

    assert sum(value is not None for value in run_threaded(body, waiters)) == 1


# ---- tick -------------------------------------------------------------------------------------------------------


def test_values_of_tick_are_the_times_at_which_they_were_due():
    before = time.monotonic()
    ch = tick(0.01)
    values = [ch.recv() for _ in range(4)]
    assert values[0] >= before + 0.01 - 1e-6
    for first, second in itertools.pairwise(values):
        periods = (second - first) / 0.01
        assert round(periods) >= 1
        assert periods == pytest.approx(round(periods), abs=1e-3)


def test_receiver_that_is_late_misses_ticks_and_at_most_one_waits():
    ch = tick(0.002)
    time.sleep(0.05)
    assert len(ch) == 1
    first, second = ch.recv(), ch.recv()
    assert (second - first) / 0.002 == pytest.approx(round((second - first) / 0.002), abs=1e-2)
    # The one that waited was due first; those between it and the next one were dropped.
    assert second - first > 0.002


def test_ticks_are_shared_among_the_threads_that_wait():
    ch = tick(0.001)
    parts = run_threaded(lambda me: [ch.recv() for _ in range(20)], 3)
    times = [due for part in parts for due in part]
    assert len(set(times)) == len(times)
    assert all(part == sorted(part) for part in parts)


def test_iteration_over_tick():
    ch, seen = tick(0.001), []
    for due in ch:
        seen.append(due)
        if len(seen) == 3:
            ch.close()
    assert len(seen) in (3, 4)  # a fourth may have been there before the close


# ---- both -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [after, tick])
def test_channel_of_the_clock_takes_no_values(make):
    ch = make(1000)
    for send in (ch.send, ch.try_send, ch.asend, lambda value: select((ch, value))):
        with pytest.raises(TypeError, match="gets its values from the clock"):
            send("a")
    assert len(ch) == 0


@pytest.mark.parametrize("make", [after, tick])
def test_close_ends_what_waits_for_the_clock(make):
    ch = make(1000)
    receivers = run_threaded(lambda me: select(ch, after(1000)) if me else (time.sleep(0.02), ch.close()), 3)[1:]
    assert receivers == [(0, None, False)] * 2
    with pytest.raises(ChannelClosed):
        ch.recv()
    assert list(ch) == []


@pytest.mark.parametrize("make", [after, tick])
def test_coroutines_wait_for_the_clock(make):
    async def main():
        ch = make(0.01)
        before = time.monotonic()
        due = await asyncio.wait_for(ch.arecv(), 100)
        assert before <= due <= time.monotonic()
        waiter = asyncio.create_task(make(1000).arecv())
        await asyncio.sleep(0.01)
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter

    asyncio.run(main())


def test_coroutine_and_thread_share_the_ticks():
    ch = tick(0.002)

    async def main():
        async def some():
            return [await ch.arecv() for _ in range(10)]

        return await asyncio.gather(some(), some(), asyncio.to_thread(lambda: [ch.recv() for _ in range(10)]))

    times = [due for part in asyncio.run(main()) for due in part]
    assert len(set(times)) == 30


@pytest.mark.parametrize(
    ("seconds", "error", "message"),
    [
        (-1, ValueError, r"a non-negative number of seconds, not -1|a positive number"),
        (-1e-9, ValueError, "number of seconds, not -1e-09"),
        (float("-inf"), ValueError, "number of seconds, not -inf"),
        (float("nan"), ValueError, "NaN"),
        (float("inf"), OverflowError, "too large"),
        pytest.param(10**400, OverflowError, "too large", id="huge"),
        (threading.TIMEOUT_MAX * 2, OverflowError, "too large"),
        ("1", TypeError, "number of seconds, not str"),
        (None, TypeError, "number of seconds, not NoneType"),
        (1j, TypeError, "number of seconds, not complex"),
    ],
)
@pytest.mark.parametrize("make", [after, tick])
def test_invalid_number_of_seconds(make, seconds, error, message):
    with pytest.raises(error, match=message):
        make(seconds)
    assert make(threading.TIMEOUT_MAX).try_recv() == (None, False)


def test_tick_of_0_is_refused_and_the_shortest_tick_is_not():
    with pytest.raises(ValueError, match="tick"):
        tick(0)
    assert tick(1e-12).recv() <= time.monotonic()


@pytest.mark.parametrize("make", [after, tick])
def test_10000_channels_of_the_clock_need_no_thread_and_at_most_200_bytes_each(make):
    before = system_threads()
    channels = [make(30) for _ in range(10_000)]
    assert system_threads() <= before
    assert sys.getsizeof(channels[0]) <= 200
    assert select(*channels[:100], timeout=0) == (-1, None, False)
    assert system_threads() <= before
    assert sys.getsizeof(channels[0]) <= 200
    del channels
    gc.collect()
