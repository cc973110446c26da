"""What one increment costs in nogil code, beside C11's atomic_fetch_add in plain C.

On an AtomicInt (ap_fetch_add_i64), in a ShardedCounter (sharded_counter_add) and under a Mutex.

    python benchmarks/native.py [--rounds 101] [--json FILE]

Both loops stand in one small extension that is built here as a user would build it: in Cython through
`cimport atomicpy`, and in C on a static `_Atomic int64_t`. The two sides take turns, and the ratio is the median of the
rounds' ratios. The first row times the C loop against another copy of itself: what differs from 1.00 there is noise.

With two threads the loops start together, behind a gate in C; a round counts only if both threads really ran at
the same time: CPU time / wall time of 1.7 or more, on both sides. The nanoseconds are those that a thread waits for one
increment: on one thread of its CPU time, on two of the wall time.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import sysconfig
import threading
import time
from pathlib import Path

from latency import conditions

HERE = Path(__file__).resolve().parent
SAMPLE_SECONDS = 0.0005  # short: most samples then fall between two interruptions of a busy machine
PATIENCE_SECONDS = 30  # for the rounds of a row, where most do not count
REALLY_TWO = 1.7  # CPU time / wall time

SOURCE = '''
# cython: language_level=3, freethreading_compatible=True
from libc.stdint cimport int64_t
from atomicpy cimport (
    AtomicInt, Mutex, ShardedCounter, ap_fetch_add_i64, ap_i64, ap_load_i64, ap_store_i64, mutex_lock, mutex_unlock,
    sharded_counter_add,
)

cdef extern from *:
    """
    #include <sched.h>
    #include <stdatomic.h>
    #include <time.h>

    /* On a cache line of its own, as the word of an AtomicInt is for who counts on nothing else. */
    static struct { _Alignas(128) _Atomic int64_t n; } bare, again;

    static void count_bare(int64_t times)
    {
        for (int64_t i = 0; i < times; i++) { atomic_fetch_add(&bare.n, 1); }
    }
    static void count_again(int64_t times)
    {
        for (int64_t i = 0; i < times; i++) { atomic_fetch_add(&again.n, 1); }
    }
    static int64_t now(clockid_t clock)
    {
        struct timespec t;
        clock_gettime(clock, &t);
        return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
    }
    static int64_t cpu_time(void) { return now(CLOCK_THREAD_CPUTIME_ID); }
    static int64_t wall_time(void) { return now(CLOCK_MONOTONIC); }
    """
    void count_bare(int64_t times) noexcept nogil
    void count_again(int64_t times) noexcept nogil
    int64_t cpu_time() noexcept nogil
    int64_t wall_time() noexcept nogil
    void sched_yield() noexcept nogil

cdef ap_i64 gate
cdef ShardedCounter sharded = ShardedCounter()
cdef Mutex mutex = Mutex()
cdef int64_t guarded = 0


def open_gate():
    ap_store_i64(&gate, 0)


def sample(int side, AtomicInt a not None, int64_t times, int threads):
    """Count so often, together with the other threads: CPU time, start and end, in ns."""
    global guarded
    cdef int64_t i, cpu, start, end, spins = 0
    with nogil:
        ap_fetch_add_i64(&gate, 1)
        while ap_load_i64(&gate) < threads:
            spins += 1
            if spins % 100000 == 0:
                sched_yield()
        cpu, start = cpu_time(), wall_time()
        if side == 0:
            for i in range(times):
                ap_fetch_add_i64(&a.value, 1)
        elif side == 1:
            count_bare(times)
        elif side == 2:
            count_again(times)
        elif side == 3:
            for i in range(times):
                sharded_counter_add(sharded, 1)
        else:
            for i in range(times):
                mutex_lock(mutex)
                guarded += 1
                mutex_unlock(mutex)
        cpu, end = cpu_time() - cpu, wall_time()
    return cpu, start, end
'''
SETUP = """
import atomicpy
from Cython.Build import cythonize
from setuptools import Extension, setup
arguments = ["-std=gnu11", "-O2", "-pthread"]
setup(ext_modules=cythonize(Extension("native_loops", ["native_loops.pyx"], include_dirs=[atomicpy.get_include()],
      extra_compile_args=arguments)))
"""
OURS, BARE, AGAIN, SHARDED, MUTEX = range(5)
ROWS = (
    ("bare C itself", AGAIN),
    ("ap_fetch_add_i64", OURS),
    ("sharded_counter_add", SHARDED),
    ("mutex_lock, += 1, unlock", MUTEX),
)


def build():
    """The module of the loops; built anew for each interpreter and version of the package."""
    folder = HERE.parent / "build" / "benchmarks" / sysconfig.get_config_var("EXT_SUFFIX").strip(".") / "native"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "native_loops.pyx").write_text(SOURCE)
    (folder / "setup.py").write_text(SETUP)
    command = [sys.executable, "-P", "setup.py", "-q", "build_ext", "--inplace", "--force"]
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if built.returncode:
        sys.exit(
            f"cannot build the loops (it needs a C compiler, setuptools and Cython):\n{built.stdout}{built.stderr}"
        )
    sys.path.insert(0, str(folder))
    import native_loops

    return native_loops


class Team:
    """Threads that stay: to start one takes longer than a sample."""

    def __init__(self, loops, threads):
        self.loops, self.threads = loops, threads
        self.barrier = threading.Barrier(threads + 1)
        self.job = None
        self.results = [None] * threads
        for me in range(threads):
            threading.Thread(target=self.work, args=(me,), daemon=True).start()

    def work(self, me):
        if hasattr(os, "sched_setaffinity"):
            # A scheduler puts threads that wait for each other on one core, and leaves them there.
            cores = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(0, {cores[me % len(cores)]})
        while True:
            self.barrier.wait()
            self.results[me] = self.loops.sample(*self.job, self.threads)
            self.barrier.wait()

    def sample(self, side, counter, times):
        """(ns per increment of a thread, CPU time / wall time, CPU time of a thread in ns)"""
        self.loops.open_gate()
        self.job = side, counter, times
        self.barrier.wait()
        self.barrier.wait()
        cpu = sum(cpu for cpu, _, _ in self.results)
        wall = max(end for _, _, end in self.results) - min(start for _, start, _ in self.results)
        return (cpu if self.threads == 1 else wall) / times, cpu / wall, cpu / self.threads


def compare(team, ours, theirs, counter, rounds):
    times = 1000
    while team.sample(theirs, counter, times)[2] < SAMPLE_SECONDS * 1e9 / 2:
        times *= 2
    samples, used = [], []
    until = time.monotonic() + PATIENCE_SECONDS
    for i in itertools.count():
        if len(samples) == rounds or time.monotonic() > until:
            break
        order = (ours, theirs) if i % 2 else (theirs, ours)
        taken = {side: team.sample(side, counter, times) for side in order}
        if team.threads == 1 or min(cores for _, cores, _ in taken.values()) >= REALLY_TWO:
            samples.append((taken[ours][0], taken[theirs][0]))
            used += [cores for _, cores, _ in taken.values()]
    if len(samples) < 2:
        return {"rounds": len(samples)}
    low, ratio, high = statistics.quantiles([a / b for a, b in samples], n=4)
    return {
        "rounds": len(samples),
        "ns": statistics.median(a for a, _ in samples),
        "baseline_ns": statistics.median(b for _, b in samples),
        "ratio": ratio,
        "ratio_quartiles": [low, high],
        "cpu_per_wall": statistics.median(used),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=101, help="samples of each side per row (101)")
    parser.add_argument("--json", metavar="FILE", help="write the figures to FILE as well")
    args = parser.parse_args()
    if args.rounds < 2:
        parser.error("--rounds must be 2 or more: a median needs them")
    if os.name != "posix":
        sys.exit("native.py needs the clocks of POSIX")

    from atomicpy import AtomicInt

    loops = build()
    report = {"conditions": conditions(), "rounds": args.rounds, "rows": {}}
    print(
        "{interpreter} ({compiler}), GIL {}, {machine}, {cores} cores".format(
            "on" if report["conditions"]["gil"] else "off", **report["conditions"]
        )
    )
    print(f"\n{'loop':26} {'threads':>7} {'ns':>7} {'bare C':>7} {'ratio':>6}   middle half  CPU/wall  rounds")
    for threads in (1, 2):
        team = Team(loops, threads)
        for name, ours in ROWS:
            row = report["rows"][f"{name}, {threads}"] = compare(team, ours, BARE, AtomicInt(), args.rounds)
            if "ratio" not in row:
                print(f"{name:26} {threads:7}   the threads did not run at the same time: {row['rounds']} good rounds")
                continue
            print(
                f"{name:26} {threads:7} {row['ns']:7.2f} {row['baseline_ns']:7.2f} {row['ratio']:6.3f}   "
                "{:.3f}-{:.3f}".format(*row["ratio_quartiles"])
                + f"  {row['cpu_per_wall']:8.2f}  {row['rounds']:6}",
                flush=True,
            )
    if args.json:
        Path(args.json).write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
