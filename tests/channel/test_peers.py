"""The defects of other packages' channels, each as a test of Channel."""

import asyncio
import sys
import threading

import pytest
from helpers import CAN_FORK, join_threads, run_program, start_threads

from atomicpy import Channel, after, select

if sys.platform != "win32":
    import resource

PROGRAM = """
import os, signal, threading, time
from atomicpy import Channel, select
signal.signal(signal.SIGINT, signal.default_int_handler)

def interrupt(operation):
    '''Call the operation, which waits, and send Ctrl-C to it.'''
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        operation()
        print("the operation returned")
    except KeyboardInterrupt:
        pass

"""

signals = pytest.mark.skipif(sys.platform == "win32", reason="a process cannot send itself SIGINT on Windows")
forks = pytest.mark.skipif(not CAN_FORK, reason="no fork on this system")

# The warning is for a fork in a process with threads, which these tests need.
FORKS = ("-W", "ignore::DeprecationWarning")


@signals
@pytest.mark.parametrize("receive", ["ch.recv", "lambda: ch.recv(timeout=100)", "lambda: select(Channel(), ch)"])
def test_value_that_is_sent_after_ctrl_c_in_a_receive_is_not_lost(receive):
    """It went to the waiter that was gone."""
    out = run_program(f"""{PROGRAM}
ch = Channel(1)
interrupt({receive})
ch.send("a")
print(len(ch), ch.recv())
ch = Channel()
interrupt({receive})
print(ch.try_send("b"))
""")
    assert out.split() == ["1", "a", "False"]


@signals
@pytest.mark.parametrize("capacity", [0, 1])
@pytest.mark.parametrize("send", ["lambda: ch.send('b')", "lambda: select((Channel(), 1), (ch, 'b'))"])
def test_send_that_ctrl_c_ended_was_not_done(capacity, send):
    """The value was received all the same."""
    out = run_program(f"""{PROGRAM}
ch = Channel({capacity})
for _ in range({capacity}):
    ch.send("a")
interrupt({send})
print([ch.try_recv() for _ in range(2)])
""")
    expected = [("a", True)] * capacity + [(None, False)] * (2 - capacity)
    assert out.strip() == repr(expected)


@signals
def test_receive_reacts_to_ctrl_c_and_each_value_is_received():
    """Ctrl-C had no effect within 1.5 s, and the value that ended the wait was lost."""
    out = run_program(f"""{PROGRAM}
ch, received, interrupted, armed = Channel(), [], 0, False

def handler(*_):
    global armed
    if armed:
        armed = False
        raise KeyboardInterrupt

def feed():
    with ch:
        for n in range(200):
            if n % 10 == 0:
                os.kill(os.getpid(), signal.SIGINT)
            ch.send(n)
            time.sleep(0.002)

signal.signal(signal.SIGINT, handler)
feeder = threading.Thread(target=feed)
feeder.start()
while not ch.closed:
    try:
        armed = True
        received.extend(ch)  # C: no handler runs between a receive and its append
        armed = False
    except KeyboardInterrupt:
        interrupted += 1
feeder.join()
print(received == list(range(200)), interrupted > 0)
""")
    assert out.split() == ["True", "True"]


@forks
def test_child_receives_what_it_sends_although_a_thread_of_the_parent_waits():
    """The value went to the parent's waiter, which the child does not have."""
    out = run_program(
        """
import os, threading, time
from atomicpy import Channel, select

for make in (lambda: Channel(), lambda: Channel(1)):
    for wait in (lambda: ch.recv(), lambda: select(ch, Channel())):
        ch = make()
        threading.Thread(target=wait, daemon=True).start()
        time.sleep(0.05)
        pid = os.fork()
        if pid == 0:
            if ch.capacity == 0:
                assert ch.try_send("lost") is False
                threading.Timer(0.05, ch.send, ("child's",)).start()
            else:
                ch.send("child's")
            os._exit(ch.recv() != "child's")
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        ch.send("parent's")
""",
        options=FORKS,
    )
    assert out.split() == ["0"] * 4


@forks
def test_child_has_the_buffer_but_no_waiting_sender_of_the_parent():
    out = run_program(
        """
import os, threading, time
from atomicpy import Channel, select

ch = Channel(2)
ch.send("a"), ch.send("b")
for send in (lambda: ch.send("c"), lambda: select((ch, "c"), Channel())):
    threading.Thread(target=send, daemon=True).start()
time.sleep(0.05)
pid = os.fork()
if pid == 0:
    os._exit([ch.try_recv() for _ in range(3)] != [("a", True), ("b", True), (None, False)])
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
print([ch.recv() for _ in range(4)])
""",
        options=FORKS,
    )
    assert out.splitlines() == ["0", "['a', 'b', 'c', 'c']"]


@forks
def test_child_receives_what_it_sends_although_a_coroutine_of_the_parent_waits():
    out = run_program(
        """
import asyncio, os
from atomicpy import Channel

async def main():
    ch = Channel(1)
    task = asyncio.create_task(ch.arecv())
    await asyncio.sleep(0)
    pid = os.fork()
    if pid == 0:
        ch.send("child's")
        os._exit(ch.try_recv() != ("child's", True))
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    await ch.asend("parent's")
    print(await task)

asyncio.run(main())
""",
        options=FORKS,
    )
    assert out.splitlines() == ["0", "parent's"]


def test_negative_timeout_is_refused():
    """It meant to wait for ever."""
    ch = Channel()
    for operation in (ch.recv, lambda timeout: ch.send(1, timeout), lambda timeout: select(ch, timeout=timeout)):
        with pytest.raises(ValueError, match="timeout must be a non-negative number of seconds"):
            operation(timeout=-1)


def test_200_channels_of_the_clock_need_no_thread():
    """There was a thread behind each."""
    before = threading.active_count()
    channels = [after(30) for _ in range(200)]
    assert select(*channels, timeout=0.01)[0] == -1
    assert threading.active_count() == before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not count context switches")
def test_value_wakes_no_select_that_waits_on_another_channel():
    """100 selects that waited on a quiet channel made each value of another channel cost 91 µs.

    A thread that is woken costs a context switch of its own.
    """
    quiet, busy, n = Channel(), Channel(1), 2000
    selects = start_threads(100, select, quiet, Channel())
    busy.send(0), busy.recv()

    def switches():
        return resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw

    before = switches()
    while True:  # until the 100 threads have parked
        threading.Event().wait(0.05)
        if switches() - before < 20:
            break
        before = switches()
    before = switches()
    for i in range(n):
        busy.send(i)
        assert busy.recv() == i
    assert switches() - before < n
    quiet.close()
    join_threads(selects)


def test_threads_and_event_loops_share_a_channel_without_a_thread_of_its_own():
    """A queue for threads and asyncio had a thread, or an executor, behind each wait."""

    async def main():
        ch = Channel()
        tasks = [asyncio.create_task(ch.arecv()) for _ in range(10)]
        await asyncio.sleep(0)
        assert threading.active_count() == before
        for n in range(10):
            ch.send(n)
        assert await asyncio.gather(*tasks) == list(range(10))
        assert threading.active_count() == before

    before = threading.active_count()
    asyncio.run(main())
