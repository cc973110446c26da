"""Finding the lost update in what the threads have noted, and checking that an atomic counter has none."""

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from atomicpy.demo.recorder import Log

ENOUGH = 1_000  # moments to choose the simplest from


class Trace:
    """The steps of one thread, in the order of time: what it read and wrote, and when (ns)."""

    def __init__(self, log: Log) -> None:
        self.read, self.wrote, self.read_at, self.wrote_at = (log.column(which) for which in range(4))

    def __len__(self) -> int:
        return len(self.read)


@dataclass(frozen=True, order=True)
class Event:
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
    proven: bool  # that both read it before either wrote
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


def pairs(traces: Sequence[Trace]) -> Iterator[tuple[int, int, int, int]]:
    """(thread, step, thread, step) of any two that provably read the same value before either wrote.

    A note is made after its read and before its write, so each step gives an interval that holds its write. Let A's
    note of reading n come before B's, and B's before A's note of writing. Then A has read before B wrote. And B has
    read before A wrote: had A written n + 1 before, B could have read n only if somebody had written n in between,
    and so by a step with that result which was under way between the two notes. There is none such.

    Between the two notes no third read is noted, so of each thread only the step that it noted last can be under way.
    """
    latest = [-1] * len(traces)  # the step of each thread whose read was noted last
    before: tuple[int, int, int] | None = None
    for at, thread, i in heapq.merge(
        *(((at, thread, i) for i, at in enumerate(trace.read_at)) for thread, trace in enumerate(traces))
    ):
        if before is not None and before[1] != thread:
            since, other, j = before
            n = traces[thread].read[i]
            # This thread's step before this one is still its latest here.
            if (
                traces[other].read[j] == n
                and traces[other].wrote_at[j] > at
                and not any(
                    k >= 0 and traces[third].wrote[k] == n and traces[third].wrote_at[k] >= since
                    for third, k in enumerate(latest)
                )
            ):
                yield other, j, thread, i
        latest[thread] = i
        before = at, thread, i


def meanwhile(trace: Trace, start: int, end: int) -> range:
    """The steps that were under way at some time from start to end."""
    return range(bisect_left(trace.wrote_at, start), bisect_right(trace.read_at, end))


def overlaps(traces: Sequence[Trace], same: bool) -> Iterator[tuple[int, int, int, int]]:
    """(thread, step, thread, step) where the second did its step while the first stood between its read and its write.

    With `same` it read the same value; whether before the other's write or after, the notes alone do not tell. Without,
    it is the first step of several that the other's write threw away.
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
                    if b.wrote_at[k] >= until:
                        break
                    if not same or b.read[k] == n:
                        yield first, j, second, k
                        break


def find(traces: Sequence[Trace]) -> Moment | None:
    """The simplest of the moments found: the best proof that there is, and the fewest steps under way."""
    for proven, same, candidates in (
        (True, True, pairs(traces)),
        (False, True, overlaps(traces, True)),
        (False, False, overlaps(traces, False)),
    ):
        best, fewest = None, 0
        for number, pair in enumerate(candidates):
            first, j, second, i = pair
            start, end = traces[first].read_at[j], max(traces[first].wrote_at[j], traces[second].wrote_at[i])
            steps = sum(len(meanwhile(trace, start, end)) for trace in traces)
            if best is None or steps < fewest:
                best, fewest = pair, steps
            if fewest == 2 or number >= ENOUGH:
                break
        if best:
            return described(traces, *best, proven, same)
    return None


def reading(trace: Trace, thread: int, k: int) -> Event:
    return Event(trace.read_at[k], thread, False, trace.read[k])


def writing(trace: Trace, thread: int, k: int) -> Event:
    return Event(trace.wrote_at[k], thread, True, trace.wrote[k])


def described(traces: Sequence[Trace], first: int, j: int, second: int, i: int, proven: bool, same: bool) -> Moment:
    a, b = traces[first], traces[second]
    start, end = a.read_at[j], max(a.wrote_at[j], b.wrote_at[i])
    events, steps, others, following = [], 0, 0, []
    for thread, trace in enumerate(traces):
        if thread not in (first, second):
            others += len(meanwhile(trace, start, end))
            continue
        for k in meanwhile(trace, start, end):
            # One that began before or ends after is not of this moment; its thread did it before or after.
            if trace.read_at[k] >= start and trace.wrote_at[k] <= end:
                events += [reading(trace, thread, k), writing(trace, thread, k)]
                steps += 1
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
    return Moment(first, second, a.read[j] if same else None, proven, events, frozenset(keys), steps, others)


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
    """Some values in a row that two threads took, by turns if there are such. Empty if one took all."""
    for a, b in ((0, 1), (1, 0)):
        at = owner.find(bytes((a, b, a, b)))
        for _ in range(ENOUGH):
            if at < 0:
                break
            events = [took(traces, owner[value], value) for value in range(at, at + 4)]
            # A note is made after the step: the notes need not come in the order of the steps, but mostly do.
            if events == sorted(events):
                return events
            at = owner.find(bytes((a, b, a, b)), at + 1)
    for at in range(len(owner) - 1):
        if owner[at] != owner[at + 1]:
            return [took(traces, owner[value], value) for value in (at, at + 1)]
    return []


def took(traces: Sequence[Trace], thread: int, value: int) -> Event:
    trace = traces[thread]
    k = bisect_left(trace.read, value)  # a thread is handed out greater and greater ones
    return Event(trace.read_at[k], thread, False, value)
