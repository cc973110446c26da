"""The steps of `src/park/ap_park.c` for the exhaustive search: the table of sleepers, ap_park and ap_unpark.

A step is what no other thread can split: an atomic operation, or what is done to the table with its lock held between
taking the lock and letting it go (there the lock's own wait is a step of its own).
"""

from interleavings import BLOCKED

# `taken`: who took whom out of the queue, and has yet to unpark it. `unparked`: who may go on.
SLEEPERS = {"bucket": None, "sleepers": 0, "queue": (), "taken": frozenset(), "unparked": frozenset()}

PARKED = ("wait: asleep", "wait: leave", "wait: last")


def take_first(s, n, taker=None):
    """With the bucket locked: the first n out of the queue. Without a taker they are unparked in the same step: all
    that may happen before a sleeper goes on may happen after it, too."""
    first, s["queue"] = s["queue"][:n], s["queue"][n:]
    s["sleepers"] -= len(first)
    if taker is None:
        s["unparked"] |= set(first)
    else:
        s["taken"] |= {(taker, sleeper) for sleeper in first}
    return first


def lock_bucket(to):
    def step(s, me):
        if s["bucket"] is not None:
            return BLOCKED
        s["bucket"] = me
        return to

    return step


def wait_steps(still, woken_to, timed_out_to=None, test_first=False, count_last=False, leave_taken=False):
    """ap_park: `still` is asked with the bucket locked and after counting itself; or, broken, before one of the two; or
    the thread leaves though another has taken it out of the queue and will unpark it."""

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
        if timed_out_to and me not in s["unparked"]:
            return [wake_up, lambda s, me: "wait: leave"]
        return wake_up(s, me)

    def wake_up(s, me):
        if me not in s["unparked"]:
            return BLOCKED
        s["unparked"] -= {me}
        return woken_to

    def leave(s, me):
        if s["bucket"] is not None:
            return BLOCKED
        if me not in s["queue"]:
            return woken_to if leave_taken else "wait: last"
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
        "wait: leave": leave,
        "wait: last": wake_up,
    }


def wake_steps(n, to):
    def look(s, me):
        return "wake: lock" if s["sleepers"] else to

    def take(s, me):
        take_first(s, n, taker=me)
        s["bucket"] = None
        return "wake: unpark"

    def unpark(s, me):
        sleeper = min((sleeper for taker, sleeper in s["taken"] if taker == me), default=None)
        if sleeper is None:
            return to
        assert s["pc"][sleeper] in PARKED, "unparked, and is back already"
        s["taken"] -= {(me, sleeper)}
        s["unparked"] |= {sleeper}
        return "wake: unpark"

    return {"wake": look, "wake: lock": lock_bucket("wake: take"), "wake: take": take, "wake: unpark": unpark}
