"""What the locks cost: beside threading.Lock, the same in pure Python, and bare threads.

    python benchmarks/locks.py [--quick] [--rounds 15] [--seconds 3] [--only WORD] [--busy N] [--json FILE]

Uncontended figures are CPU time. The others are wall time by the number of all operations, with the CPU time / wall
time beside it: how many cores were at work. The longest wait is the worst of eight threads that acquire one lock for
so many seconds; the figure is the median of five runs. `--busy 2` measures beside two busy processes: the figures of a
blocking primitive are taken both ways.
"""

import statistics
import threading
import time
from functools import partial
from typing import NamedTuple

import measure
import summary
from together import parallel, together
from waiting import WAITING, ConditionRWLock

from atomicpy import AtomicInt, Mutex, Once, RWMutex, WaitGroup, once

try:
    from cereggii.locks import ReadersWriterLock
except ImportError:
    ReadersWriterLock = None

UNROLLED = 10
SAMPLE_SECONDS = 0.02
CONTENDED_SECONDS = 0.2  # long beside the time in which the system starts a thread, or gives it a core
WAITING_SECONDS = 0.05  # CPU time: beside busy processes, threads that wait take twenty times as long
COLUMNS = ("ns", "cores", "baseline_ns", "baseline_cores", "ratio", "low", "high", "discarded")
WAIT_COLUMNS = ("ms", "cores", "per_second")


class Wait(NamedTuple):
    ms: float
    cores: float
    per_second: float


class Side(NamedTuple):
    make: object  # makes the object that the threads share
    statement: str  # does one operation on x
    setup: str = "x = make()"  # for the statement on one thread


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
    return (ReadersWriterLock or ConditionRWLock)()


PEER = "cereggii" if ReadersWriterLock else "Condition"
PEER_READS = "with x.reader(): pass" if ReadersWriterLock else "with x.read(): pass"
PEER_ACQUIRES = (
    "x.reader().acquire(); x.reader().release()" if ReadersWriterLock else "x.acquire_read(); x.release_read()"
)

WITH = Side(Mutex, "with x: pass")
WITH_LOCK = Side(threading.Lock, "with x: pass")
READ = Side(RWMutex, "with x.read(): pass")
ACQUIRE_READ = Side(RWMutex, "x.acquire_read(); x.release_read()")
INC = Side(AtomicInt, "x.inc()")

# One thread: the operation and its baseline.
ALONE = {
    "with Mutex / with threading.Lock": (WITH, WITH_LOCK),
    f"with RWMutex.read() / {PEER}": (READ, Side(peer_lock, PEER_READS)),
    f"acquire_read, release_read / {PEER}": (ACQUIRE_READ, Side(peer_lock, PEER_ACQUIRES)),
    "Once.do(fn), done / attribute": (Side(done, "o.do(fn)", "o, fn = make()"), Side(Holder, "x.x")),
    "once(fn)(), done / attribute": (Side(decorated, "x()"), Side(Holder, "x.x")),
}

# All threads at one object: a critical section of one addition, without and with some work outside of it.
CONTENDED = {
    "with lock: n += 1": "with x: N.n += 1",
    "the same, and work outside": "with x: N.n += 1\n        for _ in WORK: pass",
}
# Threads that do not exclude each other: an operation of each of two, beside the same on one thread.
SHARED = {"with RWMutex.read()": READ, "acquire_read, release_read": ACQUIRE_READ, "AtomicInt.inc": INC}


def compiled(statement, x):
    body = f"        {statement}\n" * UNROLLED
    namespace = {"N": Counted(), "WORK": range(20)}
    exec(f"def loop(times, x):\n    for _ in range(times):\n{body}", namespace)
    return lambda times, loop=namespace["loop"]: loop(times, x)


def alone(side):
    return measure.one_thread(side.statement, side.setup, side.make, SAMPLE_SECONDS, UNROLLED)


def contended(statement, threads, make):
    """All threads at one object: wall time by the number of all operations."""
    loop = compiled(statement, make())
    return measure.on_threads(
        threads, lambda times: lambda me: lambda: loop(times), UNROLLED, CONTENDED_SECONDS, tied=False
    )


def side_by_side(side, threads):
    """Threads that do not exclude each other: how long an operation of each takes while they run in parallel."""
    loop = compiled(side.statement, side.make())
    at_least = parallel(threads)
    return measure.on_threads(
        threads, lambda times: lambda me: lambda: loop(times), UNROLLED, SAMPLE_SECONDS, at_least=at_least, each=True
    )


def waiting(side):
    """Threads that wait for each other: wall time by the number of rounds."""
    return measure.on_threads(side.threads, side.job, 1, WAITING_SECONDS, tied=False)


def longest_wait(make, seconds, threads=8):
    """The longest wait of all threads, and how many times a second the lock was acquired."""
    lock, stop = make(), threading.Event()
    worst, acquired = [0.0] * threads, [0] * threads

    def prepare(me):
        def acquire(lock=lock, stop=stop):  # local names: a cell that threads share has a lock too, on 3.13t
            longest, n, clock = 0.0, 0, time.perf_counter
            while not stop.is_set():
                before = clock()
                with lock:
                    longest = max(longest, clock() - before)
                n += 1
            worst[me], acquired[me] = longest, n

        return acquire

    def meanwhile():
        try:
            time.sleep(seconds)
        finally:
            stop.set()

    wall, cores = together(threads, prepare, tied=False, meanwhile=meanwhile)
    return measure.Sample(max(worst) * 1e9, cores), sum(acquired) / wall


def waits(loop, seconds):
    sides = {"Mutex": Mutex, "threading.Lock": threading.Lock}
    rates = {name: [] for name in sides}

    def side(name):
        def sample():
            found, rate = longest_wait(sides[name], seconds)
            rates[name].append(rate)
            return found

        return sample

    figures = loop._replace(rounds=min(loop.rounds, 5)).figures(*map(side, sides))
    for name, figure in zip(sides, figures, strict=True):
        row = Wait(figure.ns / 1e6, figure.cores, statistics.median(rates[name]))
        title = f"longest wait, 8 threads, {seconds:g} s: {name}"
        print(f"{title:46} {row.ms:10.2f} ms ({row.cores:4.2f}) {row.per_second:12.0f} /s", flush=True)
        yield title, row


def group_of(threads):
    counter = AtomicInt()

    def ours():
        group = WaitGroup()
        for _ in range(threads):
            group.go(counter.inc)
        group.wait()

    def bare():
        members = []
        for _ in range(threads):  # created and started in one loop, as by go()
            member = threading.Thread(target=counter.inc)
            member.start()
            members.append(member)
        for member in members:
            member.join()

    return measure.whole_process(ours, threads), measure.whole_process(bare, threads)


def pairs():
    """(name, a function that makes both sides) of every row."""
    for name, sides in ALONE.items():
        yield name, partial(map, alone, sides)
    for name, statement in CONTENDED.items():
        for threads in (2, 4, 8):
            sides = partial(map, partial(contended, statement, threads), (Mutex, threading.Lock))
            yield f"{name}, {threads} threads / threading.Lock", sides
    for name, side in SHARED.items():
        yield f"{name}, 2 threads / 1 thread", partial(map, partial(side_by_side, side), (2, 1))
    for name, sides in WAITING.items():
        yield name, partial(map, waiting, sides)
    yield "1,000 threads, WaitGroup.go / Thread", partial(group_of, 1000)


def shown(name, row):
    if row.ns is None:
        return f"{name:46} never parallel: {row.discarded} samples discarded"
    return (
        f"{name:46} {row.ns:10.1f} ns ({row.cores:4.2f}) {row.baseline_ns:12.1f} ns ({row.baseline_cores:4.2f})"
        f" {row.ratio:8.2f}   {row.low:.2f} - {row.high:.2f}"
    )


def main():
    parser = measure.parser(__doc__, rounds=15)
    parser.add_argument("--seconds", type=float, default=3, help="length of a run of the longest wait (3)")
    args = measure.parsed(parser)
    if args.seconds <= 0:
        parser.error("--seconds must be more than 0")
    if args.quick:
        args.seconds = min(args.seconds, 0.1)
    rows = {}
    with measure.busy(args.busy):
        loop, seen = measure.loop_of(args), measure.conditions(args.busy)
        print(measure.heading(seen))
        print(f"\n{'':46} {'ours (CPU/wall)':>20} {'baseline (CPU/wall)':>22} {'ratio':>8}   middle half")
        for name, sides in pairs():
            if args.only in name:
                rows[name] = loop.compare(*sides())
                print(shown(name, rows[name]), flush=True)
        longest = dict(waits(loop, args.seconds)) if args.only in "longest wait" else {}
    if args.json:
        summary.save(args.json, "locks", seen, args.rounds, COLUMNS, rows, peer=PEER)
        summary.save(args.json, "waits", seen, loop.rounds, WAIT_COLUMNS, longest)


if __name__ == "__main__":
    main()
