"""The steps of `src/sync/ap_mutex.c` for the exhaustive search: lock and unlock. parking_steps.py defines a step."""

from interleavings import DONE
from parking_steps import PARKING_LOT, dequeue_first, lock_bucket, park_steps

# The word: the owner (0: unlocked) and the waiters flag. `designated`: the designated waker, and whether it requests.
FREE = (0, False)
NO_THREAD = None
FOUR = range(4)


def either(*labels):
    return [lambda s, me, to=to: to for to in labels]


def unpark_first(s, handed_off=False):
    """With the bucket locked: dequeue and unpark the first waiter."""
    (first,) = dequeue_first(s, 1)
    s["handed_off" if handed_off else "tokens"] |= {first}
    return first


def locker(
    timeout=False,
    fair=(False, True),
    swap=True,
    test_first=False,
    forget_waiters=False,
    ignore_hand_off=False,
    recheck=True,
    withdraw_to_park=True,
    withdraw_to_acquire=True,
    clear_designated=True,
    one_designated=True,
    requests_again=True,
    parks_again=True,
    unlocks=True,
):
    """lock and unlock. Both values of "a hand-off is due" are tried, and whether the designated waker parks again.

    Broken variants: acquired by a load and a store; validated before the bucket is locked; WAITERS cleared although
    threads are parked; a thread waits for a mutex that was handed off to it; an unlock relies on a designated waker
    that has withdrawn; a designated waker parks, or acquires, without withdrawing; a hand-off to a designated waker
    that has withdrawn; a second designated waker; a designated waker that requests only once."""

    def take(s, me, to, waiters):
        s["word"] = (me + 1, waiters)
        return to

    # ---- lock

    def try_lock(s, me):
        owner, waiters = s["word"]
        return "slow" if owner else take(s, me, "critical", waiters)

    def slow(s, me):
        if me in s["tokens"]:
            return "spin"
        return "announce" if s["word"][0] else "take"

    def spin(s, me):
        to_acquire = "withdraw to acquire" if withdraw_to_acquire else "take"
        if s["designated"] not in ((me, False), (me, True)):
            return to_acquire
        spin_on = ("request: announce" if requests_again else "request: probe") if s["designated"][1] else "request"
        if not s["word"][0]:
            return either(to_acquire, spin_on)
        return either(*["withdraw to park" if withdraw_to_park else "announce"] * parks_again, spin_on)

    def request(s, me):
        if s["designated"] == (me, False):
            s["designated"] = (me, True)
            return "request: announce"
        return "spin"

    def withdraw(to):
        def step(s, me):
            if me not in s["tokens"]:
                return to
            if s["designated"] in ((me, False), (me, True)):
                s["designated"] = NO_THREAD
                s["tokens"] -= {me}
                return to
            return "withdraw: lock"

        return step

    def is_token_gone(s, me):
        # The token does not return here, because no two threads unlock at once.
        s["bucket"] = None
        s["tokens"] -= {me}
        return "slow" if ignore_hand_off else "critical"

    def take_if_free(s, me):
        owner, waiters = s["word"]
        if owner:
            return "withdraw to park" if withdraw_to_park else "announce"
        if not swap:
            return "take: store"
        s["tokens"] -= {me}
        return take(s, me, "critical", waiters)

    def announce(to):
        def step(s, me):
            if s["word"][0]:
                s["word"] = (s["word"][0], True)
            return to

        return step

    def unparked(s, me):
        if me in s["handed_off"]:
            s["handed_off"] -= {me}
            return "slow" if ignore_hand_off else "critical"
        return "slow"

    def last_try(s, me):
        owner, waiters = s["word"]
        return DONE if owner else take(s, me, "critical", waiters)

    def critical(s, me):
        assert not unlocks or s["owner"] is None, f"two owners: {s['owner']} and {me}"
        s["owner"] = me
        s["locks"] += 1
        return "unlock" if unlocks else DONE

    # ---- unlock

    def unlock(s, me):
        s["owner"] = None
        return "unlock: swap"

    def unlock_swap(s, me):
        assert s["word"][0], "released unlocked"
        if s["word"][1]:
            return "unlock: check"
        s["word"] = FREE
        return DONE

    def unlock_check(s, me):
        if s["designated"] is NO_THREAD or s["designated"][1]:
            return "unpark: lock"
        return either(*["rely on it"] * (False in fair), *["unpark: lock"] * (True in fair))

    def rely_on_it(s, me):
        s["word"] = FREE if forget_waiters else (0, True)
        return "recheck" if recheck else DONE

    def recheck_step(s, me):
        return "another: lock" if s["designated"] is NO_THREAD else DONE

    def another(s, me):
        if (s["designated"] is NO_THREAD or not one_designated) and s["queue"] and not s["word"][0]:
            s["word"] = (0, len(s["queue"]) > 1)
            return "unpark: first"
        s["bucket"] = None
        return DONE

    def decide(s, me):
        if s["designated"] is not NO_THREAD:
            who, requests = s["designated"]
            hand = requests or True in fair
            return either(*[f"hand off to {who}"] * hand, *["unpark: none"] * (not requests and False in fair))
        if s["queue"]:
            return either(*["hand off"] * (True in fair), *["unpark: designate"] * (False in fair))
        return "unpark: none"

    def hand_to(who):
        def step(s, me):
            if s["designated"] not in ((who, False), (who, True)):
                if clear_designated:
                    return "unpark: decide"
            else:
                s["designated"] = NO_THREAD
            return f"handed off to {who}"

        return step

    def handed_to(who):
        def step(s, me):
            s["word"] = (who + 1, bool(s["queue"]) and not forget_waiters)
            if s["queue"]:
                return "unpark: first"
            s["bucket"] = None
            return DONE

        return step

    def hand_off(s, me):
        first = unpark_first(s, handed_off=True)
        s["word"] = (first + 1, bool(s["queue"]) and not forget_waiters)
        s["bucket"] = None
        return DONE

    def unpark_none(s, me):
        s["word"] = (0, bool(s["queue"]))
        s["bucket"] = None
        return DONE

    def designate_first(s, me):
        s["word"] = (0, len(s["queue"]) > 1 and not forget_waiters)
        return "unpark: first"

    def designate(s, me):
        s["designated"] = (unpark_first(s), False)
        s["bucket"] = None
        return DONE

    return {
        "start": try_lock,
        "slow": slow,
        "request": request,
        "request: announce": announce("spin"),
        "request: probe": lambda s, me: "spin",
        "spin": spin,
        "withdraw to acquire": withdraw("take"),
        "withdraw to park": withdraw("announce"),
        "withdraw: lock": lock_bucket("withdraw: check"),
        "withdraw: check": is_token_gone,
        "take": take_if_free,
        "take: store": lambda s, me: take(s, me, "critical", s["word"][1]),
        "announce": announce("park"),
        "unparked": unparked,
        "last try": last_try,
        "critical": critical,
        "unlock": unlock,
        "unlock: swap": unlock_swap,
        "unlock: check": unlock_check,
        "rely on it": rely_on_it,
        "recheck": recheck_step,
        "another: lock": lock_bucket("another"),
        "another": another,
        **park_steps(
            lambda s, me: s["word"][0] and s["word"][1], "unparked", "last try" if timeout else None, test_first
        ),
        "unpark: lock": lock_bucket("unpark: decide"),
        "unpark: decide": decide,
        **{f"hand off to {who}": hand_to(who) for who in FOUR},
        **{f"handed off to {who}": handed_to(who) for who in FOUR},
        "hand off": hand_off,
        "unpark: none": unpark_none,
        "unpark: designate": designate_first,
        "unpark: first": designate,
    }


MUTEX = PARKING_LOT | {
    "word": FREE,
    "owner": None,
    "designated": NO_THREAD,
    "tokens": frozenset(),
    "handed_off": frozenset(),
    "locks": 0,
}


def after_each(program, then):
    """The program with then(s, me, to) as a part of each step: it returns the next label instead of `to`."""

    def both(step):
        return lambda s, me: then(s, me, step(s, me))

    return {label: both(step) for label, step in program.items()}


def repeated_locker(**variant):
    """A thread at its end starts again, while rounds are left for all threads."""

    def restart(s, me, to):
        if to != DONE or not s["rounds"]:
            return to
        s["rounds"] -= 1
        return "start"

    return after_each(locker(**variant), restart)
