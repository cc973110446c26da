"""Waiting, WaitGroup, Once and AtomicRef's guard in every interleaving of a few threads, and broken on purpose.

Each program says, step by step, what the C of that name does; the search finds what breaks. What a step is, sleepers.py
says.
"""

import pytest
from interleavings import BLOCKED, DONE, InterleavingError, explore
from sleepers import SLEEPERS, wait_steps, wake_steps

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


# ---- ap_waitgroup -----------------------------------------------------------------------------------------------


def group_waiter(counted=True):
    def enter(s, me):
        if not s["count"]:
            return DONE
        s["waiters"] += counted
        return "look"

    def look(s, me):
        return "wait" if s["count"] else "leave"

    def leave(s, me):
        s["waiters"] -= counted
        return DONE

    return {"start": enter, "look": look, "leave": leave, **wait_steps(lambda s, me: s["count"] > 0, "look")}


def doer_that_reuses():
    """done(); whoever brings it to zero tries an add(1) at once, which nobody takes back: the group stays in use."""

    def done(s, me):
        s["count"] -= 1
        if s["count"]:
            return DONE
        return "reuse" if s["waiters"] == 0 else "wake"

    def reuse(s, me):
        if s["waiters"]:
            return DONE  # refused
        s["count"] += 1
        return DONE

    return {"start": done, "reuse": reuse, **wake_steps(9, "reuse")}


GROUP = SLEEPERS | {"count": 2, "waiters": 0}


def inside(waiter):
    """A waiter that has come in already: another that comes later may find the group in use again, and wait."""
    return waiter | {"start": waiter["look"]}


def test_every_waiter_leaves_because_nobody_uses_the_group_again_before():
    programs = [inside(group_waiter()), inside(group_waiter()), doer_that_reuses(), doer_that_reuses()]
    assert explore(GROUP | {"waiters": 2}, programs) > 200


def test_a_wait_group_that_does_not_count_its_waiters_is_found():
    programs = [inside(group_waiter(counted=False)), doer_that_reuses(), doer_that_reuses()]
    with pytest.raises(InterleavingError, match="nobody can go on"):
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
        return "wait"

    def run(s, me):
        s["runs"] += 1
        assert s["runs"] == 1, "done twice"
        return "finish"

    def finish(s, me):
        s["state"] = "done"
        return "wake" if s["waiters"] else DONE

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
        **wait_steps(lambda s, me: s["state"] == "running" and (s["waiters"] or not announced), "look"),
        **wake_steps(9, DONE),
    }


ONCE = SLEEPERS | {"state": "new", "waiters": False, "runs": 0}


def test_once_is_done_once_and_forgets_nobody():
    assert explore(ONCE, [caller() for _ in range(4)]) > 200


@pytest.mark.parametrize(
    ("broken", "what"),
    [
        pytest.param({"swap": False}, "done twice", id="begun by a load and a store"),
        pytest.param({"announced": False}, "nobody can go on", id="asleep without saying so"),
    ],
)
def test_a_broken_once_is_found(broken, what):
    with pytest.raises(InterleavingError, match=what):
        explore(ONCE, [caller(**broken) for _ in range(3)])


# ---- ap_guard: AtomicRef without the GIL -------------------------------------------------------------------------


def reader(guarded=True):
    def side(s, me):
        s[f"side {me}"] = s["side"]
        return "enter"

    def enter(s, me):
        if guarded:
            s["readers"] = add(s["readers"], s[f"side {me}"], 1)
        return "load"

    def load(s, me):
        s[f"seen {me}"] = s["pointer"]
        return "count"

    def count(s, me):
        assert s["counts"][s[f"seen {me}"]] > 0, "a reference to a freed object"
        s["counts"] = add(s["counts"], s[f"seen {me}"], 1)
        return "leave"

    def leave(s, me):
        if guarded:
            s["readers"] = add(s["readers"], s[f"side {me}"], -1)
        return "drop"

    def drop(s, me):
        s["counts"] = add(s["counts"], s[f"seen {me}"], -1)
        return DONE

    return {"start": side, "enter": enter, "load": load, "count": count, "leave": leave, "drop": drop}


def writer(new, sides=2, before=False):
    """Replace the pointer by object `new`, synchronize, drop the old: as AtomicRef.store. Broken: synchronize before,
    or look at one side only."""

    def exchange(s, me):
        s[f"old {me}"], s["pointer"] = s["pointer"], new
        return "drop" if before else "look at 0"

    def look(side, to):
        def step(s, me):
            return "writers" if s["readers"][side] else to

        return step

    def writers(s, me):
        if s["writer"] is not None:
            return BLOCKED
        s["writer"] = me
        return "other side" if sides == 2 else "turn"

    def other_side(s, me):
        return BLOCKED if s["readers"][1 - s["side"]] else "turn"

    def turn(s, me):
        s["side"] = 1 - s["side"]
        return "this side"

    def this_side(s, me):
        if s["readers"][1 - s["side"]]:
            return BLOCKED
        s["writer"] = None
        return "exchange" if before else "drop"

    def drop(s, me):
        s["counts"] = add(s["counts"], s[f"old {me}"], -1)
        return DONE

    return {
        "start": writers if before else exchange,
        "exchange": exchange,
        "look at 0": look(0, "look at 1" if sides == 2 else "drop"),
        "look at 1": look(1, "drop"),
        "writers": writers,
        "other side": other_side,
        "turn": turn,
        "this side": this_side,
        "drop": drop,
    }


def add(values, i, n):
    return (*values[:i], values[i] + n, *values[i + 1 :])


# Object 0 is in the reference at first; objects 1 and 2 carry the count that their writer hands over.
GUARD = {"pointer": 0, "counts": (1, 1, 1), "readers": (0, 0), "side": 0, "writer": None}


def test_no_reader_counts_a_reference_to_a_freed_object():
    assert explore(GUARD, [reader(), reader(), writer(1), writer(2)]) > 5000


@pytest.mark.parametrize(
    "programs",
    [
        pytest.param([reader(guarded=False), writer(1)], id="readers that do not announce themselves"),
        pytest.param([reader(), writer(1, before=True)], id="synchronized before the exchange"),
        pytest.param([reader(), reader(), writer(1, sides=1), writer(2, sides=1)], id="one of the two sides looked at"),
    ],
)
def test_a_broken_guard_is_found(programs):
    with pytest.raises(InterleavingError, match="freed object"):
        explore(GUARD, programs)
