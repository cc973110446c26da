"""RWMutex: exclusion of readers and writers, errors, and that neither side starves the other."""

import contextlib
import inspect
import threading
import time
import weakref

import pytest
from helpers import WATCHDOG, join_threads, run_threaded, start_threads, wait_until

from atomicpy import AtomicInt, RWMutex

SIDES = ("read", "write")


def acquire(lock, side, *args, **kwargs):
    return getattr(lock, f"acquire_{side}")(*args, **kwargs)


def release(lock, side):
    return getattr(lock, f"release_{side}")()


def waiters(lock) -> int:
    return int(repr(lock).partition("waiters=")[2].partition(" ")[0] or 0)


# ---- acquire and release ----------------------------------------------------------------------------------------


def test_readers_share_the_lock_and_a_writer_excludes_all_others():
    lock = RWMutex()
    assert acquire(lock, "read") is True
    assert acquire(lock, "read", False) is True
    assert acquire(lock, "write", False) is False
    assert acquire(lock, "write", timeout=0.01) is False
    assert acquire(lock, "write", timeout=0) is False
    assert release(lock, "read") is None
    assert acquire(lock, "write", False) is False
    assert release(lock, "read") is None
    assert acquire(lock, "write") is True
    assert acquire(lock, "write", blocking=False) is False
    assert acquire(lock, "read", blocking=False) is False
    assert acquire(lock, "read", True, 0.01) is False
    assert release(lock, "write") is None
    assert acquire(lock, "read", False) is True


@pytest.mark.parametrize("side", SIDES)
def test_release_of_a_side_that_is_not_held_raises_and_changes_nothing(side):
    lock = RWMutex()
    with pytest.raises(RuntimeError, match=f"release_{side}.. of an RWMutex that no (reader|writer) holds"):
        release(lock, side)
    other = SIDES[1 - SIDES.index(side)]
    assert acquire(lock, other)
    with pytest.raises(RuntimeError):
        release(lock, side)
    release(lock, other)
    assert acquire(lock, "write", False)


def test_release_write_raises_while_a_pending_writer_waits_for_readers():
    lock = RWMutex()
    lock.acquire_read()
    writer = threading.Thread(target=lock.acquire_write)
    writer.start()
    wait_until(lambda: waiters(lock) == 1)
    with pytest.raises(RuntimeError):
        lock.release_write()
    lock.release_read()
    writer.join(WATCHDOG)
    with pytest.raises(RuntimeError):
        lock.release_read()
    lock.release_write()  # any thread may release the write lock


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("held", [None, "read", "write"])
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"blocking": False, "timeout": 1}, ValueError, "can't specify a timeout for a non-blocking call"),
        ({"timeout": -2}, ValueError, "not -2"),
        ({"timeout": float("nan")}, ValueError, "NaN"),
        ({"timeout": float("inf")}, OverflowError, "too large"),
        ({"timeout": "1"}, TypeError, "number of seconds, not str"),
        ({"timeout": None}, TypeError, "number of seconds, not NoneType"),
        ({"wait": 1}, TypeError, "wait"),
    ],
)
def test_invalid_argument_raises_in_every_state(side, held, arguments, error, message):
    lock = RWMutex()
    if held:
        acquire(lock, held)
    before = repr(lock)
    with pytest.raises(error, match=message):
        acquire(lock, side, **arguments)
    assert repr(lock) == before


def test_with_holds_the_lock_and_releases_it_after_an_exception():
    lock = RWMutex()
    with pytest.raises(KeyError), lock.read() as got:
        assert got is True
        assert not lock.acquire_write(False)
        raise KeyError
    with pytest.raises(KeyError), lock.write() as got:
        assert got is True
        assert not lock.acquire_read(False)
        raise KeyError
    assert lock.acquire_write(False)


@pytest.mark.parametrize("side", SIDES)
def test_context_manager_keeps_its_lock_alive_and_can_be_used_again(side):
    manager = getattr(RWMutex(), side)()
    for _ in range(3):
        with manager:
            pass
    with pytest.raises(RuntimeError):
        manager.__exit__(None, None, None)
    with pytest.raises(TypeError, match=f"RWMutex.{side}"):
        type(manager)()


def test_repr_shows_the_state_the_owner_and_the_number_of_waiters():
    lock = RWMutex()
    assert repr(lock) == f"<unlocked atomicpy.RWMutex object at {id(lock):#x}>"
    with lock.read(), lock.read():
        assert repr(lock) == f"<read-locked atomicpy.RWMutex object readers=2 waiters=0 at {id(lock):#x}>"
    with lock.write():
        name = threading.current_thread().name
        assert repr(lock) == f"<write-locked atomicpy.RWMutex object owner={name!r} waiters=0 at {id(lock):#x}>"
        threads = [threading.Thread(target=acquire, args=(lock, side)) for side in ("read", "read", "write")]
        for thread in threads:
            thread.start()
        wait_until(lambda: waiters(lock) == 3)
    wait_until(lambda: "readers=2 waiters=1" in repr(lock))
    lock.release_read()
    lock.release_read()
    for thread in threads:
        thread.join(WATCHDOG)
    assert "write-locked" in repr(lock)


def test_type_is_final_and_takes_no_arguments():
    with pytest.raises(TypeError):
        RWMutex(1)
    with pytest.raises(TypeError):
        type("Sub", (RWMutex,), {})


# ---- threads ----------------------------------------------------------------------------------------------------


def test_no_reader_sees_a_partial_write_and_no_write_is_lost():
    lock, pair, rounds = RWMutex(), [0, 0], 1200

    def read_and_write(me):
        for i in range(rounds):
            if (i + me) % 4 == 0:
                if i % 2:
                    with lock.write():
                        pair[0] += 1
                        pair[1] += 1
                else:
                    while not lock.acquire_write(timeout=0.0002):
                        pass
                    pair[0] += 1
                    pair[1] += 1
                    lock.release_write()
            elif i % 2:
                with lock.read():
                    assert pair[0] == pair[1]
            else:
                while not lock.acquire_read(timeout=0.0002):
                    pass
                assert pair[0] == pair[1]
                lock.release_read()

    run_threaded(read_and_write, 8)
    assert pair == [8 * rounds // 4] * 2
    assert "unlocked" in repr(lock)


def test_readers_hold_the_read_lock_at_the_same_time():
    lock, reading = RWMutex(), threading.Barrier(4)

    def read(me):
        with lock.read():
            reading.wait(WATCHDOG)  # it fails if one reader has to wait for another

    run_threaded(read, 4)


def test_pending_writer_blocks_new_readers_until_it_times_out():
    lock = RWMutex()
    lock.acquire_read()
    go_on, result = threading.Event(), []

    def write():
        while not go_on.is_set():
            result.append(lock.acquire_write(timeout=0.2))

    def blocked():
        if waiters(lock) == 0:
            return False
        refused = not lock.acquire_read(False)
        if not refused:  # the writer timed out before this call; it waits again soon
            lock.release_read()
        return refused

    writer = threading.Thread(target=write)
    writer.start()
    wait_until(blocked)
    go_on.set()
    # After its timeout, the reader that it has blocked acquires the read lock.
    assert lock.acquire_read(timeout=WATCHDOG) is True
    writer.join(WATCHDOG)
    assert result
    assert not any(result)


def test_writer_gets_the_lock_while_new_readers_arrive_continuously():
    lock, stop = RWMutex(), threading.Event()

    def read(me):
        if me < 4:
            while not stop.is_set():
                with lock.read():
                    time.sleep(0.001)  # so that some reader holds the read lock at every moment
        else:
            try:
                time.sleep(0.05)
                return all(lock.acquire_write(timeout=WATCHDOG) and not lock.release_write() for _ in range(20))
            finally:
                stop.set()
        return None

    assert run_threaded(read, 5)[4] is True


def test_reader_gets_the_lock_while_new_writers_arrive_continuously():
    lock, stop = RWMutex(), threading.Event()

    def write(me):
        if me < 4:
            while not stop.is_set():
                with lock.write():
                    time.sleep(0.001)  # so that at every moment some writer waits
        else:
            try:
                time.sleep(0.05)
                return all(lock.acquire_read(timeout=WATCHDOG) and not lock.release_read() for _ in range(20))
            finally:
                stop.set()
        return None

    assert run_threaded(write, 5)[4] is True


def test_release_write_admits_all_waiting_readers_before_the_next_writer():
    lock, order, readers_admitted = RWMutex(), [], AtomicInt()
    lock.acquire_write()

    def write():
        with lock.write():
            order.append(("writer", readers_admitted.load()))

    def read():
        with lock.read():
            readers_admitted.inc()

    writer = start_threads(1, write)
    wait_until(lambda: waiters(lock) == 1)
    readers = start_threads(5, read)
    wait_until(lambda: waiters(lock) == 6)
    lock.release_write()
    join_threads([*writer, *readers])
    assert order == [("writer", 5)]


# ---- the context managers of read() and write() -------------------------------------------------------------------


@pytest.mark.parametrize("side", SIDES)
def test_section_can_be_used_again_and_in_every_way_of_a_context_manager(side):
    lock = RWMutex()
    section = getattr(lock, side)()
    kind = type(section)
    for _ in range(3):
        with section as taken:
            assert taken is True
            assert f"<{side}-locked" in repr(lock)
    with contextlib.ExitStack() as stack:  # it calls the methods of the class
        stack.enter_context(section)
        assert "unlocked" not in repr(lock)
    assert section.__enter__() is True
    assert section.__exit__(None, None, None) is None
    kind.__enter__(section)
    kind.__exit__(section, None, None, None)
    with pytest.raises(ZeroDivisionError), section:
        raise ZeroDivisionError
    assert "unlocked" in repr(lock)
    assert str(inspect.signature(kind.__exit__)) == "(self, exc_type, exc_value, traceback, /)"


def test_sections_nest_and_are_shared_by_threads():
    def read(me):
        for _ in range(200):
            # No thread writes here: a writer that becomes pending between two nested reads would cause a deadlock.
            with shared_read, lock.read(), shared_read, lock.read():
                assert "readers=" in repr(lock)

    def read_and_write(me):
        for _ in range(200):
            with shared_read:
                assert "readers=" in repr(lock)
            with shared_write:
                counts[0] += 1
            with lock.write():
                counts[0] += 1

    lock, counts = RWMutex(), [0]
    shared_read, shared_write = lock.read(), lock.write()
    run_threaded(read, 4)
    run_threaded(read_and_write, 4)
    assert counts == [1600]
    assert "unlocked" in repr(lock)


@pytest.mark.parametrize("side", SIDES)
def test_wrong_use_of_a_section_raises(side):
    lock = RWMutex()
    section = getattr(lock, side)()
    for make in (type(section), lambda: type(section).__new__(type(section))):
        with pytest.raises(TypeError, match=f"made by RWMutex.{side}"):
            make()
    for wrong in (
        lambda: section.__enter__(1),
        lambda: section.__enter__(x=1),
        lambda: section.__exit__(1, 2),
        lambda: type(section).__enter__(),
        lambda: type(section).__enter__(lock),
        lambda: type(section).__exit__(lock, None, None, None),
    ):
        with pytest.raises(TypeError):
            wrong()
    with pytest.raises(RuntimeError, match=f"release_{side}"):
        section.__exit__(None, None, None)
    assert "unlocked" in repr(lock)


def test_lock_is_freed_with_its_last_section():
    lock = RWMutex()
    ref = weakref.ref(lock)
    sections = [lock.read(), lock.write(), lock.read()]
    del lock
    while sections:
        assert ref() is not None
        with sections.pop():
            pass
    assert ref() is None


def test_section_can_be_freed_by_another_thread():
    def body(me):
        for _ in range(500):
            made[me] = lock.read()  # frees the section that another thread made
            made[me - 1] = lock.write()

    lock = RWMutex()
    made = [None] * 4
    run_threaded(body, 4)
    made.clear()
    with lock.write():
        pass
