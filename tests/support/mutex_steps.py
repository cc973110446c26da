"""The steps of `src/sync/ap_mutex.c` for the exhaustive search: lock and unlock. parking_steps.py defines a step.

A compare-and-swap is a step after the load of the word that it compares. Time is a free choice: a hand-off is due or
not; the designated waker that finds the mutex locked requests it or stops. A probe without an effect is no step,
because it has the effect of a slow thread. fork() is not modelled: a word from before a fork counts as one without
WAKER and HAND_OFF.
"""

from typing import NamedTuple

from interleavings import BLOCKED, DONE
from parking_steps import PARKING_LOT, dequeue_first, lock_bucket, park_steps


class Word(NamedTuple):
    owner: int = 0  # 0: not LOCKED
    waiters: bool = False
    waker: bool = False
    hand_off: bool = False


# `seen`: the word that each thread has loaded, until it compares. `wakers`: the threads that act as designated waker.
MUTEX = PARKING_LOT | {"word": Word(), "seen": (None,) * 4, "wakers": frozenset()}
NO_WAKER = {"waker": False, "hand_off": False}


def is_held(word):
    return word.owner or word.hand_off


def load_then(to):
    def step(s, me):
        s["seen"] = (*s["seen"][:me], s["word"], *s["seen"][me + 1 :])
        return to

    return step


def swap(s, me, compare=True, **changes):
    seen = s["seen"][me]
    s["seen"] = (*s["seen"][:me], None, *s["seen"][me + 1 :])
    if compare and s["word"] != seen:
        return False
    s["word"] = s["word"]._replace(**changes)
    return True


def check_invariants(s, me, to):
    """Invariants 2 and 3 of ap_mutex.h."""
    word = s["word"]
    assert len(s["wakers"]) == word.waker >= word.hand_off, "WAKER is wrong"
    assert not s["queue"] or (word.waiters and (word.owner or word.waker)), "a waiter is lost"
    return to


def after_each(program, then):
    """The program with then(s, me, to) as a part of each step: it returns the next label instead of `to`."""

    def both(step):
        def stepped(s, me):
            to = step(s, me)
            return [both(choice) for choice in to] if isinstance(to, list) else then(s, me, to)

        return stepped

    return {label: both(step) for label, step in program.items()}


def locker(timeout=False, unlocks=True, due=(False, True), broken="", check=check_invariants):
    """lock and unlock. `due`: what is tried for "a hand-off is due". `broken`: a variant, named in the tests."""
    acquired = "critical" if unlocks else DONE

    def is_broken(*variants):
        return broken in variants

    # ---- lock

    def try_lock(here, failed):
        def load(s, me):
            word = s["word"]
            if word.owner or (word.hand_off and not is_broken("a new arrival ignores HAND_OFF")):
                return failed
            load_then("")(s, me)
            return acquire(s, me) if word == Word() else f"{here}: swap"  # the first one expects 0

        def acquire(s, me):
            handed_off = is_held(s["word"])
            if not swap(s, me, compare=not is_broken("acquires without a compare"), owner=me + 1):
                return here
            assert not (check and handed_off), "handed off to another thread"
            return acquired

        return {here: load, f"{here}: swap": acquire}

    def look(s, me):
        if s["word"].owner and s["word"] == Word(s["word"].owner):
            return load_then("become the waker")(s, me)
        return load_then("announce")(s, me) if is_held(s["word"]) else "start"

    def become_the_waker(s, me):
        if not swap(s, me, compare=not is_broken("sets WAKER without a compare"), waker=True):
            return "start"
        s["wakers"] |= {me}
        return "spin"

    def announce(s, me):
        return "park" if swap(s, me, waiters=True) else "start"

    def must_wait(s, me):
        return is_held(s["word"]) and (s["word"].waiters or is_broken("parks without WAITERS"))

    def unparked(s, me):
        return (spin if me in s["wakers"] else program["start"])(s, me)

    # ---- the designated waker

    def spin(s, me):
        if timeout and is_broken("times out and leaves WAKER"):
            return DONE
        if not s["word"].owner:
            return load_then("take")(s, me)
        return [load_then("stop"), *[load_then("request")] * (not s["word"].hand_off)]

    def take(s, me):
        if not swap(s, me, owner=me + 1, **({} if is_broken("acquires without clearing WAKER") else NO_WAKER)):
            return "spin"
        s["wakers"] -= {me}
        return acquired

    def request(s, me):
        swap(s, me, hand_off=True)
        return "spin"

    def stop(s, me):
        leaves = timeout and is_broken("times out and clears WAKER")
        compare = not leaves and not is_broken("stops without a compare")
        if not swap(s, me, compare, waiters=True, **({} if is_broken("parks without clearing WAKER") else NO_WAKER)):
            return "spin"
        s["wakers"] -= {me}
        return DONE if leaves else "start"

    # ---- unlock

    def critical(s, me):
        assert s["pc"].count("critical") == 1, "two owners"
        return unlock(s, me)

    def unlock(s, me):
        if s["word"].hand_off and not s["word"].owner and not is_broken("an unlock refuses a handed-off word"):
            return BLOCKED
        assert s["word"].owner, "released unlocked"
        if s["word"].waiters and not s["word"].waker:
            return "unlock: lock"
        return load_then("unlock: swap")(s, me)

    def unlock_swap(s, me):
        def swap_to(**changes):
            return lambda s, me: DONE if swap(s, me, owner=0, **changes) else "unlock"

        seen = s["seen"][me]
        if not seen.waker or is_broken("an unlock clears WAKER"):
            return [swap_to(waiters=False, **NO_WAKER)]
        requested = seen.hand_off and not is_broken("an unlock ignores the request")
        return [swap_to(hand_off=hand_off) for hand_off in ((True,) if requested else due)]

    def lock_and_load(s, me):
        to = lock_bucket("unlock: designate")(s, me)
        return to if to == BLOCKED else load_then(to)(s, me)

    def designate(hand_off):
        def step(s, me):
            first, others = s["queue"][:1], s["queue"][1:]
            flags = {"waiters": bool(others), "waker": bool(first), "hand_off": bool(first) and hand_off}
            if is_broken("an unlock clears WAITERS"):
                flags["waiters"] = False
            s["bucket"] = None
            seen = s["seen"][me]
            may = (seen.owner and not seen.waker) or is_broken("designates without a check")
            if not may or not swap(s, me, owner=0, **flags):
                return "unlock"
            s["wakers"] |= set(dequeue_first(s, 1))
            return DONE

        return step

    program = {
        **try_lock("start", "look"),
        "look": look,
        "become the waker": become_the_waker,
        "announce": announce,
        **park_steps(must_wait, "unparked", "last try" if timeout else None, is_broken("validates before the lock")),
        "unparked": unparked,
        **try_lock("last try", DONE),
        "spin": spin,
        "take": take,
        "request": request,
        "stop": stop,
        "critical": critical,
        "unlock": unlock,
        "unlock: swap": unlock_swap,
        "unlock: lock": lock_and_load,
        "unlock: designate": lambda s, me: [designate(hand_off) for hand_off in due],
    }
    return after_each(program, check) if check else program


def repeated_locker(**variant):
    """A thread at its end starts again, while rounds are left for all threads."""

    def restart(s, me, to):
        if to != DONE or not s["rounds"]:
            return to
        s["rounds"] -= 1
        return "start"

    return after_each(locker(**variant), restart)
