"""The memory of the engine grows with the living objects, not with the accesses; a freed object leaves nothing."""

import gc
import sys
import threading
import weakref

import pytest

if sys.version_info < (3, 13):
    pytest.skip("the detector needs 3.13", allow_module_level=True)

from engine_driver import Actor, Thing, each_of, engine, get_item, read, session, set_item, write
from helpers import run_threaded

ends = engine.calls["_race_del_entry__"]


class Ended(Thing):
    """With a finalizer as instrumented code has it."""

    def __del__(self):
        ends(self)
        read(self, "x")
        write(self, "y")


def used(thing, d):
    for name in ("x", "y", "z"):
        write(thing, name)
        read(thing, name)
    for key in (1, "one", (1, 2)):
        set_item(key, d, key)
        get_item(d, key)
    for _ in each_of(d):
        pass


def test_records_belong_to_living_objects():
    """Some builds do not trace each destruction: a few records stay until another object has the address."""
    held = []
    with session(), Actor() as actor:
        actor.do(int)
        for turn in range(3000):
            thing, d = Thing(), {}
            used(thing, d)
            thing.itself = thing if turn % 2 else None
            if turn % 30 == 0:
                gc.collect(0)
                held.append(engine.counts())
    first, last = held[16], held[-1]  # from the 480th turn on nothing grows
    for what in ("objects", "locations", "reads", "clocks", "keys", "stacks"):
        assert last[what] <= 2 * first[what] + 100, (what, first, last)
    assert max(each["objects"] for each in held) < 1500


def test_accesses_of_living_objects_take_no_memory():
    thing, d = Thing(), {}
    clock = engine.Clock()
    with session(), Actor() as actor:
        held = []
        for _ in range(300):
            for each in (actor.do, lambda f, *arguments: f(*arguments)):
                each(clock.acquire)
                each(used, thing, d)
                each(clock.release)
            held.append(engine.counts())
        assert held[5] == held[-1]


def test_clocks_do_not_grow_with_ended_threads():
    """5,000 threads, one after another and each joined, use a lasting object and one of their own."""
    lasting, d = Thing(), {}
    with session():
        before = engine.counts()
        for n in range(5_000):
            begin, end = engine.Clock(), engine.Clock()

            def body(begin=begin, end=end, n=n):
                engine.begin_thread(begin, f"thread {n}")
                write(lasting, "x")
                set_item(n, d, n % 10)
                write(Thing(), "x")
                end.release()
                engine.end_thread()

            begin.release()
            with Actor() as actor:
                actor.do(body)
            end.acquire()
            read(lasting, "x")
        after = engine.counts()
    assert after["slots"] <= before["slots"] + 2
    assert after["threads"] <= before["threads"] + 1
    assert after["tenants"] < 3000
    assert after["names"] < before["names"] + 3000


def test_threads_without_a_join_take_a_bounded_number_of_slots():
    with session():
        for n in range(4500):
            with Actor() as actor:
                actor.do(engine.begin_thread, None, f"thread {n}")
                actor.do(write, Thing(), "x")
        assert engine.counts()["slots"] <= 4096


@pytest.mark.parametrize("kind", ["plain", "finalizer", "weakref", "cycle", "trashcan", "passed to a thread"])
def test_objects_at_the_same_address_one_after_another_do_not_race(kind):
    """A record left of an object would belong to the next object there, of another thread."""
    box, clock, gate = [], engine.Clock(), threading.Lock()

    def work(me):
        for turn in range(400):
            thing, d = (Ended if kind == "finalizer" else Thing)(), {}
            used(thing, d)
            if kind == "weakref":
                other = Thing()
                write(other, "x")
                weakref.finalize(thing, write, other, "x")
            elif kind == "cycle":
                thing.itself, d["thing"] = thing, d
                if turn % 25 == me:
                    gc.collect()
            elif kind == "trashcan":
                nest = thing
                for _ in range(300):
                    nest = [nest, {0: nest}]
                    set_item(0, nest, 0) if turn % 2 else write(Thing(), "x")
                del nest
            elif kind == "passed to a thread":
                with gate:
                    clock.acquire()
                    if box:
                        theirs, their_d = box.pop()
                        used(theirs, their_d)
                        del theirs, their_d
                    else:
                        box.append((thing, d))
                    clock.release()
            del thing, d

    with session() as races:
        run_threaded(work, 4)
        box.clear()
        gc.collect()
    assert not races, races[0]
