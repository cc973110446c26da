"""What counting costs as threads are added: every way to count, shared or not, through a local, a global, an attribute.

    python benchmarks/scaling.py [--threads 1,2] [--rounds 15] [--only WORD] [--json FILE]

The interpreter that runs this, and the packages that are installed beside atomicpy. The threads of a point do the same
work in all, however many they are, and start together; a figure is the wall time of the whole by the number of
increments: ns for each, the median of the rounds. Ideal threads halve it when they are doubled. `contended`: all
threads count in one object; `uncontended`: each in one of its own.

Beside each figure stands the CPU time by the wall time. Each thread is tied to a core where the system can do that: a
scheduler likes to put threads that wait for each other on one core, and leaves them there. A round in which
the threads did not really run at the same time, below 0.85 of their number (of one core with the GIL), is thrown away
and repeated; where that goes on for too long the point is left out, and said so.
"""

import argparse
import itertools
import json
import statistics
import threading
import time
from pathlib import Path
from typing import NamedTuple

from latency import conditions
from peers import installed, rows_of
from together import really_parallel, together

from atomicpy import AtomicInt, Mutex, ShardedCounter

UNROLLED = 20
SAMPLE_SECONDS = 0.004  # of a round: short, so that many fall between two interruptions of a busy machine
PATIENCE_SECONDS = 6  # for a point, where most rounds do not count


class Contender(NamedTuple):
    make: object  # makes the object that the threads share
    statement: str  # counts once in x
    per_thread: str = "x"  # what a thread counts in, made of x when it begins


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


def one_round(contender, access, shared, threads, loops):
    """(wall seconds, CPU time / wall time) of so many loops, shared out among the threads."""
    common = contender.make() if shared else None
    # One function for all where all count in one object, as in a program; else one for each, with globals of its own.
    function = compiled(contender.statement, access, common) if shared and contender.per_thread == "x" else None
    holder = Holder(common)

    def prepare(me):
        x = eval(contender.per_thread, {"x": common if shared else contender.make()})
        count = function or compiled(contender.statement, access, x)
        argument = x if access != "attribute" else holder if function else Holder(x)
        count(2, argument)  # the specialising interpreter has seen it then
        return lambda: count(loops // threads, argument)

    return together(threads, prepare)


def measure(contender, access, shared, threads, rounds):
    loops = 200
    while (took := one_round(contender, access, shared, threads, loops)[0]) < SAMPLE_SECONDS / 4:
        loops *= 2
    loops = max(threads, round(loops * SAMPLE_SECONDS / took))
    good, tried, until = [], 0, time.monotonic() + PATIENCE_SECONDS
    while len(good) < rounds and time.monotonic() < until:
        wall, cores = one_round(contender, access, shared, threads, loops)
        tried += 1
        if really_parallel(threads, cores):
            good.append((wall / (loops // threads * threads * UNROLLED) * 1e9, cores))
    point = {"threads": threads, "rounds": len(good), "thrown_away": tried - len(good)}
    if len(good) >= 2:
        low, median, high = statistics.quantiles([ns for ns, _ in good], n=4)
        point |= {"ns": median, "quartiles": [low, high], "cpu_per_wall": statistics.median(c for _, c in good)}
    return point


def ways(contenders, only):
    """(name, contender, access, shared) of every row."""
    for name, contender in contenders.items():
        for access in ACCESSES:
            for shared in (True, False):
                if contender.statement == "x += 1" and access != "local":
                    continue  # `self.x += 1` stores into the attribute as well
                if contender.per_thread != "x" and not shared:
                    continue  # a handle is its thread's own in any case
                if only in name:
                    yield name, contender, access, shared


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    cores = conditions()["cores"]
    default = ",".join(str(2**i) for i in range(cores.bit_length()))
    parser.add_argument("--threads", default=default, metavar="N,N", help=f"how many threads ({default})")
    parser.add_argument("--rounds", type=int, default=15, help="samples of each point (15)")
    parser.add_argument("--only", default="", metavar="WORD", help="only the contenders with WORD in them")
    parser.add_argument("--json", metavar="FILE", help="write the figures to FILE as well")
    args = parser.parse_args()
    try:
        numbers = [int(number) for number in args.threads.split(",")]
    except ValueError:
        parser.error(f"--threads needs numbers with commas between them, not {args.threads!r}")
    if min(numbers) < 1 or args.rounds < 2:
        parser.error("--threads must be 1 or more, and --rounds 2 or more: a median needs them")

    contenders, found, missing = with_peers()
    report = {"conditions": conditions(), "rounds": args.rounds, "peers": found, "left_out": missing, "points": []}
    print(
        "{interpreter} ({compiler}), GIL {}, {machine}, {cores} cores".format(
            "on" if report["conditions"]["gil"] else "off", **report["conditions"]
        )
    )
    print("peers:", *(f"{name} {version}" for name, version in found.items()))
    for name, reason in missing.items():
        print(f"left out: {name} ({reason})")
    print(f"\n{'counter':27} {'through':9} {'':11}", *(f"{n:2} thr. ns  CPU/wall" for n in numbers))
    for name, contender, access, shared in ways(contenders, args.only):
        print(f"{name:27} {access:9} {'contended' if shared else 'uncontended':11}", end="", flush=True)
        for threads in numbers:
            point = measure(contender, access, shared, threads, args.rounds)
            report["points"].append({"counter": name, "access": access, "contended": shared, **point})
            text = f"{point['ns']:7.1f}    {point['cpu_per_wall']:5.2f}" if "ns" in point else "never parallel"
            print(f"  {text:>18}", end="", flush=True)
        print(flush=True)
    if args.json:
        Path(args.json).write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
