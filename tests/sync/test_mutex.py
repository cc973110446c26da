"""Mutex: CPython's tests of threading.Lock, run on Mutex, and further tests."""

import sys
import threading
import time
import weakref

import pytest
from helpers import CAN_FORK, WATCHDOG, run_program, run_threaded, wait_until

from atomicpy import Mutex

# ---- CPython's tests --------------------------------------------------------------------------------------------

try:
    from test import lock_tests
except ImportError:  # some distributions ship CPython without its tests

    @pytest.mark.skip(reason="this interpreter ships no test package")
    def test_cpython_lock_tests():
        """Replaces the classes below, so that the report shows that they did not run."""

else:

    class TestLock(lock_tests.LockTests):
        locktype = Mutex

    class TestCondition(lock_tests.ConditionTests):
        @staticmethod
        def condtype(lock=None):
            return threading.Condition(Mutex() if lock is None else lock)

        def test_acquire(self):
            # CPython's version acquires the lock twice, because Condition() makes an RLock. This is the rest of it.
            m = Mutex()
            cond = threading.Condition(m)
            assert cond.acquire()
            assert not m.acquire(False)
            cond.release()
            assert m.acquire(False)
            assert not cond.acquire(False)
            m.release()
            with cond:
                assert not m.acquire(False)


# ---- acquire and release ----------------------------------------------------------------------------------------


def test_acquire_returns_whether_the_caller_got_the_mutex():
    m = Mutex()
    assert m.acquire() is True
    assert m.acquire(False) is False
    assert m.acquire(blocking=False) is False
    assert m.acquire(timeout=0) is False
    assert m.acquire(True, 0.01) is False
    assert m.release() is None
    assert m.acquire(True, -1) is True
    assert m.__exit__(None, None, None) is None
    assert m.__enter__() is True
    assert m.locked() is True


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"blocking": False, "timeout": 1}, ValueError, "can't specify a timeout for a non-blocking call"),
        ({"blocking": False, "timeout": 0}, ValueError, "can't specify a timeout for a non-blocking call"),
        ({"timeout": -2}, ValueError, "not -2"),
        ({"timeout": -0.5}, ValueError, "not -0.5"),
        ({"timeout": float("nan")}, ValueError, "NaN"),
        ({"timeout": float("inf")}, OverflowError, "too large"),
        ({"timeout": 10**400}, OverflowError, "too large"),
        ({"timeout": threading.TIMEOUT_MAX + 1}, OverflowError, "too large"),
        ({"timeout": "1"}, TypeError, "number of seconds, not str"),
        ({"timeout": None}, TypeError, "number of seconds, not NoneType"),
        ({"wait": 1}, TypeError, "wait"),
    ],
)
@pytest.mark.parametrize("held", [False, True])
def test_invalid_argument_raises_for_a_free_and_for_a_locked_mutex(arguments, error, message, held):
    m = Mutex()
    if held:
        m.acquire()
    with pytest.raises(error, match=message):
        m.acquire(**arguments)
    assert m.locked() is held


def test_release_of_a_free_mutex_raises():
    m = Mutex()
    with pytest.raises(RuntimeError, match="release unlocked lock"):
        m.release()
    with pytest.raises(RuntimeError, match="release unlocked lock"):
        m.__exit__(None, None, None)
    assert m.acquire(False)


def test_with_releases_the_mutex_after_an_exception():
    m = Mutex()
    with pytest.raises(KeyError), m:
        raise KeyError
    assert not m.locked()


def test_repr_shows_the_state_the_owner_and_the_number_of_waiters():
    m = Mutex()
    assert repr(m) == f"<unlocked atomicpy.Mutex object at {id(m):#x}>"
    go_on = threading.Event()
    ways = {"with": m.__enter__, "acquire": m.acquire, "timed": lambda: m.acquire(timeout=WATCHDOG)}
    threads = [
        threading.Thread(target=lambda way=way: way() and go_on.wait(WATCHDOG), name=name) for name, way in ways.items()
    ]
    for i, thread in enumerate(threads):
        thread.start()
        shown = f"<locked atomicpy.Mutex object owner='with' waiters={i} at {id(m):#x}>"
        wait_until(lambda shown=shown: repr(m) == shown)
    for name in ("acquire", "timed"):  # in the order of the wait queue
        time.sleep(0.01)
        m.release()
        wait_until(lambda name=name: f"owner={name!r}" in repr(m))
    go_on.set()
    for thread in threads:
        thread.join(WATCHDOG)
    # The owner has ended, and its thread id no longer has a name.
    assert "owner=<a thread that has ended, or is none of Python's> waiters=0" in repr(m)


def test_type_is_final_and_takes_no_arguments():
    with pytest.raises(TypeError):
        Mutex(1)
    with pytest.raises(TypeError):
        type("Sub", (Mutex,), {})


def test_locked_mutex_is_freed_with_its_last_reference():
    m = Mutex()
    m.acquire()
    ref = weakref.ref(m)
    del m
    assert ref() is None


# ---- threads ----------------------------------------------------------------------------------------------------


def test_mutex_has_one_owner_at_a_time_and_loses_no_update():
    m, counter, rounds = Mutex(), {"n": 0}, 3000

    def update(me):
        for i in range(rounds):
            if (i + me) % 3:
                with m:
                    counter["n"] = int(counter["n"]) + 1
            else:
                while not m.acquire(timeout=0.0001):
                    pass
                counter["n"] = int(counter["n"]) + 1
                m.release()

    run_threaded(update, 8)
    assert counter["n"] == 8 * rounds
    assert not m.locked()


# ---- signals ----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no setitimer")
def test_signal_handler_runs_during_a_wait_and_the_wait_continues():
    out = run_program("""
import signal, threading, time
from atomicpy import Mutex
m = Mutex()
m.acquire()
handled = []
signal.signal(signal.SIGALRM, lambda *_: handled.append(1))
signal.setitimer(signal.ITIMER_REAL, 0.05)
threading.Timer(0.3, m.release).start()
assert m.acquire() and handled == [1]
print("ok")
""")
    assert out.strip() == "ok"


@pytest.mark.skipif(not CAN_FORK, reason="no fork on this system")
def test_free_mutex_has_no_lost_owner_in_a_forked_child():
    # After a failed try, the caller tests whether the owner is lost in fork(). The mutex may be free by then: an owner
    # id of 0 is no lost owner.
    assert (
        run_program(
            """
import os, threading
from atomicpy import Mutex
lock, counted = Mutex(), 0

def count():
    global counted
    for _ in range(20_000):
        with lock:
            counted += 1

pid = os.fork()
if pid == 0:
    members = [threading.Thread(target=count) for _ in range(4)]
    for member in members:
        member.start()
    for member in members:
        member.join()
    os._exit(counted != 80_000)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
        ).strip()
        == "0"
    )
