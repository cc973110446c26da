"""RWMutex in every interleaving of a few threads. The search finds the broken variants.

The programs have the steps of `src/sync/ap_rwmutex.c`. parking_steps.py defines a step.
"""

import pytest
from interleavings import BLOCKED, DONE, InterleavingError, explore
from parking_steps import PARKING_LOT, dequeue_first, lock_bucket, park_steps

# The writers' mutex is one blocking step; mutex_steps.py has its own steps. The readers park in the queue, the writer
# beside it.


def rw_reader(timeout=False, test_first=False, forget_to_unpark=False):
    def try_lock(s, me):
        if s["writer"]:
            return "announce"
        s["readers"] += 1
        return "reading"

    def announce(s, me):
        if not s["writer"]:
            return "start"
        s["waiters"] = True
        return "park"

    def unparked(s, me):
        if me in s["handed_off"]:
            s["handed_off"] -= {me}
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
        return "unpark" if s["writer"] and not s["readers"] and not forget_to_unpark else DONE

    def wake(s, me):
        # ap_unpark(&drained) is proved in the model of ap_park, so it is one step here; without a parked writer it
        # does nothing.
        s["draining"] = False
        return DONE

    return {
        "start": try_lock,
        "announce": announce,
        "unparked": unparked,
        "last try": last_try,
        "reading": reading,
        "unlock": unlock,
        "unpark": wake,
        **park_steps(
            lambda s, me: s["writer"] and s["waiters"], "unparked", "last try" if timeout else None, test_first
        ),
    }


def rw_writer(gives_up=False, early=False, leave_readers=False, mutex_first=False):
    """Broken variants: `early` does not wait for the readers; `leave_readers` unparks none of them; `mutex_first`
    unlocks the writers' mutex before it admits the readers.
    """

    def mutex(s, me):
        if s["mutex"] is not None:
            return BLOCKED
        s["mutex"] = me
        return "announce"

    def announce(s, me):
        s["writer"] = True
        return "enter" if early or not s["readers"] else "drain"

    def drain(s, me):
        # With the bucket locked: parked from this step on, or the readers have unlocked.
        if not s["readers"]:
            return "enter"
        s["draining"] = True
        return "parked"

    def parked(s, me):
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
            s["handed_off"] |= set(dequeue_first(s, len(s["queue"])))
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
        "parked": parked,
        "enter": enter,
        "write": write,
        "leave": leave,
        "leave: lock": lock_bucket("admit"),
        "admit": admit,
        "unlock": unlock,
    }


RWMUTEX = PARKING_LOT | {
    "readers": 0,
    "writer": False,
    "waiters": False,
    "writing": False,
    "draining": False,
    "mutex": None,
    "handed_off": frozenset(),
}


@pytest.mark.parametrize(
    "programs",
    [
        [rw_reader(), rw_reader(), rw_writer(), rw_writer()],
        [rw_reader(timeout=True), rw_reader(), rw_writer(gives_up=True), rw_writer()],
        [rw_reader(timeout=True), rw_reader(timeout=True), rw_reader(), rw_writer(gives_up=True)],
    ],
)
def test_rwmutex_excludes_writers_and_loses_no_waiter(programs):
    assert explore(RWMUTEX, programs) > 500


@pytest.mark.parametrize(
    ("programs", "what"),
    [
        pytest.param([rw_reader(), rw_writer(early=True)], "beside", id="a writer that does not wait for the readers"),
        pytest.param(
            [rw_reader(), rw_writer(leave_readers=True)], "no thread can go on", id="readers that are not unparked"
        ),
        pytest.param([rw_reader(test_first=True), rw_writer()], "no thread can go on", id="validated before the lock"),
        pytest.param(
            [rw_reader(forget_to_unpark=True), rw_writer()],
            "no thread can go on",
            id="a last reader that unparks no writer",
        ),
        pytest.param(
            [rw_reader(), rw_writer(mutex_first=True), rw_writer()], "beside", id="the mutex before the readers"
        ),
        pytest.param(
            [rw_reader(), rw_reader(), rw_writer(mutex_first=True, gives_up=True), rw_writer()],
            "beside|no thread can go on",
            id="given up after the mutex",
        ),
    ],
)
def test_a_broken_rwmutex_is_found(programs, what):
    with pytest.raises(InterleavingError, match=what):
        explore(RWMUTEX, programs)
