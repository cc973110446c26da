"""install(), uninstall(), install(): sessions are independent, also for threads that were there before."""

import sys
from pathlib import Path

import pytest
from helpers import run_program

pytestmark = pytest.mark.skipif(sys.version_info < (3, 13), reason="the detector needs 3.13")

# For programs in a process of their own: where engine_driver is.
DRIVER = str(Path(__file__).parents[1] / "support")

if sys.version_info >= (3, 13):
    from engine_driver import Actor, Thing, engine, read, session, write


@pytest.fixture
def thing():
    return Thing()


@pytest.fixture
def actor():
    with Actor() as actor:
        yield actor


def names(races):
    return [race.name for race in races]


def test_a_thread_of_the_first_session_is_watched_in_the_second(actor, thing):
    with session() as races:
        actor.do(write, thing, "x")
        write(thing, "x")
    assert names(races) == ["x"]
    with session() as races:
        write(thing, "x")
        actor.do(write, thing, "x")
    assert names(races) == ["x"]


def test_the_session_does_not_happen_before_a_thread_that_began_while_the_detector_was_off(actor, thing):
    with session():
        pass
    with Actor() as late, session() as races:
        write(thing, "x")
        late.do(write, thing, "x")
        assert names(races) == ["x"]
        late.do(write, thing, "y")
        actor.do(read, thing, "y")
        assert names(races) == ["x", "y"]


def test_the_first_session_does_not_happen_before_a_thread_that_is_there_already():
    out = run_program(
        f"import sys; sys.path.insert(0, {DRIVER!r})\n"
        "from engine_driver import *\n"
        "thing = Thing()\n"
        "with Actor() as actor, session() as races:\n"
        "    write(thing, 'x')\n"
        "    actor.do(write, thing, 'x')\n"
        "    print([race.name for race in races])\n"
    )
    assert out == "['x']\n"


def test_a_clock_orders_threads_from_before_the_session(actor, thing):
    clock = engine.Clock()
    with Actor() as late, session() as races:
        for each in (actor, late):
            write(thing, "x")
            clock.release()
            each.do(clock.acquire)
            each.do(write, thing, "x")
            each.do(clock.release)
            clock.acquire()
            read(thing, "x")
    assert not races


@pytest.mark.parametrize("out", [True, False])
def test_nothing_done_in_the_first_session_is_reported_in_the_second(actor, thing, out):
    first, second = [], []
    engine.install(first.append)
    try:
        actor.do(write, thing, "x")
        read(thing, "y")
        if out:
            engine.uninstall()
        engine.install(second.append)
        write(thing, "x")
        actor.do(write, thing, "y")
        assert not first + second
        actor.do(read, thing, "x")
        assert (names(first), names(second)) == ([], ["x"])
    finally:
        engine.uninstall()


def test_steps_between_two_sessions_order_nothing_and_race_with_nothing(actor, thing):
    clock = engine.Clock()
    with session() as first:
        write(thing, "x")
    clock.release()
    actor.do(clock.acquire)
    actor.do(write, thing, "x")
    with session() as second:
        actor.do(write, thing, "x")
        actor.do(clock.acquire)
        assert not first + second
        write(thing, "x")
    assert names(second) == ["x"]


def test_a_release_of_the_first_session_does_not_order_the_second(actor, thing):
    clock = engine.Clock()
    with session():
        write(thing, "x")
        clock.release()
    with session() as races:
        write(thing, "x")
        actor.do(clock.acquire)
        actor.do(write, thing, "x")
    assert names(races) == ["x"]


@pytest.mark.parametrize("out", [True, False])
def test_the_order_that_a_finalizer_has_acquired_ends_with_the_session(actor, thing, out):
    """It acquires the present epoch of the other thread."""
    with session():
        write(thing, "x")
        actor.do(engine.calls["_race_del_entry__"], thing)
        if out:
            engine.uninstall()
        with session() as races:
            write(thing, "x")
            actor.do(write, thing, "x")
    assert names(races) == ["x"]


def test_a_race_is_reported_in_each_session(actor, thing):
    reported = []
    for _ in range(3):
        with session() as races:
            actor.do(write, thing, "x")
            write(thing, "x")
        reported.append(len(races))
    assert reported == [1, 1, 1]


def test_the_thread_that_a_report_names_is_the_one_of_this_session(thing):
    engine_names = []
    for name in ("first", "second"):
        with Actor() as actor, session() as races:
            actor.do(engine.begin_thread, None, name)
            actor.do(write, thing, "x")
            actor.end()
            write(thing, "x")
        engine_names.append([race.previous.thread[1] for race in races])
    assert engine_names == [["first"], ["second"]]


def test_nothing_is_reported_after_uninstall(actor, thing):
    with session() as races:
        actor.do(write, thing, "x")
    write(thing, "x")
    assert not races
    assert not engine.installed()


WAITING = f"""
import sys; sys.path.insert(0, {DRIVER!r})
from engine_driver import *
import _thread
thing, clock, done = Thing(), engine.Clock(), _thread.allocate_lock()
done.acquire()
def body():
    engine.begin_thread(clock, "second", created)
    ACCESS
    done.release()
with session() as races:
    write(thing, "before")
    created = engine.here()
    clock.release()
    write(thing, "after")
    _thread.start_new_thread(body, ())
    done.acquire()
    print([race.name for race in races])
"""


@pytest.mark.parametrize(("name", "reported"), [("before", "[]"), ("after", "['after']")])
def test_steps_of_the_first_thread_are_recorded_from_here_on(name, reported):
    """Before here() it is the only thread, and its steps happen before those of the second."""
    out = run_program(WAITING.replace("ACCESS", f"write(thing, {name!r})"))
    assert out.strip() == reported
