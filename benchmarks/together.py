"""Threads that begin together, each tied to a core or not, and whether they really ran at the same time.

A scheduler likes to put threads that wait for each other on one core, and leaves them there: hence the cores, where a
figure is of threads that run at the same time. Where they exclude each other, where the scheduler puts them is part of
what is measured. A machine with other guests gives two threads less than two cores: hence REALLY_PARALLEL.
"""

import os
import sys
import threading
import time

CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
GIL = getattr(sys, "_is_gil_enabled", lambda: True)()
REALLY_PARALLEL = 0.85  # CPU time / wall time / threads


def together(threads, prepare, tied=True):
    """(wall seconds, CPU time / wall time) of what `prepare(me)`, called in each thread before the start, returns."""
    barrier, spans, errors = threading.Barrier(threads), [], []

    def work(me):
        try:
            if tied and CORES:
                os.sched_setaffinity(0, {CORES[me % len(CORES)]})
            run = prepare(me)
            barrier.wait(60)
            start, cpu = time.perf_counter(), time.thread_time()
            run()
            spans.append((start, time.perf_counter(), time.thread_time() - cpu))
        except BaseException as error:
            errors.append(error)
            barrier.abort()

    members = [threading.Thread(target=work, args=(me,)) for me in range(threads)]
    for member in members:
        member.start()
    for member in members:
        member.join()
    if errors:
        raise errors[0]
    wall = max(end for _, end, _ in spans) - min(start for start, _, _ in spans)
    return wall, sum(cpu for _, _, cpu in spans) / wall


def really_parallel(threads, cores):
    """Whether that is the CPU time by wall time of threads which ran at the same time, as far as the GIL lets them."""
    return cores >= REALLY_PARALLEL * (1 if GIL else threads)
