"""Mutex in every interleaving of a few threads, and broken on purpose: the search finds what breaks.

The program says, step by step, what the C of `src/ap_mutex.c` does. What a step is, sleepers.py says.
"""

import pytest
from interleavings import BLOCKED, DONE, InterleavingError, explore
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

    def ask_announce(s, me):
        if s["word"][0]:
            s["word"] = (s["word"][0], True)
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

    def announce(s, me):
        if s["word"][0]:
            s["word"] = (s["word"][0], True)
        return "wait"

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
        "ask: announce": ask_announce,
        "ask: look": lambda s, me: "stand by",
        "stand by": stand_by,
        "withdraw to take": withdraw("take"),
        "withdraw to sleep": withdraw("announce"),
        "withdraw: lock": lock_bucket("withdraw: look"),
        "withdraw: look": is_token_gone,
        "take": take_if_free,
        "take: store": lambda s, me: take(s, me, "critical", s["word"][1]),
        "announce": announce,
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


def once_more(**variant):
    """Whoever is at its end begins again, as often as there are rounds left for all."""

    def and_again(step):
        def stepped(s, me):
            to = step(s, me)
            if to != DONE or not s["rounds"]:
                return to
            s["rounds"] -= 1
            return "start"

        return stepped

    return {label: and_again(step) for label, step in locker(**variant).items()}


def test_mutex_locked_again_and_again():
    assert explore(MUTEX | {"rounds": 3}, [once_more() for _ in range(3)]) > 50000


def test_a_mutex_for_which_another_is_woken_while_one_is_awake_is_found():
    with pytest.raises(InterleavingError, match="released unlocked"):
        explore(MUTEX | {"rounds": 1}, [once_more(one_awake=False, fair=(False,)) for _ in range(4)])


def releaser(times, **broken):
    """Unlocks what others have locked: each time as soon as the word says that one has."""
    program = locker(**broken)

    def and_again(step):
        def stepped(s, me):
            to = step(s, me)
            return "again" if to == DONE else to

        return stepped

    def again(s, me):
        if s["releases"] == times:
            return DONE
        if s["word"][0] in (0, me + 1):
            return BLOCKED
        s["releases"] += 1
        return "unlock: swap"

    return {label: and_again(step) for label, step in program.items()} | {"start": again, "again": again}


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

    def watched(step):
        def stepped(s, me):
            waited = s["patient waits"]
            to = step(s, me)
            assert not (to == "critical" and waited), "it overtook the one that waits"
            return to

        return stepped

    return {label: watched(step) for label, step in once_more(fair=(fair,)).items()}


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

    def watched(step):
        def stepped(s, me):
            to = step(s, me)
            if to == "critical" and s["overtakes"] is not None:
                s["overtakes"] += 1
                assert s["overtakes"] <= 1, "it overtook the one that asks"
            return to

        return stepped

    return {label: watched(step) for label, step in once_more(fair=(False,)).items()}


ASKING = MUTEX | {"overtakes": None, "rounds": 5}


def test_one_that_stands_by_and_asks_gets_the_mutex():
    assert explore(ASKING, [hammering(), stander()]) > 300


def test_one_that_says_only_once_that_it_asks_is_found_unfair():
    with pytest.raises(InterleavingError, match="it overtook"):
        explore(ASKING, [hammering(), stander(asks_again=False)])
