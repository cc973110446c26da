"""The hazards for a blocking call: test_hazards.py runs each call of blocking_calls.py against each hazard.

The program `hazards.py CALL [HAZARD] [ROUNDS]` runs in its own process, because a hazard is a fork, a signal or the end
of the process. A watchdog ends a program that does not end, and prints the stacks of all threads.
"""

import contextlib
import ctypes
import faulthandler
import gc
import os
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable

from blocking_calls import CALLS, Call
from helpers import WATCHDOG, join_threads, start_threads, wait_until

from atomicpy import Once, RWMutex, once

SOON = 0.03  # s: most likely, the other threads have parked after that time; no test depends on it


# ---- the hazards ------------------------------------------------------------------------------------------------


def timeout(call: Call) -> None:
    if not call.timed:
        return
    waited: list[float] = []

    def wait():
        before = time.monotonic()
        assert call.timed(waits_for, 0.06) is False
        waited.append(time.monotonic() - before)

    waits_for, end = call.make()
    wait()
    # In the main thread the wait ends from time to time to run signal handlers. In another thread it does not.
    join_threads(start_threads(1, wait))
    assert len(waited) == 2
    assert min(waited) >= 0.06, waited
    end()
    assert call.timed(waits_for, WATCHDOG) is True


def ctrl_c(call: Call) -> None:
    """Ctrl-C during the wait raises KeyboardInterrupt, and a later wait works. benchmarks/interrupts.py times this."""
    waits_for, end = call.make()
    ready = threading.Event()

    def send():
        ready.wait(WATCHDOG)
        time.sleep(SOON)
        os.kill(os.getpid(), signal.SIGINT)

    sender = start_threads(1, send)  # on a busy machine the start of a thread takes longer than SOON
    try:
        ready.set()
        call.wait(waits_for)
        raise AssertionError("the call did not wait")
    except KeyboardInterrupt:
        pass
    join_threads(sender)
    end()
    call.wait(waits_for)


def garbage_collection(call: Call) -> None:
    """gc.collect() returns while 200 threads wait. Without the GIL it stops all threads."""
    waits_for, end = call.make()
    waiters = start_threads(200, call.wait, waits_for)
    join_threads(start_threads(2, gc.collect))
    end()
    join_threads(waiters)


def in_child(body: Callable) -> None:
    pid = os.fork()
    if pid == 0:
        # dump_traceback_later would not work: its thread is lost in fork(), and the cancel would wait for that thread.
        faulthandler.register(signal.SIGALRM, chain=True)
        signal.alarm(WATCHDOG)
        try:
            body()
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status == 0, f"the child ended with {status}"


def is_refused(call: Call, waits_for) -> None:
    message = "the call returned, although the owner is lost"
    try:
        call.wait(waits_for)
    except RuntimeError as error:
        message = str(error)
    assert "parent process" in message, message


def fork_by_the_owner(call: Call) -> None:
    """The owner forks while other threads wait. In the child the owner can release, and new waiters can wait."""
    waits_for, end = call.make()
    idle, end_idle = call.make()
    end_idle()
    call.wait(idle)  # a Once is idle when its function has returned
    waiters = start_threads(4, call.wait, waits_for)
    time.sleep(SOON)

    def child():
        call.wait(idle)
        if isinstance(waits_for, Once | once):  # the owner is always another thread than the one that forks
            is_refused(call, waits_for)
            return
        if call.timed:
            assert call.timed(waits_for, 0.01) is False
        waiters = start_threads(2, call.wait, waits_for)
        time.sleep(SOON)
        end()
        call.wait(waits_for)
        join_threads(waiters)

    in_child(child)
    end()
    join_threads(waiters)


def fork_by_another_thread(call: Call) -> None:
    """The child lacks the thread that blocks the call. A call that waits for an owner raises; others can be ended."""
    made: list = []
    done = threading.Event()
    holder = start_threads(1, lambda: made.append(call.make()) or done.wait(WATCHDOG))
    wait_until(lambda: made)
    waits_for, end = made[0]

    def child():
        if call.timed:
            assert call.timed(waits_for, 0.01) is False
        if not call.owned:
            threading.Timer(SOON, end).start()
            call.wait(waits_for)
            return
        for _ in range(2):
            is_refused(call, waits_for)
        if hasattr(waits_for, "_at_fork_reinit"):
            waits_for._at_fork_reinit()
            call.wait(waits_for)
        assert repr(waits_for)

    in_child(child)
    done.set()
    join_threads(holder)
    end()
    call.wait(waits_for)


class AsynchronousError(Exception):
    """The exception that the test raises in a waiter from another thread."""


def asynchronous_exception(call: Call) -> None:
    """The exception is raised after the wait ends, as with threading.Lock. It loses no wake-up and acquires nothing."""
    waits_for, end = call.make()
    caught = []

    def wait():
        while call.timed and call.timed(waits_for, 0.01) is False:
            pass
        call.wait(waits_for)
        while True:
            time.sleep(0.001)

    def catch():
        # wait() is its own function, because the exception may be raised at the backward jump of its loop.
        # The interpreter does not count that jump as a part of a try statement in the same function.
        try:
            wait()
        except AsynchronousError as error:
            caught.append(error)

    [waiter] = start_threads(1, catch)
    time.sleep(SOON)
    assert (
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(waiter.ident), ctypes.py_object(AsynchronousError))
        == 1
    )
    if not call.timed:
        end()
    join_threads([waiter])
    assert len(caught) == 1
    if call.timed:
        end()
    elif call.unlock and sys.version_info >= (3, 14):
        # Python 3.14 may raise it after __enter__ and before the block. The lock then stays locked, as threading.Lock.
        with contextlib.suppress(RuntimeError):
            call.unlock(waits_for)
    call.wait(waits_for)


def last_reference_dropped_during_the_wait(call: Call) -> None:
    """The waiters hold the last references: the object lives until their calls return, and is freed then."""
    waits_for, end = call.make()
    ref = weakref.ref(waits_for)
    waiters = (
        start_threads(4, call.timed, waits_for, 2 * SOON) if call.timed else start_threads(4, call.wait, waits_for)
    )
    time.sleep(SOON)
    del waits_for
    if not call.timed:
        end()
    del end
    join_threads(waiters)
    del waiters
    wait_until(lambda: gc.collect() >= 0 and ref() is None)


def reentrance(call: Call) -> None:
    """A signal handler, and a __del__ that runs in it, use the object on which the interrupted thread waits."""
    waits_for, end = call.make()
    seen = []

    class Garbage:
        def __init__(self):
            self.myself = self

        def __del__(self):
            seen.append(repr(waits_for))
            if call.timed:
                seen.append(call.timed(waits_for, 0.001))

    def handler(*_):
        Garbage()
        gc.collect()
        if call.timed:
            seen.append(call.timed(waits_for, 0.001))
        end()
        if not isinstance(waits_for, RWMutex) or "unlocked" in repr(waits_for):
            call.wait(waits_for)

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, SOON)
    call.wait(waits_for)
    signal.signal(signal.SIGALRM, before)
    assert [type(what) for what in seen] == [str, bool, bool][: 3 if call.timed else 1], seen
    assert True not in seen, seen


def daemon_threads_at_shutdown(call: Call) -> None:
    """Daemon threads wait while the interpreter shuts down. The test is that this program ends."""
    waits_for, _ = call.make()
    start_threads(8, call.wait, waits_for)
    time.sleep(SOON)


HAZARDS = [
    timeout,
    ctrl_c,
    garbage_collection,
    fork_by_the_owner,
    fork_by_another_thread,
    asynchronous_exception,
    last_reference_dropped_during_the_wait,
    reentrance,
    daemon_threads_at_shutdown,
]


def main(name: str, hazard: str = "", rounds: str = "1") -> None:
    # A shell starts a background job with SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for _ in range(int(rounds)):
        for run in HAZARDS:
            if hazard in ("", run.__name__):
                faulthandler.dump_traceback_later(WATCHDOG, exit=True)
                print(run.__name__, flush=True)
                run(CALLS[name])
    faulthandler.dump_traceback_later(WATCHDOG, exit=True)  # the shutdown has to end too
    print("ok", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
