"""Waiting, WaitGroup, Once and AtomicRef in every interleaving of a few threads, and broken on purpose.

Each program says, step by step, what the code of that name does; the search finds what breaks. What a step is,
sleepers.py says.
"""

import pytest
from interleavings import DONE, InterleavingError, explore
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


TIMED = {"timed_out_to": "start"}


def test_nobody_unparks_a_thread_that_is_back_though_time_runs_out_meanwhile():
    assert explore(SLEEPERS | {"value": 0}, [waiter(**TIMED), waiter(**TIMED), changer(), changer()]) > 500


def test_a_thread_that_leaves_while_another_is_about_to_unpark_it_is_found():
    with pytest.raises(InterleavingError, match="back already"):
        explore(SLEEPERS | {"value": 0}, [waiter(**TIMED, leave_taken=True), changer()])


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


# ---- AtomicRef without the GIL ----------------------------------------------------------------------------------

# Memory is a tuple of (object, count, enabled), one per address; an object is a number that is given once. A count of
# zero is a dead object, whose memory the next object may take.
MEMORY = {"pointer": 0, "memory": ((0, 1, True), (None, 0, False)), "made": 1}


def count(s, address, n):
    thing, references, enabled = s["memory"][address]
    put(s, address, (thing, references + n, enabled and references + n > 0))


def put(s, address, content):
    s["memory"] = (*s["memory"][:address], content, *s["memory"][address + 1 :])


def taken(s, key):
    value, s[key] = s[key], None
    return value


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
            count(s, taken(s, f"seen {me}")[0], -1)
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
