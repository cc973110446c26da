"""The measuring loop of the benchmarks, and the options that every benchmark has.

A *side* is a function without arguments that takes one Sample. In each round every side takes one sample, and the next
round reverses their order, so a machine that slows down slows down all sides. A ratio is of the two samples of one
round. A figure is the median over the rounds, with the quartiles beside it.

The loop discards a sample whose threads did not run in parallel (two threads: CPU time / wall time below 1.7) and
takes it again, for at most PATIENCE_SECONDS in a row of the table. A row with too few samples has no figure. With
`--busy N` the loop discards nothing: N processes take CPU time beside the benchmark, and the figures are those of a
busy machine.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import sysconfig
import time
import timeit
from contextlib import contextmanager
from typing import NamedTuple

from together import GIL, together

# The CPU time of a thread leaves out what other processes take. Windows counts it in ticks of 16 ms.
CLOCK = time.thread_time if time.get_clock_info("thread_time").resolution < 1e-6 else time.perf_counter
PATIENCE_SECONDS = 10  # the time of a row in which the loop repeats discarded samples
LEAST_ROUNDS = 2  # quartiles need them
BUSY = """
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0)), daemon=True).start()
print("busy", flush=True)
while True: pass
"""


class Sample(NamedTuple):
    ns: float  # of one operation
    cores: float  # CPU time / wall time
    counts: bool = True  # False: the threads of the sample did not run in parallel


def quartiles(values):
    return statistics.quantiles(values, n=4, method="inclusive")


class Figure(NamedTuple):
    """The samples of one side: median and quartiles."""

    ns: float | None
    low: float | None
    high: float | None
    cores: float | None
    discarded: int

    @classmethod
    def of(cls, samples, discarded):
        counted = [sample for sample in samples if sample is not None]
        if len(counted) < LEAST_ROUNDS:
            return cls(None, None, None, None, discarded)
        low, ns, high = quartiles(sample.ns for sample in counted)
        return cls(ns, low, high, statistics.median(sample.cores for sample in counted), discarded)


class Comparison(NamedTuple):
    """The samples of two sides: medians, and the median and quartiles of the rounds' ratios."""

    ns: float | None
    cores: float | None
    baseline_ns: float | None
    baseline_cores: float | None
    ratio: float | None
    low: float | None
    high: float | None
    discarded: int

    @classmethod
    def of(cls, rounds, discarded):
        pairs = [pair for pair in rounds if None not in pair]
        if len(pairs) < LEAST_ROUNDS:
            return cls(*[None] * 7, discarded)
        sides = [
            statistics.median(getattr(sample, what) for sample in side)
            for side in zip(*pairs, strict=True)
            for what in ("ns", "cores")
        ]
        low, ratio, high = quartiles(ours.ns / baseline.ns for ours, baseline in pairs)
        return cls(*sides, ratio, low, high, discarded)


class Loop(NamedTuple):
    rounds: int
    discard: bool = True
    patience: float = PATIENCE_SECONDS

    def samples(self, *sides):
        """(rounds, discarded): each round has one sample of each side, or None; discarded is a number for each side."""
        until = time.monotonic() + self.patience
        rounds, discarded = [], [0] * len(sides)
        for i in range(self.rounds):
            found = [None] * len(sides)
            for side in sorted(range(len(sides)), reverse=i % 2 == 0):
                while found[side] is None:
                    sample = sides[side]()
                    if sample.counts or not self.discard:
                        found[side] = sample
                        continue
                    discarded[side] += 1
                    if time.monotonic() > until:
                        break
            rounds.append(found)
        return rounds, discarded

    def compare(self, ours, baseline):
        rounds, discarded = self.samples(ours, baseline)
        return Comparison.of(rounds, sum(discarded))

    def figures(self, *sides):
        rounds, discarded = self.samples(*sides)
        return [Figure.of(*side) for side in zip(zip(*rounds, strict=True), discarded, strict=True)]


def sized(seconds_of, seconds):
    """The number of repetitions that take about `seconds`. `seconds_of(times)` repeats and returns the seconds."""
    times = 1
    while (took := seconds_of(times)) < seconds / 4:
        times *= 2
    return max(1, round(times * seconds / took))


def one_thread(statement, setup, make, seconds, unrolled=50):
    """A side: the CPU time of a statement on this thread.

    timeit puts the setup into the function that it times, so the names of the setup are local variables there. The
    statement stands `unrolled` times in the body of the loop.
    """
    timer = timeit.Timer("\n".join([statement] * unrolled), f"make = MAKE\n{setup}", CLOCK, {"MAKE": make})
    timer.timeit(1000 // unrolled)  # the specialising interpreter needs a few loops
    times = sized(timer.timeit, seconds)

    def sample():
        start = time.perf_counter()
        cpu = timer.timeit(times)
        return Sample(cpu / times / unrolled * 1e9, cpu / (time.perf_counter() - start))

    return sample


def on_threads(threads, job, operations, seconds, tied=True, at_least=0.0, each=False, of="wall"):
    """A side: threads that start together; the time divided by the number of operations of all threads.

    `job(times)` is called for each sample. It returns the `prepare` of `together`, whose function does `times *
    operations` operations in each thread. A sample counts if its CPU time / wall time is `at_least` or more;
    `together.parallel` computes that limit. `each=True` divides by the operations of one thread. `of="cpu"` takes the
    CPU time of all threads instead of the wall time.
    """

    def take(times):
        return together(threads, job(times), tied)

    def took(times):
        wall, cores = take(times)
        return wall * min(1, cores)  # not the time in which another process had the core

    times = sized(took, seconds)

    def sample():
        wall, cores = take(times)
        seconds = wall * cores if of == "cpu" else wall
        return Sample(seconds / (times * operations * (1 if each else threads)) * 1e9, cores, cores >= at_least)

    return sample


def whole_process(run, operations):
    """A side: the wall time of one run, and the CPU time of all threads of the process."""

    def sample():
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        return Sample(wall / operations * 1e9, cpu / wall)

    return sample


@contextmanager
def busy(processes):
    """Run N processes that take CPU time without a pause. They end when this process ends, however it ends."""
    command = [sys.executable, "-S", "-c", BUSY]
    started = []
    try:
        for _ in range(processes):
            started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        for process in started:
            process.stdout.readline()  # the process runs
        yield
    finally:
        for process in started:
            process.stdin.close()
        for process in started:
            process.wait()
            process.stdout.close()


def conditions(processes=0):
    return {
        "interpreter": f"{platform.python_implementation()} {platform.python_version()}"
        + ("t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""),
        "compiler": platform.python_compiler(),
        "gil": GIL,
        "machine": platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "busy": processes,
    }


def heading(seen):
    """The conditions in one line: every benchmark prints it above its figures."""
    gil = "with the GIL" if seen["gil"] else "without the GIL"
    n = seen.get("busy", 0)
    beside = f", beside {n} busy process{'es' * (n > 1)} (nothing discarded)" if n else ""
    return "{interpreter} {}, {compiler}, {machine}, {cores} cores{}".format(gil, beside, **seen)


def parser(doc, rounds):
    """The options of every benchmark."""
    made = argparse.ArgumentParser(description=doc.splitlines()[0])
    made.add_argument("--rounds", type=int, default=rounds, metavar="N", help=f"samples of each side ({rounds})")
    made.add_argument("--quick", action="store_true", help="few rounds: whether it runs, not what it costs")
    made.add_argument("--only", default="", metavar="WORD", help="only the rows with WORD in them")
    made.add_argument("--busy", type=int, default=0, metavar="N", help="N busy processes beside it (0)")
    made.add_argument("--json", metavar="FILE", help="put the summary into FILE, beside those of other benchmarks")
    return made


def parsed(parser):
    args = parser.parse_args()
    if args.quick:
        args.rounds = LEAST_ROUNDS
    if args.rounds < LEAST_ROUNDS or args.busy < 0:
        parser.error(f"--rounds must be {LEAST_ROUNDS} or more (a median needs them), and --busy 0 or more")
    return args


def loop_of(args):
    return Loop(args.rounds, discard=not args.busy, patience=0.5 if args.quick else PATIENCE_SECONDS)
