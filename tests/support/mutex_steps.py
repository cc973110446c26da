"""The steps of `src/sync/ap_mutex.c` for the exhaustive search: lock and unlock. What a step is, sleepers.py says."""

from interleavings import DONE
from sleepers import SLEEPERS, lock_bucket, take_first, wait_steps

# The word: who owns it (0: nobody), and whether somebody may sleep. `awake`: who was woken, and whether it asks.
FREE = (0, False)
NOBODY = None
FOUR = range(4)


def either(*labels):
    return [lambda s, me, to=to: to for to in labels]


def wake_first(s, handed=False):
    """With the table locked: takes the first out of the line."""
    (first,) = take_first(s, 1)
    s["handed" if handed else "tokens"] |= {first}
    return first


def locker(
    timeout=False,
    fair=(False, True),
    swap=True,
    test_first=False,
    forget_the_rest=False,
    ignore_the_hand=False,
    look_again=True,
    withdraw_to_sleep=True,
    withdraw_to_take=True,
    take_the_mark=True,
    one_awake=True,
    asks_again=True,
    tires=True,
    unlocks=True,
):
    """lock and unlock. Whether it is time to be fair is tried both ways; so is whether one that stands by tires of it.

    Broken: taken by a load and a store; the word tested before the table is locked; WAITERS taken away though others
    sleep; a thread that was handed the mutex waits for it; an unlock that counts on one that has withdrawn; a thread
    that others count on sleeps, or takes the mutex; a hand-over to one that has withdrawn; another one woken while one
    is awake; one that stands by and says only once that it asks."""

    def take(s, me, to, waiters):
        s["word"] = (me + 1, waiters)
        return to

    # ---- lock

    def try_lock(s, me):
        owner, waiters = s["word"]
        return "slow" if owner else take(s, me, "critical", waiters)

    def slow(s, me):
        if me in s["tokens"]:
            return "stand by"
        return "announce" if s["word"][0] else "take"

    def stand_by(s, me):
        to_take = "withdraw to take" if withdraw_to_take else "take"
        if s["awake"] not in ((me, False), (me, True)):
            return to_take
        look_on = ("ask: announce" if asks_again else "ask: look") if s["awake"][1] else "ask"
        if not s["word"][0]:
            return either(to_take, look_on)
        return either(*["withdraw to sleep" if withdraw_to_sleep else "announce"] * tires, look_on)

    def ask(s, me):
        if s["awake"] == (me, False):
            s["awake"] = (me, True)
            return "ask: announce"
        return "stand by"

    def withdraw(to):
        def step(s, me):
            if me not in s["tokens"]:
                return to
            if s["awake"] in ((me, False), (me, True)):
                s["awake"] = NOBODY
                s["tokens"] -= {me}
                return to
            return "withdraw: lock"

        return step

    def is_token_gone(s, me):
        # It does not come back here: no two threads unlock at once.
        s["bucket"] = None
        s["tokens"] -= {me}
        return "slow" if ignore_the_hand else "critical"

    def take_if_free(s, me):
        owner, waiters = s["word"]
        if owner:
            return "withdraw to sleep" if withdraw_to_sleep else "announce"
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

    def woken(s, me):
        if me in s["handed"]:
            s["handed"] -= {me}
            return "slow" if ignore_the_hand else "critical"
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
            return "unlock: look"
        s["word"] = FREE
        return DONE

    def unlock_look(s, me):
        if s["awake"] is NOBODY or s["awake"][1]:
            return "wake: lock"
        return either(*["count on it"] * (False in fair), *["wake: lock"] * (True in fair))

    def count_on_it(s, me):
        s["word"] = FREE if forget_the_rest else (0, True)
        return "look again" if look_again else DONE

    def look_again_step(s, me):
        return "another: lock" if s["awake"] is NOBODY else DONE

    def another(s, me):
        if (s["awake"] is NOBODY or not one_awake) and s["queue"] and not s["word"][0]:
            s["word"] = (0, len(s["queue"]) > 1)
            return "wake: first"
        s["bucket"] = None
        return DONE

    def decide(s, me):
        if s["awake"] is not NOBODY:
            who, asks = s["awake"]
            hand = asks or True in fair
            return either(*[f"hand to {who}"] * hand, *["wake: nobody"] * (not asks and False in fair))
        if s["queue"]:
            return either(*["hand over"] * (True in fair), *["wake: free"] * (False in fair))
        return "wake: nobody"

    def hand_to(who):
        def step(s, me):
            if s["awake"] not in ((who, False), (who, True)):
                if take_the_mark:
                    return "wake: decide"
            else:
                s["awake"] = NOBODY
            return f"handed to {who}"

        return step

    def handed_to(who):
        def step(s, me):
            s["word"] = (who + 1, bool(s["queue"]) and not forget_the_rest)
            if s["queue"]:
                return "wake: first"
            s["bucket"] = None
            return DONE

        return step

    def hand_over(s, me):
        first = wake_first(s, handed=True)
        s["word"] = (first + 1, bool(s["queue"]) and not forget_the_rest)
        s["bucket"] = None
        return DONE

    def wake_nobody(s, me):
        s["word"] = (0, bool(s["queue"]))
        s["bucket"] = None
        return DONE

    def wake_free(s, me):
        s["word"] = (0, len(s["queue"]) > 1 and not forget_the_rest)
        return "wake: first"

    def wake_one(s, me):
        s["awake"] = (wake_first(s), False)
        s["bucket"] = None
        return DONE

    return {
        "start": try_lock,
        "slow": slow,
        "ask": ask,
        "ask: announce": announce("stand by"),
        "ask: look": lambda s, me: "stand by",
        "stand by": stand_by,
        "withdraw to take": withdraw("take"),
        "withdraw to sleep": withdraw("announce"),
        "withdraw: lock": lock_bucket("withdraw: look"),
        "withdraw: look": is_token_gone,
        "take": take_if_free,
        "take: store": lambda s, me: take(s, me, "critical", s["word"][1]),
        "announce": announce("wait"),
        "woken": woken,
        "last try": last_try,
        "critical": critical,
        "unlock": unlock,
        "unlock: swap": unlock_swap,
        "unlock: look": unlock_look,
        "count on it": count_on_it,
        "look again": look_again_step,
        "another: lock": lock_bucket("another"),
        "another": another,
        **wait_steps(lambda s, me: s["word"][0] and s["word"][1], "woken", "last try" if timeout else None, test_first),
        "wake: lock": lock_bucket("wake: decide"),
        "wake: decide": decide,
        **{f"hand to {who}": hand_to(who) for who in FOUR},
        **{f"handed to {who}": handed_to(who) for who in FOUR},
        "hand over": hand_over,
        "wake: nobody": wake_nobody,
        "wake: free": wake_free,
        "wake: first": wake_one,
    }


MUTEX = SLEEPERS | {
    "word": FREE,
    "owner": None,
    "awake": NOBODY,
    "tokens": frozenset(),
    "handed": frozenset(),
    "locks": 0,
}


def after_each(program, then):
    """The program, and then(s, me, to) as a part of each of its steps: returns where it goes instead of `to`."""

    def both(step):
        return lambda s, me: then(s, me, step(s, me))

    return {label: both(step) for label, step in program.items()}


def once_more(**variant):
    """Whoever is at its end begins again, as often as there are rounds left for all."""

    def and_again(s, me, to):
        if to != DONE or not s["rounds"]:
            return to
        s["rounds"] -= 1
        return "start"

    return after_each(locker(**variant), and_again)
