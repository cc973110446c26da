"""Once and once: the function is called once, and each caller gets its result or its exception."""

import gc
import inspect
import threading
import time
import traceback
import weakref

import pytest
from helpers import join_threads, run_threaded, start_threads, wait_until

from atomicpy import AtomicInt, Once, once

# ---- Once -------------------------------------------------------------------------------------------------------


def test_first_call_determines_the_result():
    o, calls = Once(), []

    def note(*args, **kwargs):
        calls.append((args, kwargs))
        return len(calls)

    assert o.do(note, 1, fn=2, self=3) == 1
    assert o.do(note, 4) == 1
    assert o.do(print, "not printed") == 1
    assert calls == [((1,), {"fn": 2, "self": 3})]


def test_one_of_several_concurrent_callers_calls_and_all_get_its_result():
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
def test_exception_of_the_function_is_raised_in_every_caller(error):
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


def test_traceback_does_not_grow_with_each_call():
    o = Once()

    def depth():
        try:
            o.do(lambda: 1 // 0)
        except ZeroDivisionError as error:
            return len(traceback.extract_tb(error.__traceback__))

    depth()
    assert depth() == depth() == depth()


def test_do_with_a_non_callable_raises_before_and_after_the_first_call():
    o = Once()
    with pytest.raises(TypeError, match="needs a function to call, not the int 3"):
        o.do(3)
    assert o.do(int) == 0
    with pytest.raises(TypeError, match="needs a function to call, not the int 3"):
        o.do(3)
    with pytest.raises(TypeError):
        o.do()


def test_recursive_call_raises_in_every_caller():
    o = Once()
    with pytest.raises(RuntimeError, match="running in this thread: a wait for it here would never end"):
        o.do(lambda: o.do(int))
    with pytest.raises(RuntimeError, match="running in this thread"):
        o.do(int)


def test_function_that_catches_the_error_of_a_recursive_call_has_a_result():
    o = Once()

    def catching():
        with pytest.raises(RuntimeError):
            o.do(int)
        return "result"

    assert o.do(catching) == o.do(int) == "result"


def test_repr_shows_the_state_the_owner_and_the_number_of_waiters():
    o, go_on = Once(), threading.Event()
    assert repr(o) == f"<new atomicpy.Once object at {id(o):#x}>"
    threads = start_threads(3, o.do, go_on.wait, name="reads the settings")
    shown = f"<running atomicpy.Once object owner='reads the settings' waiters=2 at {id(o):#x}>"
    wait_until(lambda: repr(o) == shown)
    go_on.set()
    join_threads(threads)
    assert repr(o) == f"<done atomicpy.Once object at {id(o):#x}>"


def test_type_is_final_and_takes_no_arguments():
    with pytest.raises(TypeError):
        Once(1)
    with pytest.raises(TypeError):
        type("Sub", (Once,), {})


def test_cycle_through_the_result_is_collected():
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


def test_decorated_function_has_the_metadata_of_the_function():
    @once
    def settings() -> int:
        """The settings."""
        return 3

    assert (settings.__name__, settings.__doc__, settings.__module__) == ("settings", "The settings.", __name__)
    assert settings.__wrapped__() == 3
    assert settings.__wrapped__ is not settings
    assert inspect.signature(settings).return_annotation is int
    assert "settings" in repr(settings)


def test_decorated_function_raises_the_same_exception_at_every_call():
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
    for _ in range(2):  # before and after the function has a result
        with pytest.raises(TypeError, match="1 given"):
            function(1)
        with pytest.raises(TypeError, match="unexpected keyword argument 'a'"):
            function(a=1)
        with pytest.raises(TypeError, match="2 given"):
            function(1, 2, a=3, b=4)
        function()
        assert calls == [1]
    assert function(*()) is None


def test_call_of_an_uninitialised_once_raises():
    function = once.__new__(once)
    for _ in range(2):
        with pytest.raises(TypeError, match="has no function yet"):
            function()
    function.__init__(lambda: 5)
    assert function() == function() == 5


def test_once_of_a_non_callable_raises():
    with pytest.raises(TypeError, match="needs a function to call, not the int 3"):
        once(3)
    with pytest.raises(TypeError):
        once()
    with pytest.raises(TypeError):
        type("Sub", (once,), {})


def test_do_after_the_first_call_still_checks_its_function():
    o = Once()
    assert o.do(dict, a=1) == {"a": 1}
    assert o.do(dict, 1, 2, b=3) == {"a": 1}
    for args in ((), (3,), (None, 1)):
        with pytest.raises(TypeError):
            o.do(*args)
    with pytest.raises(TypeError):
        o.do(fn=dict)
