"""Operations of one call or one statement: no other thread should run within them."""

import itertools
import queue

from shared import THREADS, Box, plus_one


def once_each(makes, take):
    """`take` elements from `makes(total)`: one thread gets each element."""

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
    """Each thread adds its own elements; afterwards the container has all of them."""

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
    """One call changes two keys; a snapshot has both old or both new values."""

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


def insert(target, x):
    target.insert(0, x) if x % 16 == 0 else target.append(x)  # inserting all of them at the front would take minutes


def down(total):
    return list(range(total))
