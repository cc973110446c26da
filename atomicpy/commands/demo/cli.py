"""`python -m atomicpy demo`: arguments, the run, the exit code."""

import argparse
import json
import reprlib
import sys
from collections.abc import Callable

from atomicpy.commands.demo import explain, report
from atomicpy.commands.demo.counters import COUNTERS, default_names, factory
from atomicpy.commands.demo.hammer import Hammer, TooManyThreadsError
from atomicpy.commands.demo.progress import Progress
from atomicpy.commands.demo.rounds import Entry, Row
from atomicpy.commands.demo.stop import Stop

OK, LOST, USAGE, INTERRUPTED = 0, 1, 2, 130

THREADS = 1_000
MAX_THREADS = 10_000
MAX_INCREMENTS = 10**9

# How many increments a run makes in all, where --increments does not say. Measured with 1,000 threads on two
# cores: enough for the loss to show, few enough for the whole run to take a few seconds. Without the GIL that
# is the narrowest: now and then a thousand threads queue for the lock that an object has there, and each
# increment takes 7 microseconds.
TOTAL_GIL = 2_000_000
TOTAL_FREE_THREADED = 250_000
TOTAL_NATIVE = 40_000_000


def whole_number(most: int, why: str) -> Callable[[str], int]:
    def convert(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"a whole number is needed, not {reprlib.repr(text)}") from None
        if number < 1:
            raise argparse.ArgumentTypeError(f"at least 1 is needed, not {reprlib.repr(text)}")
        if number > most:
            raise argparse.ArgumentTypeError(f"{reprlib.repr(text)} is too many, at most {most:,}: {why}")
        return number

    return convert


def names(text: str) -> list[str]:
    chosen = [name.strip() for name in text.split(",")]
    for name in chosen:
        if name not in COUNTERS:
            raise argparse.ArgumentTypeError(f"no counter {name!r}; there are {', '.join(COUNTERS)}")
    return chosen


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "demo",
        help="show lost updates, and what prevents them",
        description="Let many threads add to one counter and compare the sum with what they did. Each "
        "counter in turn, by the same threads: a plain one, which loses updates, and those that lose none.",
        epilog="Exit code: 0 as expected; 1 a counter that must never lose an update did; 2 bad usage, or "
        "the system cannot start so many threads; 130 interrupted by Ctrl-C, with what there was until then.",
    )
    parser.add_argument(
        "--threads",
        type=whole_number(
            MAX_THREADS, "each needs a stack and its turn, and the demo would measure the system's limits"
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
        type=names,
        action="extend",
        metavar="NAME",
        help="these counters only, several with commas or by repeating it: "
        + "; ".join(f"{name} ({kind.does})" for name, kind in COUNTERS.items())
        + " (default: all that the interpreter has a use for)",
    )
    parser.add_argument("--native", action="store_true", help="the loops run in C with the GIL released")
    parser.add_argument(
        "--explain",
        action="store_true",
        help="note what each thread reads and writes, and show the moment in which an update is lost; then the "
        "same with an atomic counter",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the text")
    parser.set_defaults(run=lambda arguments: run(arguments, parser))


def total(gil: bool, native: bool) -> int:
    return TOTAL_NATIVE if native else TOTAL_GIL if gil else TOTAL_FREE_THREADED


def run(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    gil, native = report.gil_enabled(), arguments.native
    if arguments.explain:
        return explain.run(arguments, parser)
    threads = arguments.threads or THREADS
    # In the order of the table, each once.
    chosen = [name for name in COUNTERS if name in (arguments.only or default_names(gil, native))]
    try:
        entries = [Entry(name, COUNTERS[name], factory(name, native)) for name in chosen]
    except ValueError as error:
        parser.error(str(error))
    increments = arguments.increments or max(1, total(gil, native) // threads)
    conditions = report.Run(chosen, threads, increments, native, gil, report.usable_cores())

    def say(line: str) -> None:
        if not arguments.json:
            print(line, flush=True)

    table = report.Table(conditions)
    rows: list[Row] = []
    # The handler is there until the last line is out: a second Ctrl-C costs none.
    with Stop() as stop:
        say(f"{report.heading(conditions)}\n\n{table.head()}")
        try:
            with Hammer(entries, threads, increments, stop, Progress(sys.stderr)) as hammer:
                for row in hammer.rows():
                    rows.append(row)
                    say(table.row(row))
                # Before the threads end: with the allocator of a free-threaded build that takes a thousand up
                # to a second.
                if arguments.json:
                    result = report.as_json(conditions, rows, stop.interrupted)
                    print(json.dumps(result, indent=2), flush=True)
                say(f"\n{report.filled(report.summary(conditions, rows, stop.interrupted))}")
        except TooManyThreadsError as error:
            parser.error(str(error))
        if report.broken(rows):
            return LOST
        return INTERRUPTED if stop.interrupted else OK
