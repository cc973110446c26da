"""install(), uninstall(), install(): each session stands for itself, and threads from before are no exception."""

import sys

import pytest
from helpers import run_program

pytestmark = pytest.mark.skipif(sys.version_info < (3, 13), reason="the detector needs 3.13")

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


def test_a_thread_known_from_the_first_session_is_watched_in_the_second(actor, thing):
    with session() as races:
        actor.do(write, thing, "x")
        write(thing, "x")
    assert names(races) == ["x"]
    with session() as races:
        write(thing, "x")
        actor.do(write, thing, "x")
    assert names(races) == ["x"]


def test_a_thread_that_began_while_the_detector_was_off_has_seen_nothing_of_the_session(actor, thing):
    with session():
        pass
    with Actor() as late, session() as races:
        write(thing, "x")
        late.do(write, thing, "x")
        assert names(races) == ["x"]
        late.do(write, thing, "y")
        actor.do(read, thing, "y")
        assert names(races) == ["x", "y"]


def test_a_thread_that_is_there_before_the_first_session_has_seen_nothing_of_it():
    out = run_program(
        f"import sys; sys.path.insert(0, {__file__.rpartition('/')[0]!r})\n"
        "from engine_driver import *\n"
        "thing = Thing()\n"
        "with Actor() as actor, session() as races:\n"
        "    write(thing, 'x')\n"
        "    actor.do(write, thing, 'x')\n"
        "    print([race.name for race in races])\n"
    )
    assert out == "['x']\n"


def test_what_orders_threads_from_before_is_seen(actor, thing):
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


def test_what_is_done_between_two_sessions_orders_nothing_and_races_with_nothing(actor, thing):
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
def test_what_a_finalizer_has_learned_ends_with_the_session(actor, thing, out):
    """It learns the epoch that the other thread is in."""
    with session():
        write(thing, "x")
        actor.do(engine.calls["_race_del_entry__"], thing)
        if out:
            engine.uninstall()
        with session() as races:
            write(thing, "x")
            actor.do(write, thing, "x")
    assert names(races) == ["x"]


def test_a_race_is_told_in_each_session(actor, thing):
    told = []
    for _ in range(3):
        with session() as races:
            actor.do(write, thing, "x")
            write(thing, "x")
        told.append(len(races))
    assert told == [1, 1, 1]


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


def test_nothing_is_told_after_uninstall(actor, thing):
    with session() as races:
        actor.do(write, thing, "x")
    write(thing, "x")
    assert not races
    assert not engine.installed()


WAITING = f"""
import sys; sys.path.insert(0, {__file__.rpartition("/")[0]!r})
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


@pytest.mark.parametrize(("name", "told"), [("before", "[]"), ("after", "['after']")])
def test_what_the_first_thread_does_while_the_second_is_on_its_way_is_recorded(name, told):
    """Before that, it is alone, and nothing need be recorded."""
    out = run_program(WAITING.replace("ACCESS", f"write(thing, {name!r})"))
    assert out.strip() == told
