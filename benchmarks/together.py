"""Threads that start together, each on a core of its own or not, and whether they ran in parallel.

`together` ties each thread to a core where the operating system allows it. A scheduler moves threads that wait for each
other onto one core and leaves them there. A figure of threads that exclude each other is taken without tying, because
the scheduler's choice is part of what is measured.
"""

import os
import sys
import threading
import time
from typing import NamedTuple

CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
GIL = getattr(sys, "_is_gil_enabled", lambda: True)()
# CPU time / wall time of each thread. A machine with other guests gives two threads less than two cores.
PARALLEL = 0.85


class Span(NamedTuple):
    """What one thread measured of itself, in seconds."""

    start: float
    end: float
    cpu: float


def together(threads, prepare, tied=True, meanwhile=None):
    """Run one function in each thread, all started together; return (wall seconds, CPU time / wall time).

    Each thread calls `prepare(me)` before the common start and runs the function that it returns. That function may
    measure itself and return its Span. `meanwhile` runs in the calling thread after the common start.
    """
    barrier, spans, errors = threading.Barrier(threads + (meanwhile is not None)), [], []

    def work(me):
        try:
            if tied and CORES:
                os.sched_setaffinity(0, {CORES[me % len(CORES)]})
            run = prepare(me)
            barrier.wait(60)
            start, cpu = time.perf_counter(), time.thread_time()
            own = run()
            spans.append(own if isinstance(own, Span) else Span(start, time.perf_counter(), time.thread_time() - cpu))
        except BaseException as error:
            errors.append(error)
            barrier.abort()

    members = [threading.Thread(target=work, args=(me,)) for me in range(threads)]
    for member in members:
        member.start()
    try:
        if meanwhile is not None:
            barrier.wait(60)
            meanwhile()
    except threading.BrokenBarrierError:
        pass  # `errors` has the reason
    finally:
        for member in members:
            member.join()
    if errors:
        raise errors[0]
    wall = max(span.end for span in spans) - min(span.start for span in spans)
    return wall, sum(span.cpu for span in spans) / wall


def parallel(threads, nogil=False):
    """The CPU time / wall time at which `threads` count as running in parallel: 1.7 for two threads.

    With the GIL it is that of one thread, unless the threads run `nogil` code.
    """
    return PARALLEL * (1 if GIL and not nogil else threads)
