"""The blocking core in every interleaving of a few threads, and broken on purpose: the search finds what breaks.

Each program says, step by step, what `src/ap_wait.c`, `ap_mutex`, `ap_rwmutex`, `ap_waitgroup`, `ap_once` and
`atomic_ref.pyx` do. A step is what no other thread can split: an atomic operation, or what is done to the table of
sleepers with its lock held between taking the lock and letting it go (there the lock's own wait is a step of its own).
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

# The word: who owns it (0: nobody), and whether somebody may sleep.
FREE = (0, False)


def hand_over_or_wake(s, me, fair):
    """pass_on(), with the table locked: the first that sleeps is woken, and gets the mutex where `fair`."""
    first, more = s["queue"][:1], len(s["queue"]) > 1
    if first and fair:
        s["word"] = (first[0] + 1, more)
        s["handed"] |= {first[0]}
    else:
        s["word"] = (0, more)
    s["woken"] |= set(first)
    s["queue"] = s["queue"][1:]


def locker(
    timeout=False, fair=(False, True), swap=True, test_first=False, forget_the_rest=False, ignore_the_hand=False
):
    """lock and unlock, with a wake-up or, where the first has waited long enough, a hand-over: each is tried.

    Broken: taken by a load and a store; the word tested before the table is locked; WAITERS taken away though others
    sleep; a thread that was handed the mutex waits for it."""

    def take(s, me, to):
        s["word"] = (me + 1, s["word"][1])
        return to

    def try_lock(s, me):
        return take(s, me, "critical") if s["word"] == FREE else "slow"

    def slow(s, me):
        if s["word"][0]:
            return "announce"
        return take(s, me, "critical") if swap else "slow: store"

    def announce(s, me):
        if not s["word"][0]:
            return "slow"
        s["word"] = (s["word"][0], True)
        return "wait"

    def woken(s, me):
        if me in s["handed"]:
            s["handed"] -= {me}
            return "slow" if ignore_the_hand else "critical"
        return "slow"

    def last_try(s, me):
        return DONE if s["word"][0] else take(s, me, "critical")

    def critical(s, me):
        assert s["owner"] is None, f"two owners: {s['owner']} and {me}"
        assert s["word"][0] == me + 1, "the word names another owner"
        s["owner"] = me
        return "unlock"

    def unlock(s, me):
        s["owner"] = None
        return "unlock: swap"

    def unlock_swap(s, me):
        assert s["word"][0] == me + 1, "released unlocked"
        if s["word"][1]:
            return "wake: lock"
        s["word"] = FREE
        return DONE

    def pass_on(is_fair):
        def step(s, me):
            hand_over_or_wake(s, me, is_fair)
            if forget_the_rest:
                s["word"] = (s["word"][0], False)
            s["bucket"] = None
            return DONE

        return step

    return {
        "start": try_lock,
        "slow": slow,
        "slow: store": lambda s, me: take(s, me, "critical"),
        "announce": announce,
        "woken": woken,
        "last try": last_try,
        "critical": critical,
        "unlock": unlock,
        "unlock: swap": unlock_swap,
        **wait_steps(lambda s, me: s["word"][0] and s["word"][1], "woken", "last try" if timeout else None, test_first),
        "wake: lock": lock_bucket("wake: decide"),
        "wake: decide": lambda s, me: [pass_on(is_fair) for is_fair in fair],
    }


MUTEX = SLEEPERS | {"word": FREE, "owner": None, "handed": frozenset()}


@pytest.mark.parametrize("timeouts", [0, 1, 2])
def test_mutex_has_one_owner_and_forgets_no_sleeper(timeouts):
    assert explore(MUTEX, [locker(timeout=me < timeouts) for me in range(4 - (timeouts > 0))]) > 500


@pytest.mark.parametrize(
    ("broken", "what"),
    [
        pytest.param({"swap": False}, "two owners|names another", id="a store where a swap is needed"),
        pytest.param({"forget_the_rest": True}, "nobody can go on", id="an unlock that forgets the others that sleep"),
        pytest.param({"test_first": True}, "nobody can go on", id="the word tested before the table is locked"),
        pytest.param({"ignore_the_hand": True}, "nobody can go on", id="a hand-over that is not taken"),
    ],
)
def test_a_broken_mutex_is_found(broken, what):
    with pytest.raises(InterleavingError, match=what):
        explore(MUTEX, [locker(**broken) for _ in range(3 + ("forget_the_rest" in broken))])


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
    program = locker(fair=(fair,))

    def taking(label):
        def step(s, me):
            waited = s["patient waits"]
            to = program[label](s, me)
            assert not (to == "critical" and waited), "it overtook the one that waits"
            return to

        return step

    def and_again(label):
        def step(s, me):
            to = program[label](s, me)
            if isinstance(to, list):
                to = to[0](s, me)
            if to != DONE or not s["rounds"]:
                return to
            s["rounds"] -= 1
            return "start"

        return step

    return program | {
        "start": taking("start"),
        "slow": taking("slow"),
        "unlock: swap": and_again("unlock: swap"),
        "wake: decide": and_again("wake: decide"),
    }


def test_a_mutex_that_is_handed_over_lets_nobody_overtake():
    assert explore(MUTEX | {"patient waits": False, "rounds": 3}, [greedy(fair=True), patient(fair=True)]) > 50


def test_a_mutex_that_is_never_handed_over_is_found_unfair():
    with pytest.raises(InterleavingError, match="it overtook"):
        explore(MUTEX | {"patient waits": False, "rounds": 3}, [greedy(fair=False), patient(fair=False)])


# ---- ap_rwmutex -------------------------------------------------------------------------------------------------

# The writers' mutex is a step that waits: what it does is above. The readers sleep in the queue, the writer beside it.


def rw_reader(timeout=False, test_first=False, forget_to_wake=False):
    def try_lock(s, me):
        if s["writer"]:
            return "announce"
        s["readers"] += 1
        return "reading"

    def announce(s, me):
        if not s["writer"]:
            return "start"
        s["waiters"] = True
        return "wait"

    def woken(s, me):
        if me in s["handed"]:
            s["handed"] -= {me}
            return "reading"
        return "start"

    def last_try(s, me):
        if s["writer"]:
            return DONE
        s["readers"] += 1
        return "reading"

    def reading(s, me):
        assert not s["writing"], "a reader beside a writer"
        return "unlock"

    def unlock(s, me):
        assert s["readers"] > 0, "released unlocked"
        s["readers"] -= 1
        if s["writer"] and not s["readers"] and not forget_to_wake:
            s["drained"] = True  # ap_wake(&drained): proved above, so one step here
        return DONE

    return {
        "start": try_lock,
        "announce": announce,
        "woken": woken,
        "last try": last_try,
        "reading": reading,
        "unlock": unlock,
        **wait_steps(lambda s, me: s["writer"] and s["waiters"], "woken", "last try" if timeout else None, test_first),
    }


def rw_writer(gives_up=False, early=False, leave_readers=False):
    """Broken: `early` is inside without waiting for the readers; `leave_readers` wakes none of them."""

    def mutex(s, me):
        if s["mutex"] is not None:
            return BLOCKED
        s["mutex"] = me
        return "announce"

    def announce(s, me):
        s["writer"] = True
        s["drained"] = False
        return "enter" if early or not s["readers"] else "drain"

    def drain(s, me):
        return [give_up, drained] if gives_up else drained(s, me)

    def drained(s, me):
        if s["readers"] and not s["drained"]:
            return BLOCKED
        # Asleep until woken: without the flag, the last reader has left before this one went to sleep.
        return "enter" if not s["readers"] else BLOCKED

    def give_up(s, me):
        return "leave: lock" if s["readers"] else "enter"

    def enter(s, me):
        assert not s["readers"], "a writer beside a reader"
        assert not s["writing"], "a writer beside another"
        s["writing"] = True
        return "write"

    def write(s, me):
        s["writing"] = False
        return "leave: lock" if s["waiters"] else "leave"

    def leave(s, me):
        if s["waiters"]:
            return "leave: lock"
        s["writer"] = False
        return "unlock"

    def admit(s, me):
        s["writer"] = s["waiters"] = False
        if not leave_readers:
            s["readers"] += len(s["queue"])
            s["handed"] |= set(s["queue"])
            s["woken"] |= set(s["queue"])
            s["queue"] = ()
        s["bucket"] = None
        return "unlock"

    def unlock(s, me):
        s["mutex"] = None
        return DONE

    return {
        "start": mutex,
        "announce": announce,
        "drain": drain,
        "enter": enter,
        "write": write,
        "leave": leave,
        "leave: lock": lock_bucket("admit"),
        "admit": admit,
        "unlock": unlock,
    }


RWMUTEX = SLEEPERS | {
    "readers": 0,
    "writer": False,
    "waiters": False,
    "writing": False,
    "drained": False,
    "mutex": None,
    "handed": frozenset(),
}


@pytest.mark.parametrize(
    "programs",
    [
        [rw_reader(), rw_reader(), rw_writer(), rw_writer()],
        [rw_reader(timeout=True), rw_reader(), rw_writer(gives_up=True), rw_writer()],
        [rw_reader(timeout=True), rw_reader(timeout=True), rw_reader(), rw_writer(gives_up=True)],
    ],
)
def test_rwmutex_keeps_writers_alone_and_forgets_nobody(programs):
    assert explore(RWMUTEX, programs) > 500


@pytest.mark.parametrize(
    ("programs", "what"),
    [
        pytest.param([rw_reader(), rw_writer(early=True)], "beside", id="a writer that does not wait for the readers"),
        pytest.param([rw_reader(), rw_writer(leave_readers=True)], "nobody can go on", id="readers that are not woken"),
        pytest.param([rw_reader(test_first=True), rw_writer()], "nobody can go on", id="tested before the lock"),
    ],
)
def test_a_broken_rwmutex_is_found(programs, what):
    with pytest.raises(InterleavingError, match=what):
        explore(RWMUTEX, programs)


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
