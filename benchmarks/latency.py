"""What one uncontended operation costs: every type beside a hand-written C extension, Mutex beside Lock.

    python benchmarks/latency.py [--peers] [--rounds 101] [--only WORD] [--json FILE]

One thread, one run, the interpreter that runs this. Each statement stands UNROLLED times in the body of a
timeit loop, its object in a local variable. The two sides take turns, and the ratio is the median of the
rounds' ratios, so a machine that slows down slows down both. The first row times the baseline against
itself: what differs from 1.00 there is noise. The interpreter's share of a call is in both. With --peers the
other side is the same operation of other packages; see peers.py. The operations are in operations.py.
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import sysconfig
import time
import timeit
from pathlib import Path

from operations import operations
from peers import installed, rows_of

HERE = Path(__file__).resolve().parent
UNROLLED = 50
LIMIT = 1.10  # what the package promises to stay below
WORD_X = r"\bx\b"
SAMPLE_SECONDS = 0.002  # short: most samples then fall between two interruptions of a busy machine
# The CPU time of this thread leaves out what other processes take; Windows counts it in ticks of 16 ms.
CLOCK = time.thread_time if time.get_clock_info("thread_time").resolution < 1e-6 else time.perf_counter


def handwritten():
    """The module of the hand-written types; built for this interpreter where it is not yet."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    folder = HERE.parent / "build" / "benchmarks" / suffix.strip(".")
    library = folder / f"handwritten{suffix}"
    source = HERE / "handwritten"
    changed = max(file.stat().st_mtime for file in source.glob("*.[ch]"))
    if not library.exists() or library.stat().st_mtime < changed:
        command = [sys.executable, "setup.py", "-q", "build_ext", "-b", folder, "-t", folder]
        built = subprocess.run(command, cwd=source, capture_output=True, text=True)
        if built.returncode:
            sys.exit(f"cannot build {source} (it needs a C compiler and setuptools):\n{built.stderr}")
    sys.path.insert(0, str(folder))
    import handwritten

    return handwritten


def timer(statement, setup, make):
    # timeit puts the setup into the function that it times: its names are local variables there.
    return timeit.Timer("\n".join([statement] * UNROLLED), f"make = MAKE\n{setup}", CLOCK, {"MAKE": make})


def ns(timer, loops):
    return timer.timeit(loops) / (loops * UNROLLED) * 1e9


def compare(ours, theirs, rounds):
    """Median ns of ours and theirs, two timers, and the quartiles of the ratio of each round."""
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


def by_hand():
    """(name, our timer, the baseline's) of every operation."""
    for name, statement, setup, ours, theirs in operations(handwritten()):
        yield name, timer(statement, setup, ours), timer(statement, setup, theirs)


def peers():
    """(name, our timer, the peer's) of every operation that an installed peer has too."""
    found, missing = installed()
    print("\npeers:", *(f"{name} {version}" for name, (version, _) in found.items()))
    for name, reason in missing.items():
        print(f"left out: {name} ({reason})")
    for name, (_, makers) in found.items():
        for kind, statement, setup, theirs in rows_of(name):
            row = f"{re.sub(WORD_X, kind.__name__, statement)} / {name} {re.sub(WORD_X, '', theirs).strip('.')}"
            peer = timer(theirs, setup, makers[kind])
            try:
                peer.timeit(1)
            except Exception as e:  # the release for this interpreter may be an older one, without the operation
                print(f"left out: {row} ({type(e).__name__}: {e})")
                continue
            yield row, timer(statement, setup, kind), peer


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
    parser.add_argument("--peers", action="store_true", help="compare with other packages, where they are installed")
    parser.add_argument("--json", metavar="FILE", help="write the figures to FILE as well")
    args = parser.parse_args()
    if args.rounds < 2:
        parser.error("--rounds must be 2 or more: a median needs them")

    results = {}
    wall, cpu = time.perf_counter(), time.process_time()
    report = {"conditions": conditions(), "rounds": args.rounds, "operations": results}
    print(
        "{interpreter} ({compiler}), GIL {}, {machine}, {cores} cores, one thread".format(
            "on" if report["conditions"]["gil"] else "off", **report["conditions"]
        )
    )
    print(f"\n{'operation':46} {'ns':>7} {'baseline':>9} {'ratio':>6}   middle half")
    for name, ours, theirs in peers() if args.peers else by_hand():
        if args.only in name:
            row = results[name] = compare(ours, theirs, args.rounds)
            low, high = row["ratio_quartiles"]
            figures = f"{row['ns']:7.1f} {row['baseline_ns']:9.1f} {row['ratio']:6.2f}   {low:.2f} - {high:.2f}"
            print(f"{name:46} {figures}", flush=True)
    slower = [name for name, row in results.items() if row["ratio"] > LIMIT]
    print(f"\nabove {LIMIT:.2f}: {len(slower)} of {len(results)}", *slower, sep="\n    ")
    report["cpu_per_wall"] = (time.process_time() - cpu) / (time.perf_counter() - wall)
    print(f"\n{args.rounds} rounds, CPU time / wall time {report['cpu_per_wall']:.2f}")
    if args.json:
        Path(args.json).write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
