"""Item-heavy: each step reads two items of a list and two of a dict, and writes items of both."""

import measure


def work(steps):
    numbers, counts = list(range(1000)), {"hits": 0, "last": 0}
    for step in range(steps):
        index = step % 1000
        numbers[index] += numbers[index - 1]
        counts["hits"] += 1
        counts["last"] = counts["hits"]
        numbers[index] = step


measure.run(work)
