"""Threads at work, and when each ran on which core. `interpreters` starts it, in a process of its own:

python -m atomicpy.commands.timeline.measure THREADS SECONDS

It prints one JSON object.
"""

import json
import os
import platform
import signal
import sys
import time

from atomicpy import WaitGroup
from atomicpy.commands.timeline.sampler import Sampler, core_number, now

# Work between two samples takes a few microseconds; who had no core or no GIL for less than this was not away long
# enough to be seen in any picture.
GAP = 200_000  # ns
STEP = range(50)


def work(sampler: Sampler) -> None:
    """Python code that touches nothing which another thread touches."""
    sample = sampler.sample
    while sample():
        n = 0
        for i in STEP:
            n += i


def measure(threads: int, seconds: float) -> dict[str, object]:
    """Let so many threads work for that long."""
    samplers = [Sampler(GAP) for _ in range(threads)]
    ready, gate = WaitGroup(), WaitGroup()
    ready.add(threads)
    gate.add()

    def body(sampler: Sampler) -> None:
        ready.done()
        gate.wait()
        work(sampler)

    members = WaitGroup()
    started = 0
    try:
        for sampler in samplers:
            members.go(body, sampler)
            started += 1
        ready.wait()
        start, wall, cpu = now(), time.perf_counter(), time.process_time()
    except RuntimeError:
        start = now()  # they find that their time is over
    for sampler in samplers:
        sampler.begin(start + round(seconds * 1e9) if started == threads else start)
    gate.done()
    members.wait()
    if started < threads:
        return {"started": started}
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "version": platform.python_version(),
        "gil": bool(getattr(sys, "_is_gil_enabled", lambda: True)()),
        "switch_interval": sys.getswitchinterval(),
        "cores": sorted(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else list(range(os.cpu_count() or 1)),
        "wall": wall,
        "cpu": cpu,
        "spans": [[[a - start, b - start, core] for a, b, core in sampler.spans()] for sampler in samplers],
    }


def main() -> None:
    # The parent was interrupted as well, and ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    result = measure(int(sys.argv[1]), float(sys.argv[2])) if core_number() >= 0 else {"cores": None}
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
