"""Operations of several steps: another thread can run between them."""

import functools
import threading

from shared import THREADS, Box, plus_one


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
