"""`python -m atomicpy demo`: arguments, the run, the exit code."""

import argparse
import json
import sys

from atomicpy.commands.conditions import gil_enabled, usable_cores
from atomicpy.commands.demo import explain, report
from atomicpy.commands.demo.counters import COUNTERS, default_names, factory
from atomicpy.commands.demo.rounds import Entry, Row
from atomicpy.commands.demo.stop import Stop
from atomicpy.commands.demo.threads import Threads, TooManyThreadsError
from atomicpy.commands.terminal import INTERRUPTED, OK, Progress, paragraph, whole_number

LOST = 1  # the exit code where an exact counter lost an update

THREADS = 1_000
MAX_THREADS = 10_000
MAX_INCREMENTS = 10**9

# How many increments all threads make together, unless --increments gives a number. Measured with 1,000 threads on
# two cores: enough for lost updates to show, few enough for a run of a few seconds. Without the GIL the number is
# smallest, because an increment takes 7 microseconds while a thousand threads wait for the lock of one object.
TOTAL_GIL = 2_000_000
TOTAL_FREE_THREADED = 250_000
TOTAL_NATIVE = 40_000_000


def counter_names(text: str) -> list[str]:
    chosen = [name.strip() for name in text.split(",")]
    for name in chosen:
        if name not in COUNTERS:
            raise argparse.ArgumentTypeError(f"no counter {name!r}; the counters are {', '.join(COUNTERS)}")
    return chosen


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "demo",
        help="show lost updates, and what prevents them",
        description="Let many threads add to one counter, and compare the sum with the number of increments. The same "
        "threads use one counter after the other: a plain one, which loses updates, and those that lose none.",
        epilog="Exit code: 0 as expected; 1 a counter that must never lose an update lost one; 2 bad usage, or "
        "the system cannot start so many threads; 130 interrupted by Ctrl-C, after the rows so far.",
    )
    parser.add_argument(
        "--threads",
        type=whole_number(
            MAX_THREADS, "each needs a stack and a turn, and the demo would measure the limits of the system"
        ),
        metavar="N",
        help=f"how many threads (default: {THREADS:,}, at most {MAX_THREADS:,}; with --explain "
        f"{explain.THREADS}, at most {explain.MAX_THREADS})",
    )
    parser.add_argument(
        "--increments",
        type=whole_number(MAX_INCREMENTS, "the demo would run for days"),
        metavar="N",
        help=f"increments by each thread (default: {TOTAL_FREE_THREADED:,} by all together, {TOTAL_GIL:,} "
        f"with the GIL on, {TOTAL_NATIVE:,} with --native, {explain.TOTAL:,} with --explain)",
    )
    parser.add_argument(
        "--only",
        type=counter_names,
        action="extend",
        metavar="NAME",
        help="these counters only, several with commas or by repeating it: "
        + "; ".join(f"{name} ({kind.does})" for name, kind in COUNTERS.items())
        + " (default: each one that this interpreter can show)",
    )
    parser.add_argument("--native", action="store_true", help="the loops run in C with the GIL released")
    parser.add_argument(
        "--explain",
        action="store_true",
        help="record what each thread reads and writes, and show two increments that count as one; then the "
        "same with an atomic counter",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the text")
    parser.set_defaults(run=lambda arguments: run(arguments, parser))


def total(gil: bool, native: bool) -> int:
    return TOTAL_NATIVE if native else TOTAL_GIL if gil else TOTAL_FREE_THREADED


def run(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    gil, native = gil_enabled(), arguments.native
    if arguments.explain:
        return explain.run(arguments, parser)
    threads = arguments.threads or THREADS
    # In the order of COUNTERS, each once.
    chosen = [name for name in COUNTERS if name in (arguments.only or default_names(gil, native))]
    try:
        entries = [Entry(name, COUNTERS[name], factory(name, native)) for name in chosen]
    except ValueError as error:
        parser.error(str(error))
    increments = arguments.increments or max(1, total(gil, native) // threads)
    conditions = report.Run(chosen, threads, increments, native, gil, usable_cores())

    def print_text(line: str) -> None:
        if not arguments.json:
            print(line, flush=True)

    table = report.Table(conditions)
    rows: list[Row] = []
    # The handler stays until the last line is printed, so that a second Ctrl-C loses no line.
    with Stop() as stop:
        print_text(f"{report.heading(conditions)}\n\n{table.head()}")
        try:
            with Threads(entries, threads, increments, stop, Progress(sys.stderr)) as running:
                for row in running.rows():
                    rows.append(row)
                    print_text(table.row(row))
                # Printed before the threads end: ending a thousand threads takes the allocator of a free-threaded
                # build up to a second.
                if arguments.json:
                    result = report.as_json(conditions, rows, stop.interrupted)
                    print(json.dumps(result, indent=2), flush=True)
                print_text(f"\n{paragraph(report.summary(conditions, rows, stop.interrupted))}")
        except TooManyThreadsError as error:
            parser.error(str(error))
        if report.broken(rows):
            return LOST
        return INTERRUPTED if stop.interrupted else OK
