"""`python -m atomicpy demo --explain`: the lost update, caught in the act."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from atomicpy.commands.demo import recorded, report
from atomicpy.commands.demo.hammer import Hammer, TooManyThreadsError
from atomicpy.commands.demo.moment import Event, Moment, Trace, find, origin, owners, read_again, turns
from atomicpy.commands.demo.progress import Progress
from atomicpy.commands.demo.report import columns, say
from atomicpy.commands.demo.rounds import Entry, Row
from atomicpy.commands.demo.stop import Stop

OK, BROKEN, INTERRUPTED = 0, 1, 130

THREADS, MAX_THREADS = 2, 16
# In all. Enough for dozens of turns with the GIL on, and for two threads to meet on a busy machine, where each may be
# given a core for milliseconds while the other waits; each is 32 bytes, and looked at one by one.
TOTAL, MOST = 400_000, 2_000_000

SHORT = 4  # events between two that tell the story, up to which they are shown

RACE_IN_C = "`n += 1` in C with the GIL released: a load, an add and a store."
RACE = "`c.n += 1`: a read, an add and a write, while other threads run Python at the same time."
RACE_WITH_GIL = (
    "`c.n = plus_one(c.n)`: a read, a call and a write. With the GIL on one thread at a time runs Python, and a call "
    "is where its turn may end; the bare `c.n += 1` has none in between. (Turns change every {:g} ms here instead of "
    "every {:g}, so that a short run has many.)"
)
NOTES = "After each read and each write the thread notes it, with the time."


def run(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    if arguments.json or arguments.only:
        parser.error(
            f"--explain prints a text about its two counters; leave out {'--json' if arguments.json else '--only'}"
        )
    native, gil = arguments.native, report.gil_enabled()
    threads = arguments.threads or THREADS
    if threads > MAX_THREADS:
        parser.error(
            f"--explain takes at most {MAX_THREADS} threads, not {threads:,}: two are enough to lose an update"
        )
    increments = arguments.increments or max(1, TOTAL // threads)
    if threads * increments > MOST:
        parser.error(
            f"--explain notes every increment: at most {MOST:,} by all threads together, not {threads * increments:,}"
        )
    racy = recorded.RACY_CALL if gil and not native else recorded.RACY
    kinds = {"racy": racy, "atomic": recorded.ATOMIC}
    entries = [Entry(name, kind, (kind.native if native else None) or kind.python) for name, kind in kinds.items()]

    try:
        return record_and_tell(entries, threads, increments, native, gil)
    except TooManyThreadsError as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        return interrupted()


def interrupted() -> int:
    say()
    say("Interrupted.")
    return INTERRUPTED


def record_and_tell(entries: Sequence[Entry], threads: int, increments: int, native: bool, gil: bool) -> int:
    """The exit code. What is told takes a while to find: there Ctrl-C is a KeyboardInterrupt again."""
    with Stop() as stop:
        say(report.interpreter(gil, report.usable_cores()))
        say()
        before = 1000 * sys.getswitchinterval()
        say(RACE_IN_C if native else RACE_WITH_GIL.format(1000 * recorded.TURN, before) if gil else RACE)
        say()
        say(f"{threads} thread{'s' * (threads > 1)}, {increments:,} increment{'s' * (increments > 1)} each. {NOTES}")
        with Hammer(entries, threads, increments, stop, Progress(sys.stderr)) as hammer:
            rows = list(hammer.rows())
            counters = [round_.counter for round_ in hammer.rounds]
    made = [
        (row, [Trace(log) for log in counter.logs])
        for row, counter in zip(rows, counters, strict=False)
        if isinstance(counter, recorded.Recorded)
    ]
    if tell(made, threads, increments, native):
        return BROKEN
    return interrupted() if stop.interrupted else OK


def tell(made: Sequence[tuple[Row, list[Trace]]], threads: int, increments: int, native: bool) -> bool:
    """Whether the atomic counter is broken."""
    broken = False
    for row, traces in made:
        if not row.expected:
            continue
        say()
        if row.exact:
            broken = tell_atomic(row, traces, native)
        else:
            tell_racy(row, traces, threads, increments)
    return broken


# ---- the racy counter --------------------------------------------------------------------------------------


def tell_racy(row: Row, traces: Sequence[Trace], threads: int, increments: int) -> None:
    again = read_again(traces)
    moment = find(traces)
    if moment:
        several = "the two threads" if threads == 2 else f"two of the {threads} threads, A and B"
        say(f"One moment of {several}, in µs since the first read:")
        say()
        show(moment, origin(traces))
        say()
        say(judged(moment))
        say()
    many = f"Of {row.expected:,} increments {again:,} read a number that another had read already"
    many += f" ({100 * again / row.expected:.2g}\N{NO-BREAK SPACE}%)" if again and row.expected else ""
    updates = f"{row.lost:,} update{' is' if row.lost == 1 else 's are'} lost"
    say(f"{many}. The counter should be at {row.expected:,} and is at {row.got:,}: {updates}.")
    if not moment:
        say()
        say(not_found(again, threads, increments))


def judged(moment: Moment) -> str:
    n, steps = moment.same, moment.steps
    first, last = moment.events[0], [event for event in moment.events if event.wrote][-1]
    if n is None:
        lost = steps - 1
        return (
            f"Between A's read and its write B made {lost:,} increment{'s' * (lost > 1)}. A knows nothing of them: it "
            f"writes {first.value + 1:,}, and they are gone."
        )
    text = f"Both read {n:,} and both wrote {n + 1:,}: two increments that count as one."
    if moment.should is None:
        return text
    return (
        f"{text} After the {steps:,} increments of this moment the counter should be at {moment.should:,}, not "
        f"{last.value:,}."
    )


def not_found(again: int, threads: int, increments: int) -> str:
    if threads == 1:
        return "A thread alone has nobody to race with: raise --threads."
    seen = (
        "no thread was noted in the middle of another's increment" if again else "no two threads read the same number"
    )
    return f"In this run {seen}: that is luck, not safety. Raise --increments ({increments:,} each in this run)."


# ---- the atomic counter ------------------------------------------------------------------------------------


def tell_atomic(row: Row, traces: Sequence[Trace], native: bool) -> bool:
    """Whether it is broken."""
    owner, wrong = owners(traces)
    broken = bool(wrong or row.lost)
    say(
        f"The same with `{'ap_fetch_add_i64(&n, 1)` in C' if native else 'a.fetch_add()` on an AtomicInt'}: one step, "
        "which adds one and hands out the number before."
    )
    say()
    if not broken and (events := turns(traces, owner)):
        a, b = dict.fromkeys(event.thread for event in events)
        table([Line(event.at, event.thread, f"gets {event.value:,}") for event in events], a, b, origin(traces))
        say()
    if broken:
        say(
            f"THIS MUST NEVER HAPPEN: of {row.expected:,} numbers {wrong:,} were handed out twice or out of range, and "
            f"the counter is at {row.got:,}. A bug in atomicpy: please report it."
        )
    else:
        say(
            f"Every number from 0 to {row.expected - 1:,} was handed out exactly once (all {row.expected:,} notes were "
            f"checked), and the counter is at {row.got:,}: nothing is lost."
        )
    return broken


# ---- two columns -------------------------------------------------------------------------------------------


class Line(NamedTuple):
    """A row of the table: what a thread did at a time, or how much of the same was left out."""

    at: int | None
    thread: int
    text: str


def show(moment: Moment, since: int) -> None:
    lines: list[Line] = []
    between: list[Event] = []
    for event in moment.events:
        if event not in moment.keys:
            between.append(event)
            continue
        lines += left_out(between) if len(between) > SHORT else map(line, between)
        between = []
        lines.append(line(event))
    table(lines, moment.first, moment.second, since)


def left_out(events: Sequence[Event]) -> Iterator[Line]:
    """A row for each of the threads."""
    for thread in dict.fromkeys(event.thread for event in events):
        steps = sum(event.wrote for event in events if event.thread == thread) or 1
        yield Line(None, thread, f"… {steps:,} increment{'s' * (steps > 1)} …")


def line(event: Event) -> Line:
    return Line(event.at, event.thread, told(event))


def told(event: Event) -> str:
    return f"{'writes' if event.wrote else 'reads'} {event.value:,}"


def table(lines: Sequence[Line], a: int, b: int, since: int) -> None:
    """The time, then a column for each of the two threads; on a narrow terminal one column for both."""
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
