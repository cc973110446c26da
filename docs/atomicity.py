"""Which operations of CPython are atomic: threads do each of them at once to one object, and what was lost is counted.

    python docs/atomicity.py [--quick] [--json FILE]

It exits with 1 where an operation lost something that is listed as atomic on this build. That one lost nothing in a run
proves nothing: what the page says of it has its reason in the interpreter (docs/compound.md), and this is the check.
"""

import argparse
import functools
import itertools
import json
import platform
import queue
import subprocess
import sys
import sysconfig
import threading
from collections import deque

FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
THREADS = 4

ALWAYS, GIL, NEVER = "atomic", "with the GIL, by accident", "not atomic"


class Box:
    """An object with attributes."""

    def __init__(self):
        self.n = 0
        self.taken = False


def plus_one(n):
    return n + 1


# Each returns what a thread does, called with its number and how often, and what counts the losses afterwards.


def attribute_add(total):
    box = Box()

    def work(me, times):
        for _ in range(times):
            box.n += 1

    return work, lambda: total - box.n


def global_add(total):
    scope = {"n": 0}
    exec("def work(me, times):\n    global n\n    for _ in range(times):\n        n += 1", scope)
    return scope["work"], lambda: total - scope["n"]


def item_add(total):
    numbers = [0]

    def work(me, times):
        for _ in range(times):
            numbers[0] += 1

    return work, lambda: total - numbers[0]


def key_add(total):
    hits = {"k": 0}

    def work(me, times):
        for _ in range(times):
            hits["k"] += 1

    return work, lambda: total - hits["k"]


def get_and_set(total):
    hits = {}

    def work(me, times):
        for _ in range(times):
            hits["k"] = hits.get("k", 0) + 1

    return work, lambda: total - hits["k"]


def call_between(total):
    box = Box()

    def work(me, times):
        for _ in range(times):
            box.n = plus_one(box.n)

    return work, lambda: total - box.n


def check_then_act(total):
    done, made = {}, [[] for _ in range(THREADS)]

    def work(me, times):
        for k in range(times):
            if k not in done:
                done[k] = plus_one(me)
                made[me].append(k)

    return work, lambda: sum(map(len, made)) - len(done)


def flag_once(total):
    boxes, won = [Box() for _ in range(total)], [0] * THREADS

    def work(me, times):
        for box in boxes[:times]:
            if not box.taken:
                box.taken = plus_one(me)
                won[me] += 1

    return work, lambda: sum(won) - total // THREADS


def swap(total):
    pair = [0, 1]

    def work(me, times):
        for _ in range(times):
            pair[0], pair[1] = pair[1], pair[0]

    return work, lambda: int(sorted(pair) != [0, 1])


def iterate_and_insert(total):
    d, errors = dict.fromkeys(range(50)), [0] * THREADS

    def work(me, times):
        for i in range(times // 20):
            if me == 0:
                d[-1 - i % 50] = None
                d.pop(-1 - i % 50)
            else:
                try:
                    for _ in d:
                        plus_one(1)
                except RuntimeError:
                    errors[me] += 1

    return work, lambda: sum(errors)


def shared_generator(total):
    def numbers():
        n = 0
        while True:
            yield n
            n = plus_one(n)

    source, errors = numbers(), [0] * THREADS

    def work(me, times):
        for _ in range(times):
            try:
                next(source)
            except (ValueError, StopIteration):
                errors[me] += 1

    return work, lambda: sum(errors)


def once_each(makes, take):
    """`take` from what `makes(total)` made: each element goes to one thread."""

    def operation(total):
        source, got = makes(total), [[] for _ in range(THREADS)]

        def work(me, times):
            mine = got[me]
            for _ in range(times):
                try:
                    mine.append(take(source))
                except (IndexError, KeyError, StopIteration, queue.Empty):
                    break

        def lost():
            seen = list(itertools.chain(*got))
            return 2 * len(seen) - len(set(seen)) - min(len(set(seen)), total) + (total - len(seen))

        return work, lost

    return operation


def all_there(make, put, count=len):
    """Each thread puts elements of its own; all are there afterwards."""

    def operation(total):
        target = make()

        def work(me, times):
            for i in range(times):
                put(target, me * times + i)

        return work, lambda: total - count(target)

    return operation


def setdefault(total):
    d, got = {}, [[] for _ in range(THREADS)]

    def work(me, times):
        for k in range(times):
            got[me].append(d.setdefault(k, object()))

    return work, lambda: sum(d[k] is not value for mine in got for k, value in enumerate(mine))


def dict_pop(total):
    each = total // THREADS
    d, got = dict.fromkeys(range(each)), [0] * THREADS

    def work(me, times):
        for k in range(each):
            got[me] += d.pop(k, plus_one) is None

    return work, lambda: sum(got) - each


def together(change, snapshot):
    """Two keys that are always changed by one call are seen together."""

    def operation(total):
        d, torn = {"a": 0, "b": 0}, [0] * THREADS

        def work(me, times):
            for i in range(times):
                if me % 2:
                    change(d, {"a": i, "b": i})
                else:
                    seen = snapshot(d)
                    torn[me] += seen["a"] != seen["b"]

        return work, lambda: sum(torn)

    return operation


def extend_in_one_piece(total):
    numbers = []

    def work(me, times):
        for _ in range(times):
            numbers.extend((me, me))

    return (
        work,
        lambda: sum(a != b for a, b in zip(numbers[::2], numbers[1::2], strict=True)) + 2 * total - len(numbers),
    )


def sort_seen(total):
    numbers, empty = list(range(200, 0, -1)), [0] * THREADS

    def work(me, times):
        for _ in range(times // 5):
            if me == 0:
                numbers.sort()
                numbers.reverse()
            else:
                empty[me] += len(numbers) == 0

    return work, lambda: sum(empty)


def copy_while_inserting(total):
    d, errors = dict.fromkeys(range(50)), [0] * THREADS

    def work(me, times):
        for i in range(times // 5):
            if me == 0:
                d[-1 - i % 50] = None
                d.pop(-1 - i % 50)
            else:
                try:
                    list(d)
                except RuntimeError:
                    errors[me] += 1

    return work, lambda: sum(errors)


def store_and_read(total):
    box, wrong = Box(), [0] * THREADS

    def work(me, times):
        for _ in range(times):
            if me % 2:
                box.n = (me, me)
            else:
                seen = box.n
                wrong[me] += seen not in (0, (1, 1), (3, 3))

    return work, lambda: sum(wrong)


def memoised(total):
    calls = [0] * THREADS
    which = threading.local()

    @functools.cache
    def square(n):
        calls[which.me] += 1
        return plus_one(n)

    def work(me, times):
        which.me = me
        for i in range(times):
            square(i)

    return work, lambda: sum(calls) - total // THREADS


def insert(target, x):
    target.insert(0, x) if x % 16 == 0 else target.append(x)  # each one at the front would take minutes


def down(total):
    return list(range(total))


# What is done, what is said of it, and the reason in a few words.
OPERATIONS = {
    "o.n += 1": (attribute_add, GIL),
    "n += 1 (global)": (global_add, GIL),
    "l[0] += 1": (item_add, GIL),
    "d[k] += 1": (key_add, GIL),
    "d[k] = d.get(k, 0) + 1": (get_and_set, NEVER),
    "l[0], l[1] = l[1], l[0]": (swap, GIL),
    "o.n = f(o.n)": (call_between, NEVER),
    "if k not in d: d[k] = f()": (check_then_act, NEVER),
    "if not o.taken: o.taken = f()": (flag_once, NEVER),
    "for k in d, while another thread inserts": (iterate_and_insert, NEVER),
    "next(generator)": (shared_generator, NEVER),
    "one call of a @functools.cache function for each key": (memoised, NEVER),
    "next(list_iterator), each element once": (once_each(lambda n: iter(range(n)), next), GIL),
    "len(l), while another thread sorts": (sort_seen, GIL),
    "o.n = v, read by others": (store_and_read, ALWAYS),
    "l.append(x)": (all_there(list, list.append), ALWAYS),
    "l.insert(0, x)": (all_there(list, insert), ALWAYS),
    "l.extend((x, x)), in one piece": (extend_in_one_piece, ALWAYS),
    "l.pop(), each element once": (once_each(down, list.pop), ALWAYS),
    "d[k] = v": (all_there(dict, lambda target, x: target.__setitem__(x, x)), ALWAYS),
    "d.setdefault(k, v), one value for all": (setdefault, ALWAYS),
    "d.pop(k), each key once": (dict_pop, ALWAYS),
    "d.popitem(), each item once": (once_each(lambda n: dict.fromkeys(range(n)), dict.popitem), ALWAYS),
    "d.update(other), seen by d.copy()": (together(dict.update, dict.copy), ALWAYS),
    "list(d), while another thread inserts": (copy_while_inserting, ALWAYS),
    "s.add(x)": (all_there(set, set.add), ALWAYS),
    "s.pop(), each element once": (once_each(lambda n: set(range(n)), set.pop), ALWAYS),
    "deque.append(x)": (all_there(deque, deque.append), ALWAYS),
    "deque.popleft(), each element once": (once_each(lambda n: deque(range(n)), deque.popleft), ALWAYS),
    "SimpleQueue.put(x)": (all_there(queue.SimpleQueue, queue.SimpleQueue.put, queue.SimpleQueue.qsize), ALWAYS),
    "next(itertools.count())": (once_each(lambda n: itertools.count(), next), ALWAYS),
}


# What may end the process is tried in one of its own.
CRASHES = {"next(generator)"}


def crashes(name):
    """Does the interpreter die of it in one of ten runs?"""
    command = [sys.executable, __file__, "--quick", "--only", name]
    return any(
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60).returncode < 0
        for _ in range(10)
    )


def holds(claim):
    """Is it atomic on this build, by what is said of it?"""
    return claim == ALWAYS or (claim == GIL and not FREE_THREADED)


def lost_in(operation, times):
    """Let the threads do it so often each; how much went wrong."""
    work, lost = operation(times * THREADS)
    start = threading.Barrier(THREADS)

    def body(me):
        start.wait(60)
        work(me, times)

    threads = [threading.Thread(target=body, args=(me,)) for me in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return lost()


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true", help="once each, less often, and nothing that crashes")
    options.add_argument("--json", metavar="FILE")
    options.add_argument("--only", choices=OPERATIONS, help="this one")
    chosen = options.parse_args()
    times, rounds = (1_000, 1) if chosen.quick else (20_000, 10)
    sys.setswitchinterval(1e-5)  # with the GIL: pass it on as often as can be
    results, broken = {}, []
    for name, (operation, claim) in OPERATIONS.items():
        if chosen.only and name != chosen.only:
            continue
        if name in CRASHES and not chosen.only:
            if chosen.quick:
                continue
            crashed = crashes(name)
            results[name] = {"claim": claim, "crashed": crashed}
            print(f"{name:53} {claim:26} {'the interpreter crashed' if crashed else 'an exception'}")
            continue
        lost = [lost_in(operation, times) for _ in range(rounds)]
        results[name] = {"claim": claim, "lost": lost, "of": times * THREADS}
        ok = not any(lost) or not holds(claim)
        print(f"{name:53} {claim:26} lost {max(lost):6,} of {times * THREADS:,}{'' if ok else '  <- NOT AS LISTED'}")
        if not ok:
            broken.append(name)
    if chosen.json:
        interpreter = f"{platform.python_version()}{'t' * FREE_THREADED}"
        with open(chosen.json, "w") as file:
            json.dump({"interpreter": interpreter, "threads": THREADS, "operations": results}, file, indent=1)
            file.write("\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
