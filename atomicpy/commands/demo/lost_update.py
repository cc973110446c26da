"""The search for a lost update in what the threads recorded, and the check that an atomic counter has none."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from atomicpy.commands.demo.recorder import Log

ENOUGH = 1_000  # pairs of increments that overlap, of which the simplest is taken


class Trace:
    """The steps of one thread, in the order of time: what it read and wrote, and when (ns)."""

    def __init__(self, log: Log) -> None:
        self.read, self.wrote, self.read_at, self.wrote_at = (log.column(which) for which in range(4))

    def __len__(self) -> int:
        return len(self.read)


class Event(NamedTuple):
    """One read or one write."""

    at: int  # ns
    thread: int
    wrote: bool  # False: a read
    value: int


@dataclass(frozen=True)
class LostUpdate:
    """Two increments of two threads that overlap, from the first read to the last write of the two."""

    first: int  # the thread that read first
    second: int  # the other thread
    same: int | None  # what both read; None where the first thread overwrote the second's increments without that
    should: int | None  # the value that the counter should have afterwards, where the traces determine it
    events: Sequence[Event]  # of both threads, in order of time, and the next read if it found the last value written
    keys: frozenset[Event]  # the events that are always shown
    steps: int  # the increments of both threads in this time
    others: int  # the increments of other threads in this time


def origin(traces: Sequence[Trace]) -> int:
    """The time of the first read."""
    return min((trace.read_at[0] for trace in traces if len(trace)), default=0)


def read_again(traces: Sequence[Trace]) -> int:
    """How many increments read a value that another increment had read already."""
    # A thread that writes v has read v - 1, so each value below the highest one was read. The first read of each value
    # is no repeat.
    return sum(map(len, traces)) - max((max(trace.wrote) for trace in traces if len(trace)), default=0)


def steps_between(trace: Trace, start: int, end: int) -> range:
    """The steps that were in progress at some time from start to end."""
    return range(bisect_left(trace.wrote_at, start), bisect_right(trace.read_at, end))


def overlaps(traces: Sequence[Trace], same: bool) -> Iterator[tuple[int, int, int, int]]:
    """(thread, step, thread, step) where the second thread read between the read and the write of the first.

    With `same`, both read the same value, so two increments wrote the same result. Without `same`, the second also
    wrote before the first did, so the first overwrites the second's increment.
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


def find(traces: Sequence[Trace]) -> LostUpdate | None:
    """The simplest lost update of those found: the one with the fewest steps in progress."""
    for same in (True, False):
        best, fewest = None, 0
        for number, pair in enumerate(overlaps(traces, same)):
            first, j, second, i = pair
            start, end = traces[first].read_at[j], max(traces[first].wrote_at[j], traces[second].wrote_at[i])
            if not same and value_after(traces, end) != traces[first].wrote[j]:
                continue
            steps = sum(len(steps_between(trace, start, end)) for trace in traces)
            if best is None or steps < fewest:
                best, fewest = pair, steps
            if fewest == 2 or number >= ENOUGH:
                break
        if best:
            return describe(traces, *best, same)
    return None


def value_after(traces: Sequence[Trace], end: int) -> int | None:
    """What the next read after `end` found. Only that value shows which of two writes was the last one.

    A step is recorded after it was made. A thread may lose its core between its write and the record of it. Then the
    write seems to come after the other thread's writes.
    """
    steps = ((trace, bisect_right(trace.read_at, end)) for trace in traces)
    found = [(trace.read_at[k], trace.read[k]) for trace, k in steps if k < len(trace)]
    return min(found)[1] if found else None


def read_event(trace: Trace, thread: int, k: int) -> Event:
    return Event(trace.read_at[k], thread, False, trace.read[k])


def write_event(trace: Trace, thread: int, k: int) -> Event:
    return Event(trace.wrote_at[k], thread, True, trace.wrote[k])


def describe(traces: Sequence[Trace], first: int, j: int, second: int, i: int, same: bool) -> LostUpdate:
    a, b = traces[first], traces[second]
    start, end = a.read_at[j], max(a.wrote_at[j], b.wrote_at[i])
    events, steps, others, following = [], 0, 0, []
    from_same_on = True  # each of the two threads counted on from the value that both had read
    for thread, trace in enumerate(traces):
        if thread not in (first, second):
            others += len(steps_between(trace, start, end))
            continue
        expected = a.read[j]
        for k in steps_between(trace, start, end):
            # A step that began before `start` or ended after `end` is left out.
            if trace.read_at[k] >= start and trace.wrote_at[k] <= end:
                events += [read_event(trace, thread, k), write_event(trace, thread, k)]
                steps += 1
                from_same_on &= trace.read[k] == expected
                expected += 1
        k = bisect_right(trace.read_at, end)
        if k < len(trace):
            following.append(read_event(trace, thread, k))
    events.sort()
    keys = {read_event(a, first, j), write_event(a, first, j), read_event(b, second, i), write_event(b, second, i)}
    if not same:
        keys.add(max(event for event in events if event.thread == second and event.wrote))
    if following and (after := min(following)).value == events[-1].value:
        events.append(after)
        keys.add(after)
    n = a.read[j]
    should = n + steps if same and from_same_on and not others else None
    return LostUpdate(first, second, n if same else None, should, events, frozenset(keys), steps, others)


# ---- the atomic counter ------------------------------------------------------------------------------------

NO_THREAD = 255


def owners(traces: Sequence[Trace]) -> tuple[bytearray, int]:
    """Which thread got each value, from 0 to the number of steps; and how many values were wrong."""
    total = sum(map(len, traces))
    owner, wrong = bytearray([NO_THREAD]) * total, 0
    for thread, trace in enumerate(traces):
        for value in trace.read:
            if 0 <= value < total and owner[value] == NO_THREAD:
                owner[value] = thread
            else:
                wrong += 1
    return owner, wrong


def turns(traces: Sequence[Trace], owner: bytearray) -> list[Event]:
    """Four values in a row that two threads got by turns; else two values, one each; else an empty list.

    A step is recorded after it was made, so two records may be in another order than their steps. Such values are
    left out.
    """
    changes = [at for at in range(len(owner) - 1) if owner[at] != owner[at + 1]]
    for length in (4, 2):
        for at in changes:
            values = range(at, at + length)
            if owner[at : at + length] == owner[at : at + 2] * (length // 2):
                events = [event_of(traces, owner[value], value) for value in values]
                if events == sorted(events):
                    return events
    return []


def event_of(traces: Sequence[Trace], thread: int, value: int) -> Event:
    """When that thread got that value."""
    trace = traces[thread]
    k = bisect_left(trace.read, value)  # the values that a thread gets increase
    return Event(trace.read_at[k], thread, False, value)
