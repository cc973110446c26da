"""WaitGroup: the count, wait(), go() and the exceptions of its functions."""

import gc
import sys
import threading
import time
import weakref

import pytest
from helpers import CAN_FORK, WATCHDOG, run_program, run_threaded, wait_until

from atomicpy import AtomicInt, WaitGroup

# ---- the count --------------------------------------------------------------------------------------------------


def test_add_and_done_change_the_count():
    wg = WaitGroup()
    assert wg.add() is None
    wg.add(4)
    wg.add(-2)
    wg.add(0)
    assert wg.count == 3
    assert wg.done() is None
    assert wg.count == 2


def test_count_below_zero_raises_and_leaves_the_count():
    wg = WaitGroup()
    with pytest.raises(ValueError, match=r"count of the WaitGroup is 0; -1 would bring it below zero"):
        wg.done()
    wg.add(2)
    for n in [-3, -(2**31), -(2**63), -(2**70)]:
        with pytest.raises(ValueError, match="below zero"):
            wg.add(n)
    assert wg.count == 2


def test_count_above_its_range_raises_and_leaves_the_count():
    wg = WaitGroup()
    wg.add(2**31 - 1)
    for n in [1, 2**31 - 1, 2**31, 2**63, 2**70]:
        with pytest.raises(OverflowError, match=r"above 2\*\*31 - 1"):
            wg.add(n)
    assert wg.count == 2**31 - 1
    wg.add(-(2**31 - 1))
    assert wg.wait(0)


@pytest.mark.parametrize("bad", ["1", 1.0, None])
def test_add_of_a_non_integer_raises(bad):
    wg = WaitGroup()
    with pytest.raises(TypeError):
        wg.add(bad)
    assert wg.count == 0


def test_repr_shows_the_count_and_the_number_of_waiters():
    wg = WaitGroup()
    wg.add(3)
    assert repr(wg) == f"<atomicpy.WaitGroup count=3 waiters=0 at {id(wg):#x}>"
    waiter = threading.Thread(target=wg.wait)
    waiter.start()
    wait_until(lambda: "count=3 waiters=1" in repr(wg))
    wg.add(-3)
    waiter.join(WATCHDOG)
    assert "count=0 waiters=0" in repr(wg)


def test_type_is_final_and_takes_no_arguments():
    with pytest.raises(TypeError):
        WaitGroup(1)
    with pytest.raises(TypeError):
        type("Sub", (WaitGroup,), {})
    with pytest.raises(AttributeError):
        WaitGroup().count = 3


# ---- wait -------------------------------------------------------------------------------------------------------


def test_wait_returns_immediately_when_the_count_is_zero():
    assert WaitGroup().wait() is True
    assert WaitGroup().wait(timeout=0) is True


@pytest.mark.parametrize(
    ("timeout", "error"),
    [(-1, ValueError), (float("nan"), ValueError), (1e100, OverflowError), ("1", TypeError)],
)
@pytest.mark.parametrize("count", [0, 1])
def test_invalid_timeout_raises_for_every_count(timeout, error, count):
    wg = WaitGroup()
    wg.add(count)
    with pytest.raises(error):
        wg.wait(timeout=timeout)
    assert wg.count == count


def test_done_happens_before_the_return_of_wait():
    for _ in range(50):
        wg, written = WaitGroup(), [0] * 8
        wg.add(8)

        def body(me, wg=wg, written=written):
            if me < 8:
                written[me] = me
                wg.done()
            else:
                wg.wait()
                assert written == list(range(8))

        run_threaded(body, 10)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no setitimer")
def test_add_from_zero_raises_until_every_waiter_has_returned():
    # The handler runs in the waiter, during wait(). All its steps come before wait() returns.
    out = run_program("""
import signal
from atomicpy import WaitGroup
wg, errors = WaitGroup(), []

def handler(*_):
    wg.add(2)  # not from zero, so it is allowed
    wg.add(-3)
    for again in (wg.add, lambda: wg.add(5), lambda: wg.go(print)):
        try:
            again()
        except RuntimeError as error:
            errors.append(error)
    assert wg.count == 0, wg

signal.signal(signal.SIGALRM, handler)
wg.add()
signal.setitimer(signal.ITIMER_REAL, 0.05)
assert wg.wait(240)
assert len(errors) == 3 and "have not returned from wait() yet; +1 would keep them" in str(errors[0])
wg.add()  # the waiter has returned
wg.done()
print(wg.wait(), wg.count)
""")
    assert out.split() == ["True", "0"]


def test_reuse_before_every_waiter_has_returned_raises_and_loses_no_waiter():
    wg, rounds = WaitGroup(), 2000

    def body(me):
        refused = 0
        for _ in range(rounds):
            try:
                wg.add()
            except RuntimeError:
                refused += 1
            else:
                wg.done()
            if me % 2:
                assert wg.wait(WATCHDOG)
        return refused

    run_threaded(body, 4)
    assert wg.count == 0
    assert "waiters=0" in repr(wg)


def test_group_can_be_used_again_after_every_waiter_has_returned():
    wg = WaitGroup()
    for _ in range(200):
        with wg:
            wg.go(lambda: None)
    assert wg.count == 0


@pytest.mark.skipif(not CAN_FORK, reason="no fork on this system")
def test_threads_of_go_that_are_lost_in_fork_count_as_done():
    out = run_program(
        """
import os, signal, threading
from atomicpy import WaitGroup
wg, leave = WaitGroup(), threading.Event()
for _ in range(4): wg.go(leave.wait)
threading.Thread(target=wg.wait, daemon=True).start()
pid = os.fork()
if pid == 0:
    signal.alarm(200)   # a deadlock kills the child
    assert wg.wait() and wg.count == 0, wg
    wg.go(int)
    os._exit(0 if wg.wait() and wg.count == 0 else 1)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
assert wg.count == 4
leave.set()
""",
        options=("-W", "ignore::DeprecationWarning"),  # the fork in a process with threads is intended
    )
    assert out.strip() == "0"


# ---- go ---------------------------------------------------------------------------------------------------------


def test_go_runs_the_function_in_a_new_thread():
    wg, got = WaitGroup(), []
    thread = wg.go(lambda *args, **kwargs: got.append((threading.current_thread(), args, kwargs)), 1, fn=2, self=3)
    assert isinstance(thread, threading.Thread)
    assert wg.wait() is True
    assert got == [(thread, (1,), {"fn": 2, "self": 3})]
    thread.join(WATCHDOG)


def test_go_names_the_thread_after_its_function():
    def fetch_page():
        pass

    assert WaitGroup().go(fetch_page).name.endswith("(fetch_page)")


def test_go_starts_a_thousand_threads():
    wg, hits = WaitGroup(), AtomicInt()
    for _ in range(1000):
        wg.go(hits.inc)
    assert wg.wait() is True
    assert hits == 1000
    assert wg.count == 0


@pytest.mark.filterwarnings("error")
def test_wait_raises_the_exceptions_of_the_functions_as_one_group():
    wg = WaitGroup()
    errors = [ValueError("a"), KeyError("b")]

    def fail(error):
        raise error

    for error in errors:
        wg.go(fail, error)
    wg.go(lambda: None)
    with pytest.raises(ExceptionGroup, match="WaitGroup") as raised:
        wg.wait()
    assert set(raised.value.exceptions) == set(errors)
    assert type(raised.value) is ExceptionGroup
    # Each exception is reported once, and the group can be used again.
    assert wg.wait() is True


def test_wait_raises_a_base_exception_group_for_a_base_exception():
    wg = WaitGroup()
    wg.go(sys.exit, 3)
    with pytest.raises(BaseExceptionGroup) as raised:
        wg.wait()
    assert [type(error) for error in raised.value.exceptions] == [SystemExit]


def test_wait_that_times_out_raises_and_loses_no_exception():
    wg = WaitGroup()
    release = threading.Event()
    wg.go(release.wait)
    wg.go(lambda: 1 // 0).join()
    assert wg.wait(0.01) is False
    release.set()
    with pytest.raises(ExceptionGroup):
        wg.wait()


def test_each_exception_is_raised_in_one_waiter():
    wg = WaitGroup()
    wg.add()
    for _ in range(20):
        wg.go(lambda: 1 // 0).join()

    def body(me):
        if me == 0:
            time.sleep(0.05)
            wg.done()
        try:
            wg.wait()
        except ExceptionGroup as group:
            return len(group.exceptions)
        return 0

    assert sum(run_threaded(body, 6)) == 20


def test_exceptions_are_reported_as_unraisable_if_no_thread_waits(monkeypatch):
    reported = []
    monkeypatch.setattr(sys, "unraisablehook", lambda what: reported.append(type(what.exc_value)))
    wg = WaitGroup()
    wg.go(lambda: 1 // 0).join()
    del wg
    gc.collect()
    assert reported == [ExceptionGroup]


def test_go_of_a_non_callable_raises():
    wg = WaitGroup()
    with pytest.raises(TypeError, match="needs a function to call, not the int 3"):
        wg.go(3)
    with pytest.raises(TypeError):
        wg.go()
    assert wg.count == 0


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), KeyboardInterrupt()])
def test_thread_that_cannot_be_started_is_not_counted(monkeypatch, error):
    def start(self):
        raise error

    monkeypatch.setattr(threading.Thread, "start", start)
    wg = WaitGroup()
    with pytest.raises(type(error)):
        wg.go(print)
    assert wg.count == 0
    assert wg.wait() is True


def test_ctrl_c_in_go_after_the_start_of_the_thread_counts_it_once(monkeypatch):
    real = threading.Thread.start

    def start(self):
        real(self)
        self.join()
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", start)
    wg, hits = WaitGroup(), AtomicInt()
    with pytest.raises(KeyboardInterrupt):
        wg.go(hits.inc)
    assert (hits, wg.count) == (1, 0)


# ---- with -------------------------------------------------------------------------------------------------------


def test_with_waits_at_the_end_of_the_block():
    hits = AtomicInt()
    with WaitGroup() as wg:
        for _ in range(10):
            wg.go(lambda: (time.sleep(0.01), hits.inc()))
    assert hits == 10


def test_with_raises_the_exceptions_of_the_functions():
    with pytest.raises(ExceptionGroup), WaitGroup() as wg:
        wg.go(lambda: 1 // 0)


def test_with_waits_and_then_raises_the_exception_of_its_block():
    hits = AtomicInt()
    with pytest.raises(KeyError), WaitGroup() as wg:
        wg.go(lambda: (time.sleep(0.05), hits.inc()))
        raise KeyError
    assert hits == 1


def test_with_raises_the_group_with_the_exception_of_its_block_as_context():
    with pytest.raises(ExceptionGroup) as raised, WaitGroup() as wg:
        wg.go(lambda: 1 // 0)
        raise KeyError
    assert isinstance(raised.value.__context__, KeyError)


# ---- memory -----------------------------------------------------------------------------------------------------


def test_group_with_a_count_is_freed_with_its_last_reference():
    wg = WaitGroup()
    wg.add()
    ref = weakref.ref(wg)
    del wg
    assert ref() is None


def test_cycle_through_the_exceptions_is_collected():
    wg = WaitGroup()
    error = ValueError()
    error.group = wg

    def fail(error):
        raise error

    wg.go(fail, error).join()
    with pytest.raises(ExceptionGroup):
        wg.wait()
    ref = weakref.ref(wg)
    del wg, error
    gc.collect()
    assert ref() is None
