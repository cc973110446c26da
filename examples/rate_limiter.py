"""A rate limiter: several threads share one `tick` channel, and each value of it permits one request.

The second half permits bursts. Run it with `python examples/rate_limiter.py`.
"""

import itertools
import time

from atomicpy import Channel, WaitGroup, tick

INTERVAL = 0.02


def steady(requests: int, threads: int) -> list[tuple[int, float]]:
    """Each request, and when its permit was due: no two permits are due within one interval."""
    todo: Channel[int] = Channel(None)
    done: Channel[tuple[int, float]] = Channel(None)
    permits = tick(INTERVAL)  # no thread stands behind it

    def worker() -> None:
        for request in todo:
            due = permits.recv()  # each value is received once, by one of the threads
            done.send((request, due))  # here a program would send the request

    with WaitGroup() as workers, todo:  # the end closes `todo`, and waits for the workers to finish it
        for _ in range(threads):
            workers.go(worker)
        for request in range(requests):
            todo.send(request)
    done.close()
    return list(done)


def with_bursts(requests: int, burst: int) -> int:
    """A bucket of permits, which is full at the start. Return how many requests needed no wait."""
    bucket: Channel[float] = Channel(burst)
    for _ in range(burst):
        bucket.send(time.monotonic())
    refills = tick(INTERVAL)

    def refill() -> None:
        for due in refills:  # until it is closed
            bucket.try_send(due)  # a full bucket stays full

    at_once = 0
    with WaitGroup() as threads, refills:
        threads.go(refill)
        for _ in range(requests):
            _permit, ok = bucket.try_recv()
            if ok:
                at_once += 1
            else:
                bucket.recv()
    return at_once


def main() -> None:
    done = steady(requests=8, threads=3)
    due = sorted(when for _, when in done)
    gaps = [second - first for first, second in itertools.pairwise(due)]
    print(len(done), "requests by 3 threads, the permits", round(min(gaps), 3), "s apart or more")
    at_once = with_bursts(requests=8, burst=5)
    print("8 requests with a bucket of 5:", at_once, "went at once,", 8 - at_once, "waited for a permit")


if __name__ == "__main__":
    main()
