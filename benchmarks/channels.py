"""What channels cost: beside queue.SimpleQueue, queue.Queue, janus, and Go's channels.

    python benchmarks/channels.py [--quick] [--rounds 9] [--only WORD] [--busy N] [--json FILE]

The figures of one thread are CPU time. The others are wall time by the number of values, with the CPU time / wall time
beside it. Consumers know how many values come, so nothing but the queue is measured. A round trip is one value to
another thread and one back. The row of janus needs janus in the environment, and the figures of Go a `go` on PATH.
"""

import asyncio
import json
import queue
import shutil
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import NamedTuple

import measure
import summary

from atomicpy import Channel, after, select

try:
    import janus
except ImportError:
    janus = None

SECONDS = 0.02
WAITING_SECONDS = 0.1
TIMERS = 10_000
VALUES, UNROLLED = 100_000, 20
COLUMNS = ("ns", "cores", "baseline_ns", "baseline_cores", "ratio", "low", "high", "discarded")


class Kind(NamedTuple):
    make: object
    put: str
    get: str


SIMPLE = Kind(queue.SimpleQueue, "put", "get")
QUEUE = Kind(partial(queue.Queue, 128), "put", "get")


def channel(capacity):
    return Kind(partial(Channel, capacity), "send", "recv")


def alone(kind):
    return measure.one_thread("put(None); get()", f"q = make(); put, get = q.{kind.put}, q.{kind.get}", kind.make,
                              SECONDS)  # fmt: skip


def draining(statement):
    """The CPU time of a receive from a channel with many values, with a quiet one beside it."""
    namespace = {"select": select}
    body = f"        {statement}\n" * UNROLLED
    exec(f"def drain(full, quiet, select=select):\n    for _ in range({VALUES // UNROLLED}):\n{body}", namespace)

    def sample():
        full, quiet = Channel(None), Channel(1)
        for _ in range(VALUES):
            full.send(None)
        wall, cpu = time.perf_counter(), measure.CLOCK()
        namespace["drain"](full, quiet)
        wall, cpu = time.perf_counter() - wall, measure.CLOCK() - cpu
        return measure.Sample(cpu / VALUES * 1e9, cpu / wall)

    return sample


def handed_over(kind, producers, consumers, fresh=False):
    """Producers and consumers at one queue. `fresh`: each value is an object of its own."""

    def job(times):
        q = kind.make()
        put, get = getattr(q, kind.put), getattr(q, kind.get)

        def prepare(me):
            def produce(put=put):
                if fresh:
                    for i in range(times):
                        put(i + 0.5)
                else:
                    for _ in range(times):
                        put(None)

            def consume(get=get):
                for _ in range(times * producers // consumers):
                    get()

            return produce if me < producers else consume

        return prepare

    threads = producers + consumers
    side = measure.on_threads(threads, job, 1, WAITING_SECONDS, tied=False)
    return scaled(side, threads / producers)


def scaled(side, factor):
    def sample():
        found = side()
        return found._replace(ns=found.ns * factor)

    return sample


def round_trips(kind):
    """Two threads that hand one value back and forth."""

    def job(times):
        there, back = kind.make(), kind.make()

        def prepare(me):
            to, back_from = (there, back) if me == 0 else (back, there)
            put, get = getattr(to, kind.put), getattr(back_from, kind.get)

            def run(put=put, get=get):
                for _ in range(times):
                    if me == 0:
                        put(None)
                        get()
                    else:
                        get()
                        put(None)

            return run

        return prepare

    return scaled(measure.on_threads(2, job, 1, WAITING_SECONDS, tied=False), 2)


def passing(selects):
    """A value sent and received while so many threads wait in a select of a quiet channel and another one."""

    def sample():
        busy, quiet, stop = Channel(1), Channel(), Channel()
        ready = threading.Semaphore(0)

        def wait():
            ready.release()
            select(quiet, stop)

        members = [threading.Thread(target=wait) for _ in range(selects)]
        for member in members:
            member.start()
        for _ in members:
            ready.acquire()
        found = measure.one_thread(
            "send(None); recv()", "send, recv = make()", lambda: (busy.send, busy.recv), SECONDS
        )()
        stop.close()
        for member in members:
            member.join()
        return found

    return sample


def asyncio_round_trips(make, times=300):
    """A coroutine that hands values to a thread and awaits them back."""

    def run():
        async def main():
            asend, arecv, recv, send, close = make()

            def echo():
                for _ in range(times):
                    send(recv())

            thread = threading.Thread(target=echo)
            thread.start()
            for i in range(times):
                await asend(i)
                await arecv()
            thread.join()
            await close()

        asyncio.run(main())

    return measure.whole_process(run, times)


def by_channels():
    there, back = Channel(1), Channel(1)

    async def close():
        there.close()

    return there.asend, back.arecv, there.recv, back.send, close


def by_janus():
    there, back = janus.Queue(1), janus.Queue(1)

    async def close():
        await there.aclose()
        await back.aclose()

    return there.async_q.put, back.async_q.get, there.sync_q.get, back.sync_q.put, close


def rows():
    """(name, a function that makes both sides) of each row."""
    yield "send + recv, one thread / SimpleQueue", lambda: map(alone, (channel(128), SIMPLE))
    for what, fresh in (("None", False), ("fresh objects", True)):
        for title, capacity in (("128", 128), ("None", None)):
            yield (
                f"1 producer, 1 consumer, capacity {title}, {what} / SimpleQueue",
                lambda c=capacity, fresh=fresh: (handed_over(kind, 1, 1, fresh) for kind in (channel(c), SIMPLE)),
            )
        yield (
            f"1 producer, 1 consumer, capacity 128, {what} / Queue(128)",
            lambda fresh=fresh: (handed_over(kind, 1, 1, fresh) for kind in (channel(128), QUEUE)),
        )
    yield (
        "4 producers, 4 consumers, capacity 128 / Queue",
        lambda: (handed_over(kind, 4, 4) for kind in (channel(128), QUEUE)),
    )
    yield "round trip of two threads, capacity 0 / SimpleQueue", lambda: map(round_trips, (channel(0), SIMPLE))
    yield "select of two, one ready / recv", lambda: map(draining, ("select(quiet, full)", "full.recv()"))
    yield "a value, 100 selects on another channel / none", lambda: map(passing, (100, 0))
    if janus is not None:
        yield "thread to asyncio and back / janus", lambda: map(asyncio_round_trips, (by_channels, by_janus))


def shown(name, row):
    return (
        f"{name:58} {row.ns:10.1f} ns ({row.cores:4.2f}) {row.baseline_ns:10.1f} ns ({row.baseline_cores:4.2f})"
        f" {row.ratio:8.2f}   {row.low:.2f} - {row.high:.2f}"
    )


def timers():
    """The memory of each of 10,000 channels of the clock, and the threads that stand behind them."""
    before = threading.active_count()
    made = [after(30) for _ in range(TIMERS)]
    return sum(map(sys.getsizeof, made)) / TIMERS, threading.active_count() - before


def go_figures():
    """{shape: ns} from channels.go, or {} without a `go`."""
    if shutil.which("go") is None:
        return {}
    source = Path(__file__).with_name("channels.go")
    done = subprocess.run(["go", "run", str(source)], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def main():
    args = measure.parsed(measure.parser(__doc__, rounds=9))
    found = {}
    with measure.busy(args.busy):
        loop, seen = measure.loop_of(args), measure.conditions(args.busy)
        print(measure.heading(seen))
        print(f"\n{'':58} {'channel (CPU/wall)':>20} {'baseline (CPU/wall)':>20} {'ratio':>8}   middle half")
        for name, sides in rows():
            if args.only in name:
                found[name] = loop.compare(*sides())
                print(shown(name, found[name]), flush=True)
        size, threads = timers()
        print(f"{TIMERS:,} after(30): {size:.0f} bytes each, {threads} threads")
        go = go_figures() if not args.quick and args.only in "Go" else {}
        for shape, ns in go.items():
            print(f"Go, {shape:54} {ns:10.1f} ns")
    if args.json:
        summary.save(args.json, "channels", seen, args.rounds, COLUMNS, found, go=go)


if __name__ == "__main__":
    main()
