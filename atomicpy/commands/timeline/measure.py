"""Threads at work, and when each of them ran on which core. `interpreters` starts this module in a process of its own:

python -m atomicpy.commands.timeline.measure THREADS SECONDS

It prints one JSON object.
"""

import json
import platform
import signal
import sys
import time

from atomicpy import WaitGroup
from atomicpy.commands.conditions import gil_enabled, usable_core_numbers
from atomicpy.commands.timeline.sampler import Sampler, core_number, now

# The work between two samples takes a few microseconds. A pause below GAP, without a core or without the GIL, is too
# short for any picture.
GAP = 200_000  # ns
STEP = range(50)


def work(sampler: Sampler) -> None:
    """Python code that uses no object of another thread."""
    sample = sampler.sample
    while sample():
        n = 0
        for i in STEP:
            n += i


def measure(threads: int, seconds: float) -> dict[str, object]:
    """Let `threads` threads work for `seconds`; return what they recorded."""
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
        start = now()  # the deadline has passed, so the threads that were started end at once
    for sampler in samplers:
        sampler.begin(start + round(seconds * 1e9) if started == threads else start)
    gate.done()
    members.wait()
    if started < threads:
        return {"started": started}
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "version": platform.python_version(),
        "gil": gil_enabled(),
        "switch_interval": sys.getswitchinterval(),
        "cores": usable_core_numbers(),
        "wall": wall,
        "cpu": cpu,
        "spans": [[[a - start, b - start, core] for a, b, core in sampler.spans()] for sampler in samplers],
    }


def main() -> None:
    # Ctrl-C interrupts the parent too, and the parent ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    result = measure(int(sys.argv[1]), float(sys.argv[2])) if core_number() >= 0 else {"cores": None}
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
