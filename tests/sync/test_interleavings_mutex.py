"""Mutex in every interleaving of a few threads. The search finds the broken variants.

mutex_steps.py has the steps of a thread.
"""

import pytest
from interleavings import BLOCKED, DONE, InterleavingError, explore
from mutex_steps import MUTEX, Word, after_each, is_held, locker, repeated_locker


@pytest.mark.parametrize("timeouts", [0, 1, 2, 3])
def test_mutex_has_one_owner_and_loses_no_waiter(timeouts):
    assert explore(MUTEX, [locker(timeout=me < timeouts) for me in range(3)]) > 5000


def test_mutex_with_four_threads():
    assert explore(MUTEX, [locker() for _ in range(4)]) > 100000


@pytest.mark.slow
@pytest.mark.parametrize("timeouts", [0, 3])
def test_mutex_locked_repeatedly(timeouts):
    assert explore(MUTEX | {"rounds": 3}, [repeated_locker(timeout=me < timeouts) for me in range(3)]) > 50000


# Without the assertions of check_invariants, where the search finds what the error leads to.
@pytest.mark.parametrize(
    ("broken", "what"),
    [
        ("acquires without a compare", "two owners|released unlocked"),
        ("parks without WAITERS", "no thread can go on"),
        ("parks without clearing WAKER", "no thread can go on"),
        ("validates before the lock", "no thread can go on"),
        ("acquires without clearing WAKER", "no thread can go on"),
        ("times out and leaves WAKER", "no thread can go on"),
        ("times out and clears WAKER", "no thread can go on"),
        ("an unlock clears WAKER", "no thread can go on"),
        ("an unlock clears WAITERS", "no thread can go on"),
    ],
)
def test_a_broken_mutex_is_found(broken, what):
    with pytest.raises(InterleavingError, match=what):
        explore(MUTEX, [locker(timeout=me == 0, broken=broken, check=None) for me in range(3)])


@pytest.mark.parametrize(
    ("broken", "what"),
    [
        ("a new arrival ignores HAND_OFF", "handed off to another thread"),
        ("sets WAKER without a compare", "WAKER is wrong"),
        ("parks without clearing WAKER", "WAKER is wrong"),
        ("stops without a compare", "a waiter is lost"),
        ("an unlock clears WAITERS", "a waiter is lost"),
    ],
)
def test_a_broken_invariant_is_found(broken, what):
    with pytest.raises(InterleavingError, match=what):
        explore(MUTEX, [locker(broken=broken) for _ in range(3)])


def releaser(alone, **variant):
    """Unlocks what other threads have locked, until `unlocks` are done. Alone, it relies on locked(). Of two, one may
    find that the other was first, and tries again: the same as to wait for an owner."""
    program = locker(**variant)

    def restart(s, me, to):
        return "start" if to == DONE else to

    def start(s, me):
        if not s["unlocks"]:
            return DONE
        s["unlocks"] -= 1
        return "is locked"

    def is_locked(s, me):
        return "unlock" if is_held(s["word"]) else BLOCKED

    def unlock(s, me):
        return program["unlock"](s, me) if alone or s["word"].owner else BLOCKED

    return after_each(program | {"is locked": is_locked, "unlock": unlock}, restart) | {"start": start}


def unlocked_by_others(lockers, releasers, **variant):
    """Locked at first by an absent thread: each unlock admits one more thread."""
    start = MUTEX | {"word": Word(owner=9), "unlocks": lockers}
    programs = [locker(unlocks=False, **variant) for _ in range(lockers)] + [
        releaser(releasers == 1, **variant)
    ] * releasers
    return explore(start, programs)


@pytest.mark.parametrize(("lockers", "releasers"), [(1, 1), (2, 1), (3, 1), (2, 2)])
def test_no_unlock_by_another_thread_is_lost(lockers, releasers):
    assert unlocked_by_others(lockers, releasers) > 5**lockers


@pytest.mark.parametrize("broken", ["acquires without clearing WAKER", "designates without a check"])
def test_an_unlock_by_another_thread_that_is_lost_is_found(broken):
    with pytest.raises(InterleavingError, match="no thread can go on"):
        unlocked_by_others(2, 2, broken=broken, check=None)


def test_an_unlock_that_refuses_what_is_locked_is_found():
    with pytest.raises(InterleavingError, match="released unlocked"):
        unlocked_by_others(2, 1, broken="an unlock refuses a handed-off word")


def overtakes(s, me, to):
    """A parked thread counts too: while one is parked beside an unlocked mutex, there is a designated waker."""
    assert to != "critical" or not s["wakers"], "it overtook the designated waker"
    return to


def overtakes_a_request(s, me, to):
    s["requested"] = bool(s["wakers"]) and (s["requested"] or s["word"].hand_off)
    assert to != "critical" or not s["requested"], "it overtook the requesting thread"
    return to


def hammering(watch, **variant):
    return [after_each(repeated_locker(**variant), watch) for _ in range(3)]


REQUESTING = MUTEX | {"requested": False, "rounds": 2}


def test_a_mutex_with_hand_offs_lets_no_thread_overtake():
    assert explore(REQUESTING, hammering(overtakes, due=(True,))) > 5000


def test_a_mutex_without_hand_offs_is_found_unfair():
    with pytest.raises(InterleavingError, match="it overtook"):
        explore(REQUESTING, hammering(overtakes, due=(False,)))


def test_a_designated_waker_that_requests_gets_the_mutex():
    assert explore(REQUESTING, hammering(overtakes_a_request)) > 5000


def test_an_unlock_that_ignores_a_request_is_found():
    with pytest.raises(InterleavingError, match="it overtook"):
        explore(REQUESTING, hammering(overtakes_a_request, due=(False,), broken="an unlock ignores the request"))
