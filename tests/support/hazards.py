"""Every hazard that a blocking call may meet: test_hazards.py runs each call of blocking_calls.py against each.

As a program, `hazards.py CALL [HAZARD] [ROUNDS]`: in a process of its own, because a hazard is a fork, a signal or the
end of the process. What hangs is ended by a watchdog, with the stacks of all threads.
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
from helpers import WATCHDOG, wait_until

from atomicpy import Once, RWMutex, once

SOON = 0.03  # s: the others are asleep by then, most likely; no test needs it


def start(n: int, target: Callable, *args) -> list[threading.Thread]:
    threads = [threading.Thread(target=target, args=args, daemon=True) for _ in range(n)]
    for thread in threads:
        thread.start()
    return threads


def join(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(WATCHDOG)
        assert not thread.is_alive(), "a thread hangs"


# ---- the hazards ------------------------------------------------------------------------------------------------


def times_out_on_time(call: Call) -> None:
    if not call.timed:
        return
    waited: list[float] = []

    def wait():
        before = time.monotonic()
        assert call.timed(waits_for, 0.06) is False
        waited.append(time.monotonic() - before)

    waits_for, end = call.make()
    wait()
    join(start(1, wait))  # the main thread looks for signals in between, this one does not
    assert len(waited) == 2
    assert min(waited) >= 0.06, waited
    end()
    assert call.timed(waits_for, WATCHDOG) is True


def ctrl_c(call: Call) -> None:
    """KeyboardInterrupt in the middle of the wait, and the wait works again. How soon: benchmarks/interrupts.py."""
    waits_for, end = call.make()

    def send():
        time.sleep(SOON)
        os.kill(os.getpid(), signal.SIGINT)

    sender = start(1, send)
    try:
        call.wait(waits_for)
        raise AssertionError("it did not wait")
    except KeyboardInterrupt:
        pass
    join(sender)
    end()
    call.wait(waits_for)


def collector(call: Call) -> None:
    """Hundreds wait, and gc.collect(), which stops all threads where there is no GIL, comes to its end."""
    waits_for, end = call.make()
    waiters = start(200, call.wait, waits_for)
    join(start(2, gc.collect))
    end()
    join(waiters)


def in_child(body: Callable) -> None:
    pid = os.fork()
    if pid == 0:
        # Not dump_traceback_later: its thread is not here, and to cancel it is to wait for that.
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
    refusal = "it waited for a thread that is not there, and that thread came"
    try:
        call.wait(waits_for)
    except RuntimeError as error:
        refusal = str(error)
    assert "parent process" in refusal, refusal


def fork_by_the_owner(call: Call) -> None:
    """Held by the thread that forks, and waited on by others: the child goes on as that thread would have."""
    waits_for, end = call.make()
    idle, end_idle = call.make()
    end_idle()
    call.wait(idle)  # a Once is idle when its thread has come to the end
    waiters = start(4, call.wait, waits_for)
    time.sleep(SOON)

    def child():
        call.wait(idle)
        if isinstance(waits_for, Once | once):  # another thread is at it, always
            is_refused(call, waits_for)
            return
        if call.timed:
            assert call.timed(waits_for, 0.01) is False
        waiters = start(2, call.wait, waits_for)
        time.sleep(SOON)
        end()
        call.wait(waits_for)
        join(waiters)

    in_child(child)
    end()
    join(waiters)


def fork_by_another(call: Call) -> None:
    """Held by a thread that the child does not have: refused, or for others to end as before; and never a deadlock."""
    made: list = []
    done = threading.Event()
    holder = start(1, lambda: made.append(call.make()) or done.wait(WATCHDOG))
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
    join(holder)
    end()
    call.wait(waits_for)


class AsynchronousError(Exception):
    """What another thread raises in one that waits."""


def asynchronous_exception(call: Call) -> None:
    """It comes when the wait is over, as with threading.Lock; and nothing is lost or taken by it."""
    waits_for, end = call.make()
    caught = []

    def wait():
        while call.timed and call.timed(waits_for, 0.01) is False:
            pass
        call.wait(waits_for)
        while True:
            time.sleep(0.001)

    def catch():
        # Around a call: the jump at the end of a loop, where it may come too, is outside of a try in its own function.
        try:
            wait()
        except AsynchronousError as error:
            caught.append(error)

    [waiter] = start(1, catch)
    time.sleep(SOON)
    assert (
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(waiter.ident), ctypes.py_object(AsynchronousError))
        == 1
    )
    if not call.timed:
        end()
    join([waiter])
    assert len(caught) == 1
    if call.timed:
        end()
    elif call.unlock and sys.version_info >= (3, 14):
        # There it may come after __enter__ and before the block, and what was taken stays taken: threading.Lock too.
        with contextlib.suppress(RuntimeError):
            call.unlock(waits_for)
    call.wait(waits_for)


def dropped_while_waited_on(call: Call) -> None:
    """The threads that sleep on it are its last owners: it lives as long as they do, and no longer."""
    waits_for, end = call.make()
    ref = weakref.ref(waits_for)
    waiters = start(4, call.timed, waits_for, 2 * SOON) if call.timed else start(4, call.wait, waits_for)
    time.sleep(SOON)
    del waits_for
    if not call.timed:
        end()
    del end
    join(waiters)
    del waiters
    wait_until(lambda: gc.collect() >= 0 and ref() is None)


def recursion(call: Call) -> None:
    """A signal handler, and a __del__ within it, use what the thread that they interrupt waits for."""
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
    """They sleep while the interpreter goes down around them. The end of this program is the test."""
    waits_for, _ = call.make()
    start(8, call.wait, waits_for)
    time.sleep(SOON)


HAZARDS = [
    times_out_on_time,
    ctrl_c,
    collector,
    fork_by_the_owner,
    fork_by_another,
    asynchronous_exception,
    dropped_while_waited_on,
    recursion,
    daemon_threads_at_shutdown,
]


def main(name: str, hazard: str = "", rounds: str = "1") -> None:
    # A shell that starts this in the background has it ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for _ in range(int(rounds)):
        for meets in HAZARDS:
            if hazard in ("", meets.__name__):
                faulthandler.dump_traceback_later(WATCHDOG, exit=True)
                print(meets.__name__, flush=True)
                meets(CALLS[name])
    faulthandler.dump_traceback_later(WATCHDOG, exit=True)  # the end has to come too
    print("ok", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
