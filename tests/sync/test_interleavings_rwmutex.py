"""RWMutex in every interleaving of a few threads, and broken on purpose: the search finds what breaks.

The programs say, step by step, what the C of `src/sync/ap_rwmutex.c` does. What a step is, sleepers.py says.
"""

import pytest
from interleavings import BLOCKED, DONE, InterleavingError, explore
from sleepers import SLEEPERS, lock_bucket, take_first, wait_steps

# The writers' mutex is a step that waits: what it does, mutex_steps.py says. The readers sleep in the queue, the writer
# beside it.


def rw_reader(timeout=False, test_first=False, forget_to_wake=False):
    def try_lock(s, me):
        if s["writer"]:
            return "announce"
        s["readers"] += 1
        return "reading"

    def announce(s, me):
        if not s["writer"]:
            return "start"
        s["waiters"] = True
        return "wait"

    def woken(s, me):
        if me in s["handed"]:
            s["handed"] -= {me}
            return "reading"
        return "start"

    def last_try(s, me):
        if s["writer"]:
            return DONE
        s["readers"] += 1
        return "reading"

    def reading(s, me):
        assert not s["writing"], "a reader beside a writer"
        return "unlock"

    def unlock(s, me):
        assert s["readers"] > 0, "released unlocked"
        s["readers"] -= 1
        return "wake" if s["writer"] and not s["readers"] and not forget_to_wake else DONE

    def wake(s, me):
        # ap_unpark(&drained), proved in the model of ap_park, so one step here; lost where the writer does not sleep.
        s["draining"] = False
        return DONE

    return {
        "start": try_lock,
        "announce": announce,
        "woken": woken,
        "last try": last_try,
        "reading": reading,
        "unlock": unlock,
        "wake": wake,
        **wait_steps(lambda s, me: s["writer"] and s["waiters"], "woken", "last try" if timeout else None, test_first),
    }


def rw_writer(gives_up=False, early=False, leave_readers=False, mutex_first=False):
    """Broken: `early` is inside without waiting for the readers; `leave_readers` wakes none of them; `mutex_first` lets
    the next writer come before the readers are let in."""

    def mutex(s, me):
        if s["mutex"] is not None:
            return BLOCKED
        s["mutex"] = me
        return "announce"

    def announce(s, me):
        s["writer"] = True
        return "enter" if early or not s["readers"] else "drain"

    def drain(s, me):
        # With the table locked: asleep from this step on, or the readers have left.
        if not s["readers"]:
            return "enter"
        s["draining"] = True
        return "asleep"

    def asleep(s, me):
        if s["draining"]:
            return [give_up] if gives_up else BLOCKED
        return "drain"

    def give_up(s, me):
        s["draining"] = False
        return leaving(s) if s["readers"] else "enter"

    def enter(s, me):
        assert not s["readers"], "a writer beside a reader"
        assert not s["writing"], "a writer beside another"
        s["writing"] = True
        return "write"

    def write(s, me):
        s["writing"] = False
        return leaving(s)

    def leaving(s):
        if mutex_first:
            s["mutex"] = None
        return "leave: lock" if s["waiters"] or s["readers"] else "leave"

    def leave(s, me):
        if s["waiters"]:
            return "leave: lock"
        s["writer"] = False
        return "unlock"

    def admit(s, me):
        s["writer"] = s["waiters"] = False
        if not leave_readers:
            s["readers"] += len(s["queue"])
            s["handed"] |= set(take_first(s, len(s["queue"])))
        s["bucket"] = None
        return "unlock"

    def unlock(s, me):
        if not mutex_first:
            s["mutex"] = None
        return DONE

    return {
        "start": mutex,
        "announce": announce,
        "drain": drain,
        "asleep": asleep,
        "enter": enter,
        "write": write,
        "leave": leave,
        "leave: lock": lock_bucket("admit"),
        "admit": admit,
        "unlock": unlock,
    }


RWMUTEX = SLEEPERS | {
    "readers": 0,
    "writer": False,
    "waiters": False,
    "writing": False,
    "draining": False,
    "mutex": None,
    "handed": frozenset(),
}


@pytest.mark.parametrize(
    "programs",
    [
        [rw_reader(), rw_reader(), rw_writer(), rw_writer()],
        [rw_reader(timeout=True), rw_reader(), rw_writer(gives_up=True), rw_writer()],
        [rw_reader(timeout=True), rw_reader(timeout=True), rw_reader(), rw_writer(gives_up=True)],
    ],
)
def test_rwmutex_keeps_writers_alone_and_forgets_nobody(programs):
    assert explore(RWMUTEX, programs) > 500


@pytest.mark.parametrize(
    ("programs", "what"),
    [
        pytest.param([rw_reader(), rw_writer(early=True)], "beside", id="a writer that does not wait for the readers"),
        pytest.param([rw_reader(), rw_writer(leave_readers=True)], "nobody can go on", id="readers that are not woken"),
        pytest.param([rw_reader(test_first=True), rw_writer()], "nobody can go on", id="tested before the lock"),
        pytest.param(
            [rw_reader(forget_to_wake=True), rw_writer()], "nobody can go on", id="a last reader that wakes no writer"
        ),
        pytest.param(
            [rw_reader(), rw_writer(mutex_first=True), rw_writer()], "beside", id="the mutex before the readers"
        ),
        pytest.param(
            [rw_reader(), rw_reader(), rw_writer(mutex_first=True, gives_up=True), rw_writer()],
            "beside|nobody can go on",
            id="retracted behind the mutex",
        ),
    ],
)
def test_a_broken_rwmutex_is_found(programs, what):
    with pytest.raises(InterleavingError, match=what):
        explore(RWMUTEX, programs)
