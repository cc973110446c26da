"""Once and once: called once, whatever happens, and everybody gets what came of it."""

import gc
import inspect
import threading
import time
import traceback
import weakref

import pytest
from helpers import WATCHDOG, run_threaded, wait_until

from atomicpy import AtomicInt, Once, once

# ---- Once -------------------------------------------------------------------------------------------------------


def test_the_first_call_is_the_one_that_counts():
    o, calls = Once(), []

    def note(*args, **kwargs):
        calls.append((args, kwargs))
        return len(calls)

    assert o.do(note, 1, fn=2, self=3) == 1
    assert o.do(note, 4) == 1
    assert o.do(print, "not printed") == 1
    assert calls == [((1,), {"fn": 2, "self": 3})]


def test_of_many_that_come_at_once_one_calls_and_all_get_its_result():
    for _ in range(50):
        o, calls = Once(), AtomicInt()

        def slowly(calls=calls):
            calls.inc()
            time.sleep(0.001)
            return object()

        results = run_threaded(lambda me, o=o, slowly=slowly: o.do(slowly), 8)
        assert calls == 1
        assert all(result is results[0] for result in results)


@pytest.mark.parametrize(
    "error", [ValueError("no"), KeyboardInterrupt(), SystemExit(3)], ids=lambda e: type(e).__name__
)
def test_what_it_raises_is_raised_to_all_and_nobody_hangs(error):
    o, calls = Once(), AtomicInt()

    def fail():
        calls.inc()
        time.sleep(0.05)
        raise error

    def body(me):
        try:
            return o.do(fail)
        except BaseException as raised:
            return raised

    assert all(raised is error for raised in run_threaded(body, 6))
    assert calls == 1
    with pytest.raises(type(error)):
        o.do(fail)


def test_the_traceback_does_not_grow():
    o = Once()

    def depth():
        try:
            o.do(lambda: 1 // 0)
        except ZeroDivisionError as error:
            return len(traceback.extract_tb(error.__traceback__))

    depth()
    assert depth() == depth() == depth()


def test_do_of_what_cannot_be_called_is_an_error_before_and_after():
    o = Once()
    with pytest.raises(TypeError, match="needs a function to call, not the int 3"):
        o.do(3)
    assert o.do(int) == 0
    with pytest.raises(TypeError, match="needs a function to call, not the int 3"):
        o.do(3)
    with pytest.raises(TypeError):
        o.do()


def test_a_call_from_within_is_an_error_that_all_get():
    o = Once()
    with pytest.raises(RuntimeError, match="running in this thread: a wait for it here would never end"):
        o.do(lambda: o.do(int))
    with pytest.raises(RuntimeError, match="running in this thread"):
        o.do(int)


def test_a_function_that_catches_the_error_of_a_call_from_within_has_its_result():
    o = Once()

    def careful():
        with pytest.raises(RuntimeError):
            o.do(int)
        return "result"

    assert o.do(careful) == o.do(int) == "result"


def test_repr_says_what_it_is_at_and_who():
    o, go_on = Once(), threading.Event()
    assert repr(o) == f"<new atomicpy.Once object at {id(o):#x}>"
    threads = [threading.Thread(target=o.do, args=(go_on.wait,), name="reads the settings") for _ in range(3)]
    for thread in threads:
        thread.start()
    shown = f"<running atomicpy.Once object owner='reads the settings' waiters=2 at {id(o):#x}>"
    wait_until(lambda: repr(o) == shown)
    go_on.set()
    for thread in threads:
        thread.join(WATCHDOG)
    assert repr(o) == f"<done atomicpy.Once object at {id(o):#x}>"


def test_type_is_final_and_takes_no_arguments():
    with pytest.raises(TypeError):
        Once(1)
    with pytest.raises(TypeError):
        type("Sub", (Once,), {})


def test_a_cycle_through_its_result_is_collected():
    class Result:
        pass

    o = Once()
    o.do(Result).once = o
    ref = weakref.ref(o)
    del o
    gc.collect()
    assert ref() is None


# ---- once -------------------------------------------------------------------------------------------------------


def test_decorated_function_is_called_once():
    calls = AtomicInt()

    @once
    def settings():
        """The settings."""
        calls.inc()
        time.sleep(0.01)
        return object()

    results = run_threaded(lambda me: settings(), 8)
    assert calls == 1
    assert all(result is results[0] for result in results)
    assert settings() is results[0]


def test_decorated_function_looks_like_the_function():
    @once
    def settings() -> int:
        """The settings."""
        return 3

    assert (settings.__name__, settings.__doc__, settings.__module__) == ("settings", "The settings.", __name__)
    assert settings.__wrapped__() == 3
    assert settings.__wrapped__ is not settings
    assert inspect.signature(settings).return_annotation is int
    assert "settings" in repr(settings)


def test_decorated_function_raises_the_same_every_time():
    @once
    def fail():
        raise ValueError("no")

    errors = []
    for _ in range(3):
        with pytest.raises(ValueError, match="no") as raised:
            fail()
        errors.append(raised.value)
    assert errors[0] is errors[1] is errors[2]


def test_decorated_function_takes_no_arguments():
    calls = []
    function = once(lambda: calls.append(1))
    for _ in range(2):  # before there is a result, and after
        with pytest.raises(TypeError, match="1 given"):
            function(1)
        with pytest.raises(TypeError, match="unexpected keyword argument 'a'"):
            function(a=1)
        with pytest.raises(TypeError, match="2 given"):
            function(1, 2, a=3, b=4)
        function()
        assert calls == [1]
    assert function(*()) is None


def test_a_once_that_was_not_initialised_says_so():
    function = once.__new__(once)
    for _ in range(2):
        with pytest.raises(TypeError, match="has no function yet"):
            function()
    function.__init__(lambda: 5)
    assert function() == function() == 5


def test_once_of_what_cannot_be_called_is_an_error():
    with pytest.raises(TypeError, match="needs a function to call, not the int 3"):
        once(3)
    with pytest.raises(TypeError):
        once()
    with pytest.raises(TypeError):
        type("Sub", (once,), {})


def test_a_done_once_still_asks_for_a_function():
    o = Once()
    assert o.do(dict, a=1) == {"a": 1}
    assert o.do(dict, 1, 2, b=3) == {"a": 1}
    for args in ((), (3,), (None, 1)):
        with pytest.raises(TypeError):
            o.do(*args)
    with pytest.raises(TypeError):
        o.do(fn=dict)
