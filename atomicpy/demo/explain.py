"""`python -m atomicpy demo --explain`: the lost update, caught in the act."""

import argparse
import sys
from collections.abc import Iterator, Sequence

from atomicpy.demo import recorded, report
from atomicpy.demo.hammer import Hammer, TooManyThreadsError
from atomicpy.demo.moment import Event, Moment, Trace, find, origin, owners, read_again, turns
from atomicpy.demo.progress import Progress
from atomicpy.demo.report import columns, say
from atomicpy.demo.rounds import Entry, Row
from atomicpy.demo.stop import Stop

OK, BROKEN, INTERRUPTED = 0, 1, 130

THREADS, MAX_THREADS = 2, 16
# In all. Enough for dozens of turns with the GIL on; each is 32 bytes, and looked at one by one.
TOTAL, MOST = 200_000, 2_000_000

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
    say(f"{many}. The counter should be at {row.expected:,} and is at {row.got:,}: {row.lost:,} updates are lost.")
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
    if steps == 2:
        return f"{text} The counter should be at {moment.should:,}."
    return f"{text} After all {steps:,} of this moment the counter should be at {moment.should:,}, not {last.value:,}."


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
        table([(event, f"gets {event.value:,}") for event in events], a, b, origin(traces))
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


def show(moment: Moment, since: int) -> None:
    lines: list[tuple[Event, str] | str] = []
    between: list[Event] = []
    for event in moment.events:
        if event not in moment.keys:
            between.append(event)
            continue
        if len(between) > SHORT:
            steps = sum(e.wrote for e in between) or 1
            lines.append(f"… {steps:,} increment{'s' * (steps > 1)} …")
        else:
            lines += [(e, told(e)) for e in between]
        between = []
        lines.append((event, told(event)))
    table(lines, moment.first, moment.second, since)


def told(event: Event) -> str:
    return f"{'writes' if event.wrote else 'reads'} {event.value:,}"


def table(lines: Sequence[tuple[Event, str] | str], a: int, b: int, since: int) -> None:
    """The time, then a column for each of the two threads; on a narrow terminal one column for both."""
    times = [line if isinstance(line, str) else f"{(line[0].at - since) / 1000:,.3f}" for line in lines]
    for line in rendered(lines, times, a, b, columns()):
        print(line.rstrip(), flush=True)


def rendered(
    lines: Sequence[tuple[Event, str] | str], times: Sequence[str], a: int, b: int, width: int
) -> Iterator[str]:
    clock = max(len(time) for time, line in zip(times, lines, strict=True) if not isinstance(line, str))
    cell = max(len(line[1]) for line in lines if not isinstance(line, str))
    wide = 2 + clock + 3 + cell + 3 + cell <= width
    yield f"  {'µs':>{clock}}   {'A':{cell}}   B" if wide else f"{'µs':>{clock}}"
    for line, time in zip(lines, times, strict=True):
        if isinstance(line, str):
            yield f"  {'':{clock}}   {line}" if wide else line
            continue
        event, text = line
        left, right = (text, "") if event.thread == a else ("", text)
        if wide:
            yield f"  {time:>{clock}}   {left:{cell}}   {right}"
        else:
            yield f"{time:>{clock}} {'A' if event.thread == a else 'B'} {text}"
