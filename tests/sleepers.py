"""The steps of `src/ap_wait.c` for the exhaustive search: the table of sleepers, ap_wait and ap_wake.

A step is what no other thread can split: an atomic operation, or what is done to the table with its lock held between
taking the lock and letting it go (there the lock's own wait is a step of its own).
"""

from interleavings import BLOCKED

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
