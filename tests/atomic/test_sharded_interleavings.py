"""The core of ShardedCounter in every interleaving of a few threads, and broken on purpose: the search finds it.

The programs do, step by step, what `src/counter/ap_shards.c` does. A step is what no other thread can split: a load, a
store, or what is done under the lock to what is touched under the lock alone (there taking the lock is a step of its
own, and each load of a cell too, because its owner adds without the lock).
"""

import pytest
from interleavings import BLOCKED, DONE, InterleavingError, explore

# ---- adds, spills, drains and loads ----------------------------------------------------------------------------

LIMIT = 2  # of a cell: what an int64_t is to the real one


def replaced(values, i, value):
    return (*values[:i], value, *values[i + 1 :])


def locked(to):
    def step(s, me):
        if s["lock"] is not None:
            return BLOCKED
        s["lock"] = me
        return to

    return step


def unlock(s):
    s["lock"] = None


def grow(s, n):
    """Keep account of the value, and of the highest that it has ever been."""
    s["value"] += n
    s["peak"] = max(s["peak"], s["value"])


def adder(cell, times, spills=False, marked=True, split=False):
    """Adds one to its cell so often. Broken: spills without the version, or moves the cell before it has the lock."""

    def load(s, me):
        if s[f"left {me}"] == 0:
            return DONE
        s[f"old {me}"] = s["cells"][cell]
        full = spills and s["cells"][cell] == LIMIT
        return "store" if not full else "empty the cell" if split else "spill"

    def store(s, me):
        s["cells"] = replaced(s["cells"], cell, s[f"old {me}"] + 1)
        grow(s, 1)
        return "count"

    def count(s, me):
        # What the caller knows when the call has returned: no step of the core.
        s["done"] += 1
        s[f"left {me}"] -= 1
        return "start"

    def odd(s, me):
        s["version"] += marked
        return "empty the cell"

    def empty(s, me):
        s["cells"] = replaced(s["cells"], cell, 0)
        return "spill" if split else "raise base"

    def raise_base(s, me):
        s["base"] += s[f"old {me}"] + 1
        grow(s, 1)
        return "even"

    def even(s, me):
        s["version"] += marked
        unlock(s)
        return "count"

    return {
        "start": load,
        "store": store,
        "count": count,
        "spill": locked("raise base" if split else "odd"),
        "odd": odd,
        "empty the cell": empty,
        "raise base": raise_base,
        "even": even,
    }, {"times": times}


def sum_steps(prefix, cells, to):
    """sum(): base first, then cell by cell."""

    def base(s, me):
        s[f"sum {me}"] = s["base"]
        return f"{prefix} 0"

    def cell(i):
        def step(s, me):
            s[f"sum {me}"] += s["cells"][i]
            return f"{prefix} {i + 1}" if i + 1 < cells else to

        return step

    return {f"{prefix} base": base, **{f"{prefix} {i}": cell(i) for i in range(cells)}}


def drainer(cells, times=1, lock=True, mark=True, empties=False):
    """Broken: without the lock, without the version, or by storing zero to the cells."""

    def again(s, me):
        if s[f"left {me}"] == 0:
            return DONE
        s[f"left {me}"] -= 1
        return "lock" if lock else "sum base"

    def odd(s, me):
        s["version"] += mark
        return "take" if not empties else "empty 0"

    def take(s, me):
        if not empties:
            s["base"] -= s[f"sum {me}"]
        grow(s, -s[f"sum {me}"])
        return "even"

    def empty(i):
        def step(s, me):
            s["cells"] = replaced(s["cells"], i, 0)
            return f"empty {i + 1}" if i + 1 < cells else "take"

        return step

    def even(s, me):
        s["version"] += mark
        assert s[f"sum {me}"] >= 0, "a drain of less than nothing"
        s["drained"] += s[f"sum {me}"]
        if lock:
            unlock(s)
        return "start"

    return {
        "start": again,
        "lock": locked("sum base"),
        **sum_steps("sum", cells, "odd"),
        "odd": odd,
        "take": take,
        **{f"empty {i}": empty(i) for i in range(cells)},
        "even": even,
    }, {"times": times}


def loader(cells, check_version=True, drains=True, check_odd=True):
    """What it returns is no less than what had been added before, where no thread drains, and never more than the value
    has been at any moment. Broken: without a second look at the version, or one that
    does not ask whether it is odd."""

    def version(s, me):
        s[f"version {me}"] = s["version"]
        s[f"before {me}"] = s["done"]
        return "lock" if s["version"] % 2 and check_odd else "sum base"

    def compare(s, me):
        return "lock" if check_version and s["version"] != s[f"version {me}"] else "judge"

    def release(s, me):
        unlock(s)
        return "judge"

    def judge(s, me):
        seen, least = s[f"sum {me}"], 0 if drains else s[f"before {me}"]
        assert seen >= least, f"a load of {seen} where {least} had been added"
        assert seen <= s["peak"], f"a load of {seen} where the value was never more than {s['peak']}"
        return DONE

    return {
        "start": version,
        **sum_steps("sum", cells, "compare"),
        "compare": compare,
        "lock": locked("again base"),
        **sum_steps("again", cells, "release"),
        "release": release,
        "judge": judge,
    }, {"times": 0}


def last(programs):
    """One more thread: when the others are done, what was drained and what is left is what was added."""

    def judge(s, me):
        if any(s["pc"][i] != DONE for i in range(me)):
            return BLOCKED
        left = s["base"] + sum(s["cells"])
        assert s["drained"] + left == s["added"], "a count lost"
        assert left >= 0, "a count drained twice"
        return DONE

    return [*programs, {"start": judge}]


def search(cells, *threads, start=None):
    programs, options = zip(*threads, strict=True)
    state = {
        "cells": start or (0,) * cells,
        "base": 0,
        "version": 0,
        "lock": None,
        "drained": 0,
        "done": sum(start or ()),
        "value": sum(start or ()),
        "peak": sum(start or ()),
        "added": sum(start or ()) + sum(option["times"] for program, option in threads if "store" in program),
    }
    for me, option in enumerate(options):
        state |= {f"left {me}": option["times"], f"old {me}": 0, f"sum {me}": 0, f"version {me}": 0, f"before {me}": 0}
    return explore(state, last(programs))


def test_two_drains_lose_nothing_and_count_nothing_twice():
    assert search(2, adder(0, 2), adder(1, 2), drainer(2), drainer(2)) > 1000


def test_a_drain_and_a_spill_lose_nothing():
    assert search(2, adder(0, 2, spills=True), adder(1, 1), drainer(2, 2), start=(LIMIT, 0)) > 1000


def test_a_load_beside_drains_and_spills_is_never_below_zero_nor_above_what_was_added():
    assert search(2, adder(0, 2, spills=True), drainer(2), loader(2), start=(LIMIT, 1)) > 1000


def test_a_load_has_everything_that_was_added_before_it():
    assert search(2, adder(0, 2, spills=True), adder(1, 2), loader(2, drains=False), start=(LIMIT, 0)) > 1000


@pytest.mark.parametrize(
    ("threads", "start", "what"),
    [
        pytest.param(
            [adder(0, 2), drainer(1, empties=True)], None, "lost", id="a drain that stores zero under the owner"
        ),
        pytest.param([adder(0, 2), drainer(1, lock=False), drainer(1, lock=False)], None, "drained twice",
                     id="two drains at once"),
        pytest.param([adder(0, 2), drainer(1, mark=False), loader(1)], None, "never more",
                     id="a drain that a load does not notice"),
        pytest.param([adder(0, 2), drainer(1), loader(1, check_version=False)], None, "never more",
                     id="a load that does not look at the version"),
        pytest.param([adder(0, 1, spills=True), loader(1, drains=False, check_odd=False)], (LIMIT,), "load of 0",
                     id="a load that begins in the middle of a spill"),
        pytest.param([adder(0, 1, spills=True, marked=False), loader(1, drains=False)], (LIMIT,), "load of 0",
                     id="a spill that a load does not notice"),
        pytest.param([adder(0, 1, spills=True, split=True), drainer(1), drainer(1)], (LIMIT,), "less than nothing",
                     id="a cell emptied before the lock is taken"),
    ],
)  # fmt: skip
def test_a_broken_counter_is_found(threads, start, what):
    with pytest.raises(InterleavingError, match=what):
        search(1, *threads, start=start)


# ---- a cell from one thread to the next, and the end of the counter ----------------------------------------------

# A cell: n, owner (a thread, or None), whether its counter is there, whether it is freed.


def worker(release_under_lock=True, take_vacant=True, free_lost=True):
    """Takes a cell, adds one with a load and a store, and ends. Broken: ends without the lock, in two steps; takes a
    cell that has an owner; or forgets what its counter has left."""

    def take(s, me):
        if s["lock"] is not None:
            return BLOCKED
        if s["gone"]:
            return DONE
        vacant = s["vacant"] if take_vacant else tuple(range(len(s["cells"])))
        if vacant:
            mine = vacant[0]
            s["vacant"] = s["vacant"][1:]
        else:
            mine = len(s["cells"])
            s["cells"] = (*s["cells"], 0)
            s["owners"] = (*s["owners"], None)
            s["freed"] = (*s["freed"], False)
        s["owners"] = replaced(s["owners"], mine, me)
        s[f"mine {me}"] = mine
        return "load"

    def load(s, me):
        assert not s["freed"][s[f"mine {me}"]], "a freed cell"
        s[f"old {me}"] = s["cells"][s[f"mine {me}"]]
        return "store"

    def store(s, me):
        mine = s[f"mine {me}"]
        s["cells"] = replaced(s["cells"], mine, s[f"old {me}"] + 1)
        s["added"] += 1
        return "end" if release_under_lock else "look"

    def end(s, me):
        if s["lock"] is not None:
            return BLOCKED
        return let_go(s, me, s["gone"])

    def look(s, me):
        s[f"gone {me}"] = s["gone"]
        return "let go"

    def let_go(s, me, gone):
        mine = s[f"mine {me}"]
        s["owners"] = replaced(s["owners"], mine, None)
        if gone:
            assert not s["freed"][mine], "freed twice"
            if free_lost:
                s["freed"] = replaced(s["freed"], mine, True)
        else:
            s["vacant"] = (mine, *s["vacant"])
        return DONE

    return {
        "start": take,
        "load": load,
        "store": store,
        "end": end,
        "look": look,
        "let go": lambda s, me: let_go(s, me, s[f"gone {me}"]),
    }


def destroyer(workers, spare_owned=True):
    """Frees the counter when all have counted (its users are those that hold a reference), though not all have ended.
    Broken: frees the cells that have an owner too."""

    def destroy(s, me):
        if s["lock"] is not None or s["added"] < workers:
            return BLOCKED
        assert sum(s["cells"]) == s["added"], "a count lost"
        s["gone"] = True
        for i, owner in enumerate(s["owners"]):
            if owner is None or not spare_owned:
                s["freed"] = replaced(s["freed"], i, True)
        return DONE

    return {"start": destroy}


def all_freed(programs, most):
    def judge(s, me):
        if any(s["pc"][i] != DONE for i in range(me)):
            return BLOCKED
        assert all(s["freed"]), "a cell that no thread frees"
        assert len(s["cells"]) <= most, "more cells than threads at one time"
        return DONE

    return [*programs, {"start": judge}]


def transfer(workers, destroyer_):
    n = len(workers)
    state = {
        "cells": (), "owners": (), "freed": (), "vacant": (), "lock": None, "gone": False, "added": 0,
        **{f"{what} {me}": 0 for what in ("mine", "old") for me in range(n)},
        **{f"gone {me}": False for me in range(n)},
    }  # fmt: skip
    return explore(state, all_freed([*workers, destroyer_], most=n))


def test_a_cell_goes_from_thread_to_thread_and_is_freed_once():
    assert transfer([worker() for _ in range(3)], destroyer(3)) > 300


@pytest.mark.parametrize(
    ("broken", "spare_owned", "what"),
    [
        pytest.param({"take_vacant": False}, True, "a count lost|freed twice|can go on", id="two owners of one cell"),
        pytest.param({"release_under_lock": False}, True, "no thread frees", id="ends while the counter does"),
        pytest.param({"free_lost": False}, True, "no thread frees", id="forgets what the counter has left"),
        pytest.param({}, False, "freed twice", id="the counter frees a cell that has an owner"),
    ],
)
def test_a_broken_transfer_is_found(broken, spare_owned, what):
    with pytest.raises(InterleavingError, match=what):
        transfer([worker(**broken) for _ in range(3)], destroyer(3, spare_owned))
