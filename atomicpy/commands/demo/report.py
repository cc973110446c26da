"""What the demo prints: before the table, the table, after the table; or JSON."""

import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from atomicpy.commands.conditions import free_threaded
from atomicpy.commands.demo.counters import COUNTERS
from atomicpy.commands.demo.rounds import Row
from atomicpy.commands.terminal import WIDTH, columns, paragraph

ALWAYS_SHOWN = 4  # columns of the table: the counter, expected, got, lost


@dataclass(frozen=True)
class Run:
    """The conditions: what was asked for, and on what it runs."""

    names: Sequence[str]
    threads: int
    increments: int
    native: bool
    gil: bool
    cores: int

    @property
    def everything(self) -> int:
        return self.threads * self.increments


# ---- before the table --------------------------------------------------------------------------------------

IN_C = """The loops run in C with the GIL released, so the threads run at the same time
on every build. `n += 1` is a load, an add and a store; another thread may store
between them, and its increments are lost."""

GIL_OFF = """The threads run Python at the same time. `c.n += 1` is a read, an add and a
write; another thread may write between them, and its increments are lost."""

ONE_CORE = "There is one core: the threads take turns on it, and a turn seldom ends within an increment."

# CPython, ceval.c: RESUME, calls and JUMP_BACKWARD test the eval breaker; until 3.9 many more instructions did.
GIL_ON = """One thread at a time runs Python. Since 3.10 its turn ends only at a call or at
the backward jump of a loop. The bare `c.n += 1` has neither between its read
and its write: it loses nothing here, but Python does not guarantee that."""

GIL_ON_CALL = """racy-call has a call between the two, and loses updates there. (While it runs,
a turn lasts {:g} ms instead of {:g}, so that a short run shows it.)"""


def interpreter(gil: bool, cores: int) -> str:
    """One sentence: the interpreter, whether the GIL is on, the number of cores."""
    lock = "off" if not gil else "on, though the build can run without it" if free_threaded() else "on"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{python}, the GIL is {lock}; {cores} core{'' if cores == 1 else 's'} to run on."


def heading(run: Run) -> str:
    """The interpreter, whether the GIL is on, and what that means for the result."""
    lines = [paragraph(interpreter(run.gil, run.cores))]
    lines += [paragraph(IN_C if run.native else GIL_ON if run.gil else GIL_OFF)]
    if run.cores == 1 and not (run.gil and not run.native):
        lines.append(paragraph(ONE_CORE))
    if run.gil and not run.native and "racy-call" in run.names:
        interval = COUNTERS["racy-call"].switch_interval or 0
        lines.append(paragraph(GIL_ON_CALL.format(1000 * interval, 1000 * sys.getswitchinterval())))
    each = f"{run.increments:,} increment{'s' * (run.increments > 1)} each"
    lines.append(f"\n{run.threads:,} thread{'s' * (run.threads > 1)}, {each}:\n")
    lines += [f"  {name:9}  {COUNTERS[name].does}{' in C' * run.native}" for name in run.names]
    return "\n".join(lines)


# ---- the table ---------------------------------------------------------------------------------------------


def scaled(number: float) -> str:
    """Three digits and a letter: 48.1 M."""
    for unit in ("", "k", "M", "G"):
        if number < 999.5 or unit == "G":
            break
        number /= 1000
    digits = 0 if number >= 99.95 else 1 if number >= 9.995 else 2
    return f"{number:.{digits}f} {unit}".rstrip()


class Table:
    """The table. The widths of its columns are computed first, so each row is printed when its round has finished.

    On a narrow terminal the last columns are left out: the time, the speed, the cores. The losses are always shown.
    """

    def __init__(self, run: Run) -> None:
        self._grouping = ","
        self._widths = self._measure(run)
        if self._width() > WIDTH:
            self._grouping = ""
            self._widths = self._measure(run)
        while self._width() > columns() and len(self._widths) > ALWAYS_SHOWN:
            self._widths.pop()

    def _width(self) -> int:
        return sum(self._widths) + 2 * (len(self._widths) - 1)

    def _measure(self, run: Run) -> list[int]:
        count = max(len(f"{run.everything:{self._grouping}}"), len("expected"))
        return [max(map(len, [*run.names, "counter"])), count, count, count, 6, 6, 5]

    def _line(self, cells: Sequence[str]) -> str:
        first, *others = zip(cells, self._widths, strict=False)
        return "  ".join([f"{first[0]:{first[1]}}", *(f"{cell:>{width}}" for cell, width in others)])

    def head(self) -> str:
        return self._line(["counter", "expected", "got", "lost", "time s", "ops/s", "cores"])

    def row(self, row: Row) -> str:
        counts = [f"{n:{self._grouping}}" for n in (row.expected, row.got, row.lost)]
        seconds = f"{row.seconds:.{3 if row.seconds < 10 else 1 if row.seconds < 1000 else 0}f}"
        return self._line([row.name, *counts, seconds, scaled(row.ops_per_second), f"{row.cores:.2f}"[:5]])


# ---- after the table ---------------------------------------------------------------------------------------


def broken(rows: Sequence[Row]) -> list[Row]:
    """The exact counters that lost or gained updates. Each is a bug."""
    return [row for row in rows if row.exact and row.lost]


def listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def share(row: Row) -> str:
    percent = 100 * row.lost / row.expected
    if percent >= 99:
        return "over 99 %" if row.got else "all"
    return f"{percent:.2g} %" if percent >= 0.01 else "under 0.01 %"


def summary(run: Run, rows: Sequence[Row], interrupted: bool) -> str:
    """One sentence: the result of this run."""
    start = "Interrupted: " if interrupted else ""
    if bad := broken(rows):
        what = listed([f"{row.name} {'lost' if row.lost > 0 else 'gained'} {abs(row.lost):,}" for row in bad])
        return f"{start}THIS MUST NEVER HAPPEN: {what} of its increments. A bug in atomicpy: please report it."
    rows = [row for row in rows if row.expected]
    if not rows:
        return f"{start}no counter was measured yet."
    parts = [f"{row.name} lost {share(row)} of its increments" for row in rows if row.lost]
    spared = [row.name for row in rows if not row.exact and not row.lost]
    if run.threads == 1 and spared:
        parts.append(f"{listed(spared)} lost nothing, with one thread alone")
    elif spared:
        if run.gil and not run.native and "racy" in spared:
            spared.remove("racy")
            parts.append("racy lost nothing, by accident, with the GIL on")
        if spared:
            parts.append(f"{listed(spared)} lost nothing, by luck: try more --increments")
    if exact := [row.name for row in rows if row.exact]:
        parts.append(f"{listed(exact)} lost nothing, as promised")
    return start + "; ".join(parts) + "."


# ---- JSON --------------------------------------------------------------------------------------------------


def as_json(run: Run, rows: Sequence[Row], interrupted: bool) -> dict[str, object]:
    return {
        "interpreter": platform.python_implementation(),
        "version": platform.python_version(),
        "free_threaded": free_threaded(),
        "gil": run.gil,
        "cores": run.cores,
        "native": run.native,
        "threads": run.threads,
        "increments": run.increments,
        "counters": [
            {
                "name": row.name,
                "expected": row.expected,
                "got": row.got,
                "lost": row.lost,
                "seconds": row.seconds,
                "ops_per_second": row.ops_per_second,
                "cores": row.cores,
            }
            for row in rows
        ],
        "interrupted": interrupted,
        "summary": summary(run, rows, interrupted),
    }
