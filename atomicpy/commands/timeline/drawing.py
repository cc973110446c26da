"""The time line on a terminal: a row for each core, a box for each moment, with the thread that ran on the core."""

import math
import os
from collections.abc import Iterator
from typing import TextIO

from atomicpy.commands.timeline.interpreters import Run

BOX = 0.005  # seconds: a turn with the GIL on; in a longer box two turns would look like two threads at once
COLOURS = (36, 33, 32, 35, 34, 31)  # in the palette of the terminal, which its user has chosen


def colourful(stream: TextIO) -> bool:
    """Whether to print colours: the stream is a terminal, and NO_COLOR (https://no-color.org) is not set."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def rows(runs: list[Run]) -> list[int]:
    """The cores to show: all usable cores if there are at most 16, else the cores that were used."""
    usable = {core for run in runs for core in run.cores}
    used = {span.core for run in runs for span in run.spans}
    return sorted(usable | used if len(usable) <= 16 else used)


def occupants(run: Run, core: int, start: float, box: float, count: int) -> list[int | None]:
    """For each box, the thread that used the core longest; None where the core was idle for more than half of it."""
    shares: list[dict[int, float]] = [{} for _ in range(count)]
    for span in run.spans:
        if span.core != core:
            continue
        first = max(0, math.floor((span.start - start) / box))
        last = min(count - 1, math.floor((span.end - start) / box))
        for k in range(first, last + 1):
            within = min(span.end, start + (k + 1) * box) - max(span.start, start + k * box)
            shares[k][span.thread] = shares[k].get(span.thread, 0.0) + within
    return [
        max(share, key=lambda thread: share[thread]) if sum(share.values()) >= box / 2 else None for share in shares
    ]


def window(seconds: float, threads: int, cores: list[int], columns: int) -> tuple[float, float, int]:
    """Start, length and number of the boxes: of the whole run, or of its middle if the run is too long."""
    label, cell = len(f"Core {max(cores)}: "), len(f"[T{threads}]")
    count = max(1, (columns - label) // cell)
    box = min(BOX, seconds / count)
    return (seconds - count * box) / 2, box, count


def drawn(run: Run, threads: int, cores: list[int], seconds: float, columns: int, colour: bool) -> Iterator[str]:
    """The lines of the picture."""
    start, box, count = window(seconds, threads, cores, columns)
    label, width = len(str(max(cores))), len(str(threads))
    for core in cores:
        boxes = []
        for thread in occupants(run, core, start, box, count):
            text = "[" + ("" if thread is None else f"T{thread + 1}").ljust(width + 1) + "]"
            if colour and thread is not None:
                text = f"\x1b[{COLOURS[thread % len(COLOURS)]}m{text}\x1b[0m"
            boxes.append(text)
        yield f"Core {core:>{label}}: {''.join(boxes)}"
