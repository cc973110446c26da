"""Mutex in every interleaving of a few threads, and broken on purpose: the search finds what breaks.

What a thread does, step by step, is in mutex_steps.py.
"""

import pytest
from interleavings import BLOCKED, DONE, InterleavingError, explore
from mutex_steps import MUTEX, after_each, locker, once_more


@pytest.mark.parametrize("timeouts", [0, 1, 2])
def test_mutex_has_one_owner_and_forgets_no_sleeper(timeouts):
    assert explore(MUTEX, [locker(timeout=me < timeouts) for me in range(3)]) > 500


def test_mutex_with_one_more():
    assert explore(MUTEX, [locker() for _ in range(4)]) > 5000


@pytest.mark.parametrize(
    ("broken", "what"),
    [
        pytest.param({"swap": False}, "two owners|released unlocked", id="a store where a swap is needed"),
        pytest.param({"forget_the_rest": True}, "nobody can go on", id="an unlock that forgets the others that sleep"),
        pytest.param({"test_first": True}, "nobody can go on", id="the word tested before the table is locked"),
        pytest.param({"ignore_the_hand": True}, "nobody can go on", id="a hand-over that is not taken"),
        pytest.param({"look_again": False}, "nobody can go on", id="an unlock that counts on one that withdraws"),
        pytest.param({"withdraw_to_sleep": False}, "nobody can go on", id="one that others count on sleeps"),
        pytest.param({"withdraw_to_take": False}, "two owners|nobody can|released", id="and takes the mutex"),
        pytest.param({"take_the_mark": False}, "two owners|nobody can|released", id="handed to one that has withdrawn"),
    ],
)
def test_a_broken_mutex_is_found(broken, what):
    with pytest.raises(InterleavingError, match=what):
        explore(MUTEX, [locker(**broken) for _ in range(3 + bool({"forget_the_rest", "look_again"} & set(broken)))])


def test_mutex_locked_again_and_again():
    assert explore(MUTEX | {"rounds": 3}, [once_more() for _ in range(3)]) > 50000


def test_a_mutex_for_which_another_is_woken_while_one_is_awake_is_found():
    with pytest.raises(InterleavingError, match="released unlocked"):
        explore(MUTEX | {"rounds": 1}, [once_more(one_awake=False, fair=(False,)) for _ in range(4)])


def releaser(times, **broken):
    """Unlocks what others have locked: each time as soon as the word says that one has."""

    def and_again(s, me, to):
        return "again" if to == DONE else to

    def again(s, me):
        if s["releases"] == times:
            return DONE
        if s["word"][0] in (0, me + 1):
            return BLOCKED
        s["releases"] += 1
        return "unlock: swap"

    return after_each(locker(**broken), and_again) | {"start": again, "again": again}


@pytest.mark.parametrize("lockers", [1, 2, 3])
def test_no_unlock_by_another_thread_is_lost(lockers):
    # Locked at first, by nobody who is here: each unlock lets one more thread lock it.
    start = MUTEX | {"word": (9, False), "releases": 0}
    assert explore(start, [*[locker(unlocks=False) for _ in range(lockers)], releaser(lockers)]) > 5**lockers


def test_an_unlock_by_another_thread_that_is_lost_is_found():
    start = MUTEX | {"word": (9, False), "releases": 0}
    broken = {"withdraw_to_take": False}
    with pytest.raises(InterleavingError, match="nobody can go on"):
        explore(start, [*[locker(unlocks=False, **broken) for _ in range(3)], releaser(3, **broken)])


def patient(fair):
    """Locks once, and notes from when it sleeps until it has the mutex that it waits."""
    program = locker(fair=(fair,))

    def test(s, me):
        to = program["wait: test"](s, me)
        s["patient waits"] |= to == "wait: asleep"
        return to

    def critical(s, me):
        s["patient waits"] = False
        return program["critical"](s, me)

    return program | {"wait: test": test, "critical": critical}


def greedy(fair):
    """Locks again and again, and must never get past the one that waits."""

    def watched(s, me, to):
        assert not (to == "critical" and s["patient waits"]), "it overtook the one that waits"
        return to

    return after_each(once_more(fair=(fair,)), watched)


def test_a_mutex_that_is_handed_over_lets_nobody_overtake():
    assert explore(MUTEX | {"patient waits": False, "rounds": 3}, [greedy(fair=True), patient(fair=True)]) > 50


def test_a_mutex_that_is_never_handed_over_is_found_unfair():
    with pytest.raises(InterleavingError, match="it overtook"):
        explore(MUTEX | {"patient waits": False, "rounds": 3}, [greedy(fair=False), patient(fair=False)])


def stander(asks_again=True):
    """Locks once, never tires of standing by, and notes when it has asked and looked at a mutex that has an owner."""
    program = locker(fair=(False,), tires=False, asks_again=asks_again)
    look = "ask: announce" if asks_again else "ask: look"

    def looked(s, me):
        if s["awake"] == (me, True) and s["word"][0] and s["overtakes"] is None:
            s["overtakes"] = 0
        return program[look](s, me)

    def critical(s, me):
        s["overtakes"] = None
        return program["critical"](s, me)

    return program | {look: looked, "critical": critical}


def hammering():
    """Locks again and again; the unlock that is under way when another asks may still miss it, and no later one."""

    def watched(s, me, to):
        if to == "critical" and s["overtakes"] is not None:
            s["overtakes"] += 1
            assert s["overtakes"] <= 1, "it overtook the one that asks"
        return to

    return after_each(once_more(fair=(False,)), watched)


ASKING = MUTEX | {"overtakes": None, "rounds": 5}


def test_one_that_stands_by_and_asks_gets_the_mutex():
    assert explore(ASKING, [hammering(), stander()]) > 300


def test_one_that_says_only_once_that_it_asks_is_found_unfair():
    with pytest.raises(InterleavingError, match="it overtook"):
        explore(ASKING, [hammering(), stander(asks_again=False)])
