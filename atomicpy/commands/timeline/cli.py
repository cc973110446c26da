"""`python -m atomicpy timeline`: arguments, the runs, the exit code."""

import argparse
import reprlib
import sys
from collections.abc import Iterable
from pathlib import Path

from atomicpy.commands.conditions import free_threaded
from atomicpy.commands.terminal import INTERRUPTED, OK, columns, print_paragraph, whole_number
from atomicpy.commands.timeline import chart
from atomicpy.commands.timeline.drawing import colourful, drawn, rows, window
from atomicpy.commands.timeline.interpreters import (
    FREE_THREADED,
    MeasuringFailedError,
    Run,
    measured,
    refusal,
    with_and_without,
)
from atomicpy.commands.timeline.sampler import core_number

THREADS, MAX_THREADS = 4, 64
SECONDS, SHORTEST, LONGEST = 0.1, 0.001, 60.0
OVERLAP = 1.2  # cores at work: from this number on the threads overlapped


def duration(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"a number of seconds is needed, not {reprlib.repr(text)}") from None
    if not seconds >= SHORTEST:  # nan too
        raise argparse.ArgumentTypeError(f"at least {SHORTEST} s is needed, not {reprlib.repr(text)}")
    if seconds > LONGEST:
        raise argparse.ArgumentTypeError(
            f"{reprlib.repr(text)} is too long, at most {LONGEST:g} s: the picture shows a part of a second"
        )
    return seconds


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "timeline",
        help="show which thread ran on which core, with the GIL and without",
        description="Let threads run Python code, record which core each of them ran on, and draw it. With the GIL one "
        "thread at a time runs; without it they overlap. Each of the two runs has a process of its own.",
        epilog="Exit code: 0 drawn; 2 bad usage, or this system does not report which core a thread runs on; 130 "
        "interrupted by Ctrl-C.",
    )
    parser.add_argument(
        "--threads",
        type=whole_number(MAX_THREADS, "a picture of more cannot be read"),
        default=THREADS,
        metavar="N",
        help=f"how many threads (default: {THREADS}, at most {MAX_THREADS})",
    )
    parser.add_argument(
        "--seconds",
        type=duration,
        default=SECONDS,
        metavar="S",
        help=f"how long they work (default: {SECONDS}, from {SHORTEST} to {LONGEST:g})",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="a chart too, as .svg or .png; needs matplotlib, which the extra atomicpy[plot] brings",
    )
    parser.add_argument(
        "--python",
        metavar="PATH",
        help="the free-threaded interpreter, with atomicpy, for the side without the GIL (default: this one, if it is "
        f"free-threaded, else the first of {', '.join(FREE_THREADED)} on PATH that has atomicpy)",
    )
    parser.set_defaults(run=lambda arguments: run(arguments, parser))


def run(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    if core_number() < 0:
        parser.error(f"this system ({sys.platform}) does not report which core a thread runs on")
    if arguments.output and (reason := chart.refusal(arguments.output)):
        parser.error(f"--output: {reason}")
    if arguments.python and free_threaded():
        parser.error(f"--python {arguments.python}: this interpreter runs both sides; leave the option out")
    if arguments.python and (reason := refusal(arguments.python)):
        parser.error(f"--python {arguments.python}: not a free-threaded interpreter with atomicpy: {reason}")
    try:
        return show(arguments.threads, arguments.seconds, arguments.output, arguments.python)
    except MeasuringFailedError as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        print_paragraph("Interrupted.")
        return INTERRUPTED
    except OSError as error:
        if arguments.output is None or isinstance(error, BrokenPipeError):
            raise
        parser.error(f"--output {arguments.output}: {error.strerror or error}")


def show(threads: int, seconds: float, output: Path | None, other: str | None) -> int:
    """Measure, print, write the chart. Returns the exit code."""
    runs = print_runs((measured(each, threads, seconds) for each in with_and_without(other)), threads, seconds)
    if output:
        chart.write(runs, threads, seconds, output)
        print_paragraph()
        print_paragraph(f"Chart written to {output}.")
    return OK


def print_runs(runs: Iterable[Run], threads: int, seconds: float) -> list[Run]:
    """Print each run when it has ended, and then the comparison. Returns the runs."""
    seen: list[Run] = []
    print_paragraph(f"{threads} thread{'s' * (threads > 1)} at work for {seconds:g} s.")
    for each in runs:
        seen.append(each)
        print_run(each, threads, rows(seen), seconds)
    print_paragraph()
    if len(seen) == 1:
        print_paragraph(
            f"There is no free-threaded Python with atomicpy on PATH ({', '.join(FREE_THREADED)}) for the side without "
            "the GIL; name one with --python."
        )
    else:
        print_paragraph(verdict(seen[0], seen[1], threads))
    return seen


def verdict(gil: Run, free: Run, threads: int) -> str:
    """One sentence or two: the comparison of the two runs."""
    if threads == 1:
        return "One thread alone overlaps with no other: raise --threads."
    if len(free.cores) == 1:
        return (
            "There is one core to run on: the threads take turns on it, with the GIL and without. That is concurrent, "
            "and not parallel."
        )
    if free.parallelism < OVERLAP:
        return (
            f"Without the GIL the threads may overlap, but in this run they got {free.parallelism:.2f} cores: other "
            "programs kept the machine busy, or a container limits it. Run it again when the machine is quiet."
        )
    return (
        f"With the GIL the threads are concurrent, and not parallel: {gil.parallelism:.2f} cores at work. Without it "
        f"they are both: {free.parallelism:.2f}."
    )


def print_run(run: Run, threads: int, cores: list[int], seconds: float) -> None:
    """Print the conditions of one run, its rows, and how many cores were at work."""
    _, box, count = window(seconds, threads, cores, columns())
    what = (
        "one thread at a time runs Python"
        if run.gil
        else "the threads run Python at the same time"
        if len(run.cores) > 1
        else "the threads may run Python at the same time, but there is one core"
    )
    part = "" if count * box > 0.999 * seconds else f", the {1000 * count * box:.3g} ms in the middle"
    idle = f" {len(set(run.cores) - set(cores))} more cores had none of them." if set(run.cores) - set(cores) else ""
    print_paragraph()
    side = f"{'With' if run.gil else 'Without'} the GIL (CPython {run.version})"
    print_paragraph(f"{side}: {what}. A box is {1000 * box:.3g} ms{part}.")
    print_paragraph()
    for line in drawn(run, threads, cores, seconds, columns(), colourful(sys.stdout)):
        print(line, flush=True)
    print_paragraph()
    print_paragraph(
        f"{run.parallelism:.2f} cores at work: {run.cpu:.3f} s of processor time in {run.wall:.3f} s; "
        f"{len(run.cores)} to run on.{idle}"
    )
