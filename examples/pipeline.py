"""A data pipeline: read -> parse -> aggregate, with a channel between two stages and two threads in the parse stage.

It measures the pipeline against the same work in one thread. Run it with `python examples/pipeline.py`.
"""

import io
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import TextIO

from atomicpy import Channel, ChannelClosed, WaitGroup

LINES = 300_000
BLOCK = 1 << 16  # characters. A block for each send: the channel costs less than a hundredth of the parsing
PARSERS = 2


def made_log() -> TextIO:
    """A file in memory, so that the disk is not measured."""
    return io.StringIO("".join(f"GET /page/{n % 7} {200 if n % 50 else 500} {n % 1000}\n" for n in range(LINES)))


def read(log: TextIO) -> Iterator[str]:
    while block := log.read(BLOCK) + log.readline():  # whole lines
        yield block


def parse(block: str) -> Counter[str]:
    """The bytes of each path, and the number of errors."""
    found: Counter[str] = Counter()
    for line in block.splitlines():
        _method, path, status, size = line.split()
        found[path] += int(size)
        if int(status) >= 500:
            found["errors"] += 1
    return found


def in_one_thread(log: TextIO) -> Counter[str]:
    total: Counter[str] = Counter()
    for block in read(log):
        total.update(parse(block))
    return total


def pipeline(log: TextIO) -> Counter[str]:
    blocks: Channel[str] = Channel(8)  # a reader that is faster waits here, and the memory stays small
    parsed: Channel[Counter[str]] = Channel(8)
    total: Counter[str] = Counter()

    def reader() -> None:
        with suppress(ChannelClosed), blocks:  # closes it at the end: each parser then ends its loop
            for block in read(log):
                blocks.send(block)

    def parser() -> None:
        with suppress(ChannelClosed):  # the aggregation has failed, and its exception is the one to see
            for block in blocks:
                parsed.send(parse(block))

    def parse_stage() -> None:
        with parsed, WaitGroup() as parsers:  # waits for the parsers, then closes `parsed`
            for _ in range(PARSERS):
                parsers.go(parser)

    # If a stage raises, the channels are closed and the other stages end. Then this raises what the stage raised.
    with WaitGroup() as stages, blocks, parsed:
        stages.go(reader)
        stages.go(parse_stage)
        for part in parsed:
            total.update(part)
    return total


def main() -> None:
    log = made_log()
    start = time.perf_counter()
    expected = in_one_thread(log)
    one = time.perf_counter() - start

    log.seek(0)
    start = time.perf_counter()
    total = pipeline(log)
    two = time.perf_counter() - start

    assert total == expected
    print(f"{LINES:,} lines, {total['errors']:,} errors")
    print(f"one thread:               {one:.3f} s")
    print(f"pipeline with {PARSERS} parsers:  {two:.3f} s, {one / two:.2f} times as fast")
    if getattr(sys, "_is_gil_enabled", lambda: True)():
        print("The GIL is on: one thread at a time runs Python, so two parsers are not faster than one.")


if __name__ == "__main__":
    main()
