"""The steps of `src/park/ap_park.c` for the exhaustive search: the parking lot, ap_park and ap_unpark.

A step is what no other thread can split: an atomic operation, or a change of the table between locking and unlocking
its bucket (the wait for that lock is a step of its own).
"""

from interleavings import BLOCKED

# `taken`: pairs of a thread and the waiter that it has dequeued and not yet unparked. `unparked`: threads that may go
# on.
PARKING_LOT = {"bucket": None, "parked": 0, "queue": (), "taken": frozenset(), "unparked": frozenset()}

PARKED = ("park: parked", "park: leave", "park: last")


def dequeue_first(s, n, taker=None):
    """With the bucket locked: dequeue the first n. Without a taker they are unparked in the same step, because each
    step that can precede a waiter's return can also follow it.
    """
    first, s["queue"] = s["queue"][:n], s["queue"][n:]
    s["parked"] -= len(first)
    if taker is None:
        s["unparked"] |= set(first)
    else:
        s["taken"] |= {(taker, waiter) for waiter in first}
    return first


def lock_bucket(to):
    def step(s, me):
        if s["bucket"] is not None:
            return BLOCKED
        s["bucket"] = me
        return to

    return step


def park_steps(validate, unparked_to, timed_out_to=None, test_first=False, count_last=False, leave_taken=False):
    """ap_park: validates with the bucket locked, after adding 1 to the waiter count. Broken variants validate before
    one of the two, or leave although another thread has dequeued the waiter and will unpark it.
    """

    def count(s, me):
        s["parked"] += 1
        return "park: parked" if count_last else "park: validate"

    def test_early(s, me):
        return "park: lock" if validate(s, me) else unparked_to

    def test_and_queue(s, me):
        if not test_first and not validate(s, me):
            s["bucket"] = None
            s["parked"] -= not count_last
            return unparked_to
        s["queue"] = (*s["queue"], me)
        if count_last:
            return "park: count"
        s["bucket"] = None
        return "park: parked"

    def count_and_unlock(s, me):
        s["bucket"] = None
        return count(s, me)

    def parked(s, me):
        if timed_out_to and me not in s["unparked"]:
            return [return_from_park, lambda s, me: "park: leave"]
        return return_from_park(s, me)

    def return_from_park(s, me):
        if me not in s["unparked"]:
            return BLOCKED
        s["unparked"] -= {me}
        return unparked_to

    def leave(s, me):
        if s["bucket"] is not None:
            return BLOCKED
        if me not in s["queue"]:
            return unparked_to if leave_taken else "park: last"
        s["queue"] = tuple(other for other in s["queue"] if other != me)
        s["parked"] -= 1
        return timed_out_to

    locked_to = "park: validate" if count_last else "park: count"
    return {
        "park": test_early if test_first else lock_bucket(locked_to),
        "park: lock": lock_bucket(locked_to),
        "park: count": count_and_unlock if count_last else count,
        "park: validate": test_and_queue,
        "park: parked": parked,
        "park: leave": leave,
        "park: last": return_from_park,
    }


def unpark_steps(n, to):
    def look(s, me):
        return "unpark: lock" if s["parked"] else to

    def take(s, me):
        dequeue_first(s, n, taker=me)
        s["bucket"] = None
        return "unpark: unpark"

    def unpark(s, me):
        waiter = min((waiter for taker, waiter in s["taken"] if taker == me), default=None)
        if waiter is None:
            return to
        assert s["pc"][waiter] in PARKED, "unparked after its return"
        s["taken"] -= {(me, waiter)}
        s["unparked"] |= {waiter}
        return "unpark: unpark"

    return {
        "unpark": look,
        "unpark: lock": lock_bucket("unpark: dequeue"),
        "unpark: dequeue": take,
        "unpark: unpark": unpark,
    }
