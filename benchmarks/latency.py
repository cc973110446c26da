"""What one uncontended operation costs: AtomicInt beside a hand-written C extension, Mutex beside Lock.

    python benchmarks/latency.py [--rounds 101] [--only WORD] [--json FILE]

One thread, one run, the interpreter that runs this. Each statement stands UNROLLED times in the body of a
timeit loop, its object in a local variable. The two sides take turns, and the ratio is the median of the
rounds' ratios, so a machine that slows down slows down both. The first row times the baseline against
itself: what differs from 1.00 there is noise. The interpreter's share of a call is in both.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import sysconfig
import threading
import time
import timeit
from pathlib import Path

from atomicpy import AtomicInt, Mutex

HERE = Path(__file__).resolve().parent
UNROLLED = 50
SAMPLE_SECONDS = 0.002  # short: most samples then fall between two interruptions of a busy machine
# The CPU time of this thread leaves out what other processes take; Windows counts it in ticks of 16 ms.
CLOCK = time.thread_time if time.get_clock_info("thread_time").resolution < 1e-6 else time.perf_counter


def handwritten():
    """The module of the hand-written counter; built for this interpreter where it is not yet."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    folder = HERE.parent / "build" / "benchmarks" / suffix.strip(".")
    library = folder / f"handwritten{suffix}"
    source = HERE / "handwritten"
    if not library.exists() or library.stat().st_mtime < (source / "handwritten.c").stat().st_mtime:
        command = [sys.executable, "setup.py", "-q", "build_ext", "-b", folder, "-t", folder]
        built = subprocess.run(command, cwd=source, capture_output=True, text=True)
        if built.returncode:
            sys.exit(f"cannot build {source} (it needs a C compiler and setuptools):\n{built.stderr}")
    sys.path.insert(0, str(folder))
    import handwritten

    return handwritten


def operations(counter):
    """(name, statement, setup, ours, theirs): the setup makes the locals of the statement from `make`."""
    one = "x = make()"
    big = "x = make(10**6)"  # a result above 256 is a new object, as it is in use
    return [
        ("baseline itself: inc()", "x.inc()", big, counter, counter),
        ("AtomicInt.inc()", "x.inc()", big, AtomicInt, counter),
        ("AtomicInt.add(1)", "x.add(1)", big, AtomicInt, counter),
        ("AtomicInt.add()", "x.add()", big, AtomicInt, counter),
        ("AtomicInt.load()", "x.load()", big, AtomicInt, counter),
        ("AtomicInt.load(), below 256", "x.load()", one, AtomicInt, counter),
        ("AtomicInt += 1", "x += 1", big, AtomicInt, counter),
        ("AtomicInt.fetch_add(1)", "x.fetch_add(1)", big, AtomicInt, counter),
        ("AtomicInt.store(1)", "x.store(1)", big, AtomicInt, counter),
        ("AtomicInt.exchange(1)", "x.exchange(1)", big, AtomicInt, counter),
        ("AtomicInt.compare_exchange(1, 1)", "x.compare_exchange(1, 1)", "x = make(1)", AtomicInt, counter),
        ("AtomicInt()", "make()", "", AtomicInt, counter),
        ("AtomicInt(1)", "make(1)", "", AtomicInt, counter),
        ("with Mutex", "with x: pass", one, Mutex, threading.Lock),
        ("Mutex.acquire(); release()", "x.acquire(); x.release()", one, Mutex, threading.Lock),
        ("Mutex.acquire(False); release()", "x.acquire(False); x.release()", one, Mutex, threading.Lock),
        ("Mutex.locked()", "x.locked()", one, Mutex, threading.Lock),
        ("Mutex()", "make()", "", Mutex, threading.Lock),
    ]


def timer(statement, setup, make):
    # timeit puts the setup into the function that it times: its names are local variables there.
    return timeit.Timer("\n".join([statement] * UNROLLED), f"make = MAKE\n{setup}", CLOCK, {"MAKE": make})


def ns(timer, loops):
    return timer.timeit(loops) / (loops * UNROLLED) * 1e9


def compare(statement, setup, ours, theirs, rounds):
    """Median ns of ours and theirs, and the quartiles of the ratio of each round."""
    ours, theirs = timer(statement, setup, ours), timer(statement, setup, theirs)
    for warm_up in (ours, theirs):  # the specialising interpreter needs a few loops
        ns(warm_up, 1000)
    loops = max(1, round(SAMPLE_SECONDS * 1e9 / (ns(theirs, 1000) * UNROLLED)))
    samples = []
    for i in range(rounds):
        if i % 2:
            samples.append((ns(ours, loops), ns(theirs, loops)))
        else:
            b = ns(theirs, loops)
            samples.append((ns(ours, loops), b))
    low, ratio, high = statistics.quantiles([a / b for a, b in samples], n=4)
    return {
        "ns": statistics.median(a for a, _ in samples),
        "baseline_ns": statistics.median(b for _, b in samples),
        "ratio": ratio,
        "ratio_quartiles": [low, high],
    }


def conditions():
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    return {
        "interpreter": f"{platform.python_implementation()} {platform.python_version()}"
        + ("t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""),
        "compiler": platform.python_compiler(),
        "gil": gil,
        "machine": platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=101, help="samples of each side per operation (101)")
    parser.add_argument("--only", default="", metavar="WORD", help="only the operations with WORD in them")
    parser.add_argument("--json", metavar="FILE", help="write the figures to FILE as well")
    args = parser.parse_args()
    if args.rounds < 2:
        parser.error("--rounds must be 2 or more: a median needs them")

    results = {}
    wall, cpu = time.perf_counter(), time.process_time()
    counter = handwritten().Counter
    report = {"conditions": conditions(), "rounds": args.rounds, "operations": results}
    print(
        "{interpreter} ({compiler}), GIL {}, {machine}, {cores} cores, one thread".format(
            "on" if report["conditions"]["gil"] else "off", **report["conditions"]
        )
    )
    print(f"\n{'operation':34} {'ns':>7} {'baseline':>9} {'ratio':>6}   middle half")
    for name, statement, setup, ours, theirs in operations(counter):
        if args.only in name:
            row = results[name] = compare(statement, setup, ours, theirs, args.rounds)
            print(
                f"{name:34} {row['ns']:7.1f} {row['baseline_ns']:9.1f} {row['ratio']:6.2f}   "
                "{:.2f} - {:.2f}".format(*row["ratio_quartiles"]),
                flush=True,
            )
    report["cpu_per_wall"] = (time.process_time() - cpu) / (time.perf_counter() - wall)
    print(f"\n{args.rounds} rounds, CPU time / wall time {report['cpu_per_wall']:.2f}")
    if args.json:
        Path(args.json).write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
