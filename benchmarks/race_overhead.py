"""What the race detector costs: the same program with it and without it.

    python benchmarks/race_overhead.py [--quick] [--rounds 9] [--steps 300000] [--only WORD] [--busy N] [--json FILE]

Each round runs each program of race_shapes/ alone and under `python -m atomicpy race`, each in a process of its own,
with recording on. One thread runs; in `threads` 1,000 (with `--steps 10000000`, 30 million accesses). `cpu` and `wall`
are the times of the measured loop; `memory` is the highest resident size of the process. Go's own slowdown on the same
shapes, `go run -race` against `go run`, is beside it where `go` is on the PATH.
"""

import json
import math
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import measure
import summary

SHAPES = Path(__file__).resolve().parent / "race_shapes"
# Limits of the slowdown, and of the memory.
LIMITS = {"attributes": 10, "items": 10, "calls": 4}
MEAN_LIMIT, MEMORY_LIMIT = 6, 4
# 1,000 threads with few objects each: the engine keeps 25 KB for a thread.
MEMORY_LIMITS = {"threads": 8}


class Run(NamedTuple):
    """A process as a sample: CPU and wall seconds, memory in KiB."""

    cpu: float
    wall: float
    memory: int
    counts: bool = True  # there is one thread that computes: no run is discarded


class Cost(NamedTuple):
    on: float
    off: float
    ratio: float
    low: float
    high: float


def run(command):
    # Not from the checkout: -m would take the package from there.
    done = subprocess.run(command, cwd=SHAPES, capture_output=True, text=True, check=False)
    if done.returncode or done.stderr:
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stderr}")
    return Run(**json.loads(done.stdout))


def compare(loop, detected, plain):
    """{what: Cost}: cpu, wall and memory of a command beside the same without the detector."""
    rounds, _ = loop.samples(lambda: run(detected), lambda: run(plain))
    costs = {}
    for what in ("cpu", "wall", "memory"):
        pairs = [(getattr(on, what), getattr(off, what)) for on, off in rounds]
        on, off = (statistics.median(side) for side in zip(*pairs, strict=True))
        low, ratio, high = measure.quartiles(a / b for a, b in pairs)
        costs[what] = Cost(on, off, ratio, low, high)
    return costs


def go(loop, shape, steps, folder):
    """The costs of Go's detector. None where there is no Go, or no such program."""
    source = SHAPES / "go" / f"{shape}.go"
    if not shutil.which("go") or not source.exists():
        return None
    commands = []
    for option in (("-race",), ()):
        program = Path(folder) / f"{shape}{''.join(option)}"
        built = subprocess.run(
            ["go", "build", *option, "-o", program, source, SHAPES / "go" / "measure.go"],
            capture_output=True,
            text=True,
        )
        if built.returncode:
            print(f"go build {' '.join(option)} {source.name}: {built.stderr.strip()}", file=sys.stderr)
            return None
        commands.append([program, str(steps * 100)])  # Go is that much faster
    return compare(loop, *commands)


def above(costs):
    """What is beyond its limit, as lines."""
    found = [f"{s} is above {limit}x" for s, limit in LIMITS.items() if s in costs and costs[s]["cpu"].ratio > limit]
    for shape, cost in costs.items():
        limit = MEMORY_LIMITS.get(shape, MEMORY_LIMIT)
        if cost["memory"].ratio > limit:
            found.append(f"{shape} takes above {limit}x memory")
    ratios = {shape: costs[shape]["cpu"].ratio for shape in LIMITS if shape in costs}
    if ratios:
        mean = math.exp(statistics.fmean(map(math.log, ratios.values())))
        print(f"geometric mean of {', '.join(ratios)}: {mean:.2f}x")
        if mean > MEAN_LIMIT:
            found.append(f"the mean is above {MEAN_LIMIT}x")
    return found


def main():
    parser = measure.parser(__doc__, rounds=9)
    parser.add_argument("--steps", type=int, default=300_000, metavar="N", help="length of the measured loop (300,000)")
    args = measure.parsed(parser)
    if sys.version_info < (3, 13):
        parser.error("the race detector needs CPython 3.13 or later")
    if not shutil.which("go"):
        print("No go on the PATH: Go's own detector is not measured.")
    costs, rows = {}, {}
    with measure.busy(args.busy), tempfile.TemporaryDirectory() as folder:
        loop, seen = measure.loop_of(args), measure.conditions(args.busy)
        print(measure.heading(seen))
        print(f"\n{'':12}{'off':>9}{'on':>9}{'ratio':>8}{'wall':>8}{'memory':>17}{'Go':>8}")
        for source in sorted(SHAPES.glob("*.py")):
            shape = source.stem
            if shape == "measure" or args.only not in shape:
                continue
            plain = [sys.executable, str(source), str(args.steps)]
            found = costs[shape] = compare(loop, [plain[0], "-m", "atomicpy", "race", *plain[1:]], plain)
            theirs = go(loop, shape, args.steps, folder)
            rows |= {f"{shape}, {what}": cost for what, cost in found.items()}
            rows |= {f"{shape} in Go, {what}": cost for what, cost in (theirs or {}).items()}
            cpu, memory = found["cpu"], found["memory"]
            print(
                f"{shape:12}{cpu.off / args.steps * 1e9:6.1f} ns{cpu.on / args.steps * 1e9:6.1f} ns"
                f"{cpu.ratio:7.2f}x{found['wall'].ratio:7.2f}x"
                f"{memory.off // 1024:5.0f} MB{memory.ratio:7.2f}x"
                f"{(format(theirs['cpu'].ratio, '6.1f') + 'x') if theirs else '-':>8}",
                flush=True,
            )
    print("; ".join(above(costs)) or "All within their limits.")
    if args.json:
        summary.save(args.json, "race", seen, args.rounds, Cost._fields, rows)


if __name__ == "__main__":
    main()
