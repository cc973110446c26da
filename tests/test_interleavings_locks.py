"""Mutex and RWMutex in every interleaving of a few threads, and broken on purpose: the search finds what breaks.

Each program says, step by step, what the C of that name does. What a step is, sleepers.py says.
"""

import pytest
from interleavings import BLOCKED, DONE, InterleavingError, explore
from sleepers import SLEEPERS, lock_bucket, wait_steps

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
        s["word"] = FREE
    s["woken"] |= set(first)
    s["queue"] = s["queue"][1:]


def locker(
    timeout=False, fair=(False, True), swap=True, test_first=False, forget_the_rest=False, ignore_the_hand=False
):
    """lock and unlock, with a wake-up or, where the first has waited long enough, a hand-over: each is tried.

    Broken: taken by a load and a store; the word tested before the table is locked; taken without WAITERS though others
    sleep; a thread that was handed the mutex waits for it."""

    def take(s, me, to):
        s["word"] = (me + 1, me in s["answers"] and not forget_the_rest)
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
        s["answers"] = s["answers"] | {me} if s["queue"] else s["answers"] - {me}
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


MUTEX = SLEEPERS | {"word": FREE, "owner": None, "handed": frozenset(), "answers": frozenset()}


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
        return "wake" if s["writer"] and not s["readers"] and not forget_to_wake else DONE

    def wake(s, me):
        # ap_wake(&drained), proved in the model of ap_wait, so one step here; lost where the writer does not sleep.
        s["draining"] = False
        return DONE

    return {
        "start": try_lock,
        "announce": announce,
        "woken": woken,
        "last try": last_try,
        "reading": reading,
        "unlock": unlock,
        "wake": wake,
        **wait_steps(lambda s, me: s["writer"] and s["waiters"], "woken", "last try" if timeout else None, test_first),
    }


def rw_writer(gives_up=False, early=False, leave_readers=False, mutex_first=False):
    """Broken: `early` is inside without waiting for the readers; `leave_readers` wakes none of them; `mutex_first` lets
    the next writer come before the readers are let in."""

    def mutex(s, me):
        if s["mutex"] is not None:
            return BLOCKED
        s["mutex"] = me
        return "announce"

    def announce(s, me):
        s["writer"] = True
        return "enter" if early or not s["readers"] else "drain"

    def drain(s, me):
        # With the table locked: asleep from this step on, or the readers have left.
        if not s["readers"]:
            return "enter"
        s["draining"] = True
        return "asleep"

    def asleep(s, me):
        if s["draining"]:
            return [give_up] if gives_up else BLOCKED
        return "drain"

    def give_up(s, me):
        s["draining"] = False
        return leaving(s) if s["readers"] else "enter"

    def enter(s, me):
        assert not s["readers"], "a writer beside a reader"
        assert not s["writing"], "a writer beside another"
        s["writing"] = True
        return "write"

    def write(s, me):
        s["writing"] = False
        return leaving(s)

    def leaving(s):
        if mutex_first:
            s["mutex"] = None
        return "leave: lock" if s["waiters"] or s["readers"] else "leave"

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
        if not mutex_first:
            s["mutex"] = None
        return DONE

    return {
        "start": mutex,
        "announce": announce,
        "drain": drain,
        "asleep": asleep,
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
    "draining": False,
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
        pytest.param(
            [rw_reader(forget_to_wake=True), rw_writer()], "nobody can go on", id="a last reader that wakes no writer"
        ),
        pytest.param(
            [rw_reader(), rw_writer(mutex_first=True), rw_writer()], "beside", id="the mutex before the readers"
        ),
        pytest.param(
            [rw_reader(), rw_reader(), rw_writer(mutex_first=True, gives_up=True), rw_writer()],
            "beside|nobody can go on",
            id="retracted behind the mutex",
        ),
    ],
)
def test_a_broken_rwmutex_is_found(programs, what):
    with pytest.raises(InterleavingError, match=what):
        explore(RWMUTEX, programs)
