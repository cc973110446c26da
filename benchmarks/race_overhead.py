"""What the race detector costs: the same program with it and without it.

    python benchmarks/race_overhead.py [--rounds 9] [--steps 300000] [--only WORD] [--json FILE]

Each round runs each program of race_shapes/ alone and under `python -m atomicpy race`, one after the other, each in a
process of its own; recording is on, one thread runs; in `threads` it is 1,000 (with `--steps 10000000`, 30 million
accesses). The figures are the medians of the rounds, the ratio is the median of the ratios of neighbours: CPU time
of the measured loop, with the wall time beside it, and the memory of the whole
process at its highest. Go's own slowdown on the same shapes, `go run -race` against `go run`, is beside it where there
is Go on the PATH.
"""

import argparse
import json
import math
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from latency import conditions

SHAPES = Path(__file__).resolve().parent / "race_shapes"
# How many times slower at most; and how much more memory.
LIMITS = {"attributes": 10, "items": 10, "calls": 4}
MEAN_LIMIT, MEMORY_LIMIT = 6, 4
# 1,000 threads that have hardly an object each: what the engine keeps of a thread is 25 KB.
MEMORY_LIMITS = {"threads": 8}


def once(command):
    # Not from the checkout: -m would take the package from there.
    done = subprocess.run(command, cwd=SHAPES, capture_output=True, text=True, check=False)
    if done.returncode or done.stderr:
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stderr}")
    return json.loads(done.stdout)


def compare(plain, detected, rounds):
    """The medians of both commands, and of the ratios of neighbours, for each of cpu, wall and memory."""
    samples = []
    for i in range(rounds):
        pair = [once(command) for command in ((plain, detected) if i % 2 else (detected, plain))]
        samples.append(pair if i % 2 else pair[::-1])
    return {
        what: {
            "off": statistics.median(off[what] for off, _ in samples),
            "on": statistics.median(on[what] for _, on in samples),
            "ratio": statistics.median(on[what] / off[what] for off, on in samples),
        }
        for what in samples[0][0]
    }


def go(shape, steps, rounds, folder):
    """The same of Go's detector; None where there is no Go, or no such program."""
    source = SHAPES / "go" / f"{shape}.go"
    if not shutil.which("go") or not source.exists():
        return None
    commands = []
    for option in ((), ("-race",)):
        program = Path(folder) / f"{shape}{''.join(option)}"
        built = subprocess.run(
            ["go", "build", *option, "-o", program, source, SHAPES / "go" / "measure.go"],
            capture_output=True,
            text=True,
        )
        if built.returncode:
            print(f"go build {' '.join(option)} {source.name}: {built.stderr.strip()}", file=sys.stderr)
            return None
        commands.append([program, str(steps * 100)])  # it is that much faster
    return compare(*commands, rounds)


def main():
    parser = argparse.ArgumentParser(description="What the race detector costs.")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=300_000)
    parser.add_argument("--only", default="")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    if sys.version_info < (3, 13):
        parser.error("the race detector needs CPython 3.13 or later")
    print(", ".join(f"{name}: {value}" for name, value in conditions().items()))
    if not shutil.which("go"):
        print("No go on the PATH: Go's own detector is not measured.")
    print(f"\n{'':12}{'off':>9}{'on':>9}{'ratio':>8}{'wall':>8}{'memory':>17}{'Go':>8}")
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for source in sorted(SHAPES.glob("*.py")):
            shape = source.stem
            if shape == "measure" or options.only not in shape:
                continue
            plain = [sys.executable, str(source), str(options.steps)]
            found = compare(plain, [*plain[:1], "-m", "atomicpy", "race", *plain[1:]], options.rounds)
            theirs = go(shape, options.steps, options.rounds, folder)
            results[shape] = {"python": found, "go": theirs}
            cpu, memory = found["cpu"], found["memory"]
            print(
                f"{shape:12}{cpu['off'] / options.steps * 1e9:6.1f} ns{cpu['on'] / options.steps * 1e9:6.1f} ns"
                f"{cpu['ratio']:7.2f}x{found['wall']['ratio']:7.2f}x"
                f"{memory['off'] // 1024:5} MB{memory['ratio']:7.2f}x"
                f"{(format(theirs['cpu']['ratio'], '6.1f') + 'x') if theirs else '-':>8}"
            )
    ratios = {shape: each["python"]["cpu"]["ratio"] for shape, each in results.items() if shape in LIMITS}
    above = [f"{shape} is above {LIMITS[shape]}x" for shape, ratio in ratios.items() if ratio > LIMITS[shape]]
    above += [
        f"{s} takes above {MEMORY_LIMITS.get(s, MEMORY_LIMIT)}x memory"
        for s, each in results.items()
        if each["python"]["memory"]["ratio"] > MEMORY_LIMITS.get(s, MEMORY_LIMIT)
    ]
    if ratios:
        mean = math.exp(statistics.fmean(map(math.log, ratios.values())))
        print(f"geometric mean of {', '.join(ratios)}: {mean:.2f}x")
        above += [f"the mean is above {MEAN_LIMIT}x"] if mean > MEAN_LIMIT else []
    print("; ".join(above) if above else "All within their limits.")
    if options.json:
        Path(options.json).write_text(json.dumps({"conditions": conditions(), "shapes": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
