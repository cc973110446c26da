"""Finding the lost update in what the threads have noted, and checking that an atomic counter has none."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from atomicpy.commands.demo.recorder import Log

ENOUGH = 1_000  # moments to choose the simplest from


class Trace:
    """The steps of one thread, in the order of time: what it read and wrote, and when (ns)."""

    def __init__(self, log: Log) -> None:
        self.read, self.wrote, self.read_at, self.wrote_at = (log.column(which) for which in range(4))

    def __len__(self) -> int:
        return len(self.read)


class Event(NamedTuple):
    at: int  # ns
    thread: int
    wrote: bool  # or read
    value: int


@dataclass(frozen=True)
class Moment:
    """Two threads in each other's way, from the first's read to the last write of the two."""

    first: int  # the two threads
    second: int
    same: int | None  # what both read; None where the second's increments were overwritten without that
    should: int | None  # where the counter should be after it, if the notes tell
    events: Sequence[Event]  # theirs, in order of time, with the read after it if that found what was written last
    keys: frozenset[Event]  # those of them that tell the story
    steps: int  # the increments they made meanwhile
    others: int  # and those of other threads


def origin(traces: Sequence[Trace]) -> int:
    """When the first of them had read for the first time."""
    return min((trace.read_at[0] for trace in traces if len(trace)), default=0)


def read_again(traces: Sequence[Trace]) -> int:
    """How many increments read a value that another had read already."""
    # Who writes v has read v - 1, so all values below the highest were read: that many are not read again.
    return sum(map(len, traces)) - max((max(trace.wrote) for trace in traces if len(trace)), default=0)


def meanwhile(trace: Trace, start: int, end: int) -> range:
    """The steps that were under way at some time from start to end."""
    return range(bisect_left(trace.wrote_at, start), bisect_right(trace.read_at, end))


def overlaps(traces: Sequence[Trace], same: bool) -> Iterator[tuple[int, int, int, int]]:
    """(thread, step, thread, step) where the second read while the first stood between its read and its write.

    With `same` it read the same value, and so two increments wrote the same result. Without, it wrote as well before
    the first did, and is one of those that the first knows nothing of and writes over.
    """
    for first, a in enumerate(traces):
        for second, b in enumerate(traces):
            if first == second:
                continue
            i = 0
            for j in range(len(a)):
                since, until, n = a.read_at[j], a.wrote_at[j], a.read[j]
                while i < len(b) and b.read_at[i] <= since:
                    i += 1
                for k in range(i, len(b)):
                    if b.read_at[k] >= until or (not same and b.wrote_at[k] >= until):
                        break
                    if not same or b.read[k] == n:
                        yield first, j, second, k
                        break


def find(traces: Sequence[Trace]) -> Moment | None:
    """The simplest of the moments found: that in which the fewest steps were under way."""
    for same in (True, False):
        best, fewest = None, 0
        for number, pair in enumerate(overlaps(traces, same)):
            first, j, second, i = pair
            start, end = traces[first].read_at[j], max(traces[first].wrote_at[j], traces[second].wrote_at[i])
            if not same and found_after(traces, end) != traces[first].wrote[j]:
                continue
            steps = sum(len(meanwhile(trace, start, end)) for trace in traces)
            if best is None or steps < fewest:
                best, fewest = pair, steps
            if fewest == 2 or number >= ENOUGH:
                break
        if best:
            return described(traces, *best, same)
    return None


def found_after(traces: Sequence[Trace], end: int) -> int | None:
    """What the next to read found. Only this tells which of two writes was the last one.

    A note is made after the step: a thread may have lost its core between its write and the note of it, and the write
    that seems to come after all of the other's came before them.
    """
    steps = ((trace, bisect_right(trace.read_at, end)) for trace in traces)
    found = [(trace.read_at[k], trace.read[k]) for trace, k in steps if k < len(trace)]
    return min(found)[1] if found else None


def reading(trace: Trace, thread: int, k: int) -> Event:
    return Event(trace.read_at[k], thread, False, trace.read[k])


def writing(trace: Trace, thread: int, k: int) -> Event:
    return Event(trace.wrote_at[k], thread, True, trace.wrote[k])


def described(traces: Sequence[Trace], first: int, j: int, second: int, i: int, same: bool) -> Moment:
    a, b = traces[first], traces[second]
    start, end = a.read_at[j], max(a.wrote_at[j], b.wrote_at[i])
    events, steps, others, following = [], 0, 0, []
    from_same_on = True  # each of the two counted on from the value that both had read
    for thread, trace in enumerate(traces):
        if thread not in (first, second):
            others += len(meanwhile(trace, start, end))
            continue
        expected = a.read[j]
        for k in meanwhile(trace, start, end):
            # One that began before or ends after is not of this moment; its thread did it before or after.
            if trace.read_at[k] >= start and trace.wrote_at[k] <= end:
                events += [reading(trace, thread, k), writing(trace, thread, k)]
                steps += 1
                from_same_on &= trace.read[k] == expected
                expected += 1
        k = bisect_right(trace.read_at, end)
        if k < len(trace):
            following.append(reading(trace, thread, k))
    events.sort()
    keys = {reading(a, first, j), writing(a, first, j), reading(b, second, i), writing(b, second, i)}
    if not same:
        keys.add(max(event for event in events if event.thread == second and event.wrote))
    if following and (after := min(following)).value == events[-1].value:
        events.append(after)
        keys.add(after)
    n = a.read[j]
    should = n + steps if same and from_same_on and not others else None
    return Moment(first, second, n if same else None, should, events, frozenset(keys), steps, others)


# ---- the atomic counter ------------------------------------------------------------------------------------

NOBODY = 255


def owners(traces: Sequence[Trace]) -> tuple[bytearray, int]:
    """Which thread was handed out each value, from 0 to as many as there were; and how many handings-out were wrong."""
    total = sum(map(len, traces))
    owner, wrong = bytearray([NOBODY]) * total, 0
    for thread, trace in enumerate(traces):
        for value in trace.read:
            if 0 <= value < total and owner[value] == NOBODY:
                owner[value] = thread
            else:
                wrong += 1
    return owner, wrong


def turns(traces: Sequence[Trace], owner: bytearray) -> list[Event]:
    """Some values in a row that two threads took: by turns if there are such, else one each; empty if there are none.

    A note is made after the step, so now and then two notes are not in the order of their steps; those are passed over.
    """
    changes = [at for at in range(len(owner) - 1) if owner[at] != owner[at + 1]]
    for length in (4, 2):
        for at in changes:
            values = range(at, at + length)
            if owner[at : at + length] == owner[at : at + 2] * (length // 2):
                events = [took(traces, owner[value], value) for value in values]
                if events == sorted(events):
                    return events
    return []


def took(traces: Sequence[Trace], thread: int, value: int) -> Event:
    trace = traces[thread]
    k = bisect_left(trace.read, value)  # a thread is handed out greater and greater ones
    return Event(trace.read_at[k], thread, False, value)
