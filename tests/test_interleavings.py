"""The blocking core in every interleaving of a few threads, and broken on purpose: the search finds what breaks.

Each program says, step by step, what `src/ap_wait.c`, `ap_mutex`, `ap_waitgroup` and `atomic_ref.pyx` do. A step is what
no other thread can split: an atomic operation, or what is done to the table of sleepers with its lock held between
taking the lock and letting it go (there the lock's own wait is a step of its own).
"""

import pytest
from interleavings import BLOCKED, DONE, InterleavingError, explore

# ---- ap_wait and ap_wake: the table of sleepers -----------------------------------------------------------------

SLEEPERS = {"bucket": None, "sleepers": 0, "queue": (), "woken": frozenset()}


def lock_bucket(to):
    def step(s, me):
        if s["bucket"] is not None:
            return BLOCKED
        s["bucket"] = me
        return to

    return step


def wait_steps(still, woken_to, timed_out_to=None, test_first=False, count_last=False):
    """ap_wait: `still` is asked with the bucket locked and after counting itself; or, broken, before one of the two."""

    def count(s, me):
        s["sleepers"] += 1
        return "wait: asleep" if count_last else "wait: test"

    def test_early(s, me):
        return "wait: lock" if still(s, me) else woken_to

    def test_and_queue(s, me):
        if not test_first and not still(s, me):
            s["bucket"] = None
            s["sleepers"] -= not count_last
            return woken_to
        s["queue"] = (*s["queue"], me)
        if count_last:
            return "wait: count"
        s["bucket"] = None
        return "wait: asleep"

    def count_and_unlock(s, me):
        s["bucket"] = None
        return count(s, me)

    def asleep(s, me):
        if timed_out_to and me not in s["woken"]:
            return [wake_up, time_out]
        return wake_up(s, me)

    def wake_up(s, me):
        # The condition comes back with the bucket locked; the sleeper then lets it go: here both at once.
        if me not in s["woken"] or s["bucket"] is not None:
            return BLOCKED
        s["woken"] -= {me}
        s["sleepers"] -= 1
        return woken_to

    def time_out(s, me):
        if s["bucket"] is not None:
            return BLOCKED
        s["queue"] = tuple(other for other in s["queue"] if other != me)
        s["sleepers"] -= 1
        return timed_out_to

    locked_to = "wait: test" if count_last else "wait: count"
    return {
        "wait": test_early if test_first else lock_bucket(locked_to),
        "wait: lock": lock_bucket(locked_to),
        "wait: count": count_and_unlock if count_last else count,
        "wait: test": test_and_queue,
        "wait: asleep": asleep,
    }


def wake_steps(n, to):
    def wake(s, me):
        s["woken"] |= set(s["queue"][:n])
        s["queue"] = s["queue"][n:]
        s["bucket"] = None
        return to

    def look(s, me):
        return "wake: lock" if s["sleepers"] else to

    return {"wake": look, "wake: lock": lock_bucket("wake: search"), "wake: search": wake}


# ---- a value, a waiter, a change and a notify -------------------------------------------------------------------


def waiter(**broken):
    def test(s, me):
        return DONE if s["value"] != 0 else "wait"

    return {"start": test, **wait_steps(lambda s, me: s["value"] == 0, "start", **broken)}


def changer(notify_first=False):
    def change(s, me):
        s["value"] += 1
        return DONE if notify_first else "wake"

    if notify_first:
        return {**wake_steps(9, "change"), "start": wake_steps(9, "change")["wake"], "change": change}
    return {"start": change, **wake_steps(9, DONE)}


def test_no_wake_up_is_lost():
    assert explore(SLEEPERS | {"value": 0}, [waiter(), waiter(), changer(), changer()]) > 200


@pytest.mark.parametrize(
    "programs",
    [
        pytest.param([waiter(test_first=True), changer()], id="the value tested before the table is locked"),
        pytest.param([waiter(count_last=True), changer()], id="the value tested before the sleeper is counted"),
        pytest.param([waiter(), changer(notify_first=True)], id="notified before the change"),
    ],
)
def test_a_lost_wake_up_is_found(programs):
    with pytest.raises(InterleavingError, match="nobody can go on"):
        explore(SLEEPERS | {"value": 0}, programs)


# ---- ap_mutex ---------------------------------------------------------------------------------------------------

UNLOCKED, LOCKED, CONTENDED = range(3)


def locker(timeout=False, take_as=CONTENDED, swap=True, test_first=False):
    def try_lock(s, me):
        if s["word"] == UNLOCKED:
            s["word"] = LOCKED
            return "critical"
        return "slow"

    def slow(s, me):
        if not swap and s["word"] == UNLOCKED:
            return "slow: store"
        old, s["word"] = s["word"], take_as if s["word"] == UNLOCKED else CONTENDED
        return "critical" if old == UNLOCKED else "wait"

    def store(s, me):
        s["word"] = CONTENDED
        return "critical"

    def last_try(s, me):
        if s["word"] != UNLOCKED:
            return DONE
        s["word"] = LOCKED
        return "critical"

    def critical(s, me):
        assert s["owner"] is None, f"two owners: {s['owner']} and {me}"
        s["owner"] = me
        return "unlock"

    def unlock(s, me):
        s["owner"] = None
        return "unlock: swap"

    def unlock_swap(s, me):
        old, s["word"] = s["word"], UNLOCKED
        assert old != UNLOCKED, "released unlocked"
        return "wake" if old == CONTENDED else DONE

    return {
        "start": try_lock,
        "slow": slow,
        "slow: store": store,
        "last try": last_try,
        "critical": critical,
        "unlock": unlock,
        "unlock: swap": unlock_swap,
        **wait_steps(lambda s, me: s["word"] == CONTENDED, "slow", "last try" if timeout else None, test_first),
        **wake_steps(1, DONE),
    }


MUTEX = SLEEPERS | {"word": UNLOCKED, "owner": None}


@pytest.mark.parametrize("timeouts", [0, 1, 2])
def test_mutex_has_one_owner_and_forgets_no_sleeper(timeouts):
    assert explore(MUTEX, [locker(timeout=me < timeouts) for me in range(4 - (timeouts > 0))]) > 500


@pytest.mark.parametrize(
    ("broken", "what"),
    [
        pytest.param({"swap": False}, "two owners", id="a store where a swap is needed"),
        pytest.param({"take_as": LOCKED}, "nobody can go on", id="the woken one forgets the others that sleep"),
        pytest.param({"test_first": True}, "nobody can go on", id="the word tested before the table is locked"),
    ],
)
def test_a_broken_mutex_is_found(broken, what):
    with pytest.raises(InterleavingError, match=what):
        explore(MUTEX, [locker(**broken) for _ in range(4)])


# ---- ap_waitgroup -----------------------------------------------------------------------------------------------


def group_waiter(rounds=True):
    def ticket(s, me):
        s[f"ticket {me}"] = s["round"]
        return "look"

    def still_open(s, me):
        return s["count"] > 0 and (not rounds or s["round"] == s[f"ticket {me}"])

    def look(s, me):
        return "wait" if still_open(s, me) else DONE

    return {"start": ticket, "look": look, **wait_steps(still_open, "look")}


def doer_that_reuses():
    """done() to zero, then add(1) at once, which nobody takes back: the group stays in use."""

    def done(s, me):
        s["count"] -= 1
        if s["count"]:
            return DONE
        s["round"] += 1
        return "reuse"

    def reuse(s, me):
        s["count"] += 1
        return "wake"

    return {"start": done, "reuse": reuse, **wake_steps(9, DONE)}


GROUP = SLEEPERS | {"count": 2, "round": 0}


def test_a_waiter_leaves_though_the_group_is_used_again():
    # The waiters hold a ticket of the round that ends: they drew it while the count was above zero.
    start = GROUP | {"ticket 0": 0, "ticket 1": 0}
    programs = [group_waiter(), group_waiter(), doer_that_reuses(), doer_that_reuses()]
    for program in programs[:2]:
        program["start"] = program["look"]
    assert explore(start, programs) > 200


def test_a_wait_group_without_rounds_is_found():
    programs = [group_waiter(rounds=False), doer_that_reuses(), doer_that_reuses()]
    programs[0]["start"] = programs[0]["look"]
    with pytest.raises(InterleavingError, match="nobody can go on"):
        explore(GROUP | {"ticket 0": 0}, programs)


# ---- AtomicRef without the GIL ----------------------------------------------------------------------------------

# Memory is a tuple of (object, count, enabled), one per address; an object is a number that is given once. A count of
# zero is a dead object, whose memory the next object may take.
MEMORY = {"pointer": 0, "memory": ((0, 1, True), (None, 0, False)), "made": 1}


def count(s, address, n):
    thing, references, enabled = s["memory"][address]
    put(s, address, (thing, references + n, enabled and references + n > 0))


def put(s, address, content):
    s["memory"] = (*s["memory"][:address], content, *s["memory"][address + 1 :])


def ref_reader(tries=True, looks_again=True):
    """AtomicRef.load, and then a use of the object. Broken: it counts without asking; or does not look again."""

    def load(s, me):
        address = s["pointer"]
        s[f"seen {me}"] = address, s["memory"][address][0]
        return "try"

    def try_incref(s, me):
        address, thing = s[f"seen {me}"]
        now, references, enabled = s["memory"][address]
        if tries and not (references and enabled):
            # In the reference there is never an object that is refused: else this would go round for ever.
            assert (s["pointer"], thing) != (address, now), "refused an object that is in the reference"
            return "start"
        assert references, "a reference to a freed object"
        count(s, address, 1)
        s[f"seen {me}"] = address, now
        return "look again" if looks_again else "return"

    def look_again(s, me):
        return "return" if s["pointer"] == s[f"seen {me}"][0] else "drop and start"

    def drop(to):
        def step(s, me):
            count(s, s.pop(f"seen {me}")[0], -1)
            return to

        return step

    def returned(s, me):
        assert s[f"seen {me}"][1] in s["stored"], "an object that never was in the reference"
        return "drop"

    return {
        "start": load,
        "try": try_incref,
        "look again": look_again,
        "drop and start": drop("start"),
        "return": returned,
        "drop": drop(DONE),
    }


def ref_writer(stores=2, enables=True):
    """Make an object, AtomicRef.store it, drop the old one; and an object that is not stored at all, in memory that
    was freed. Broken: the object stays as it was made."""

    def make(to):
        def step(s, me):
            free = [address for address, content in enumerate(s["memory"]) if not content[1]]
            if not free:
                return DONE  # readers hold on to all of it
            s[f"new {me}"] = free[0]
            put(s, free[0], (s["made"], 1, to == "other"))
            s["made"] += 1
            return to

        return step

    def enable(s, me):
        thing, references, _ = s["memory"][s[f"new {me}"]]
        put(s, s[f"new {me}"], (thing, references, enables))
        return "exchange"

    def exchange(s, me):
        s[f"old {me}"], s["pointer"] = s["pointer"], s.pop(f"new {me}")
        s["stored"] = (*s["stored"], s["memory"][s["pointer"]][0])
        return "drop"

    def drop(s, me):
        count(s, s.pop(f"old {me}"), -1)
        s[f"stores {me}"] = s.get(f"stores {me}", 0) + 1
        return "start" if s[f"stores {me}"] < stores else "make another"

    def drop_another(s, me):
        count(s, s.pop(f"new {me}"), -1)
        return DONE

    return {
        "start": make("enable"),
        "enable": enable,
        "exchange": exchange,
        "drop": drop,
        "make another": make("other"),
        "other": drop_another,
    }


REFERENCE = MEMORY | {"stored": (0,)}


def test_a_reader_gets_an_object_that_lives_and_was_in_the_reference():
    assert explore(REFERENCE, [ref_reader(), ref_reader(), ref_writer()]) > 500
    three = REFERENCE | {"memory": (*REFERENCE["memory"], (None, 0, False))}
    assert explore(three, [ref_reader(), ref_writer(1), ref_writer(1)]) > 500


@pytest.mark.parametrize(
    ("programs", "what"),
    [
        ([ref_reader(tries=False), ref_writer()], "freed object"),
        ([ref_reader(looks_again=False), ref_writer()], "never was in the reference"),
        ([ref_reader(), ref_writer(enables=False)], "refused an object"),
    ],
    ids=["counted without asking", "not looked at again", "stored without enabling it"],
)
def test_a_broken_reference_is_found(programs, what):
    with pytest.raises(InterleavingError, match=what):
        explore(REFERENCE, programs)
