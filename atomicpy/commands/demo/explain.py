"""`python -m atomicpy demo --explain`: one lost update, step by step."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from atomicpy.commands.conditions import gil_enabled, usable_cores
from atomicpy.commands.demo import recorded_counters, report
from atomicpy.commands.demo.lost_update import Event, LostUpdate, Trace, find, origin, owners, read_again, turns
from atomicpy.commands.demo.rounds import Entry, Row
from atomicpy.commands.demo.stop import Stop
from atomicpy.commands.demo.threads import Threads, TooManyThreadsError
from atomicpy.commands.terminal import INTERRUPTED, OK, Progress, columns, print_paragraph

BROKEN = 1  # the exit code where the atomic counter returned a wrong number

THREADS, MAX_THREADS = 2, 16
# Increments of all threads together. TOTAL is enough for dozens of turns with the GIL on. On a busy machine, where a
# thread may wait for a core for milliseconds, it is enough for two threads to overlap. A record has 32 bytes, and the
# search reads each of them.
TOTAL, MOST = 400_000, 2_000_000

SHORT = 4  # so many events between two key events are shown one by one; more are counted

RACE_IN_C = "`n += 1` in C with the GIL released: a load, an add and a store."
RACE = "`c.n += 1`: a read, an add and a write, while other threads run Python at the same time."
RACE_WITH_GIL = (
    "`c.n = plus_one(c.n)`: a read, a call and a write. With the GIL on, one thread at a time runs Python, and its "
    "turn may end at a call; the bare `c.n += 1` has no call between its read and its write. (A turn lasts {:g} ms "
    "here instead of {:g}, so that a short run has many turns.)"
)
RECORDS = "Each thread records its reads and its writes, with the time."


def run(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    if arguments.json or arguments.only:
        parser.error(
            f"--explain prints a text about two counters; leave out {'--json' if arguments.json else '--only'}"
        )
    native, gil = arguments.native, gil_enabled()
    threads = arguments.threads or THREADS
    if threads > MAX_THREADS:
        parser.error(
            f"--explain takes at most {MAX_THREADS} threads, not {threads:,}: two are enough to lose an update"
        )
    increments = arguments.increments or max(1, TOTAL // threads)
    if threads * increments > MOST:
        parser.error(
            f"--explain records every increment: at most {MOST:,} by all threads together, not {threads * increments:,}"
        )
    racy = recorded_counters.RACY_CALL if gil and not native else recorded_counters.RACY
    kinds = {"racy": racy, "atomic": recorded_counters.ATOMIC}
    entries = [Entry(name, kind, (kind.native if native else None) or kind.python) for name, kind in kinds.items()]

    try:
        return record_and_print(entries, threads, increments, native, gil)
    except TooManyThreadsError as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        return interrupted()


def interrupted() -> int:
    print_paragraph()
    print_paragraph("Interrupted.")
    return INTERRUPTED


def record_and_print(entries: Sequence[Entry], threads: int, increments: int, native: bool, gil: bool) -> int:
    """Return the exit code. The search takes a while; during it Ctrl-C is a KeyboardInterrupt again."""
    with Stop() as stop:
        print_paragraph(report.interpreter(gil, usable_cores()))
        print_paragraph()
        before = 1000 * sys.getswitchinterval()
        print_paragraph(
            RACE_IN_C if native else RACE_WITH_GIL.format(1000 * recorded_counters.TURN, before) if gil else RACE
        )
        print_paragraph()
        print_paragraph(
            f"{threads} thread{'s' * (threads > 1)}, {increments:,} increment{'s' * (increments > 1)} each. {RECORDS}"
        )
        with Threads(entries, threads, increments, stop, Progress(sys.stderr)) as running:
            rows = list(running.rows())
            counters = [round_.counter for round_ in running.rounds]
    made = [
        (row, [Trace(log) for log in counter.logs])
        for row, counter in zip(rows, counters, strict=False)
        if isinstance(counter, recorded_counters.Recorded)
    ]
    if print_results(made, threads, increments, native):
        return BROKEN
    return interrupted() if stop.interrupted else OK


def print_results(made: Sequence[tuple[Row, list[Trace]]], threads: int, increments: int, native: bool) -> bool:
    """Print what was found. Returns whether the atomic counter is broken."""
    broken = False
    for row, traces in made:
        if not row.expected:
            continue
        print_paragraph()
        if row.exact:
            broken = print_atomic(row, traces, native)
        else:
            print_racy(row, traces, threads, increments)
    return broken


# ---- the racy counter --------------------------------------------------------------------------------------


def print_racy(row: Row, traces: Sequence[Trace], threads: int, increments: int) -> None:
    again = read_again(traces)
    found = find(traces)
    if found:
        several = "the two threads" if threads == 2 else f"two of the {threads} threads, A and B"
        print_paragraph(f"One moment of {several}, in µs since the first read:")
        print_paragraph()
        print_steps(found, origin(traces))
        print_paragraph()
        print_paragraph(conclusion(found))
        print_paragraph()
    many = f"Of {row.expected:,} increments {again:,} read a number that another had read already"
    many += f" ({100 * again / row.expected:.2g}\N{NO-BREAK SPACE}%)" if again and row.expected else ""
    updates = f"{row.lost:,} update{' is' if row.lost == 1 else 's are'} lost"
    print_paragraph(f"{many}. The counter should be at {row.expected:,} and is at {row.got:,}: {updates}.")
    if not found:
        print_paragraph()
        print_paragraph(not_found(again, threads, increments))


def conclusion(found: LostUpdate) -> str:
    n, steps = found.same, found.steps
    first, last = found.events[0], [event for event in found.events if event.wrote][-1]
    if n is None:
        lost = steps - 1
        return (
            f"Between A's read and A's write, B made {lost:,} increment{'s' * (lost > 1)}. Then A writes "
            f"{first.value + 1:,}, and what B added is lost."
        )
    text = f"Both read {n:,} and both wrote {n + 1:,}: two increments that count as one."
    if found.should is None:
        return text
    return (
        f"{text} After the {steps:,} increments of this moment the counter should be at {found.should:,}, not "
        f"{last.value:,}."
    )


def not_found(again: int, threads: int, increments: int) -> str:
    if threads == 1:
        return "One thread alone cannot lose an update: raise --threads."
    seen = "no recorded increment lies within another one" if again else "no two threads read the same number"
    return f"In this run {seen}: that is luck, not safety. Raise --increments ({increments:,} each in this run)."


# ---- the atomic counter ------------------------------------------------------------------------------------


def print_atomic(row: Row, traces: Sequence[Trace], native: bool) -> bool:
    """Print what was found. Returns whether the counter is broken."""
    owner, wrong = owners(traces)
    broken = bool(wrong or row.lost)
    print_paragraph(
        f"The same with `{'ap_fetch_add_i64(&n, 1)` in C' if native else 'a.fetch_add()` on an AtomicInt'}: one step, "
        "which adds one and returns the number before."
    )
    print_paragraph()
    if not broken and (events := turns(traces, owner)):
        a, b = dict.fromkeys(event.thread for event in events)
        print_table([Line(event.at, event.thread, f"gets {event.value:,}") for event in events], a, b, origin(traces))
        print_paragraph()
    if broken:
        print_paragraph(
            f"THIS MUST NEVER HAPPEN: of {row.expected:,} numbers {wrong:,} were returned twice or out of range, and "
            f"the counter is at {row.got:,}. A bug in atomicpy: please report it."
        )
    else:
        print_paragraph(
            f"Every number from 0 to {row.expected - 1:,} was returned exactly once (all {row.expected:,} records were "
            f"checked), and the counter is at {row.got:,}: nothing is lost."
        )
    return broken


# ---- two columns -------------------------------------------------------------------------------------------


class Line(NamedTuple):
    """A row of the table: what a thread did at a time, or how many increments are left out."""

    at: int | None
    thread: int
    text: str


def print_steps(found: LostUpdate, since: int) -> None:
    lines: list[Line] = []
    between: list[Event] = []
    for event in found.events:
        if event not in found.keys:
            between.append(event)
            continue
        lines += left_out(between) if len(between) > SHORT else map(line, between)
        between = []
        lines.append(line(event))
    print_table(lines, found.first, found.second, since)


def left_out(events: Sequence[Event]) -> Iterator[Line]:
    """A row for each thread, with the number of its increments."""
    for thread in dict.fromkeys(event.thread for event in events):
        steps = sum(event.wrote for event in events if event.thread == thread) or 1
        yield Line(None, thread, f"… {steps:,} increment{'s' * (steps > 1)} …")


def line(event: Event) -> Line:
    return Line(event.at, event.thread, f"{'writes' if event.wrote else 'reads'} {event.value:,}")


def print_table(lines: Sequence[Line], a: int, b: int, since: int) -> None:
    """Print the time, then a column for each of the two threads; on a narrow terminal one column for both."""
    times = ["" if line.at is None else f"{(line.at - since) / 1000:,.3f}" for line in lines]
    for row in rendered(lines, times, a, b, columns()):
        print(row.rstrip(), flush=True)


def rendered(lines: Sequence[Line], times: Sequence[str], a: int, b: int, width: int) -> Iterator[str]:
    clock = max(map(len, times))
    cell = max(len(line.text) for line in lines if line.at is not None)
    right = max(len(line.text) for line in lines if line.thread == b)
    wide = 2 + clock + 3 + cell + 3 + right <= width
    yield f"  {'µs':>{clock}}   {'A':{cell}}   B" if wide else f"{'µs':>{clock}}"
    for (_, thread, text), time in zip(lines, times, strict=True):
        if wide:
            yield f"  {time:>{clock}}   " + (text if thread == a else f"{'':{cell}}   {text}")
        else:
            yield f"{time:>{clock}} {'A' if thread == a else 'B'} {text}"
