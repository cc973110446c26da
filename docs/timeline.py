"""Record a time line for the pages: docs/measured/timeline.json, and its chart, docs/pictures/timeline.svg.

    python docs/timeline.py [--python FREE-THREADED-INTERPRETER]

It measures as `python -m atomicpy timeline --output FILE.svg` does. docs/figures.py prints the result in the same way.
"""

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from atomicpy.commands.timeline import chart
from atomicpy.commands.timeline.cli import SECONDS, THREADS, print_runs
from atomicpy.commands.timeline.interpreters import Run, Span, measured, with_and_without

DOCS = Path(__file__).resolve().parent
RECORD = DOCS / "measured" / "timeline.json"
QUIET = 0.9  # cores at work, divided by the usable cores: below it other programs disturbed the run
TRIES = 5


def recorded():
    """The saved (runs, threads, seconds)."""
    saved = json.loads(RECORD.read_text("utf-8"))
    runs = [Run(**{**run, "spans": [Span(*span) for span in run["spans"]]}) for run in saved["runs"]]
    return runs, saved["threads"], saved["seconds"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--python", help="the interpreter for the side without the GIL, if this one has the GIL")
    other = parser.parse_args().python
    if reason := chart.refusal(DOCS / "pictures" / "timeline.svg"):
        sys.exit(reason)
    for _ in range(TRIES):
        runs = [measured(each, THREADS, SECONDS) for each in with_and_without(other)]
        if len(runs) != 2:
            sys.exit("there is no free-threaded interpreter with atomicpy: name one with --python")
        with_gil, without = runs
        if with_gil.parallelism >= QUIET and without.parallelism >= QUIET * min(2, len(without.cores)):
            break
    else:
        sys.exit(
            f"other programs disturbed each of {TRIES} runs: {without.parallelism:.2f} cores at work without the GIL"
        )
    print_runs(runs, THREADS, SECONDS)
    saved = {"threads": THREADS, "seconds": SECONDS, "runs": [dataclasses.asdict(run) for run in runs]}
    for run in saved["runs"]:
        run["spans"] = [[s["thread"], s["core"], round(s["start"], 6), round(s["end"], 6)] for s in run["spans"]]
    RECORD.write_text(json.dumps(saved) + "\n", "utf-8")
    chart.write(recorded()[0], THREADS, SECONDS, DOCS / "pictures" / "timeline.svg")


if __name__ == "__main__":
    sys.exit(main())
