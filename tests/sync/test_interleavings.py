"""Waiting, WaitGroup, Once and AtomicRef in every interleaving of a few threads. The search finds the broken variants.

Each program has the steps of the code of that name. parking_steps.py defines a step.
"""

import pytest
from interleavings import DONE, InterleavingError, explore
from parking_steps import PARKING_LOT, park_steps, unpark_steps

# ---- a value, a waiter, a change and a notify -------------------------------------------------------------------


def waiter(**broken):
    def test(s, me):
        return DONE if s["value"] != 0 else "park"

    return {"start": test, **park_steps(lambda s, me: s["value"] == 0, "start", **broken)}


def changer(notify_first=False):
    def change(s, me):
        s["value"] += 1
        return DONE if notify_first else "unpark"

    if notify_first:
        return {**unpark_steps(9, "change"), "start": unpark_steps(9, "change")["unpark"], "change": change}
    return {"start": change, **unpark_steps(9, DONE)}


def test_no_wake_up_is_lost():
    assert explore(PARKING_LOT | {"value": 0}, [waiter(), waiter(), changer(), changer()]) > 200


TIMED = {"timed_out_to": "start"}


def test_no_thread_is_unparked_after_its_return_when_deadlines_pass():
    assert explore(PARKING_LOT | {"value": 0}, [waiter(**TIMED), waiter(**TIMED), changer(), changer()]) > 500


def test_a_thread_that_leaves_while_another_is_about_to_unpark_it_is_found():
    with pytest.raises(InterleavingError, match="after its return"):
        explore(PARKING_LOT | {"value": 0}, [waiter(**TIMED, leave_taken=True), changer()])


@pytest.mark.parametrize(
    "programs",
    [
        pytest.param([waiter(test_first=True), changer()], id="validated before the bucket is locked"),
        pytest.param([waiter(count_last=True), changer()], id="validated before the waiter is counted"),
        pytest.param([waiter(), changer(notify_first=True)], id="notified before the change"),
    ],
)
def test_a_lost_wake_up_is_found(programs):
    with pytest.raises(InterleavingError, match="no thread can go on"):
        explore(PARKING_LOT | {"value": 0}, programs)


# ---- ap_waitgroup -----------------------------------------------------------------------------------------------


def group_waiter(counted=True):
    def enter(s, me):
        if not s["count"]:
            return DONE
        s["waiters"] += counted
        return "look"

    def look(s, me):
        return "park" if s["count"] else "leave"

    def leave(s, me):
        s["waiters"] -= counted
        return DONE

    return {"start": enter, "look": look, "leave": leave, **park_steps(lambda s, me: s["count"] > 0, "look")}


def doer_that_reuses():
    """done(). The thread that reaches zero tries an add(1) at once, without a done() for it: the group stays in use."""

    def done(s, me):
        s["count"] -= 1
        if s["count"]:
            return DONE
        return "reuse" if s["waiters"] == 0 else "unpark"

    def reuse(s, me):
        if s["waiters"]:
            return DONE  # refused
        s["count"] += 1
        return DONE

    return {"start": done, "reuse": reuse, **unpark_steps(9, "reuse")}


GROUP = PARKING_LOT | {"count": 2, "waiters": 0}


def entered(waiter):
    """A waiter that has entered: one that enters later may find the group in use again, and wait."""
    return waiter | {"start": waiter["look"]}


def test_each_waiter_returns_because_the_group_is_not_reused_before():
    programs = [entered(group_waiter()), entered(group_waiter()), doer_that_reuses(), doer_that_reuses()]
    assert explore(GROUP | {"waiters": 2}, programs) > 200


def test_a_wait_group_that_does_not_count_its_waiters_is_found():
    programs = [entered(group_waiter(counted=False)), doer_that_reuses(), doer_that_reuses()]
    with pytest.raises(InterleavingError, match="no thread can go on"):
        explore(GROUP, programs)


# ---- ap_once ----------------------------------------------------------------------------------------------------


def caller(announced=True, swap=True):
    def begin(s, me):
        if s["state"] == "new":
            if not swap:
                return "store"
            s["state"] = "running"
            return "run"
        return "look"

    def store(s, me):
        s["state"] = "running"
        return "run"

    def look(s, me):
        if s["state"] == "done":
            return "result"
        if announced:
            s["waiters"] = True
        return "park"

    def run(s, me):
        s["runs"] += 1
        assert s["runs"] == 1, "ran twice"
        return "finish"

    def finish(s, me):
        s["state"] = "done"
        return "unpark" if s["waiters"] else DONE

    def result(s, me):
        assert s["runs"] == 1, "no result yet"
        return DONE

    return {
        "start": begin,
        "store": store,
        "look": look,
        "run": run,
        "finish": finish,
        "result": result,
        **park_steps(lambda s, me: s["state"] == "running" and (s["waiters"] or not announced), "look"),
        **unpark_steps(9, DONE),
    }


ONCE = PARKING_LOT | {"state": "new", "waiters": False, "runs": 0}


def test_once_runs_once_and_loses_no_waiter():
    assert explore(ONCE, [caller() for _ in range(4)]) > 200


@pytest.mark.parametrize(
    ("broken", "what"),
    [
        pytest.param({"swap": False}, "ran twice", id="claimed by a load and a store"),
        pytest.param({"announced": False}, "no thread can go on", id="parked without the waiters flag"),
    ],
)
def test_a_broken_once_is_found(broken, what):
    with pytest.raises(InterleavingError, match=what):
        explore(ONCE, [caller(**broken) for _ in range(3)])


# ---- AtomicRef without the GIL ----------------------------------------------------------------------------------

# Memory is a tuple of (object, count, enabled), one per address. Objects are numbers that are not reused. A count of
# zero is a freed object, whose memory the next object may take.
MEMORY = {"pointer": 0, "memory": ((0, 1, True), (None, 0, False)), "made": 1}


def count(s, address, n):
    thing, references, enabled = s["memory"][address]
    put(s, address, (thing, references + n, enabled and references + n > 0))


def put(s, address, content):
    s["memory"] = (*s["memory"][:address], content, *s["memory"][address + 1 :])


def taken(s, key):
    value, s[key] = s[key], None
    return value


def ref_reader(tries=True, rechecks=True):
    """AtomicRef.load, then a use of the object. Broken variants count without a check, or do not load again."""

    def load(s, me):
        address = s["pointer"]
        s[f"seen {me}"] = address, s["memory"][address][0]
        return "try"

    def try_incref(s, me):
        address, thing = s[f"seen {me}"]
        now, references, enabled = s["memory"][address]
        if tries and not (references and enabled):
            # An object in the reference is never refused: otherwise this would loop for ever.
            assert (s["pointer"], thing) != (address, now), "refused an object that is in the reference"
            return "start"
        assert references, "a reference to a freed object"
        count(s, address, 1)
        s[f"seen {me}"] = address, now
        return "recheck" if rechecks else "return"

    def recheck(s, me):
        return "return" if s["pointer"] == s[f"seen {me}"][0] else "drop and start"

    def drop(to):
        def step(s, me):
            count(s, taken(s, f"seen {me}")[0], -1)
            return to

        return step

    def returned(s, me):
        assert s[f"seen {me}"][1] in s["stored"], "an object that never was in the reference"
        return "drop"

    return {
        "start": load,
        "try": try_incref,
        "recheck": recheck,
        "drop and start": drop("start"),
        "return": returned,
        "drop": drop(DONE),
    }


def ref_writer(stores=2, enables=True):
    """Make an object, AtomicRef.store it, drop the old one; then make an object that is not stored, in freed memory.
    The broken variant stores an object that is not enabled.
    """

    def make(to):
        def step(s, me):
            free = [address for address, content in enumerate(s["memory"]) if not content[1]]
            if not free:
                return DONE  # readers hold references to all of it
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
        s[f"old {me}"], s["pointer"] = s["pointer"], taken(s, f"new {me}")
        s["stored"] = (*s["stored"], s["memory"][s["pointer"]][0])
        return "drop"

    def drop(s, me):
        count(s, taken(s, f"old {me}"), -1)
        s[f"stores {me}"] = s[f"stores {me}"] + 1
        return "start" if s[f"stores {me}"] < stores else "make another"

    def drop_another(s, me):
        count(s, taken(s, f"new {me}"), -1)
        return DONE

    return {
        "start": make("enable"),
        "enable": enable,
        "exchange": exchange,
        "drop": drop,
        "make another": make("other"),
        "other": drop_another,
    }


REFERENCE = MEMORY | {"stored": (0,)} | {f"{what} {me}": None for what in ("seen", "new", "old") for me in range(3)}
REFERENCE |= {f"stores {me}": 0 for me in range(3)}


def test_a_reader_gets_a_live_object_that_was_in_the_reference():
    assert explore(REFERENCE, [ref_reader(), ref_reader(), ref_writer()]) > 500
    three = REFERENCE | {"memory": (*REFERENCE["memory"], (None, 0, False))}
    assert explore(three, [ref_reader(), ref_writer(1), ref_writer(1)]) > 500


@pytest.mark.parametrize(
    ("programs", "what"),
    [
        ([ref_reader(tries=False), ref_writer()], "freed object"),
        ([ref_reader(rechecks=False), ref_writer()], "never was in the reference"),
        ([ref_reader(), ref_writer(enables=False)], "refused an object"),
    ],
    ids=["counted without a check", "not loaded again", "stored without enabling it"],
)
def test_a_broken_reference_is_found(programs, what):
    with pytest.raises(InterleavingError, match=what):
        explore(REFERENCE, programs)
