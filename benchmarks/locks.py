"""What the locks cost: beside threading.Lock, a readers/writer lock in pure Python, and bare threads.

    python benchmarks/locks.py [--rounds 15] [--seconds 3] [--only WORD] [--json FILE]

The two sides of a row take turns; a figure is the median of the rounds, and the ratio the median of the ratios of
neighbours. Beside it stands the CPU time by the wall time: how many cores were at work. Uncontended figures are CPU
time, the others wall time by the number of all operations. The longest wait is the worst of any of eight threads that
hammer one lock for so many seconds, each side in turn, five times; the median of the five.
"""

import argparse
import json
import statistics
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from latency import conditions
from together import really_parallel, together

from atomicpy import AtomicInt, Mutex, Once, RWMutex, WaitGroup, once

try:
    from cereggii.locks import ReadersWriterLock
except ImportError:
    ReadersWriterLock = None

UNROLLED = 10
SAMPLE_SECONDS = 0.02
CONTENDED_SECONDS = 0.2  # long beside what the system takes to start a thread, or to give one a core
PATIENCE_SECONDS = 10  # for a row that counts only rounds in which the threads ran at the same time


class ConditionLock:
    """A readers/writer lock as one writes it in Python, for where cereggii's is not there."""

    def __init__(self):
        self._changed, self._readers, self._writing = threading.Condition(), 0, False

    def acquire_reader(self):
        with self._changed:
            while self._writing:
                self._changed.wait()
            self._readers += 1

    def release_reader(self):
        with self._changed:
            self._readers -= 1
            if not self._readers:
                self._changed.notify_all()

    @contextmanager
    def reader(self):
        self.acquire_reader()
        try:
            yield
        finally:
            self.release_reader()


class Side(NamedTuple):
    make: object  # makes what the threads share
    statement: str  # does one operation on x


def done():
    o = Once()
    o.do(int)
    return o, int


def decorated():
    function = once(int)
    function()
    return function


class Holder:
    x = None


class Counted:
    def __init__(self):
        self.n = 0


def peer_lock():
    return (ReadersWriterLock or ConditionLock)()


PEER = "cereggii" if ReadersWriterLock else "Condition"
PEER_READS = "with x.reader(): pass"
PEER_ACQUIRES = (
    "x.reader().acquire(); x.reader().release()" if ReadersWriterLock else "x.acquire_reader(); x.release_reader()"
)

WITH = Side(Mutex, "with x: pass")
WITH_LOCK = Side(threading.Lock, "with x: pass")
READ = Side(RWMutex, "with x.read(): pass")
ACQUIRE_READ = Side(RWMutex, "x.acquire_read(); x.release_read()")
INC = Side(AtomicInt, "x.inc()")

# One thread: the operation, and what it is measured against.
ALONE = {
    "with Mutex / with threading.Lock": (WITH, WITH_LOCK),
    f"with RWMutex.read() / {PEER}": (READ, Side(peer_lock, PEER_READS)),
    f"acquire_read, release_read / {PEER}": (ACQUIRE_READ, Side(peer_lock, PEER_ACQUIRES)),
    "Once.do(fn), done / attribute": (Side(done, "o.do(fn)"), Side(Holder, "x.x")),
    "once(fn)(), done / attribute": (Side(decorated, "x()"), Side(Holder, "x.x")),
}

# All threads at one object: a critical section of one addition, and one with some work outside of it too.
CONTENDED = {
    "with lock: n += 1": "with x: N.n += 1",
    "the same, and work outside": "with x: N.n += 1\n        for _ in WORK: pass",
}
# Threads that do not exclude each other, by themselves: how much slower two are than one, for each operation.
SHARED = {"with RWMutex.read()": READ, "acquire_read, release_read": ACQUIRE_READ, "AtomicInt.inc": INC}


def compiled(statement, x):
    body = f"        {statement}\n" * UNROLLED
    unpack = "    o, fn = x\n" if "o.do" in statement else ""
    namespace = {"N": Counted(), "WORK": range(20)}
    exec(f"def loop(times, x):\n{unpack}    for _ in range(times):\n{body}", namespace)
    return lambda times, loop=namespace["loop"]: loop(times, x)


def alone(loop, times):
    start, cpu = time.perf_counter(), time.thread_time()
    loop(times)
    return time.perf_counter() - start, time.thread_time() - cpu


def sized(run, seconds=SAMPLE_SECONDS):
    times = 10
    while run(times)[0] < seconds / 4:
        times *= 2
    return times * 4


def row(name, ours, theirs):
    """Both are lists of (ns, CPU/wall), sample by sample in turn."""
    result = {
        "ns": statistics.median(ns for ns, _ in ours),
        "cpu_per_wall": statistics.median(cores for _, cores in ours),
        "baseline_ns": statistics.median(ns for ns, _ in theirs),
        "baseline_cpu_per_wall": statistics.median(cores for _, cores in theirs),
        "ratio": statistics.median(a / b for (a, _), (b, _) in zip(ours, theirs, strict=True)),
    }
    print(
        "{:46} {ns:10.1f} ns ({cpu_per_wall:4.2f}) {baseline_ns:12.1f} ns ({baseline_cpu_per_wall:4.2f})"
        " {ratio:8.2f}".format(name, **result),
        flush=True,
    )
    return name, result


def take_turns(name, ours, theirs, rounds):
    """Each side is a function that returns (ns, CPU/wall)."""
    samples = [], []
    for _ in range(rounds):
        for side, measure in zip(samples, (ours, theirs), strict=True):
            side.append(measure())
    return row(name, *samples)


def one_thread(side):
    loop = compiled(side.statement, side.make())
    times = sized(lambda n: alone(loop, n))

    def measure():
        wall, cpu = alone(loop, times)
        return cpu / times / UNROLLED * 1e9, cpu / wall

    return measure


def many_threads(make, statement, threads, seconds=CONTENDED_SECONDS, tied=False):
    """All threads at one object: wall time by the number of all operations."""
    loop = compiled(statement, make())
    times = sized(lambda n: together(threads, lambda me: lambda: loop(n), tied), seconds)

    def measure():
        wall, cores = together(threads, lambda me: lambda: loop(times), tied)
        return wall / times / UNROLLED / threads * 1e9, cores

    return measure


def beside_each_other(side, threads):
    """Threads that do not exclude each other: how long an operation of each takes, where they ran at the same time."""
    measure = many_threads(side.make, side.statement, threads, SAMPLE_SECONDS, tied=True)
    until = time.monotonic() + PATIENCE_SECONDS

    def parallel():
        while True:
            ns, cores = measure()
            if really_parallel(threads, cores) or time.monotonic() > until:  # the row shows the cores
                return ns * threads, cores

    return parallel


def longest_wait(make, seconds, threads=8):
    """The longest wait of all, in ms, and how many times the lock was taken in a second."""
    lock, stop = make(), threading.Event()
    worst, taken = [0.0] * threads, [0] * threads

    def hammer(me, lock, stop):  # its own names: a cell that threads share has a lock too, on 3.13t
        longest, n, clock = 0.0, 0, time.perf_counter
        while not stop.is_set():
            before = clock()
            with lock:
                longest = max(longest, clock() - before)
            n += 1
        worst[me], taken[me] = longest, n

    members = [threading.Thread(target=hammer, args=(me, lock, stop)) for me in range(threads)]
    cpu = time.process_time()
    for member in members:
        member.start()
    time.sleep(seconds)
    stop.set()
    for member in members:
        member.join()
    return max(worst) * 1e3, sum(taken) / seconds, (time.process_time() - cpu) / seconds


def waits(seconds):
    sides = {"Mutex": Mutex, "threading.Lock": threading.Lock}
    samples = {name: [] for name in sides}
    for _ in range(5):
        for name, make in sides.items():
            samples[name].append(longest_wait(make, seconds))
    for name, found in samples.items():
        longest, rate, cores = (statistics.median(values) for values in zip(*found, strict=True))
        title = f"longest wait, 8 threads, {seconds:g} s: {name}"
        print(f"{title:46} {longest:10.2f} ms ({cores:4.2f}) {rate:12.0f} /s", flush=True)
        yield title, {"ms": longest, "cpu_per_wall": cores, "per_second": rate}


def group_of(threads):
    counter = AtomicInt()

    def ours():
        group = WaitGroup()
        for _ in range(threads):
            group.go(counter.inc)
        group.wait()

    def theirs():
        members = []
        for _ in range(threads):  # made and started in one loop, as by go(): made beforehand they cost less
            member = threading.Thread(target=counter.inc)
            member.start()
            members.append(member)
        for member in members:
            member.join()

    def measured(run):
        def measure():
            start, cpu = time.perf_counter(), time.process_time()
            run()
            wall = time.perf_counter() - start
            return wall / threads * 1e9, (time.process_time() - cpu) / wall

        return measure

    return measured(ours), measured(theirs)


def rows(rounds, seconds, only):
    for name, (ours, theirs) in ALONE.items():
        if only in name:
            yield take_turns(name, one_thread(ours), one_thread(theirs), rounds)
    for name, statement in CONTENDED.items():
        for threads in (2, 4, 8):
            title = f"{name}, {threads} threads / threading.Lock"
            if only in title:
                sides = (many_threads(make, statement, threads) for make in (Mutex, threading.Lock))
                yield take_turns(title, *sides, rounds)
    for name, side in SHARED.items():
        title = f"{name}, 2 threads / 1 thread"
        if only in title:
            sides = (beside_each_other(side, n) for n in (2, 1))
            yield take_turns(title, *sides, rounds)
    title = "1,000 threads, WaitGroup.go / Thread"
    if only in title:
        yield take_turns(title, *group_of(1000), rounds)
    if only in "longest wait":
        yield from waits(seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="samples of each side (15)")
    parser.add_argument("--seconds", type=float, default=3, help="how long to hammer for the longest wait (3)")
    parser.add_argument("--only", default="", metavar="WORD", help="only the rows with WORD in them")
    parser.add_argument("--json", metavar="FILE", help="write the figures to FILE as well")
    args = parser.parse_args()
    if args.rounds < 1 or args.seconds <= 0:
        parser.error("--rounds must be 1 or more, and --seconds more than 0")
    report = {"conditions": conditions(), "rounds": args.rounds, "peer": PEER, "locks": {}}
    print(
        "{interpreter} ({compiler}), GIL {}, {machine}, {cores} cores".format(
            "on" if report["conditions"]["gil"] else "off", **report["conditions"]
        )
    )
    print(f"\n{'':46} {'ours (CPU/wall)':>20} {'baseline (CPU/wall)':>22} {'ratio':>8}")
    report["locks"] = dict(rows(args.rounds, args.seconds, args.only))
    if args.json:
        Path(args.json).write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
