"""What counting costs as threads are added: every counter, shared or not, through a local, a global, an attribute.

    python benchmarks/scaling.py [--threads 1,2] [--quick] [--rounds 15] [--only WORD] [--busy N] [--json FILE]

The packages that are installed beside atomicpy are measured too. A figure is the wall time by the number of increments
of all threads together, with the CPU time / wall time beside it. Ideal threads halve it when their number doubles. The
numbers of threads take turns. `contended`: all threads count in one object; `uncontended`: each in one of its own.

Each thread is tied to a core where the operating system allows it. A sample whose threads did not run in parallel is
discarded and taken again. A point with too few samples has no figure: "never parallel".
"""

import itertools
import threading
from typing import NamedTuple

import measure
import summary
from peers import installed, rows_of
from together import parallel

from atomicpy import AtomicInt, Mutex, ShardedCounter

UNROLLED = 20
SAMPLE_SECONDS = 0.004  # short: most samples then fall between two interruptions of a busy machine


class Contender(NamedTuple):
    make: object  # makes the object that the threads share
    statement: str  # counts once in x
    per_thread: str = "x"  # the object a thread counts in, made of x before the start


class Plain:
    n = 0


class Locked:
    def __init__(self, lock):
        self.lock, self.n = lock, 0


CONTENDERS = {
    "racy": Contender(Plain, "x.n += 1"),
    "threading.Lock": Contender(lambda: Locked(threading.Lock()), "with x.lock: x.n += 1"),
    "Mutex": Contender(lambda: Locked(Mutex()), "with x.lock: x.n += 1"),
    "itertools.count": Contender(itertools.count, "next(x)"),
    "AtomicInt.inc": Contender(AtomicInt, "x.inc()"),
    "AtomicInt +=": Contender(AtomicInt, "x += 1"),
    "ShardedCounter.inc": Contender(ShardedCounter, "x.inc()"),
    "ShardedCounter.local().inc": Contender(ShardedCounter, "x.inc()", "x.local()"),
}

# How the thread's code reaches what it counts in: the statement's x, and the function around the loop.
ACCESSES = {"local": "x", "global": "X", "attribute": "self.x"}


def with_peers():
    """The contenders, and each installed peer's way to count up."""
    found, missing = installed()
    contenders = dict(CONTENDERS)
    for name, (_, makers) in found.items():
        for kind, ours, _, theirs in rows_of(name):
            if kind is AtomicInt and ours == "x.inc()":
                contenders[name] = Contender(makers[AtomicInt], theirs)
    return contenders, {name: version for name, (version, _) in found.items()}, missing


def compiled(statement, access, shared):
    """A function of (times, x) that counts so often in x, reached in that way."""
    body = statement.replace("x.", ACCESSES[access] + ".").replace("(x)", f"({ACCESSES[access]})")
    body = body.replace("x +=", f"{ACCESSES[access]} +=")
    declared = "    global X\n" if access == "global" else ""
    lines = "".join(f"        {body}\n" for _ in range(UNROLLED))
    arguments = {"local": "times, x", "global": "times, _", "attribute": "times, self"}[access]
    namespace = {"X": shared}
    exec(f"def count({arguments}):\n{declared}    for _ in range(times):\n{lines}", namespace)
    return namespace["count"]


class Holder:
    def __init__(self, x):
        self.x = x


def side(contender, access, shared, threads):
    def job(times):
        common = contender.make() if shared else None
        # One function for all threads where all count in one object, as in a program; else one for each thread.
        function = compiled(contender.statement, access, common) if shared and contender.per_thread == "x" else None
        holder = Holder(common)

        def prepare(me):
            x = eval(contender.per_thread, {"x": common if shared else contender.make()})
            count = function or compiled(contender.statement, access, x)
            argument = x if access != "attribute" else holder if function else Holder(x)
            count(2, argument)  # the specialising interpreter needs a few loops
            return lambda: count(times, argument)

        return prepare

    return measure.on_threads(threads, job, UNROLLED, SAMPLE_SECONDS, at_least=parallel(threads))


def ways(contenders, only):
    """(name, contender, access, shared) of every row."""
    for name, contender in contenders.items():
        for access in ACCESSES:
            for shared in (True, False):
                if contender.statement == "x += 1" and access != "local":
                    continue  # `self.x += 1` stores into the attribute as well
                if contender.per_thread != "x" and not shared:
                    continue  # a handle belongs to one thread in any case
                if only in name:
                    yield name, contender, access, shared


def main():
    parser = measure.parser(__doc__, rounds=15)
    cores = measure.conditions()["cores"]
    default = ",".join(str(2**i) for i in range(cores.bit_length()))
    parser.add_argument("--threads", default=default, metavar="N,N", help=f"how many threads ({default})")
    args = measure.parsed(parser)
    try:
        numbers = [int(number) for number in args.threads.split(",")]
    except ValueError:
        parser.error(f"--threads needs numbers with commas between them, not {args.threads!r}")
    if min(numbers) < 1:
        parser.error("--threads must be 1 or more")

    contenders, found, missing = with_peers()
    rows = {}
    with measure.busy(args.busy):
        loop, seen = measure.loop_of(args), measure.conditions(args.busy)
        print(measure.heading(seen))
        print("peers:", *(f"{name} {version}" for name, version in found.items()))
        for name, reason in missing.items():
            print(f"left out: {name} ({reason})")
        print(f"\n{'counter':27} {'through':9} {'':11}", *(f"{n:2} thr. ns  CPU/wall" for n in numbers))
        for name, contender, access, shared in ways(contenders, args.only):
            kind = "contended" if shared else "uncontended"
            print(f"{name:27} {access:9} {kind:11}", end="", flush=True)
            figures = loop.figures(*(side(contender, access, shared, threads) for threads in numbers))
            rows[f"{name}, {access}, {kind}"] = figures
            for figure in figures:
                text = "never parallel" if figure.ns is None else f"{figure.ns:7.1f}    {figure.cores:5.2f}"
                print(f"  {text:>18}", end="")
            print(flush=True)
    if args.json and rows:
        more = {"threads": numbers, "peers": found, "left_out": sorted(missing)}
        summary.save(args.json, "scaling", seen, args.rounds, measure.Figure._fields, rows, **more)


if __name__ == "__main__":
    main()
