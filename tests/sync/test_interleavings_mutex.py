"""Mutex in every interleaving of a few threads. The search finds the broken variants.

mutex_steps.py has the steps of a thread.
"""

import pytest
from interleavings import BLOCKED, DONE, InterleavingError, explore
from mutex_steps import MUTEX, after_each, locker, repeated_locker


@pytest.mark.parametrize("timeouts", [0, 1, 2])
def test_mutex_has_one_owner_and_loses_no_waiter(timeouts):
    assert explore(MUTEX, [locker(timeout=me < timeouts) for me in range(3)]) > 500


def test_mutex_with_four_threads():
    assert explore(MUTEX, [locker() for _ in range(4)]) > 5000


@pytest.mark.parametrize(
    ("broken", "what"),
    [
        pytest.param({"swap": False}, "two owners|released unlocked", id="a store instead of a swap"),
        pytest.param({"forget_waiters": True}, "no thread can go on", id="an unlock that forgets other waiters"),
        pytest.param({"test_first": True}, "no thread can go on", id="validated before the bucket is locked"),
        pytest.param({"ignore_hand_off": True}, "no thread can go on", id="a hand-off that is ignored"),
        pytest.param({"recheck": False}, "no thread can go on", id="an unlock that relies on a waker that withdraws"),
        pytest.param(
            {"withdraw_to_park": False}, "no thread can go on", id="a designated waker that parks without withdrawing"
        ),
        pytest.param(
            {"withdraw_to_acquire": False},
            "two owners|no thread can|released",
            id="a designated waker that acquires without withdrawing",
        ),
        pytest.param(
            {"clear_designated": False},
            "two owners|no thread can|released",
            id="a hand-off to a waker that has withdrawn",
        ),
    ],
)
def test_a_broken_mutex_is_found(broken, what):
    with pytest.raises(InterleavingError, match=what):
        explore(MUTEX, [locker(**broken) for _ in range(3 + bool({"forget_waiters", "recheck"} & set(broken)))])


@pytest.mark.slow
def test_mutex_locked_repeatedly():
    assert explore(MUTEX | {"rounds": 3}, [repeated_locker() for _ in range(3)]) > 50000


@pytest.mark.slow
def test_a_mutex_with_two_designated_wakers_is_found():
    with pytest.raises(InterleavingError, match="released unlocked"):
        explore(MUTEX | {"rounds": 1}, [repeated_locker(one_designated=False, fair=(False,)) for _ in range(4)])


def releaser(times, **broken):
    """Unlocks what other threads have locked, each time as soon as the word is locked."""

    def restart(s, me, to):
        return "again" if to == DONE else to

    def again(s, me):
        if s["releases"] == times:
            return DONE
        if s["word"][0] in (0, me + 1):
            return BLOCKED
        s["releases"] += 1
        return "unlock: swap"

    return after_each(locker(**broken), restart) | {"start": again, "again": again}


@pytest.mark.parametrize("lockers", [1, 2, 3])
def test_no_unlock_by_another_thread_is_lost(lockers):
    # Locked at first by an absent thread: each unlock admits one more thread.
    start = MUTEX | {"word": (9, False), "releases": 0}
    assert explore(start, [*[locker(unlocks=False) for _ in range(lockers)], releaser(lockers)]) > 5**lockers


def test_an_unlock_by_another_thread_that_is_lost_is_found():
    start = MUTEX | {"word": (9, False), "releases": 0}
    broken = {"withdraw_to_acquire": False}
    with pytest.raises(InterleavingError, match="no thread can go on"):
        explore(start, [*[locker(unlocks=False, **broken) for _ in range(3)], releaser(3, **broken)])


def patient(fair):
    """Locks once, and records that it waits, from its park until it owns the mutex."""
    program = locker(fair=(fair,))

    def test(s, me):
        to = program["park: validate"](s, me)
        s["patient waits"] |= to == "park: parked"
        return to

    def critical(s, me):
        s["patient waits"] = False
        return program["critical"](s, me)

    return program | {"park: validate": test, "critical": critical}


def greedy(fair):
    """Locks repeatedly, and must never overtake the patient thread while that waits."""

    def watched(s, me, to):
        assert not (to == "critical" and s["patient waits"]), "it overtook the waiter"
        return to

    return after_each(repeated_locker(fair=(fair,)), watched)


def test_a_mutex_with_hand_offs_lets_no_thread_overtake():
    assert explore(MUTEX | {"patient waits": False, "rounds": 3}, [greedy(fair=True), patient(fair=True)]) > 50


def test_a_mutex_without_hand_offs_is_found_unfair():
    with pytest.raises(InterleavingError, match="it overtook"):
        explore(MUTEX | {"patient waits": False, "rounds": 3}, [greedy(fair=False), patient(fair=False)])


def designated_waker(requests_again=True):
    """Locks once, spins without parking again, and records when it has requested and probed a locked mutex."""
    program = locker(fair=(False,), parks_again=False, requests_again=requests_again)
    look = "request: announce" if requests_again else "request: probe"

    def looked(s, me):
        if s["designated"] == (me, True) and s["word"][0] and s["overtakes"] is None:
            s["overtakes"] = 0
        return program[look](s, me)

    def critical(s, me):
        s["overtakes"] = None
        return program["critical"](s, me)

    return program | {look: looked, "critical": critical}


def hammering():
    """Locks repeatedly. The unlock that is under way at the request may miss it, and no later unlock may."""

    def watched(s, me, to):
        if to == "critical" and s["overtakes"] is not None:
            s["overtakes"] += 1
            assert s["overtakes"] <= 1, "it overtook the requesting thread"
        return to

    return after_each(repeated_locker(fair=(False,)), watched)


REQUESTING = MUTEX | {"overtakes": None, "rounds": 5}


def test_a_designated_waker_that_requests_gets_the_mutex():
    assert explore(REQUESTING, [hammering(), designated_waker()]) > 300


def test_a_designated_waker_that_requests_once_is_found_unfair():
    with pytest.raises(InterleavingError, match="it overtook"):
        explore(REQUESTING, [hammering(), designated_waker(requests_again=False)])
