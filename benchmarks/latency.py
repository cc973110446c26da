"""What one uncontended operation costs: every type beside a hand-written C extension, Mutex beside Lock.

    python benchmarks/latency.py [--peers] [--quick] [--rounds 101] [--only WORD] [--busy N] [--json FILE]

One thread. Each statement stands 50 times in the body of a timeit loop, with its object in a local variable. The
interpreter's share of a call is in both sides. The first row compares the baseline with itself: its distance from 1.00
is noise. With --peers the other side is the same operation of other packages (peers.py). operations.py has the table.
"""

import re
import statistics
import subprocess
import sys
import sysconfig
from pathlib import Path

import measure
import summary
from operations import operations
from peers import installed, rows_of

HERE = Path(__file__).resolve().parent
LIMIT = 1.10  # the goal of the package
WORD_X = r"\bx\b"
SAMPLE_SECONDS = 0.002  # short: most samples then fall between two interruptions of a busy machine
COLUMNS = ("ns", "baseline_ns", "ratio", "low", "high")


def handwritten():
    """The module of the hand-written types. Builds it where this interpreter has none, or an older one."""
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


def side(statement, setup, make):
    return measure.one_thread(statement, setup, make, SAMPLE_SECONDS)


def by_hand():
    """(name, our side, the baseline) of every operation: arguments of `side`."""
    for name, statement, setup, ours, theirs in operations(handwritten()):
        yield name, (statement, setup, ours), (statement, setup, theirs)


def peers():
    """(name, our side, the peer's) of every operation that an installed peer has too."""
    found, missing = installed()
    print("\npeers:", *(f"{name} {version}" for name, (version, _) in found.items()))
    for name, reason in missing.items():
        print(f"left out: {name} ({reason})")
    for name, (_, makers) in found.items():
        for kind, statement, setup, theirs in rows_of(name):
            row = f"{re.sub(WORD_X, kind.__name__, statement)} / {name} {re.sub(WORD_X, '', theirs).strip('.')}"
            yield row, (statement, setup, kind), (theirs, setup, makers[kind])


def compared(loop, name, ours, theirs):
    """The comparison, or None where the installed release of a peer does not have the operation."""
    try:
        baseline = side(*theirs)
    except Exception as error:
        print(f"left out: {name} ({type(error).__name__}: {error})")
        return None
    return loop.compare(side(*ours), baseline)


def main():
    parser = measure.parser(__doc__, rounds=101)
    parser.add_argument("--peers", action="store_true", help="compare with other packages, where they are installed")
    args = measure.parsed(parser)

    rows = {}
    with measure.busy(args.busy):
        loop, seen = measure.loop_of(args), measure.conditions(args.busy)
        print(f"{measure.heading(seen)}; one thread, CPU time")
        print(f"\n{'operation':46} {'ns':>7} {'baseline':>9} {'ratio':>6}   middle half  CPU/wall")
        for name, ours, theirs in peers() if args.peers else by_hand():
            if args.only not in name or (row := compared(loop, name, ours, theirs)) is None:
                continue
            rows[name] = row
            figures = f"{row.ns:7.1f} {row.baseline_ns:9.1f} {row.ratio:6.2f}   {row.low:.2f} - {row.high:.2f}"
            print(f"{name:46} {figures} {row.cores:9.2f}", flush=True)
    slower = [name for name, row in rows.items() if row.ratio > LIMIT]
    print(f"\nabove {LIMIT:.2f}: {len(slower)} of {len(rows)}", *slower, sep="\n    ")
    if args.json and rows:
        cores = statistics.median(row.cores for row in rows.values())
        section = "peers" if args.peers else "latency"
        summary.save(args.json, section, seen, args.rounds, COLUMNS, rows, cpu_per_wall=round(cores, 2))


if __name__ == "__main__":
    main()
